"""The estimators: scikit-learn's rules, for every algorithm."""

import copy
import inspect
import pickle
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils.validation import check_is_fitted

import embedtool
from embedtool import Epoch
from embedtool.errors import ConfigError, CorpusError, ModelError, StoppedError, TrainingError
from embedtool.estimators import Estimator, FastText, Glove, Word2Vec
from embedtool.model import store
from embedtool.trainers import TRAINERS
from tests.contracts.small_trainings import SMALL, config, supported
from tests.factories import write

ESTIMATORS: dict[str, type[Estimator]] = {
    "word2vec": Word2Vec, "fasttext": FastText, "glove": Glove,
}  # fmt: skip
SENTENCES = [line.split() for line in ["the king rules the land", "the queen rules the sea"] * 60]
"""The sentences of the fixture `text`."""


def small(algorithm: str, **options: Any) -> Estimator:
    """Return an estimator that trains in a moment."""
    return ESTIMATORS[algorithm](**{**supported(algorithm, **SMALL), **options})


@pytest.fixture(params=TRAINERS)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_the_keywords_are_the_options_with_their_types_and_defaults(algorithm: str) -> None:
    expected = inspect.signature(TRAINERS[algorithm].config).parameters
    found = inspect.signature(ESTIMATORS[algorithm]).parameters
    assert found == expected
    assert {each.kind for each in found.values()} == {inspect.Parameter.KEYWORD_ONLY}
    assert all(name in str(ESTIMATORS[algorithm].__doc__) for name in found)
    with pytest.raises(TypeError, match="vectorsize"):
        ESTIMATORS[algorithm](vectorsize=3)  # type: ignore[call-arg]


def test_fit_returns_the_estimator_with_what_train_returns(algorithm: str, text: Path) -> None:
    estimator = small(algorithm)
    assert estimator.fit(SENTENCES) is estimator
    for trained in (estimator.model_, small(algorithm).fit(text).model_):
        expected = embedtool.train(config(algorithm), text)
        assert np.array_equal(trained.vectors.rows, expected.vectors.rows)
        assert trained.description["options"] == expected.description["options"]
    assert isinstance(estimator.wv, embedtool.WordVectors)
    assert estimator.wv["king"].shape == (12,)


def test_a_generator_gives_the_bytes_of_the_file(algorithm: str, tmp_path: Path) -> None:
    random = Random(1)
    words = ["\u00e9t\u00e9", "no\xa0break", *(f"w{i}" for i in range(50))]
    sentences = [random.choices(words, k=random.randrange(12)) for _ in range(900)]
    lines = [f"{' '.join(sentence)}\n" for sentence in sentences]
    text = write(tmp_path / "text.txt", "".join(lines))
    given = {"file": text, "generator": iter(sentences), "list": sentences}
    for name, each in given.items():
        small(algorithm, workers=2).fit(each).save(tmp_path / name)
    written = {(tmp_path / name / store.VECTORS).read_bytes() for name in given}
    assert len(written) == 1


def test_the_constructor_stores_and_fit_validates(algorithm: str) -> None:
    estimator = ESTIMATORS[algorithm](vector_size=-1)
    assert estimator.vector_size == -1
    with pytest.raises(ConfigError, match="vector_size must be 1 or more, not -1"):
        estimator.fit(SENTENCES)
    with pytest.raises(ValueError):
        estimator.fit(SENTENCES)


def test_parameters_are_read_changed_and_cloned(algorithm: str) -> None:
    estimator = small(algorithm, vector_size=7)
    names = [each.name for each in fields(TRAINERS[algorithm].config)]
    assert list(estimator.get_params()) == names
    assert estimator.set_params(vector_size=8, seed=5) is estimator
    copied = clone(estimator)
    assert copied is not estimator
    assert copied.get_params() == estimator.get_params()
    assert (copied.vector_size, copied.seed) == (8, 5)
    with pytest.raises(ConfigError, match="has no parameter 'vectorsize'; it has min_count, "):
        estimator.set_params(seed=6, vectorsize=3)
    assert estimator.seed == 5


def test_the_repr_has_what_is_not_the_default(algorithm: str) -> None:
    kind = ESTIMATORS[algorithm]
    assert repr(kind()) == f"{kind.__name__}()"
    assert repr(kind(window=3, vector_size=9)) == f"{kind.__name__}(vector_size=9, window=3)"


def test_nothing_is_there_before_fit(algorithm: str, tmp_path: Path) -> None:
    estimator = small(algorithm)
    said = f"this {ESTIMATORS[algorithm].__name__} is not fitted; call fit first"
    for use in ("wv", "model_"):
        with pytest.raises(NotFittedError, match=said):
            getattr(estimator, use)
        assert not hasattr(estimator, use)
    with pytest.raises(NotFittedError, match=said):
        estimator.save(tmp_path / "model")
    with pytest.raises(NotFittedError):
        check_is_fitted(estimator)
    check_is_fitted(estimator.fit(SENTENCES))
    assert not hasattr(clone(estimator), "wv")


