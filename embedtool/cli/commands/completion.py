"""The `completion` command: the script by which a shell completes command lines of embedtool."""

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

VARIABLE = "_EMBEDTOOL_COMPLETE"
"""The environment variable by which the script asks for completions: Click's name for it."""


class _Bash(BashComplete):
    """Click's, but words such as * and don't are quoted, and --method=3cos is completed too."""

    source_template = r"""# embedtool: completion for bash 4.4 and later
%(complete_func)s() {
    local IFS=$'\n' kind value typed=${COMP_WORDS[COMP_CWORD]}
    local words=("${COMP_WORDS[@]}") place=$COMP_CWORD
    if [[ ${words[place-1]} == '=' && ${words[place-2]} == --* ]]; then
        unset 'words[place-1]'
        ((place--))
    fi
    COMPREPLY=()
    while IFS=, read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                if [[ $typed != [\'\"]* && $value == *[!-+.,/:=@%%^_[:alnum:]]* ]]; then
                    printf -v value %%q "$value"
                fi
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD="$place" \
        %(complete_var)s=bash_complete "${1/#\~/"$HOME"}" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Zsh(ZshComplete):
    """Click's, but --method=3cos keeps its name, and the program is the one that was called."""

    source_template = r"""#compdef %(prog_name)s
# embedtool: completion for zsh, read by eval or autoload
%(complete_func)s() {
    local kind value help
    local -a plain described
    compset -P '--*='
    for kind value help in "${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT - 1)) \
        %(complete_var)s=zsh_complete ${~words[1]} 2>/dev/null)}"; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                if [[ $help == _ ]]; then
                    plain+=("$value")
                else
                    described+=("$value:$help")
                fi
                ;;
        esac
    done
    (( $#described )) && _describe -V unsorted described
    (( $#plain )) && compadd -V unsorted -a plain
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Fish(FishComplete):
    """Click's, but order and commas are kept, and --method=3cos is completed."""

    source_template = r"""# embedtool: completion for fish 3 and later
function %(complete_func)s
    set -l typed (commandline -t)
    set -l option (string match -r '^--[^=]+=' -- $typed)
    for answer in (env COMP_WORDS=(commandline -cp) COMP_CWORD="$typed" \
            %(complete_var)s=fish_complete %(prog_name)s 2>/dev/null)
        set -l parts (string split -m 1 , -- $answer)
        switch $parts[1]
            case dir
                __fish_complete_directories $parts[2]
            case file
                __fish_complete_path $parts[2]
            case plain
                printf '%%s\n' "$option$parts[2]"
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""


SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}


HELP = """Print the script that makes SHELL complete commands and words.

\b
bash  put into ~/.bashrc: eval "$(embedtool completion bash)"
zsh   put into ~/.zshrc, after compinit: eval "$(embedtool completion zsh)"
fish  put into ~/.config/fish/config.fish: embedtool completion fish | source
"""


@click.command(help=HELP)
@click.argument("shell", type=click.Choice(list(SHELLS)))
def completion(shell: str) -> None:
    program = click.get_current_context().find_root().command
    click.echo(SHELLS[shell](program, {}, "embedtool", VARIABLE).source(), nl=False)
