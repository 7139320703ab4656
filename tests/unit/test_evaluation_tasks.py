"""Categories and outliers are scored as counted by hand, by the formulae and by scikit-learn."""

import json
from dataclasses import asdict
from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, v_measure_score
from sklearn.metrics.cluster import contingency_matrix

from embedtool.evaluation.analogy import answer_analogies, evaluate_analogies
from embedtool.evaluation.categorisation import evaluate_categories, purity
from embedtool.evaluation.outliers import compactness, evaluate_outliers
from embedtool.evaluation.scoring import evaluate
from embedtool.evaluation.similarity import evaluate_pairs
from embedtool.evaluation.tasks import (
    AnalogySet,
    CategorySet,
    OutlierGroup,
    OutlierSet,
    PairSet,
    Section,
)
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from tests.unit.test_model_comparison import on_circle


def test_purity_by_hand():
    """Three clusters of 6, 6 and 5 items: the worked example of Manning and others, figure 16.4."""
    clusters = np.repeat([0, 1, 2], [6, 6, 5])
    labels = np.array([0] * 5 + [1] + [0, 1, 1, 1, 1, 2] + [0, 0, 2, 2, 2])
    assert purity(labels, clusters) == pytest.approx((5 + 4 + 3) / 17)


def test_purity_of_any_clusters():
    rng = np.random.default_rng(1)
    labels, clusters = rng.integers(0, 7, 200), rng.integers(3, 9, 200)
    table = contingency_matrix(labels, clusters)
    assert purity(labels, clusters) == pytest.approx(table.max(axis=0).sum() / 200)
    assert purity(labels, labels) == 1
    assert purity(np.array([4]), np.array([0])) == 1


def clouds(n_clouds: int, n_each: int, spread: float) -> tuple[VectorTable, CategorySet]:
    """Words around as many directions, and the direction of each as its category."""
    rng = np.random.default_rng(3)
    centres = np.repeat(rng.standard_normal((n_clouds, 20)), n_each, axis=0)
    matrix = centres + spread * rng.standard_normal(centres.shape)
    matrix *= rng.uniform(0.5, 5, (len(matrix), 1))
    words = [f"word{i}" for i in range(len(matrix))]
    categories = [(word, f"kind{i // n_each}") for i, word in enumerate(words)]
    return VectorTable(words, matrix.astype(np.float32)), CategorySet("clouds", tuple(categories))


def test_separate_clusters_are_found():
    vectors, categories = clouds(5, 12, 0.1)
    result = evaluate_categories(vectors, categories)
    assert (result.n_categories, result.found, result.total) == (5, 60, 60)
    for found in (result.kmeans, result.agglomerative):
        assert asdict(found) == {
            "purity": 1, "purity_over_total": 1, "v_measure": 1, "adjusted_rand": 1,
        }  # fmt: skip


def test_measures_are_those_of_scikit_learn():
    from sklearn.cluster import AgglomerativeClustering, KMeans

    vectors, categories = clouds(4, 15, 2.0)
    result = evaluate_categories(vectors, categories, seed=5)
    labels = [int(kind[4:]) for _, kind in categories.words]
    unit = unit_rows(vectors.rows).astype(np.float64)
    for found, algorithm in (
        (result.kmeans, KMeans(4, n_init=10, random_state=5)),
        (result.agglomerative, AgglomerativeClustering(4, linkage="ward")),
    ):
        clusters = algorithm.fit_predict(unit)
        assert 0.3 < found.purity < 1
        assert found.purity == purity(np.array(labels), clusters)
        assert found.v_measure == pytest.approx(v_measure_score(labels, clusters))
        assert found.adjusted_rand == pytest.approx(adjusted_rand_score(labels, clusters))


def test_words_without_a_vector_are_in_wrong_clusters_over_the_total():
    vectors, categories = clouds(3, 10, 0.1)
    more = (*categories.words, ("unknown", "kind0"), ("strange", "kind9"))
    result = evaluate_categories(vectors, CategorySet("more", more))
    assert (result.n_categories, result.found, result.total) == (3, 30, 32)
    assert result.kmeans.purity == 1
    assert result.kmeans.purity_over_total == pytest.approx(30 / 32)
    limited = evaluate_categories(vectors, categories, restrict_vocab=20)
    assert (limited.n_categories, limited.found) == (2, 20)


def test_case_of_categories():
    vectors, categories = clouds(2, 3, 0.1)
    loud = CategorySet("loud", tuple((word.upper(), kind) for word, kind in categories.words))
    assert evaluate_categories(vectors, loud).found == 6
    kept = evaluate_categories(vectors, loud, case_insensitive=False)
    assert (kept.found, kept.total, kept.kmeans, kept.agglomerative) == (0, 6, None, None)
    json.dumps(asdict(kept), allow_nan=False)


