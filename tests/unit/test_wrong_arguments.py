"""Arguments that the Python API cannot use: one line says which, before any work."""

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedtool
from embedtool import Corpus, WordVectors
from embedtool.errors import (
    ConfigError,
    CorpusError,
    EmbedtoolError,
    EvaluationError,
    ModelError,
    OutputError,
    QueryError,
    UnknownWordError,
)
from embedtool.model.vectors import ModelRecord
from tests.contracts.small_trainings import config
from tests.factories import numbered_words, random_vectors, word_vectors
from tests.unit.test_estimators import SENTENCES, small

Call = Callable[[], object]
LONG = "x" * 300
"""A name that no file system takes."""


@pytest.fixture(scope="module")
def wv() -> WordVectors:
    return WordVectors.of(random_vectors(20, 8))


@pytest.mark.parametrize("option", ["topn", "restrict_vocab"])
@pytest.mark.parametrize("value", [0, -1, 2.5, "3", True, [3]])
def test_a_number_of_words_is_a_whole_number_from_one(
    wv: WordVectors, option: str, value: Any
) -> None:
    queries: list[Call] = [
        lambda: wv.most_similar("w0", **{option: value}),
        lambda: wv.most_similar(wv["w0"], **{option: value}),
        lambda: wv.most_similar_batch(["w0"], **{option: value}),
        lambda: wv.analogy("w0 + w1", **{option: value}),
    ]
    for query in queries:
        with pytest.raises(QueryError, match=rf"^{option} must be (1 or more|a whole number), not"):
            query()


@pytest.mark.parametrize("value", [0, 2.5, "3"])
def test_the_limit_of_an_evaluation_is_a_whole_number_from_one(
    wv: WordVectors, tmp_path: Path, value: Any
) -> None:
    (tmp_path / "questions").write_text(": a\nw0 w1 w2 w3\n")
    with pytest.raises(EvaluationError, match=r"^restrict_vocab must be (1|a whole)"):
        wv.evaluate(tmp_path / "questions", restrict_vocab=value)


def test_an_option_that_a_method_does_not_have_is_named_with_those_that_it_has(
    wv: WordVectors, tmp_path: Path
) -> None:
    wrong: Any = {"top": 3}
    calls: dict[str, Call] = {
        "most_similar": lambda: wv.most_similar("king", **wrong),
        "most_similar_batch": lambda: wv.most_similar_batch(["king"], **wrong),
        "analogy": lambda: wv.analogy("king - man", **wrong),
        "analogy_batch": lambda: wv.analogy_batch(["king - man"], **wrong),
        "evaluate": lambda: wv.evaluate("google", **wrong),
        "compare": lambda: embedtool.compare(wv, wv, **wrong),
        "read": lambda: embedtool.read(tmp_path / "file", **wrong),
    }
    for method, call in calls.items():
        with pytest.raises(TypeError, match=rf"^{method}\(\) has no argument 'top'; "):
            call()


def test_topn_none_and_a_minimum_that_is_no_number_are_errors(wv: WordVectors) -> None:
    with pytest.raises(QueryError, match=r"^topn must be a whole number, not None"):
        wv.most_similar("w0", topn=None)  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"^min_count must be a whole number, not '5'"):
        wv.most_similar("w0", min_count="5")  # type: ignore[arg-type]
    with pytest.raises(QueryError, match=r"^index must be an AnnIndex, not str"):
        wv.most_similar("w0", index="index")  # type: ignore[arg-type]


def test_numpy_numbers_and_any_iterable_of_words_are_taken(wv: WordVectors) -> None:
    assert len(wv.most_similar("w0", topn=np.int64(3), restrict_vocab=np.int32(9))) == 3  # type: ignore[arg-type]
    words = ["w0", "w1", "w2"]
    assert wv.most_similar_batch(iter(words)) == wv.most_similar_batch(words)
    expressions = ["w0 - w1", "w2 + w3"]
    assert wv.analogy_batch(iter(expressions)) == wv.analogy_batch(expressions)
    odd = wv.doesnt_match(np.array(words))
    assert odd == wv.doesnt_match(iter(words)) == wv.doesnt_match(set(words))
    assert type(odd) is str


@pytest.mark.parametrize("wrong", [None, 3, b"w0", [None] * 3, [b"w0"] * 3, "w0 + w1"])
def test_words_and_expressions_of_another_type_are_a_type_error(
    wv: WordVectors, wrong: Any
) -> None:
    queries: list[Call] = [
        lambda: wv.most_similar_batch(wrong),
        lambda: wv.analogy_batch(wrong),
        lambda: wv.odd_one_out(wrong),
        lambda: wv.doesnt_match(wrong),
    ]
    if not isinstance(wrong, str):
        queries.append(lambda: wv.analogy(wrong))
    for query in queries:
        with pytest.raises(TypeError, match=r"^expected .*(words|expressions)"):
            query()


def test_weights_in_a_dict_are_not_passed_over(wv: WordVectors) -> None:
    with pytest.raises(QueryError, match=r"positive is a dict; .*\[\('king', 0.5\)"):
        wv.most_similar({"w0": 0.5, "w1": -1.0})  # type: ignore[arg-type]
    with pytest.raises(QueryError, match="shape"):
        wv.most_similar(np.array("w0"))


def test_negative_alone_is_a_query(wv: WordVectors) -> None:
    assert wv.most_similar(negative=["w0"]) == wv.most_similar([("w0", -1)])
    with pytest.raises(QueryError, match="positive is empty"):
        wv.most_similar()


def test_an_empty_word_in_a_sum_is_unknown(wv: WordVectors) -> None:
    with pytest.raises(UnknownWordError, match=r"^'' is not in the vocabulary"):
        wv.most_similar(["", "w0"])


