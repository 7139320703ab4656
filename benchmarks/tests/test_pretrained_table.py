"""The table of models that others trained."""

from pathlib import Path

from benchmarks.pretrained_table import cell, table
from embedtool.evaluation.results import Metric
from embedtool.evaluation.statistics import Interval
from tests.factories import saved_model, vectors_on_circle

PAIRS = "sun moon 9\nsun sea 5\nsun stone 1\nsun unheard 3\n"


def test_a_model_is_a_line_with_score_and_coverage(tmp_path: Path) -> None:
    vectors = vectors_on_circle(["sun", "moon", "sea", "stone"], [0, 0.2, 0.9, 2.6])
    model = saved_model(tmp_path / "model", vectors)
    (tmp_path / "pairs.txt").write_text(PAIRS)
    pairs = str(tmp_path / "pairs.txt")
    head, rule, line = table([str(model)], [pairs], None)
    assert head == f"| model | words | dimensions | {pairs} |"
    assert rule == "| --- | --- | --- | --- |"
    name, words, dimensions, score = line.strip("| ").split(" | ")
    assert (name, words, dimensions) == (f"`{model}`", "4", "2")
    assert score == "1.000, 75%"


def test_the_limit_is_that_of_the_vocabulary(tmp_path: Path) -> None:
    """Of the pairs whose words are among the first three, two are left."""
    vectors = vectors_on_circle(["sun", "moon", "sea", "stone"], [0, 0.2, 0.9, 2.6])
    model = saved_model(tmp_path / "model", vectors)
    (tmp_path / "pairs.txt").write_text(PAIRS)
    *_, line = table([str(model)], [str(tmp_path / "pairs.txt")], 3)
    assert line.endswith(", 50% |")


def test_a_score_stands_with_its_interval_or_without_one() -> None:
    known = Metric("Spearman", 200, 400, 0.51234, Interval(0.4, 0.6), 0.2)
    assert cell(known) == "0.512 (0.400 to 0.600), 50%"
    assert cell(Metric("Spearman", 2, 1000, None, None, None)) == "none (2 of 1,000)"
