"""Results of Python's queries, evaluations and comparisons are tables with names."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

import embedtool
from embedtool.api.model import Model
from embedtool.api.word_vectors import WordVectors
from embedtool.errors import EvaluationError, MissingPackageError
from embedtool.evaluation.tasks import PairSet
from embedtool.search.answers import Answers, WordScore
from tests.factories import random_vectors, saved_model, vectors_of

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def wv() -> WordVectors:
    return WordVectors.of(random_vectors())


def test_answers_are_tuples_with_names_and_a_table(wv: WordVectors) -> None:
    answers = wv.most_similar("w0", topn=3)
    (first, cosine), *_ = answers
    assert answers[0] == (first, cosine) == (answers[0].word, answers[0].score)
    assert answers == tuple(map(tuple, answers))
    assert isinstance(answers[:2], Answers)
    assert answers[:2] == tuple(answers)[:2]
    assert answers[-1] == tuple(answers)[-1]
    small = Answers([WordScore("a", 1.0), WordScore("König", -0.5)])
    assert repr(small) == str(small) == "word     score\na       1.0000\nKönig  -0.5000"
    assert repr(Answers()) == "word  score"


def test_what_a_notebook_shows_is_escaped() -> None:
    wv = WordVectors.of(vectors_of({"<b>": [1, 2], "a&b": [2, 1], "c": [1, 1]}))
    for shown in wv, wv.most_similar("c"), Model(wv, {"algorithm": "<b>"}):
        html = shown._repr_html_()
        assert html.startswith("<table>")
        assert "&lt;b&gt;" in html
        assert "<b>" not in html


def test_results_become_data_frames(wv: WordVectors) -> None:
    pytest.importorskip("pandas")
    answers = wv.most_similar("w0", topn=3)
    frame = answers.to_pandas()
    assert list(frame.columns) == ["word", "score"]
    assert [tuple(row) for row in frame.itertuples(index=False)] == list(answers)
    vectors = wv.to_pandas()
    assert vectors.shape == (400, 20)
    np.testing.assert_array_equal(vectors.loc["w7"], wv["w7"])
    assert Answers().to_pandas().empty


@pytest.mark.parametrize(("method", "package"), [("to_pandas", "pandas"), ("to_gensim", "gensim")])
def test_a_missing_package_is_named(
    wv: WordVectors, method: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackageError, match=f"^{method} needs: pip install {package}$"):
        getattr(wv, method)()


PAIRS = "word1\tword2\tscore\nw0\tw1\t1\nw2\tw3\t4\nw4\tw5\t2\n"
FEW = "word1\tword2\tscore\nw0\tw1\t1\n" + "".join(f"x{i}\ty{i}\t{i}\n" for i in range(30))


def test_an_evaluation_shows_what_the_command_shows(
    wv: WordVectors, run: Run, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(PAIRS)
    (tmp_path / "q.txt").write_text(": kind\nw0 w1 w2 w3\nw1 w0 w3 w2\n")
    (tmp_path / "c.txt").write_text("w0 a\nw1 b\nw2 a\n")
    model = saved_model(tmp_path / "model", wv)
    for task, file in (("pairs", "pairs.tsv"), ("analogies", "q.txt"), ("categories", "c.txt")):
        result = wv.evaluate(tmp_path / file, task=task)
        printed = run("evaluate", model, f"--{task}", tmp_path / file)
        assert f"{result}\n" == printed.stdout
        printed = run("evaluate", model, f"--{task}", tmp_path / file, "--tsv")
        assert len(result.to_pandas()) == len(printed.stdout.splitlines()) - 1
    assert wv.evaluate(str(pairs)).score == wv.evaluate(pairs, task="pairs").spearman
    assert wv.evaluate(PairSet("some", (("w0", "w1", 1.0), ("w2", "w3", 4.0)))).found == 2
    with pytest.raises(EvaluationError, match="task must be analogies, pairs, categories, outl"):
        wv.evaluate(pairs, task="words")
    with pytest.raises(EvaluationError, match="nosuch: no such file, nor a dataset"):
        wv.evaluate("nosuch")


def test_few_known_words_are_a_warning_and_none_an_error(
    wv: WordVectors, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    few = tmp_path / "few.tsv"
    few.write_text(FEW.replace("x1\ty1\t", "w2\tw3\t").replace("x2\ty2\t", "w4\tw5\t"))
    wv.evaluate(few)
    assert "few: only 3 of 31 pairs known, the score says little" in caplog.text
    caplog.clear()
    embedtool.compare(wv, wv.select(np.arange(100)), datasets=[few], words=["w0"], expressions=[])
    assert [record.message.partition(":")[0] for record in caplog.records] == ["model 1", "model 2"]
    few.write_text(FEW)
    with pytest.raises(EvaluationError, match="only 1 of 31 pairs known, no score"):
        wv.evaluate(few)


def test_a_comparison_shows_what_the_command_shows(
    wv: WordVectors, run: Run, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text(PAIRS)
    other = WordVectors.of(random_vectors(seed=2))
    paths = [saved_model(tmp_path / name, each) for name, each in (("a", wv), ("b", other))]
    asked = {"datasets": [pairs], "words": ["w7"], "expressions": ["w0 - w1 + w2"]}
    result = embedtool.compare(*paths, **asked)
    printed = run("compare", *paths, "--pairs", pairs, "--word", "w7", "--expression",
                  "w0 - w1 + w2").stdout  # fmt: skip
    assert f"{result}\n" == printed
    assert len(result.to_pandas()) == 4
    mixed = embedtool.compare(wv, Model(other, {}), paths[0], **asked)
    assert mixed.models == ("model 1", "model 2", "a")
    fitted = embedtool.Word2Vec(vector_size=4, epochs=1, min_count=1)
    fitted.fit([["w0", "w1", "w2", "w3", "w4", "w5", "w7"]] * 20)
    assert embedtool.compare(fitted, wv, **asked).models == ("model 1", "model 2")
    named = embedtool.compare(wv, other, names=["new", "<old>"], **asked)
    assert "&lt;old&gt;" in named._repr_html_()
    assert named.verdicts == ("pairs: no significant difference between new and <old> (p = 1.000)",)


def test_models_that_cannot_be_compared_are_refused(wv: WordVectors, tmp_path: Path) -> None:
    path = saved_model(tmp_path / "a", wv)
    for models, names, message in [
        ([wv], None, "at least two models"),
        ([path, path], None, "given twice"),
        ([wv, wv], ["x", "x"], r"names must be 2 different ones, not \['x', 'x'\]"),
        ([wv, wv], ["x"], "names must be 2 different ones"),
    ]:
        with pytest.raises(EvaluationError, match=message):
            embedtool.compare(*models, names=names, datasets=[])
    with pytest.raises(TypeError, match="expected a Model or its WordVectors, not int"):
        embedtool.compare(wv, 3, datasets=[])
    with pytest.raises(ValueError, match="this Word2Vec is not fitted"):
        embedtool.compare(wv, embedtool.Word2Vec(), datasets=[])