def test_the_message_about_a_word_of_a_whole_text_is_short(wv: WordVectors) -> None:
    with pytest.raises(UnknownWordError) as caught:
        wv["text " * 1000]
    assert len(str(caught.value)) < 200
    assert caught.value.word == "text " * 1000


@pytest.mark.parametrize("wrong", [None, 3, b"google", ["google"]])
def test_a_dataset_of_another_type_is_an_error(wv: WordVectors, wrong: Any) -> None:
    with pytest.raises(EvaluationError, match=r"^a dataset is a name, a path or a Dataset, not "):
        wv.evaluate(wrong)


@pytest.mark.parametrize("option", ["names", "datasets", "words", "expressions"])
def test_one_str_is_no_list_for_a_comparison(wv: WordVectors, option: str) -> None:
    other = WordVectors.of(word_vectors(numbered_words(20)))
    with pytest.raises(EvaluationError, match=f"^{option} must be a list of str, not 'ab'"):
        embedtool.compare(wv, other, **{option: "ab"})  # type: ignore[arg-type]
    with pytest.raises(EvaluationError, match=r"^names must be a list of str"):
        embedtool.compare(wv, other, names=[1, 2])  # type: ignore[list-item]


def test_open_files_and_dicts_are_no_corpus() -> None:
    for wrong in (io.StringIO("a b\nc d\n"), io.BytesIO(b"a b\n"), Counter({("a", "b"): 3})):
        with pytest.raises(CorpusError, match=f"lists of tokens, not {type(wrong).__name__}"):
            small("word2vec").fit(wrong)  # type: ignore[arg-type]


def test_an_error_of_the_system_while_sentences_are_read_is_not_taken_for_that_of_the_model(
    tmp_path: Path,
) -> None:
    def sentences() -> Iterator[list[str]]:
        yield from SENTENCES
        raise ConnectionError("the server hung up")

    for options in ({}, {"resumable": tmp_path / "model"}):
        with pytest.raises(CorpusError, match=r"^the sentences cannot be read") as caught:
            small("word2vec").fit(sentences(), **options)
        assert isinstance(caught.value.__cause__, ConnectionError)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("wrong", [None, print, [None], [print, 3], "ab", iter([print])])
def test_callbacks_that_cannot_be_called_are_refused_before_training(wrong: Any) -> None:
    def sentences() -> Iterator[list[str]]:
        yield ["the", "first"]
        raise AssertionError("the sentences were read")

    with pytest.raises(ConfigError, match=r"^callbacks must be a list of functions"):
        small("word2vec").fit(sentences(), callbacks=wrong)


@pytest.mark.parametrize("name", ["", ".", LONG])
def test_a_name_that_no_model_can_have_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    calls: list[Call] = [
        lambda: small("word2vec").fit(SENTENCES, resumable=name),
        lambda: embedtool.train(config("word2vec"), SENTENCES, output=name),
        lambda: embedtool.resume(name),
        lambda: embedtool.load(name),
        lambda: WordVectors.of(random_vectors(5, 4)).save(name),
    ]
    for call in calls:
        with pytest.raises((ModelError, OutputError)):
            call()
    assert not any(tmp_path.iterdir())


def test_a_training_is_not_lost_if_the_current_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    away = tmp_path / "away"
    away.mkdir()
    whole = small("word2vec").fit(SENTENCES)
    estimator = small("word2vec")
    estimator.fit(SENTENCES, resumable="model", callbacks=[lambda epoch: os.chdir(away)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["away", "model"]
    assert not any(away.iterdir())
    found = embedtool.load(tmp_path / "model").wv
    assert found.vectors.tobytes() == whole.wv.vectors.tobytes()


def test_options_of_reading_are_checked(tmp_path: Path, wv: WordVectors) -> None:
    path = tmp_path / "vectors.txt"
    wv.write(path)
    for options, message in (
        ({"encoding": "klingon"}, "^encoding must be a text codec .* not 'klingon'"),
        ({"encoding": 3}, "^encoding must be a text codec .* not 3"),
        ({"limit": -1}, "^limit must be 1 or more, not -1"),
        ({"limit": "5"}, "^limit must be a whole number, not '5'"),
    ):
        with pytest.raises(ConfigError, match=message):
            embedtool.read(path, **options)  # type: ignore[arg-type]
    with pytest.raises(EmbedtoolError):
        embedtool.read(tmp_path / LONG)


def test_vectors_that_do_not_fit_their_words_are_refused_when_they_are_made() -> None:
    words, matrix = ["a", "b"], np.eye(2, dtype=np.float32)
    for rows in (matrix[:1], np.eye(3, dtype=np.float32), matrix[0], matrix.tolist()):
        with pytest.raises(ValueError, match=r"^rows must be an array of shape \(2, vector_size\)"):
            WordVectors(words, rows)
    with pytest.raises(ValueError, match=r"^counts must be an array of shape \(2,\)"):
        WordVectors(words, matrix, np.array([1]))
    assert WordVectors(words, matrix, np.array([2, 1])).similarity("a", "b") == 0


def test_word_vectors_of_a_model_are_its_own_and_of_anything_else_a_type_error() -> None:
    table = random_vectors(5, 4)
    assert WordVectors.of(ModelRecord(table, {}))["w1"].tolist() == table.vector("w1").tolist()
    with pytest.raises(TypeError, match="expected a Model or its WordVectors, not dict"):
        WordVectors.of({"a": [1.0]})  # type: ignore[arg-type]


def test_the_options_of_a_text_are_a_text_config(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("a b\n")
    for wrong in ("latin-1", {"lowercase": True}, None):
        with pytest.raises(CorpusError, match=r"^text must be a TextConfig, not "):
            Corpus(tmp_path / "text", wrong)  # type: ignore[arg-type]
