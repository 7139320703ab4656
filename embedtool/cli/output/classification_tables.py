"""How the results of `embedtool evaluate --classify` are printed."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.output.console import print_json, print_table, print_tsv
from embedtool.tables import DECIMALS, Cell

if TYPE_CHECKING:
    from embedtool.evaluation.classification import (
        ClassificationResult,
        Estimate,
        RepresentationScore,
    )
    from embedtool.evaluation.documents import Coverage

COLUMNS = (
    "representation", "accuracy", "accuracy low", "accuracy high", "macro F1", "macro F1 low",
    "macro F1 high", "difference", "difference low", "difference high",
)  # fmt: skip
"""Columns of TSV; the tables have other ones."""


def print_classification(
    result: "ClassificationResult",
    coverage: "Coverage",
    settings: dict[str, Any],
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print how well documents are classified by each representation.

    Parameters
    ----------
    result : ClassificationResult
        The scores.
    coverage : Coverage
        How many of the documents' tokens the model knows.
    settings : dict
        How the documents were read, for JSON.
    as_json, as_tsv : bool
        Whether to print JSON, or TSV. If neither, tables are printed.
    """
    if as_json:
        print_json({**asdict(result), **settings, "coverage": asdict(coverage)})
    elif as_tsv:
        print_tsv(COLUMNS, [_tsv_row(score) for score in result.scores])
    else:
        _print_tables(result, coverage)


def _tsv_row(score: "RepresentationScore") -> list[Cell]:
    row: list[Cell] = [score.name]
    for estimate in (score.accuracy, score.macro_f1, score.against_words):
        row += [None] * 3 if estimate is None else [estimate.mean, estimate.low, estimate.high]
    return row


def _print_tables(result: "ClassificationResult", coverage: "Coverage") -> None:
    left_out = f" ({result.n_left_out:,} left out)" if result.n_left_out else ""
    title = (
        f"{result.dataset}: {result.n_documents:,} documents{left_out}, "
        f"{len(result.classes):,} classes, {result.folds} folds, "
        f"{100 * (coverage.fraction or 0):.1f}% of tokens known"
    )
    rows: list[list[Cell]] = [
        [
            score.name,
            score.accuracy.mean, _interval(score.accuracy),
            score.macro_f1.mean, _interval(score.macro_f1),
        ]
        for score in result.scores
    ]  # fmt: skip
    print_table(("", "accuracy", "95% interval", "macro F1", "95% interval"), rows, title)
    click.echo()
    differences: list[list[Cell]] = []
    for score in result.scores:
        difference = score.against_words
        if difference is not None:
            mean = round(difference.mean, DECIMALS) + 0.0  # no -0.0
            differences.append([score.name, mean, _interval(difference), _verdict(difference)])
    title = "accuracy against words alone, by TF-IDF"
    print_table(("", "difference", "95% interval", ""), differences, title)


def _interval(estimate: "Estimate") -> str:
    return f"{estimate.low:.4f} to {estimate.high:.4f}"


def _verdict(difference: "Estimate") -> str:
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "no significant difference"
