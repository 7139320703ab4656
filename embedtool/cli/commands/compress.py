"""The `compress` command: a smaller model, and how much worse it is."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.shared import (
    NEW_FILE,
    Decorator,
    config_options,
    json_option,
    model_argument,
    overwrite_option,
)
from embedtool.cli.output.console import echo_err, emit
from embedtool.config.tasks import CompressConfig
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.model.vectors import VectorTable

compress_options: Decorator[Any] = config_options(CompressConfig)
N_TIMED = 20
"""Number of queries whose median time is shown."""


@click.command()
@model_argument
@click.argument("output", metavar="OUTPUT", type=NEW_FILE)
@compress_options
@click.option(
    "--report/--no-report", "wants_report", default=True, show_default=True,
    help="Measure what is lost: neighbours, and the scores of `evaluate`.",
)  # fmt: skip
@json_option
@overwrite_option
def compress(
    model: Path,
    output: Path,
    wants_report: bool,
    as_json: bool,
    overwrite: bool,
    **options: Any,
) -> None:
    """Save a smaller copy of MODEL as OUTPUT.

    It is queried, evaluated and exported like any other model. First words and n-grams are left
    out, then dimensions, then bits. Context vectors are always left out.
    """
    if as_json and not wants_report:
        raise click.UsageError("--json prints the report, which --no-report leaves out")
    config = CompressConfig.from_options(options)

    from embedtool.cli.output.progress_display import delayed_bars
    from embedtool.model import store
    from embedtool.model.compression import compress as compressed
    from embedtool.model.vectors import ModelRecord, with_history_entry

    store.check_target(output, overwrite)
    source = store.load(model)
    with delayed_bars() as report:
        small = compressed(source.vectors, config, report)
        store.save(
            ModelRecord(small, with_history_entry(source.description, "compress", asdict(config))),
            output,
            report,
            overwrite=True,
        )
    sizes = [_size(model), _size(output)]
    echo_err(f"{output}: {sizes[1] / 1e6:,.1f} MB, {sizes[1] / sizes[0]:.1%} of {model}")
    if not wants_report:
        return
    rows = _measures(source.vectors, store.load(output).vectors, sizes)
    records = [dict(zip(("measure", "before", "after"), row, strict=True)) for row in rows]
    emit(records, ("", "before", "after"), rows, as_json=as_json)


def _measures(
    before: "VectorTable", after: "VectorTable", sizes: list[int]
) -> list[tuple[str, Cell, Cell]]:
    """Return a row for each measure: its name, and the value before and after."""
    from embedtool.analysis.alignment import have_directions
    from embedtool.evaluation.datasets import DEFAULT_ANALOGIES, DEFAULT_PAIRS, read_datasets
    from embedtool.evaluation.fetching import is_available
    from embedtool.evaluation.registry import registry
    from embedtool.experiments.compression_report import (
        sample_words,
        score_changes,
        shared_neighbours,
    )

    sample = sample_words(after)
    directed = [have_directions(each.rows[each.word_ids(sample)]) for each in (before, after)]
    words = [word for word, *both in zip(sample, *directed, strict=True) if all(both)][:N_TIMED]
    rows: list[tuple[str, Cell, Cell]] = [
        ("MB on disk", sizes[0] / 1e6, sizes[1] / 1e6),
        ("milliseconds a query", _milliseconds(before, words), _milliseconds(after, words)),
        ("neighbours shared, overlap@10", 1.0, shared_neighbours(before, after)),
    ]
    public = [name for name in (*DEFAULT_ANALOGIES, *DEFAULT_PAIRS) if name in registry()]
    absent = [name for name in public if not is_available(registry()[name])]
    if absent:
        echo_err(f"scores are left out; for them run: embedtool datasets get {' '.join(absent)}")
    for change in score_changes(before, after, [] if absent else read_datasets()):
        rows.append((change.dataset, change.before, change.after))
    return rows


def _milliseconds(vectors: "VectorTable", words: list[str]) -> float | None:
    """Return the median time of a query for neighbours in a loaded model; None without words."""
    from statistics import median

    from embedtool.search.query import similar

    times = []
    for word in words:
        began = time.perf_counter()
        similar(vectors, word)
        times.append(time.perf_counter() - began)
    return 1000 * median(times) if times else None


def _size(model: Path) -> int:
    from embedtool.model import store

    return sum((model / name).stat().st_size for name in store.FILES)
