"""Progress of long work: bars on a terminal, lines in a log, JSON in a file."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from embedtool.cli.output.console import echo_err
from embedtool.config.training import MAX_STREAMS
from embedtool.errors import OutputError
from embedtool.io.machine import n_cores
from embedtool.io.progress import COMPILING, Progress, Report, silent
from embedtool.messages import counted

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

LOG_INTERVAL_S = 10.0
"""Without a terminal: minimum seconds between two lines of one stage and epoch."""
ELAPSED_COLUMNS = 100
"""Minimum columns of a terminal for showing the elapsed time."""
BAR_DELAY_S = 1.0
"""Seconds before a bar is drawn for work that is usually quick."""
MAX_NODES = 8
"""Maximum number of nodes that are all shown; of more, only the slowest and the fastest are."""


@contextmanager
def progress_reporter(
    json_log: Path | None = None, workers: int | None = None, streams: int | None = None
) -> Iterator[Report]:
    """Yield a Report that shows each stage on standard error.

    Parameters
    ----------
    json_log : Path, optional
        A file that gets a line of JSON for each epoch.
    workers : int, optional
        The value of --workers, if it is given; a line says if some of them remain idle.
    streams : int, optional
        The maximum number of streams; a line says if because of it cores remain idle.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with ExitStack() as stack:
        sinks: list[Report] = []
        if json_log is not None:
            try:
                log = stack.enter_context(json_log.open("w", encoding="utf-8"))
            except OSError as error:
                raise OutputError(f"{json_log}: cannot write the log: {error.strerror}") from None
            sinks.append(_JsonLog(log))
        sinks.append(stack.enter_context(_bars()) if sys.stderr.isatty() else _LogLines())
        sinks.append(_IdleWorkersNote(workers, streams))

        def report(progress: Progress) -> None:
            for sink in sinks:
                sink(progress)

        yield report


@contextmanager
def delayed_bars() -> Iterator[Report]:
    """Yield a Report that draws bars on a terminal, and only if work takes more than a second.

    For commands that usually finish before anybody would look.
    """
    with ExitStack() as stack:
        began = time.monotonic()
        bars: Report = silent

        def report(progress: Progress) -> None:
            nonlocal bars
            if bars is silent and time.monotonic() - began > BAR_DELAY_S:
                bars = stack.enter_context(_bars())
            bars(progress)

        yield report if sys.stderr.isatty() else silent


def format_rate(units: float, seconds: float, unit: str) -> str:
    """Return a rate such as `391,203 words/s`."""
    if unit == "bytes":
        return f"{units / max(seconds, 1e-9) / 1e6:,.1f} MB/s"
    return f"{units / max(seconds, 1e-9):,.0f} {unit}/s"