def test_estimators_are_saved_pickled_and_compared_by_identity(
    algorithm: str, tmp_path: Path
) -> None:
    estimator = small(algorithm).fit(SENTENCES)
    estimator.save(tmp_path / "model")
    rows = estimator.wv.rows
    assert np.array_equal(embedtool.load(tmp_path / "model").vectors.rows, rows)
    for same in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        assert np.array_equal(same.wv.rows, rows)
        assert same != estimator
        assert len({same, estimator}) == 2


def test_a_fitted_estimator_is_the_start_of_another(algorithm: str) -> None:
    first = small(algorithm).fit(SENTENCES)
    more = [["the", "bishop", "rules"]] * 5
    vectors = [
        small(algorithm).fit(more, init=init, freeze=True).wv.rows for init in (first, first.model_)
    ]
    assert np.array_equal(*vectors)
    assert np.array_equal(
        small(algorithm).fit(more, init=first, freeze=True).wv["king"], first.wv["king"]
    )


def test_callbacks_see_each_epoch_and_change_nothing(algorithm: str) -> None:
    numbers, losses, rows = [], [], []

    def look(epoch: Epoch) -> None:
        numbers.append(epoch.number)
        losses.append(epoch.loss)
        rows.append(epoch.wv.rows)
        assert epoch.wv is epoch.wv
        assert list(epoch.wv.words) == ["the", "rules", "king", "land", "queen", "sea"]
        for table in (epoch.wv.rows, epoch.wv.output_matrix):
            if table is not None:
                copied = table.copy()
                table[:] = 7
                rows[-1] = copied if table is epoch.wv.rows else rows[-1]

    estimator = small(algorithm, epochs=3)
    expected = estimator.fit(SENTENCES).wv.rows
    assert np.array_equal(estimator.fit(SENTENCES, callbacks=[look]).wv.rows, expected)
    assert numbers == [1, 2, 3]
    assert losses == [each["loss"] for each in estimator.model_.description["training"]["epochs"]]
    assert np.array_equal(rows[2], expected)
    assert not np.array_equal(rows[0], rows[1])


def test_the_vectors_of_an_epoch_are_read_within_the_callback(algorithm: str) -> None:
    kept: list[Epoch] = []
    small(algorithm).fit(SENTENCES, callbacks=[kept.append, lambda epoch: epoch.loss])
    with pytest.raises(TrainingError, match="the vectors of epoch 1 are gone"):
        _ = kept[0].wv


def test_trainings_that_cannot_call_refuse_callbacks(tmp_path: Path) -> None:
    said = "callbacks are not for encoders, clusters and engine='gensim'; use report"
    with pytest.raises(ConfigError, match=said):
        embedtool.train(config("glove"), SENTENCES, cluster="none", callbacks=[print])
    pytest.importorskip("gensim")
    with pytest.raises(ConfigError, match=said):
        Word2Vec(engine="gensim").fit(SENTENCES, callbacks=[print])


def test_a_start_that_is_no_model_is_refused(algorithm: str) -> None:
    first = small(algorithm).fit(SENTENCES)
    with pytest.raises(ConfigError, match="init must be a model or the path of one, not WordVect"):
        small(algorithm).fit(SENTENCES, init=first.wv)  # type: ignore[arg-type]


@pytest.mark.parametrize("callbacks", [print, [print, None], (each for each in [print])])
def test_callbacks_that_are_no_list_of_functions_are_refused_at_once(callbacks: Any) -> None:
    with pytest.raises(ConfigError, match="callbacks must be a list of functions"):
        Word2Vec().fit(SENTENCES, callbacks=callbacks)


def interrupt(algorithm: str, model: Path, **options: Any) -> None:
    """Interrupt a training of three epochs in the second one, after a checkpoint."""

    def stop(epoch: Epoch) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError, match="interrupted; resume with: "):
        small(algorithm, epochs=3).fit(
            SENTENCES, callbacks=[stop], resumable=model, checkpoint_every="1-epoch", **options
        )


def test_loading_the_model_of_an_interrupted_training_says_how_to_resume_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "model"
    interrupt("word2vec", path)
    expected = f"{path}: no such model; resume its training with: embedtool.resume({str(path)!r})"
    with pytest.raises(ModelError, match=f"^{re.escape(expected)}$"):
        embedtool.load(path)


def test_the_same_fit_continues_an_interrupted_one(algorithm: str, tmp_path: Path) -> None:
    interrupt(algorithm, tmp_path / "model")
    epochs: list[Epoch] = []
    again = small(algorithm, epochs=3, workers=2).fit(
        (tuple(each) for each in SENTENCES), callbacks=[epochs.append],
        resumable=tmp_path / "model",
    )  # fmt: skip
    assert [each.number for each in epochs] == [2, 3]
    expected = small(algorithm, epochs=3).fit(SENTENCES).wv.rows
    assert np.array_equal(again.wv.rows, expected)
    assert np.array_equal(embedtool.load(tmp_path / "model").vectors.rows, expected)
    with pytest.raises(ModelError, match="already exists; use overwrite=True or another name"):
        again.fit(SENTENCES, resumable=tmp_path / "model")


