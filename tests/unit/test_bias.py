"""WEAT by hand and by brute force, directions by scikit-learn, files of tests good and bad."""

import json
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

from embedtool.analysis.bias import WeatTest, WordSet, project, read_weat, weat
from embedtool.config.tasks import WeatConfig
from embedtool.errors import EvaluationError, QueryError, UnknownWordError
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from tests.factories import random_vectors, vectors_of

VECTORS = random_vectors(60, 10)


def sets(*words: str) -> tuple[WordSet, WordSet]:
    """Two sets, their words between spaces."""
    first, second = (WordSet(f"set{i}", tuple(each.split())) for i, each in enumerate(words))
    return first, second


TEST = WeatTest("made up", sets("w0 w1 w2 w3", "w4 w5 w6 w7"), sets("w8 w9 w10", "w11 w12"))


def brute_force(vectors: VectorTable, test: WeatTest) -> tuple[float, float, float]:
    """The statistic, the effect size and the p-value, as the paper writes them."""

    def cosine(a: str, b: str) -> float:
        u, v = (vectors.vector(word).astype(float) for word in (a, b))
        return u @ v / np.linalg.norm(u) / np.linalg.norm(v)

    def s(w: str) -> float:
        first, second = ([cosine(w, a) for a in each.words] for each in test.attributes)
        return np.mean(first) - np.mean(second)

    x, y = (each.words for each in test.targets)
    both = {word: s(word) for word in (*x, *y)}

    def statistic(chosen: tuple[str, ...]) -> float:
        return sum(v for w, v in both.items() if w in chosen) - sum(
            v for w, v in both.items() if w not in chosen
        )

    found = statistic(x)
    larger = [statistic(each) >= found - 1e-12 for each in combinations(both, len(x))]
    difference = np.mean([both[w] for w in x]) - np.mean([both[w] for w in y])
    return found, difference / np.std(list(both.values()), ddof=1), np.mean(larger)


@pytest.mark.parametrize("second", ["w4 w5 w6 w7", "w4 w5 w6 w7 w13 w14"])
def test_weat_is_what_brute_force_finds(second: str) -> None:
    test = replace(TEST, targets=sets("w0 w1 w2 w3", second))
    found = weat(VECTORS, test)
    expected = brute_force(VECTORS, test)
    assert (found.statistic, found.effect_size, found.p_value) == pytest.approx(expected, abs=1e-5)
    assert (found.exact, found.permutations) == (True, 70 if len(second) == 11 else 210)
    assert found.missing == ()


def test_weat_by_hand() -> None:
    """s is 1, 1, -1, -1: of the six ways to part four targets only this one gives 4."""
    rows = {"x1": [1, 0], "x2": [2, 0], "y1": [0, 1], "y2": [0, 3]}
    rows |= {"a1": [1, 0], "a2": [5, 0], "b1": [0, 1], "b2": [0, 1]}
    vectors = vectors_of(rows)
    found = weat(vectors, WeatTest("t", sets("x1 x2", "y1 y2"), sets("a1 a2", "b1 b2")))
    assert (found.statistic, found.p_value) == pytest.approx((4, 1 / 6))
    assert found.effect_size == pytest.approx(2 / np.sqrt(4 / 3))
    reverse = weat(vectors, WeatTest("t", sets("y1 y2", "x1 x2"), sets("a1 a2", "b1 b2")))
    assert (reverse.effect_size, reverse.p_value) == pytest.approx((-2 / np.sqrt(4 / 3), 1))


def test_random_partitions_approximate_all_partitions() -> None:
    exact = weat(VECTORS, TEST)
    many = replace(TEST, targets=sets("w0 w1 w2 w3 w13 w14 w15", "w4 w5 w6 w7 w16 w17 w18"))
    for test, n in ((TEST, 69), (many, 2000)):
        config = WeatConfig(permutations=n)
        drawn = weat(VECTORS, test, config)
        assert (drawn.exact, drawn.permutations) == (False, n)
        assert drawn.p_value == pytest.approx(weat(VECTORS, test).p_value, abs=0.15)
        assert drawn.p_value * (n + 1) == pytest.approx(round(drawn.p_value * (n + 1)))
        assert drawn == weat(VECTORS, test, config)
    assert exact.exact


def test_words_without_a_vector_are_named_and_left_out() -> None:
    test = replace(TEST, targets=sets("w0 none w1 w2 w3", "w4 w5 w6 w7 nothing"))
    found = weat(VECTORS, test)
    assert found.missing == ("none", "nothing")
    assert (found.targets, found.p_value) == (TEST.targets, weat(VECTORS, TEST).p_value)


def test_weat_that_cannot_be_computed() -> None:
    few = replace(TEST, attributes=sets("w8 w9", "w11 none nothing"))
    with pytest.raises(EvaluationError, match="made up: 1 of the 3 words of 'set1' are in"):
        weat(VECTORS, few)
    same = VectorTable(VECTORS.words, np.ones((60, 3), np.float32))
    with pytest.raises(EvaluationError, match="do not differ"):
        weat(same, TEST)
    broken = VECTORS.rows.copy()
    broken[3] = np.nan
    with pytest.raises(QueryError, match="'w3' holds a number that is not finite"):
        weat(VectorTable(VECTORS.words, broken), TEST)


