"""What a long task tells of its speed and of the time that is left."""

import pytest

from embedtool.cli import reporting
from embedtool.progress import Progress

MINUTE = 60.0


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, which stands still until it is set."""
    clock = [1000.0]
    monkeypatch.setattr("embedtool.cli.reporting.time.monotonic", lambda: clock[0])
    return clock


def training(done: int, **details: object) -> Progress:
    return Progress("training", done, 1000, "words", 1, **details)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [0, 600])
def test_speed_counts_neither_compilation_nor_what_was_done_before(
    before: int, now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    report = reporting._LogLines()
    report(Progress("reading", 10, 10, "bytes"))
    now[0] += MINUTE  # of compilation
    report(training(before, begins=True))
    now[0] += 20
    report(training(before + 100))
    told = capsys.readouterr().err.splitlines()[-1]
    left = reporting.clock((900 - before) / 5)
    assert told == f"training  epoch 1  {(before + 100) // 10}%  5 words/s  {left} left"


def test_a_stage_that_does_not_say_when_it_begins_begins_with_the_message_before(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    report = reporting._LogLines()
    report(Progress("reading", 10, 10, "bytes"))
    now[0] += 20
    report(training(100))
    assert "5 words/s" in capsys.readouterr().err