def test_another_fit_does_not_continue_it(algorithm: str, tmp_path: Path) -> None:
    path = tmp_path / "model"
    interrupt(algorithm, path)
    begins = f"{re.escape(str(path))}: has an interrupted training "
    ends = "; give the same, or start over with overwrite=True"
    estimator = small(algorithm, epochs=3)
    with pytest.raises(ModelError, match=f"{begins}with window=[0-9]+, not 2{ends}"):
        small(algorithm, epochs=3, window=2).fit(SENTENCES, resumable=path)
    with pytest.raises(ModelError, match=f"{begins}on other sentences{ends}"):
        estimator.fit(SENTENCES[1:], resumable=path)
    other = small(algorithm).fit(SENTENCES)
    with pytest.raises(ModelError, match=f"{begins}with another init{ends}"):
        estimator.fit(SENTENCES, resumable=path, init=other)
    expected = estimator.fit(SENTENCES, init=other).wv.rows
    started = estimator.fit(SENTENCES, resumable=path, init=other, overwrite=True).wv.rows
    assert np.array_equal(started, expected)


def test_a_fit_from_another_model_continues_from_the_same(algorithm: str, tmp_path: Path) -> None:
    first = small(algorithm).fit(SENTENCES)
    first.save(tmp_path / "first")
    interrupt(algorithm, tmp_path / "model", init=first)
    again = small(algorithm, epochs=3).fit(
        SENTENCES, resumable=tmp_path / "model", init=tmp_path / "first"
    )
    expected = small(algorithm, epochs=3).fit(SENTENCES, init=first).wv.rows
    assert np.array_equal(again.wv.rows, expected)


def test_another_algorithm_does_not_continue_it(tmp_path: Path) -> None:
    interrupt("word2vec", tmp_path / "model")
    with pytest.raises(ModelError, match="training with algorithm='word2vec', not 'fasttext'"):
        small("fasttext").fit(SENTENCES, resumable=tmp_path / "model")


def test_what_only_a_resumable_training_has_is_refused() -> None:
    for options in ({"overwrite": True}, {"checkpoint_every": "5m"}):
        with pytest.raises(ConfigError, match="overwrite and checkpoint_every need resumable"):
            Glove().fit(SENTENCES, **options)


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (["the king", "the queen"], "the king: no such file or folder"),
        ("the king rules", "the king rules: no such file or folder"),
        (iter(["the king"]), "the king: no such file or folder"),
        (["the king " * 99], f"{('the king ' * 99)[:80]} ... "),
        ([b"a"], "a corpus is the names of files, or lists of tokens, not bytes"),
    ],
)
def test_strings_are_no_sentences(sentences: Any, said: str) -> None:
    with pytest.raises(CorpusError) as refused:
        Glove().fit(sentences)
    assert str(refused.value).startswith(said)
    assert str(refused.value).endswith("; to train on sentences, give lists of tokens")
    assert len(str(refused.value)) < 250


def test_the_tools_of_scikit_learn_work(algorithm: str) -> None:
    search = GridSearchCV(
        small(algorithm, epochs=1), {"vector_size": [3, 4]}, cv=2,
        scoring=lambda estimator, sentences, _=None: estimator.wv.vector_size,
    )  # fmt: skip
    assert search.fit(SENTENCES).best_estimator_.wv.vector_size == 4
    pipeline = make_pipeline(small(algorithm)).set_params(**{f"{algorithm}__vector_size": 3})
    assert clone(pipeline).fit(SENTENCES)[-1].wv.vector_size == 3


def test_a_class_of_ones_own_trains_too() -> None:
    class Small(Word2Vec):
        pass

    assert Small(vector_size=3, min_count=1).fit(SENTENCES).wv.vector_size == 3
    assert str(Small.__doc__).startswith("Small\n\nParameters")


def test_training_imports_no_scikit_learn(text: Path) -> None:
    code = (
        f"import sys, embedtool; embedtool.Glove(vector_size=2, epochs=1).fit({str(text)!r}); "
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert "sklearn" not in done.stdout.split()


@pytest.mark.parametrize(
    "gensims, here",
    [("alpha", "learning_rate"), ("iter", "epochs"), ("sg", "mode"), ("size", "vector_size")],
)
def test_a_name_of_gensim_is_refused_with_that_of_embedtool(gensims: str, here: str) -> None:
    message = f"Word2Vec has no parameter {gensims!r}; use {here}"
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        Word2Vec(**{gensims: 1})
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        Word2Vec().set_params(**{gensims: 1})


def test_a_name_that_an_estimator_lacks_is_refused_with_those_it_has() -> None:
    with pytest.raises(TypeError, match="Glove has no parameter 'sg'; it has min_count, "):
        Glove(sg=1)  # type: ignore[call-arg]


def test_sentences_given_to_the_constructor_are_refused_with_the_call_that_takes_them() -> None:
    with pytest.raises(TypeError, match=re.escape("Word2Vec(vector_size=100).fit(sentences)")):
        Word2Vec(SENTENCES)  # type: ignore[call-arg]