def test_one_category_is_no_clustering():
    vectors, categories = clouds(1, 5, 0.1)
    result = evaluate_categories(vectors, categories)
    assert (result.n_categories, result.found, result.kmeans) == (1, 5, None)


@pytest.mark.filterwarnings("error")
def test_a_word_in_two_categories_counts_twice():
    vectors = on_circle(lead=0, tin=90)
    words = (("lead", "metal"), ("lead", "verb"), ("tin", "metal"), ("lead", "noun"))
    result = evaluate_categories(vectors, CategorySet("few", words))
    assert (result.n_categories, result.found) == (3, 4)
    assert result.kmeans.purity == 0.5


def test_compactness_by_its_formula():
    rng = np.random.default_rng(2)
    unit = unit_rows(rng.standard_normal((9, 5)))
    for i, found in enumerate(compactness(unit)):
        others = [row for j, row in enumerate(unit) if j != i]
        expected = np.mean([a @ b for a, b in permutations(others, 2)])
        assert found == pytest.approx(expected)


ANGLES = on_circle(north=0, up=10, top=20, odd=80, close=15, far=180, beside=35)


def test_outliers_by_hand():
    """odd, far and beside lie outside the group; close lies in it, and fits better than its ends.

    The cosines of close, up, top and north with the others sum up to 2.958, 2.966, 2.921, 2.891.
    """
    group = OutlierGroup("angles", ("north", "up", "top"), ("odd", "close", "far", "beside"))
    result = evaluate_outliers(ANGLES, OutlierSet("o", (group,)))
    assert (result.total.correct, result.total.found, result.total.total) == (3, 4, 4)
    assert result.total.accuracy == 0.75
    positions = {"odd": 3, "close": 1, "far": 3, "beside": 3}
    assert result.total.opp == pytest.approx(sum(positions.values()) / 3 / 4)
    assert asdict(result.groups[0]) == {**asdict(result.total), "name": "angles"}


def test_unknown_members_are_left_out_and_unknown_outliers_wrong():
    group = OutlierGroup("angles", ("north", "UP", "lost", "top"), ("odd", "gone"))
    few = OutlierGroup("few", ("north", "lost"), ("odd", "far"))
    result = evaluate_outliers(ANGLES, OutlierSet("o", (group, few)))
    assert result.unknown_members == 2
    assert [(g.found, g.total, g.accuracy) for g in result.groups] == [(1, 2, 1), (0, 2, None)]
    assert (result.total.found, result.total.total) == (1, 4)
    assert (result.total.accuracy, result.total.accuracy_over_total) == (1, 0.25)
    assert (result.total.opp, result.total.opp_over_total) == (1, 0.25)
    kept = evaluate_outliers(ANGLES, OutlierSet("o", (group,)), case_insensitive=False)
    assert kept.unknown_members == 2
    json.dumps(asdict(result), allow_nan=False)


def test_an_outlier_that_is_like_a_member_is_not_detected():
    vectors = on_circle(a=0, b=30, c=60, twin=60)
    group = OutlierGroup("g", ("a", "b", "c"), ("twin",))
    assert evaluate_outliers(vectors, OutlierSet("o", (group,))).total.correct == 0


def test_one_function_evaluates_every_task():
    analogies = AnalogySet("a", (Section("s", (("north", "up", "top", ("odd", "beside")),)),))
    pairs = PairSet("p", (("north", "up", 3.0), ("north", "odd", 2.0), ("north", "far", 1.0)))
    categories = CategorySet("c", (("north", "x"), ("up", "x"), ("far", "y")))
    outliers = OutlierSet("o", (OutlierGroup("g", ("north", "up"), ("odd",)),))
    rules = {"restrict_vocab": 5, "case_insensitive": False}
    assert evaluate(ANGLES, analogies, method="3cosmul", **rules) == evaluate_analogies(
        ANGLES, analogies, method="3cosmul", **rules
    )
    assert evaluate(ANGLES, pairs, **rules) == evaluate_pairs(ANGLES, pairs, **rules)
    assert evaluate(ANGLES, categories, **rules) == evaluate_categories(ANGLES, categories, **rules)
    assert evaluate(ANGLES, outliers, **rules) == evaluate_outliers(ANGLES, outliers, **rules)


@pytest.mark.parametrize(
    "answers, known, correct",
    [
        (("beside", "up"), True, True),
        (("nothing", "BESIDE"), True, True),
        (("far", "up"), True, False),
        (("nothing", "none"), False, False),
    ],
)
def test_any_of_several_answers_is_right(answers, known, correct):
    """north is to top as close is to what lies at 35 degrees."""
    analogies = AnalogySet("a", (Section("s", (("north", "top", "close", answers),)),))
    outcomes = answer_analogies(ANGLES, analogies)
    assert outcomes.known.tolist() == [known]
    assert outcomes.correct.tolist() == [correct]
