"""What a long task tells of its speed and of the time that is left."""

import io
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.cli.main import cli
from embedtool.cli.output import progress_display
from embedtool.io.progress import Progress
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable

MINUTE = 60.0


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock, which stands still until it is set."""
    clock = [1000.0]
    monkeypatch.setattr("embedtool.cli.output.progress_display.time.monotonic", lambda: clock[0])
    return clock


def training(done: int, **details: object) -> Progress:
    return Progress("training", done, 1000, "words", 1, **details)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [0, 600])
def test_the_rate_counts_neither_compilation_nor_earlier_work(
    before: int, now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    report = progress_display._LogLines()
    report(Progress("reading", 10, 10, "bytes"))
    now[0] += MINUTE  # of compilation
    report(training(before, begins=True))
    now[0] += 20
    report(training(before + 100))
    line = capsys.readouterr().err.splitlines()[-1]
    left = progress_display.format_duration((900 - before) / 5)
    assert line == f"training  epoch 1  {(before + 100) // 10}%  5 words/s  {left} left"


def test_a_stage_that_does_not_say_when_it_begins_begins_with_the_message_before(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    report = progress_display._LogLines()
    report(Progress("reading", 10, 10, "bytes"))
    now[0] += 20
    report(training(100))
    assert "5 words/s" in capsys.readouterr().err


def test_losses_are_printed_with_those_of_untrained_vectors(
    now: list[float], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report = progress_display._LogLines()
    report(training(0, begins=True, streams=4))
    now[0] += 20
    report(training(100, loss=2.5, untrained=4.1589, streams=4))
    line = capsys.readouterr().err.strip()
    assert line.startswith(
        "training  epoch 1  10%  5 words/s  loss 2.5000 (untrained 4.16)  4 streams"
    )


@pytest.mark.parametrize(
    ("workers", "most", "streams", "line"),
    [
        (None, 16, 4, ""),
        (4, 16, 4, ""),
        (5, 16, 4, "--workers 5: this text is read in 4 streams, which occupy 4 workers"),
        (5, None, 4, "--workers 5: this text is read in 4 streams, which occupy 4 workers"),
        (2, 16, 1, "--workers 2: this text is read in 1 stream, which occupies 1 worker"),
        (
            12, 16, 16,
            "--workers 12: this text is read in 16 streams, which occupy 8 workers; --streams 24 "
            "may occupy all, with another result",
        ),
        (
            None, 16, 16,
            "24 cores: this text is read in 16 streams, which occupy 16 workers; --streams 24 may "
            "occupy all, with another result",
        ),
        (None, 256, 256, ""),
        (
            200, 256, 256,
            "--workers 200: this text is read in 256 streams, which occupy 128 workers",
        ),
    ],
)  # fmt: skip
def test_workers_that_the_streams_of_a_text_leave_idle_get_a_line(
    workers: int | None,
    most: int | None,
    streams: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(progress_display, "n_cores", lambda: 24)
    with progress_display.progress_reporter(workers=workers, streams=most) as report:
        report(training(0, begins=True, streams=streams))
        report(training(1, streams=streams))
        report(training(0, begins=True))
    assert capsys.readouterr().err == (f"{line}\n" if line else "")


class Terminal(io.StringIO):
    """What standard error is where a person sees it."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", ["import", "export", "compress"])
def test_vector_files_show_progress_in_a_terminal_only(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = np.random.default_rng(0).standard_normal((30_000, 60)).astype(np.float32)
    vectors = VectorTable([f"w{i}" for i in range(len(rows))], rows)
    formats.write(vectors, tmp_path / "v.bin")
    store.save(ModelRecord(vectors, {"algorithm": "random"}), tmp_path / "model")
    calls = {
        "import": ["import", tmp_path / "v.bin", tmp_path / "imported"],
        "export": ["export", tmp_path / "model", tmp_path / "v.txt"],
        "compress": ["compress", tmp_path / "model", tmp_path / "small", "--product-quantization",
                     "2", "--no-report"],
    }  # fmt: skip
    stages = {"import": ["reading", "writing"], "export": ["writing"],
              "compress": ["compressing", "writing"]}[command]  # fmt: skip
    monkeypatch.setattr("embedtool.cli.output.progress_display.BAR_DELAY_S", -1.0)
    for screen in (Terminal(), io.StringIO()):
        monkeypatch.setattr("sys.stderr", screen)
        call = [str(each) for each in calls[command]]
        cli(call + (["--overwrite"] if command != "export" else []), standalone_mode=False)
        shown = screen.getvalue()
        for stage in stages:
            assert (f"{stage} " in shown and "100%" in shown) == screen.isatty()
        assert f": {'word2vec' if command != 'compress' else ''}" in shown
