"""`embedtool shell` in a terminal: what is typed, history, completion and interrupts."""

import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from embedtool.cli.commands.shell import completer, run_interactive
from tests.cli.conftest import OpenSession
from tests.conftest import Run


@pytest.fixture
def type_in(
    open_session: OpenSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], None]]:
    """Run an interactive session on what is typed; its history is kept in `tmp_path`."""
    pytest.importorskip("prompt_toolkit")
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.input import create_pipe_input
    from prompt_toolkit.output import DummyOutput

    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):

        def typed(text: str) -> None:
            keys.send_text(text)
            run_interactive(open_session())

        yield typed


LEAVE = "\x04"


def test_what_is_typed_is_answered(
    type_in: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    run: Run,
    models: dict[str, Path],
) -> None:
    type_in("nonsense\x03king\rkingg\rqueen\rking queen\r" + LEAVE)
    out, err = capsys.readouterr()
    assert out == "".join(
        run(name, models["word2vec"], *words).stdout
        for name, *words in (
            ("similar", "king", "-n", "3"), ("similar", "queen", "-n", "3"),
            ("similarity", "king", "queen"),
        )
    )  # fmt: skip
    assert err.splitlines() == [
        "word2vec: 2,359 words x 100; :help lists the commands, Ctrl-D leaves",
        run("similar", models["word2vec"], "kingg").stderr.rstrip(),
    ]


def test_history_is_kept_for_its_owner_alone(
    type_in: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in("king queen\r:quit\r")
    file = tmp_path / "state" / "embedtool" / "shell-history"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    said = capsys.readouterr().out
    type_in("\x1b[A\x1b[A\r" + LEAVE)
    assert capsys.readouterr().out == said != ""


def test_a_session_works_without_a_folder_for_history(
    type_in: Callable[[str], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").write_text("no folder")
    type_in("king\r" + LEAVE)
    out, err = capsys.readouterr()
    path = tmp_path / "state" / "embedtool" / "shell-history"
    assert err.splitlines()[0] == f"Warning: no history is kept: {path}: Not a directory"
    assert out.startswith("word ")


def test_tab_completes_words_and_paths(open_session: OpenSession, models: dict[str, Path]) -> None:
    completion = pytest.importorskip("prompt_toolkit.completion")
    from prompt_toolkit.document import Document

    keys = completer(open_session())

    def completed(text: str) -> str:
        event = completion.CompleteEvent(completion_requested=True)
        first = next(keys.get_completions(Document(text, len(text)), event))
        return text[: len(text) + first.start_position] + first.text

    assert completed("king - man + quee") == "king - man + queen"
    assert completed(f":load {models['glove'].parent}/glo") == (f":load {models['glove']}")


def test_an_interrupted_answer_does_not_end_the_session(
    type_in: Callable[[str], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from embedtool.search import query

    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(query, "similar_batch", interrupted)
    type_in("king\r:compare king\rking queen\r" + LEAVE)
    assert capsys.readouterr().out.splitlines()[0].split() == ["word", "other", "similarity"]


def test_a_terminal_needs_prompt_toolkit(
    open_session: OpenSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    from embedtool.errors import MissingExtraError

    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    with pytest.raises(MissingExtraError) as error:
        run_interactive(open_session())
    assert str(error.value) == "a shell in the terminal needs: pip install 'embedtool[shell]'"
