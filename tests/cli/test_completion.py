"""Completion in shells: what bash is offered, by the script that it reads."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.factories import saved_model, word_vectors

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with words that a shell would take for something else."""
    words = ["king", "kind", "don't", "*", "$HOME", "a b", "kin\tship", "naïve", "2*x", "k,x", "~"]
    folder = tmp_path_factory.mktemp("completion") / "model"
    return saved_model(folder, word_vectors(words), counts_known=False)


def offered(run: Run, *line: object, cwd: Path | None = None) -> list[str]:
    """What bash is offered for the last word of a line, as it would stand in the line."""
    script = run("completion", "bash")
    assert script.exit_code == 0
    words = " ".join(shlex.quote(str(word)) for word in line)
    drive = (
        f"{script.stdout}\nCOMP_WORDS=(embedtool {words})\nCOMP_CWORD={len(line)}\n"
        'compopt() { COMPREPLY+=("<$2>"); }\n_embedtool_completion embedtool\n'
        'for each in "${COMPREPLY[@]}"; do printf "%s\\n" "$each"; done'
    )
    folder = Path(sys.executable).parent
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ["bash", "--norc", "-c", drive], capture_output=True, text=True, env=env, cwd=cwd
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("shell", "piece"),
    [
        ("bash", "complete -o nosort -F _embedtool_completion embedtool"),
        ("zsh", "#compdef embedtool"),
        ("fish", "complete --no-files --keep-order --command embedtool"),
    ],
)
def test_each_shell_has_its_script(run: Run, shell: str, piece: str) -> None:
    result = run("completion", shell)
    assert result.exit_code == 0
    assert piece in result.stdout
    assert f"_EMBEDTOOL_COMPLETE={shell}_complete" in result.stdout


def test_another_shell_is_wrong_usage(run: Run) -> None:
    result = run("completion", "csh")
    assert result.exit_code == 2
    assert "'csh' is not one of 'bash', 'zsh', 'fish'" in result.stderr


@needs_bash
def test_commands_options_and_values(run: Run) -> None:
    assert offered(run, "simi") == ["similar", "similarity"]
    assert offered(run, "similar", "--app") == ["--approximate"]
    for value in (["--method", ""], ["--method", "="], ["--method", "=", "3c"]):
        assert offered(run, "analogy", *value) == ["3cosadd", "3cosmul"]


@needs_bash
def test_models_are_folders(run: Run) -> None:
    for command in ("similar", "shell", "info"):
        assert offered(run, command, "mo") == ["<dirnames>"]


@needs_bash
@pytest.mark.parametrize("command", ["similar", "similarity", "analogy", "odd-one-out", "vector"])
def test_words_of_the_model_are_completed(run: Run, model: Path, command: str) -> None:
    assert offered(run, command, model, "kin") == ["king", "kind"]
    assert offered(run, command, model, "kind", "--tsv", "kin") == ["king", "kind"]


@needs_bash
def test_a_word_is_quoted_as_it_has_to_be(run: Run, model: Path) -> None:
    assert offered(run, "similar", model, "") == [
        "king", "kind", "don\\'t", "\\*", "\\$HOME", "naïve", "2\\*x", "k,x", "\\~",
    ]  # fmt: skip
    assert offered(run, "similar", model, "don\\'") == ["don\\'t"]
    assert offered(run, "similar", model, '"don') == ["don't"]


@needs_bash
def test_the_last_word_of_an_expression_is_completed(run: Run, model: Path) -> None:
    assert offered(run, "analogy", model, "king", "-", "kin") == ["king", "kind"]
    assert offered(run, "analogy", model, '"king - 0.5*kin') == [
        "king - 0.5*king",
        "king - 0.5*kind",
    ]


@needs_bash
def test_the_model_may_be_written_as_in_a_shell(
    run: Run, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(model.parent))
    assert offered(run, "similar", "~/model", "kin") == ["king", "kind"]
    assert offered(run, "similar", "$HOME/model", "kin") == ["king", "kind"]


@needs_bash
def test_a_missing_model_completes_no_words(run: Run, tmp_path: Path) -> None:
    assert offered(run, "similar", tmp_path / "none", "kin") == []


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_fish_is_offered_the_same(run: Run, model: Path) -> None:
    drive = run("completion", "fish").stdout + "".join(
        f'complete -C "embedtool {line}"\n'
        for line in (f"similar {model} ki", f"similar {model} k,", "analogy --method=3cosm")
    )
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["fish", "--no-config", "-c", drive], capture_output=True, text=True, env=env
    )
    assert done.stdout.splitlines() == ["king", "kind", "k,x", "--method=3cosmul"]


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_can_read_its_script(run: Run) -> None:
    script = run("completion", "zsh").stdout
    done = subprocess.run(["zsh", "-n"], input=script, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
