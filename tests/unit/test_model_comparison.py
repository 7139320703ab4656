"""Neighbourhoods overlap as counted by hand; models stand side by side, gaps and all."""

import json
import re
from dataclasses import asdict
from html import unescape

import numpy as np
import pytest

from embedtool.analysis.neighbours import (
    compare_neighbourhoods,
    neighbourhood_overlap,
    word_overlaps,
)
from embedtool.cli.output.comparison_markdown import markdown
from embedtool.cli.output.comparison_page import page
from embedtool.errors import EvaluationError, QueryError, UnknownWordError
from embedtool.evaluation.tasks import AnalogySet, PairSet, Section
from embedtool.experiments.model_comparison import compare_models
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.query import analogy, similar
from tests.factories import random_vectors, vectors_on_circle, with_one_ngram


def on_circle(**degrees: float) -> VectorTable:
    return vectors_on_circle(list(degrees), np.radians(list(degrees.values())))


FIRST = on_circle(a=0, b=10, c=30, d=61, only_first=1)
"""Two nearest among a, b, c, d: a bc, b ac, c ba, d cb."""
SECOND = on_circle(only_second=44, d=45, c=100, b=5, a=0)
"""Two nearest among a, b, c, d: a bd, b ad, c db, d ba."""


def test_overlap_by_hand():
    found = word_overlaps(FIRST, SECOND, k=2)
    assert found.n_shared == 4 and found.k == 2
    by_word = dict(zip(found.words, found.overlaps.tolist(), strict=True))
    assert by_word == {"a": 0.5, "b": 0.5, "c": 0.5, "d": 0.5}
    one = word_overlaps(FIRST, SECOND, k=1, words=["d", "a"])
    assert one.words == ("d", "a") and one.overlaps.tolist() == [0, 1]
    assert neighbourhood_overlap(FIRST, SECOND, k=1).mean == 0.5


def test_overlap_takes_the_words_most_frequent_in_both():
    assert word_overlaps(FIRST, SECOND, n_frequent=2).words == ("a", "b")
    ranks = {"a": 0 + 4, "b": 1 + 3, "c": 2 + 2, "d": 3 + 1}
    assert set(ranks.values()) == {4}
    other = on_circle(d=0, e=9, a=20)
    assert word_overlaps(FIRST, other).words == ("a", "d")


def test_overlap_is_the_same_both_ways_and_whole_with_itself():
    first, second = random_vectors(300, seed=1), random_vectors(300, seed=2)
    there = neighbourhood_overlap(first, second, n_frequent=100)
    assert there == neighbourhood_overlap(second, first, n_frequent=100)
    assert (there.n_words, there.n_shared, there.k) == (100, 300, 10)
    assert there.mean == pytest.approx(10 / 299, abs=0.02)
    assert neighbourhood_overlap(first, first, n_frequent=None).mean == 1


def test_overlap_of_models_that_share_little():
    nothing = neighbourhood_overlap(FIRST, on_circle(x=0))
    assert (nothing.mean, nothing.n_words, nothing.n_shared) == (None, 0, 0)
    assert neighbourhood_overlap(FIRST, on_circle(a=0)).mean is None
    assert neighbourhood_overlap(FIRST, on_circle(a=0, b=1)).k == 1


def test_overlap_of_unknown_words_is_refused():
    with pytest.raises(EvaluationError, match="'only_first' is not in the vocabulary of both"):
        neighbourhood_overlap(FIRST, SECOND, words=["a", "only_first"])
    with pytest.raises(EvaluationError, match="at least 1"):
        neighbourhood_overlap(FIRST, SECOND, k=0)


def named(n: int, seed: int, *names: str) -> VectorTable:
    """Random vectors of which the first words have these names."""
    vectors = random_vectors(n, seed=seed)
    return VectorTable([*names, *vectors.words[len(names) :]], vectors.rows)


A = named(60, 1, "king", "queen", "man", "woman")
B = named(60, 2, "queen", "man", "woman")
DATASETS = (
    AnalogySet("analogies", (Section("family", (("man", "woman", "king", ("queen",)),)),)),
    PairSet("pairs", (("king", "queen", 9.0), ("man", "woman", 8.0), ("w20", "queen", 1.0))),
)


