"""What the results of all tasks have in common: their metrics, and how they are shown."""

from collections.abc import Iterator
from dataclasses import dataclass

from embedtool.evaluation.statistics import Interval, format_interval
from embedtool.tables import Cell, Table, Tabular

INTERVAL = "95% interval"
COLUMNS = ("part", "found", "total", "score", INTERVAL, "over total")
DATA_COLUMNS = ("dataset", "method", "part", "found", "total", "score", "low", "high", "over_total")


@dataclass(frozen=True)
class Metric:
    """One number of a result.

    Attributes
    ----------
    name : str
        Name of the measure, or of the section or kind of analogies.
    found, total : int
        Questions that the vocabulary can answer, and all questions.
    score : float or None
        The score over the questions found; None if it is not defined.
    interval : Interval or None
        The confidence interval of the score.
    over_total : float or None
        The score with the other questions counted as wrong; None if it is not defined.
    """

    name: str
    found: int
    total: int
    score: float | None
    interval: Interval | None
    over_total: float | None


class EvaluationResult(Tabular):
    """The result of an evaluation on one dataset, with the settings of the evaluation."""

    dataset: str
    restrict_vocab: int | None
    case_insensitive: bool

    @property
    def metrics(self) -> list[Metric]:
        """All metrics: of analogies by section, by kind and over all, else one per measure."""
        raise NotImplementedError

    @property
    def primary_metric(self) -> Metric:
        """The usual metric of the task.

        Accuracy of analogies and outliers, Spearman's correlation of pairs, k-means purity of
        categories.
        """
        return self.metrics[0]

    @property
    def score(self) -> float | None:
        """The score of the primary metric; None if it is not defined."""
        return self.primary_metric.score

    @property
    def settings(self) -> str:
        """The settings that the score depends on, in one line."""
        limit = f"{self.restrict_vocab:,}" if self.restrict_vocab else "none"
        case = "folded" if self.case_insensitive else "kept"
        return f"vocabulary limit {limit}, case {case}"

    def tables(self) -> Iterator[Table]:
        """Yield the table of all metrics."""
        found = self.metrics
        with_interval = any(each.interval for each in found)
        rows: list[tuple[Cell, ...]] = [
            (
                each.name, each.found, each.total, each.score,
                *([format_interval(each.interval)] if with_interval else []), each.over_total,
            )
            for each in found
        ]  # fmt: skip
        columns = [name for name in COLUMNS if with_interval or name != INTERVAL]
        yield Table(columns, rows, f"{self.dataset}: {self.settings}")

    def data(self) -> Table:
        """Return all metrics with all digits."""
        method = getattr(self, "method", None)
        rows = [
            (
                self.dataset, method, each.name, each.found, each.total, each.score,
                each.interval.low if each.interval else None,
                each.interval.high if each.interval else None, each.over_total,
            )
            for each in self.metrics
        ]  # fmt: skip
        return Table(DATA_COLUMNS, rows)