def format_duration(seconds: float) -> str:
    """Return minutes and seconds, `1:05`, with hours if there are any, `2:01:05`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


class _StageClock:
    """The time of the current stage, and the progress of each node of a cluster.

    Attributes
    ----------
    began, last : float
        Times of the start of the stage and of the last message: seconds of a monotonic clock.
    done_before : int
        Work done before the clock was started.
    nodes : dict of str to int
        Work done by each node.
    """

    def __init__(self) -> None:
        self.name = ""
        self.began = self.last = time.monotonic()
        self.done_before = 0
        self.nodes: dict[str, int] = {}

    def enter(self, progress: Progress) -> bool:
        """Process a message, and return whether it starts a stage.

        The clock starts with a message that `begins`, or else with the one before the first.
        """
        opens = progress.stage != self.name
        if opens:
            self.name, self.began, self.done_before = progress.stage, self.last, 0
            self.nodes = {}
        if progress.begins:
            self.began, self.done_before = time.monotonic(), progress.done
        for node, done in progress.nodes:
            self.nodes[node] = self.nodes.get(node, 0) + done
        self.last = time.monotonic()
        return opens

    def seconds(self) -> float:
        return time.monotonic() - self.began

    def rate(self, progress: Progress) -> str:
        return format_rate(progress.done - self.done_before, self.seconds(), progress.unit)

    def seconds_left(self, progress: Progress) -> float | None:
        """Return the time left at the rate so far; None if the rate or the total is unknown."""
        done = progress.done - self.done_before
        if not progress.total or done <= 0 or progress.done == progress.total:
            return None
        return (progress.total - progress.done) * self.seconds() / done

    def node_rates(self, progress: Progress) -> list[tuple[str, int]]:
        """Return the rate and the progress of each node; of many, only the slowest and fastest."""
        nodes = sorted(self.nodes.items())
        if len(nodes) > MAX_NODES:
            by_rate = sorted(nodes, key=lambda node: node[1])
            nodes = [by_rate[0], by_rate[-1]]
        return [
            (f"{node} {format_rate(done, self.seconds(), progress.unit)}", done)
            for node, done in nodes
        ]


def _measures(progress: Progress) -> list[str]:
    """Return the loss, the perplexity, and the number of streams."""
    measures = []
    if progress.loss is not None:
        untrained = "" if progress.untrained is None else f" (untrained {progress.untrained:.2f})"
        measures.append(f"loss {progress.loss:.4f}{untrained}")
    if progress.perplexity is not None:
        measures.append(f"perplexity {progress.perplexity:.1f}")
    if progress.streams is not None:
        measures.append(counted(progress.streams, "stream"))
    return measures


class _LogLines:
    """A Report that prints lines on standard error, for a log file or a pipe."""

    def __init__(self) -> None:
        self.stage = _StageClock()
        self.last = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        self.stage.enter(progress)
        if progress.begins or progress.stage == COMPILING:
            return
        finished = progress.done == progress.total and progress.epoch is None
        due = time.monotonic() - self.last >= LOG_INTERVAL_S
        if not (progress.epoch_ended or finished or due):
            return
        self.last = time.monotonic()
        parts = [progress.stage]
        if progress.epoch is not None:
            parts.append(f"epoch {progress.epoch}")
        if progress.total:
            parts.append(f"{100 * progress.done / progress.total:.0f}%")
        parts.append(self.stage.rate(progress))
        parts += _measures(progress)
        if nodes := self.stage.node_rates(progress):
            parts.append(f"({', '.join(rate for rate, _ in nodes)})")
        if (left := self.stage.seconds_left(progress)) is not None:
            parts.append(f"{format_duration(left)} left")
        echo_err("  ".join(parts))


class _IdleWorkersNote:
    """A Report that prints a note, once, if the streams of a text occupy fewer threads than asked.

    Without --workers, that is fewer than there are cores; a note is then printed only if more
    streams would help.

    Parameters
    ----------
    workers : int or None
        The value of --workers.
    streams : int or None
        The maximum number of streams, if it is known.
    """

    def __init__(self, workers: int | None, streams: int | None) -> None:
        self.workers, self.streams = workers, streams
        self.is_done = False

    def __call__(self, progress: Progress) -> None:
        if self.is_done or progress.streams is None:
            return
        from embedtool.trainers.streams import n_threads_for

        self.is_done = True
        workers = self.workers or n_cores()
        n_used = n_threads_for(workers, progress.streams)
        better = -(-progress.streams // workers) * workers
        may_help = self.streams == progress.streams and better <= MAX_STREAMS
        if n_used == workers or not (self.workers or may_help):
            return
        who = f"--workers {workers}" if self.workers else counted(workers, "core")
        advice = f"; --streams {better} may occupy all, with another result" if may_help else ""
        verb = "occupy" if progress.streams > 1 else "occupies"
        echo_err(
            f"{who}: this text is read in {counted(progress.streams, 'stream')}, which {verb} "
            f"{counted(n_used, 'worker')}{advice}"
        )


class _JsonLog:
    """A Report that writes a line of JSON for each epoch."""

    def __init__(self, file: IO[str]) -> None:
        self.file = file
        self.stage = _StageClock()

    def __call__(self, progress: Progress) -> None:
        self.stage.enter(progress)
        if not progress.epoch_ended:
            return
        line: dict[str, Any] = {
            "stage": progress.stage,
            "epoch": progress.epoch,
            progress.unit: progress.done,
            "seconds": round(self.stage.seconds(), 3),
            **progress.measures(),
        }
        if progress.streams is not None:
            line["streams"] = progress.streams
        if self.stage.nodes:
            line["nodes"] = self.stage.nodes
        self.file.write(json.dumps(line) + "\n")
        self.file.flush()


@contextmanager
def _bars() -> Iterator[Report]:
    """Yield a Report that draws a bar for each stage on the terminal of standard error."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.table import Column

    console = Console(stderr=True)
    elapsed = [TimeElapsedColumn()] if console.width >= ELAPSED_COLUMNS else []
    with Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[facts]}", markup=False),
        *elapsed,
        TimeRemainingColumn(compact=True, table_column=Column(min_width=5, no_wrap=True)),
        console=console,
        expand=True,
    ) as bars:
        yield _BarReport(bars)


class _BarReport:
    """A Report that opens a bar for each new stage and advances the last one."""

    def __init__(self, bars: "Bars") -> None:
        self.bars = bars
        self.stage = _StageClock()
        self.task: TaskID | None = None
        self.nodes: list[TaskID] = []

    def __call__(self, progress: Progress) -> None:
        if self.stage.enter(progress) or self.task is None:
            self.task = self.bars.add_task(progress.stage, total=progress.total, facts="")
            for task in self.nodes:
                self.bars.remove_task(task)
            self.nodes = []
        facts = [] if progress.begins else [self.stage.rate(progress), *_measures(progress)]
        name = progress.stage
        if progress.epoch is not None and not progress.begins:
            name = f"epoch {progress.epoch}"  # 80 columns have no room for more
        self.bars.update(
            self.task,
            description=name,
            completed=progress.done,
            total=progress.total,
            facts="  ".join(facts),
        )
        for number, (rate, done) in enumerate(self.stage.node_rates(progress)):
            if number == len(self.nodes):
                self.nodes.append(self.bars.add_task("", facts=""))
            self.bars.update(
                self.nodes[number], description=f"  {rate}",
                completed=done, total=sum(self.stage.nodes.values()),
            )  # fmt: skip