def test_one_pair_is_its_own_direction() -> None:
    found = project(VECTORS, ["w0 - w1"], ["w1", "w2", "w0"])
    a, b, c = unit_rows(VECTORS.rows[:3]).astype(float)
    direction = (a - b) / np.linalg.norm(a - b)
    assert [each.word for each in found.words] == sorted(
        ("w0", "w1", "w2"), key=lambda w: -direction @ {"w0": a, "w1": b, "w2": c}[w]
    )
    scores = {each.word: each.score for each in found.words}
    assert scores["w2"] == pytest.approx(direction @ c, abs=1e-6)
    assert scores["w0"] == pytest.approx(-scores["w1"], abs=1e-6)
    assert found.shares == (1.0,)


def test_several_pairs_give_their_first_component() -> None:
    """As its paper has it: PCA of both words of each pair, the pair's mean subtracted."""
    pairs = [(0, 1), (2, 3), (4, 5), (6, 7)]
    units = unit_rows(VECTORS.rows).astype(float)
    centred = [units[i] - (units[a] + units[b]) / 2 for a, b in pairs for i in (a, b)]
    fit = PCA(4).fit(centred)
    found = project(VECTORS, [f"w{a} - w{b}" for a, b in pairs], ["w20", "w21"])
    scores = {each.word: each.score for each in found.words}
    expected = units[20:22] @ fit.components_[0]
    sign = np.sign(sum((units[a] - units[b]) @ fit.components_[0] for a, b in pairs))
    assert [scores["w20"], scores["w21"]] == pytest.approx(expected * sign, abs=1e-5)
    assert found.shares == pytest.approx(fit.explained_variance_ratio_, abs=1e-5)
    reversed_pair = project(VECTORS, ["w1 - w0"], ["w20"]).words[0].score
    assert reversed_pair == pytest.approx(-project(VECTORS, ["w0 - w1"], ["w20"]).words[0].score)


def test_invalid_directions() -> None:
    with pytest.raises(QueryError, match="needs a difference"):
        project(VECTORS, [], ["w1"])
    with pytest.raises(QueryError, match="w1 - w1 is zero"):
        project(VECTORS, ["w1 - w1"], ["w1"])
    with pytest.raises(QueryError, match="is not an expression"):
        project(VECTORS, ["w1"], ["w1"])
    with pytest.raises(UnknownWordError, match="'he'"):
        project(VECTORS, ["he - w1"], ["w1"])


TOML = """
[[test]]
name = "first"
targets = {up = ["w0", "w1"], down = ["w2", "w3"]}
attributes = {good = ["w4", "w5"], bad = ["w6", "w7"]}

[[test]]
targets = {b = ["w2", "w3"], a = ["w0", "w1"]}
attributes = {good = ["w4", "w5"], bad = ["w6", "w7"]}
"""


def test_files_of_tests(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(TOML)
    first, second = read_weat(tmp_path / "t.toml")
    assert first.targets == (WordSet("up", ("w0", "w1")), WordSet("down", ("w2", "w3")))
    assert (second.name, second.targets[0].name) == ("2", "b")
    sets = {"targets": {"up": ["w0", "w1"], "down": ["w2", "w3"]}}
    sets["attributes"] = {"good": ["w4", "w5"], "bad": ["w6", "w7"]}
    (tmp_path / "t.json").write_text(json.dumps({"test": [{"name": "first", **sets}]}))
    assert read_weat(tmp_path / "t.json") == (first,)


@pytest.mark.parametrize(
    "text, message",
    [
        ("x", "not TOML"),
        ("a = 1", r"holds no tests: expected \[\[test\]\]"),
        ("test = [1]", "test 1: expected name, targets and attributes"),
        ("[[test]]\nname = 3", "the name is not text"),
        ("[[test]]\ntargets = {a = ['x']}", "test 1: expected two lists of words under targets"),
        ("[[test]]\ntargets = {a = ['x'], b = [1]}", "targets.b is not a list of words"),
        ("[[test]]\ntargets = {a = ['x'], b = ['x']}", "'x' occurs twice among the targets"),
    ],
)
def test_bad_files_of_tests(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "t.toml"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=message):
        read_weat(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match="cannot be read: No such file"):
        read_weat(tmp_path / "none.toml")
    (tmp_path / "t.json").write_text("[[test]]")
    with pytest.raises(EvaluationError, match="not JSON"):
        read_weat(tmp_path / "t.json")
    (tmp_path / "t.toml").write_bytes(b"name = '\xff'")
    with pytest.raises(EvaluationError, match="byte 8: not UTF-8"):
        read_weat(tmp_path / "t.toml")
