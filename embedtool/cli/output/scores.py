"""Warnings about scores of which a model knows too few words."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embedtool.cli.output.console import echo_err
from embedtool.errors import EvaluationError

if TYPE_CHECKING:
    from embedtool.evaluation.coverage import LowCoverage


def report_low_coverage(low_coverages: "Sequence[LowCoverage | None]") -> None:
    """Warn about each dataset of which the model knows too few words.

    Parameters
    ----------
    low_coverages : sequence of LowCoverage or None
        One for each dataset; None if the model knows enough of it.

    Raises
    ------
    EvaluationError
        If no dataset has a score.
    """
    existing = [each for each in low_coverages if each is not None]
    if existing and not any(each is None or each.has_score for each in low_coverages):
        raise EvaluationError("; ".join(each.message for each in existing))
    for each in existing:
        echo_err(f"Warning: {each.message}")
