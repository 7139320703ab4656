"""How results of evaluations are shown: their settings, intervals, and what is missing."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from embedtool.cli.output.console import Cell, echo_err
from embedtool.errors import EvaluationError

if TYPE_CHECKING:
    from embedtool.evaluation.coverage import LowCoverage
    from embedtool.evaluation.scoring import Result
    from embedtool.evaluation.statistics import Interval


def settings_line(result: "Result") -> str:
    """The settings that a score depends on."""
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


def report_shortfalls(shortfalls: "Sequence[LowCoverage | None]") -> None:
    """Say of which datasets too little is known.

    shortfalls : of each dataset that was asked for
    Raises EvaluationError where none of them has a score.
    """
    found = [each for each in shortfalls if each is not None]
    if found and not any(each is None or each.has_score for each in shortfalls):
        raise EvaluationError("; ".join(each.message for each in found))
    for each in found:
        echo_err(f"Warning: {each.message}")


def format_interval(interval: "Interval | None") -> Cell:
    """An interval as tables show it."""
    if interval is None:
        return None
    low, high = (round(each, 3) + 0.0 for each in (interval.low, interval.high))  # no -0.000
    return f"{low:.3f} to {high:.3f}"


def format_fraction(found: int, total: int) -> Cell:
    """`found/total` as tables show it."""
    return f"{found:,}/{total:,}"
