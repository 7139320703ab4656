"""The `shell` command: queries to one or several models, a line at a time."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.exit_codes import FAILURE
from embedtool.cli.options.query_options import decoded_lines, search_options, unknown_option
from embedtool.cli.options.shared import MODEL, json_option, method_option, tsv_option
from embedtool.cli.output.console import echo_err
from embedtool.errors import MissingExtraError
from embedtool.messages import counted, escape_unprintable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from embedtool.cli.commands.repl import ShellSession


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=MODEL)
@method_option
@search_options
@unknown_option
@json_option
@tsv_option
def shell(models: tuple[Path, ...], **settings: Any) -> None:
    """Query one or several models interactively.

    A word is answered by its nearest neighbours, two words by their similarity, king - man + woman
    by the nearest words of the result; :help lists the rest. Tab completes words. The history is
    saved in $XDG_STATE_HOME/embedtool/shell-history, or under ~/.local/state.

    Options apply until a line such as :n 20 changes them. If standard input or output is not a
    terminal, each line of standard input is answered; the exit code is 1 if one has no answer.
    """
    from embedtool.cli.commands.repl import ShellSession

    in_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    session = ShellSession(models, settings, echo_lines=not in_terminal)
    if in_terminal:
        run_interactive(session)
    else:
        click.get_current_context().exit(answer_lines(session))


def answer_lines(session: "ShellSession") -> int:
    """Answer the lines of standard input, and return the exit code: 1 if one has no answer."""
    from embedtool.cli.commands.repl import COMMAND_PREFIX

    code = 0
    lines = decoded_lines(sys.stdin.buffer)
    for number, text in lines:
        if text is None:
            echo_err(f"Error: standard input, line {number:,}: invalid UTF-8")
            code = FAILURE
            continue
        try:
            code |= session.answer(text) if text else 0
        except EOFError:
            if text and not text.startswith(COMMAND_PREFIX) and next(lines, None):
                echo_err(
                    f"Error: standard input, line {number:,}: {text!r} is not a word of the model "
                    f"and was read as {COMMAND_PREFIX}quit; the lines after it have no answer"
                )
                code = FAILURE
            break
    return code


def run_interactive(session: "ShellSession") -> None:
    """Answer typed lines until Ctrl-D. Ctrl-C clears the line, or stops the answer.

    Raises
    ------
    MissingExtraError
        If prompt_toolkit is not installed.
    """
    try:
        from prompt_toolkit import PromptSession
    except ImportError:
        raise MissingExtraError("a shell in the terminal", "shell") from None
    prompts = PromptSession(
        history=_history(),
        completer=completer(session),
        complete_while_typing=False,
        enable_history_search=True,
        enable_suspend=True,
    )
    size = f"{counted(session.vectors.n_words, 'word')} x {session.vectors.vector_size}"
    echo_err(f"{session.name}: {size}; :help lists the commands, Ctrl-D leaves")
    import rich.table  # noqa: F401  # now, so that the first answer does not wait for it

    while True:
        try:
            for line in prompts.prompt(f"{escape_unprintable(session.name)}> ").splitlines():
                if line.strip():
                    session.answer(line.strip())
        except KeyboardInterrupt:
            continue
        except EOFError:
            return


def _history() -> Any:
    """Return the history of earlier sessions, which only the user can read."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    path = Path(home) / "embedtool" / "shell-history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        echo_err(f"Warning: no history is kept: {path}: {error.strerror}")
        return InMemoryHistory()
    return FileHistory(path)


def completer(session: "ShellSession") -> Any:
    """Return the prompt_toolkit Completer of a session."""
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
    from prompt_toolkit.document import Document

    paths = PathCompleter(expanduser=True)

    class Lines(Completer):  # type: ignore[misc]
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> "Iterator[Completion]":
            text = document.text_before_cursor
            path = session.partial_path(text)
            if path is not None:
                yield from paths.get_completions(Document(path, len(path)), complete_event)
            for each in session.completions(text):
                yield Completion(each.text, start_position=-each.n_typed, display_meta=each.note)

    return Lines()
