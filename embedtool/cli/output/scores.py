"""How scores are printed: settings, intervals, and warnings about low coverage."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embedtool.cli.output.console import Cell, echo_err
from embedtool.errors import EvaluationError

if TYPE_CHECKING:
    from embedtool.evaluation.coverage import LowCoverage
    from embedtool.evaluation.scoring import Result
    from embedtool.evaluation.statistics import Interval


def settings_line(result: "Result") -> str:
    """Return the settings that a score depends on, in one line."""
    limit = f"{result.restrict_vocab:,}" if result.restrict_vocab else "none"
    method = getattr(result, "method", None)
    seed = getattr(result, "seed", None)
    unknown = getattr(result, "unknown_members", 0)
    return ", ".join(
        [
            *([method] if method else []),
            *(["query words may answer"] if getattr(result, "include_query_words", False) else []),
            f"vocabulary limit {limit}",
            f"case {'folded' if result.case_insensitive else 'kept'}",
            *([f"seed {seed}"] if seed is not None else []),
            *([f"members unknown: {unknown:,}"] if unknown else []),
        ]
    )


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


def format_interval(interval: "Interval | None") -> Cell:
    """Return an interval as tables show it."""
    if interval is None:
        return None
    low, high = (round(each, 3) + 0.0 for each in (interval.low, interval.high))  # no -0.000
    return f"{low:.3f} to {high:.3f}"


def format_fraction(found: int, total: int) -> Cell:
    """Return `found/total` as tables show it."""
    return f"{found:,}/{total:,}"