def test_models_side_by_side():
    found = compare_models({"A": A, "B": B}, datasets=DATASETS)
    assert found.models == ("A", "B")
    king, queen = found.neighbours
    assert (king.query, queen.query) == ("king", "queen")
    assert king.models[0].answers == similar(A, "king")
    assert king.models[1].missing == ("king",) and king.models[1].answers == ()
    assert queen.models[1].answers == similar(B, "queen")
    (sum_of_words,) = found.analogies
    assert sum_of_words.query == "king - man + woman"
    assert sum_of_words.models[0].answers == analogy(A, "king - man + woman")
    assert sum_of_words.models[1].missing == ("king",)
    (pair,) = found.overlaps
    assert (pair.first, pair.second) == ("A", "B")
    assert pair.overlap == neighbourhood_overlap(A, B)
    assert [scores.dataset for scores in found.scores] == ["analogies", "pairs"]
    assert [result.total.found for result in found.scores[0].results] == [1, 0]
    assert [result.found for result in found.scores[1].results] == [3, 2]
    assert json.loads(json.dumps(asdict(found), allow_nan=False))["models"] == ["A", "B"]


def test_three_models_make_three_pairs():
    found = compare_models({"A": A, "B": B, "C": A}, words=["queen"], expressions=[], n=3)
    assert [(pair.first, pair.second) for pair in found.overlaps] == [
        ("A", "B"),
        ("A", "C"),
        ("B", "C"),
    ]
    assert found.analogies == () and found.scores == ()
    assert [len(answer.answers) for answer in found.neighbours[0].models] == [3, 3, 3]


def test_default_queries_that_no_model_knows_are_left_out():
    found = compare_models({"a": random_vectors(20), "b": random_vectors(20, seed=1)})
    assert found.neighbours == () and found.analogies == ()


def test_queries_that_no_model_knows_are_refused_when_asked():
    with pytest.raises(UnknownWordError, match=r"'kign' is not in the vocabulary; .* king"):
        compare_models({"A": A, "B": B}, words=["queen", "kign"])
    with pytest.raises(UnknownWordError, match="'uncle'"):
        compare_models({"A": A, "B": B}, expressions=["uncle - man + woman"])
    with pytest.raises(QueryError, match="expected words joined"):
        compare_models({"A": A, "B": B}, expressions=["uncle"])
    with pytest.raises(EvaluationError, match="at least two models"):
        compare_models({"A": A})


def test_subwords_answer_for_words_that_one_model_lacks():
    found = compare_models({"A": A, "F": with_one_ngram(random_vectors(60))}, words=["zz"])
    assert found.neighbours[0].models[0].missing == ("zz",)
    assert len(found.neighbours[0].models[1].answers) == 10


def judged(n_relations: int, noise: float) -> tuple[VectorTable, AnalogySet, PairSet]:
    """Relations of six pairs whose offsets differ by some noise, and pairs scored by closeness."""
    rng = np.random.default_rng(11)
    rows, sections = {}, []
    for r in range(n_relations):
        offset = rng.standard_normal(20)
        for i in range(6):
            base = rng.standard_normal(20)
            rows[f"s{r}-{i}"] = base
            rows[f"t{r}-{i}"] = base + offset + 0.3 * rng.standard_normal(20)
        sections.append(
            Section(f"r{r}", tuple(
                (f"s{r}-{i}", f"t{r}-{i}", f"s{r}-{j}", (f"t{r}-{j}",))
                for i in range(6) for j in range(6) if i != j
            ))
        )  # fmt: skip
    words = list(rows)
    true = np.array([rows[word] for word in words])
    near = unit_rows(true.astype(np.float32))
    pairs = tuple(
        (words[i], words[j], float(near[i] @ near[j]))
        for i, j in rng.integers(0, len(words), (150, 2))
    )
    spoilt = true + noise * np.random.default_rng(12).standard_normal(true.shape)
    return (
        VectorTable(words, spoilt.astype(np.float32)),
        AnalogySet("offsets", tuple(sections)),
        PairSet("closeness", pairs),
    )


def test_a_noisy_model_is_worse_and_the_verdict_says_so():
    good, *datasets = judged(12, 0.1)
    bad, *_ = judged(12, 0.9)
    found = compare_models({"good": good, "bad": bad}, datasets=datasets, words=[], expressions=[])
    offsets, closeness = found.contrasts
    assert (offsets.dataset, offsets.measure) == ("offsets", "accuracy")
    assert (closeness.dataset, closeness.measure) == ("closeness", "Spearman")
    for contrast, result in zip(found.contrasts, found.scores, strict=True):
        assert contrast.p_corrected < 0.01 and contrast.stars
        assert contrast.verdict.startswith(f"{result.dataset}: good is better than bad (")
        assert contrast.difference.interval.high < 0
    assert offsets.difference.groups == 12
    assert offsets.difference.first == found.scores[0].results[0].total.accuracy
    assert closeness.difference.second == pytest.approx(found.scores[1].results[1].spearman)


def test_models_that_differ_little_have_no_significant_difference():
    first, *datasets = judged(12, 0.1)
    noisy = first.rows + 0.01 * np.random.default_rng(13).standard_normal(first.rows.shape)
    second = VectorTable(first.words, noisy.astype(np.float32))
    found = compare_models({"a": first, "b": second}, datasets=datasets, words=[], expressions=[])
    assert [each.stars for each in found.contrasts] == ["", ""]
    assert all(": no significant difference between a and b (p = " in c.verdict
               for c in found.contrasts)  # fmt: skip
    alone = compare_models({"a": first, "b": second}, datasets=datasets[:1], words=[])
    assert found.contrasts[0].p_corrected >= alone.contrasts[0].p_corrected


def test_models_are_compared_on_what_both_know():
    whole, *datasets = judged(12, 0.1)
    half = VectorTable(whole.words[:72], whole.rows[:72])
    found = compare_models({"a": whole, "b": half}, datasets=datasets[:1], words=[], expressions=[])
    (contrast,) = found.contrasts
    assert contrast.difference.groups == 6
    assert contrast.difference.items == found.scores[0].results[1].total.found == 6 * 30


def test_no_p_value_of_a_report_is_printed_as_zero():
    good, *datasets = judged(12, 0.1)
    bad, *_ = judged(12, 2.0)
    found = compare_models({"good": good, "bad": bad}, datasets=datasets, words=[], expressions=[])
    for contrast in found.contrasts:
        assert contrast.difference.p_test < 0.0005 and contrast.p_corrected < 0.0005
    differences = list(found.tables())[-1]
    assert [row[3:] for row in differences.rows] == [
        ("< 0.001***", differences.rows[0][4], "McNemar < 0.001"),
        ("< 0.001***", differences.rows[1][4], "Steiger < 0.001"),
    ]
    for text in (markdown(found), unescape(page(found))):
        assert not re.search(r"(p =|McNemar|Steiger) 0\.000", text)
        assert "McNemar" in text and "Steiger" in text
    as_json = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert 0 < as_json["contrasts"][0]["difference"]["p_test"] < 0.0005


def test_one_relation_is_compared_by_its_pairs_and_two_pairs_get_no_verdict():
    good, whole, closeness = judged(1, 0.1)
    bad, *_ = judged(1, 2.0)
    two = AnalogySet("two", (Section("r0", whole.sections[0].questions[:1]),))
    near = PairSet("near", closeness.pairs[:2])
    found = compare_models(
        {"good": good, "bad": bad}, datasets=[whole, two, near], words=[], expressions=[]
    )
    (contrast,) = found.contrasts
    assert (contrast.difference.groups, contrast.difference.items) == (6, 30)
    assert contrast.difference.interval.high < 0
    assert found.scores[0].results[0].total.interval is not None
    assert found.scores[1].results[0].total.interval is None
    assert list(found.verdicts) == [
        contrast.verdict,
        "two: good and bad both know too few of its questions for a verdict",
        "near: good and bad both know too few of its questions for a verdict",
    ]


def test_neighbourhoods_by_frequency_and_the_words_that_drifted():
    first = random_vectors(1500, seed=1)
    matrix = first.rows + 0.05 * random_vectors(1500, seed=2).rows
    matrix[7] = -first.rows[7]
    found = compare_neighbourhoods(first, VectorTable(first.words, matrix), n_frequent=500)
    assert [(b.first, b.last, b.n_words) for b in found.bands] == [
        (1, 100, 100), (101, 1000, 900), (1001, 1500, 500),
    ]  # fmt: skip
    assert found.moved[0].word == "w7" and found.moved[0].rank == 8
    assert found.moved[0].overlap == 0 and found.moved[0].move > 1 > found.moved[1].move
    overlaps = word_overlaps(first, VectorTable(first.words, matrix), n_frequent=500)
    assert found.overlap.mean == overlaps.overlaps.mean()
    assert found.overlap.n_words == 500
    assert found.bands[0].overlap == pytest.approx(overlaps.overlaps[:100].mean())
    same = compare_neighbourhoods(first, first)
    assert same.overlap.mean == 1 and same.moved[0].move == pytest.approx(0, abs=1e-6)
