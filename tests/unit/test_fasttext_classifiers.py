"""Classifiers of FastText, plain and quantized, opened for their word vectors."""

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

import embedtool
from embedtool import formats
from embedtool.config.training import FastTextConfig
from embedtool.errors import ConfigError, FormatError
from embedtool.formats import checking, fasttext_bin
from embedtool.formats.fasttext_parts import (
    Parts,
    Wanted,
    parse_header,
    parse_matrices,
    parse_vocabulary,
)
from embedtool.formats.fasttext_stream import Stream
from embedtool.formats.options import ReadOptions
from embedtool.model import store
from embedtool.trainers.warm_start import WarmStart
from tests.conftest import Run

Model = fasttext.FastText._FastText
NEW_WORDS = ["wort", "wort12x", "größer", "日本", "x", "zzzzqq"]


def text_of(folder: Path, n_words: int = 300) -> Path:
    """Lines of two labels, with words that share n-grams."""
    rng = np.random.default_rng(3)
    lines = []
    for i in range(600):
        ids = rng.integers(0, n_words, 6)
        words = [f"wort{word}ö" if word % 3 else f"größe{word}" for word in ids]
        lines.append(f"__label__{'ab'[i % 2]} {' '.join(words)}\n")
    (folder / "text").write_text("".join(lines))
    return folder / "text"


def classifier(folder: Path, quantize: dict[str, Any] | None = None, **options: Any) -> Model:
    """A trained classifier, saved as m.bin, or as m.ftz if it is quantized."""
    text = text_of(folder)
    chosen = {"dim": 7, "bucket": 400, "minCount": 1, "epoch": 1, "verbose": 0, "thread": 1}
    model = fasttext.train_supervised(str(text), **(chosen | options))
    if quantize is not None:
        retrain = {"input": str(text), "verbose": 0} if quantize.get("retrain") else {}
        model.quantize(**(retrain | quantize))
    model.save_model(str(path_of(folder, quantize)))
    return fasttext.load_model(str(path_of(folder, quantize)))


def path_of(folder: Path, quantize: dict[str, Any] | None) -> Path:
    return folder / ("m.bin" if quantize is None else "m.ftz")


def vector_of_fasttext(model: Model, word: str) -> np.ndarray:
    """A word's vector before the binding scales it to length 1."""
    _, ids = model.get_subwords(word)
    if not len(ids):
        return np.zeros(model.get_dimension(), np.float32)
    vector = np.mean([model.get_input_vector(i) for i in ids], axis=0)
    unit = vector / max(float(np.linalg.norm(vector)), 1e-30)
    np.testing.assert_allclose(model.get_word_vector(word), unit, atol=1e-5)
    return np.asarray(vector)


def assert_same_vectors(theirs: Model, ours: Any) -> None:
    assert list(ours.words) == theirs.words
    for word in theirs.words:
        expected = vector_of_fasttext(theirs, word)
        np.testing.assert_allclose(ours.vector(word), expected, atol=1e-6, rtol=1e-6)
    for word in NEW_WORDS:
        found = ours.from_subwords(word)
        expected = vector_of_fasttext(theirs, word)
        if found is None:
            assert not expected.any()
        else:
            np.testing.assert_allclose(found, expected, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax", "ova"])
@pytest.mark.parametrize("options", [
    {}, {"minn": 2, "maxn": 4}, {"wordNgrams": 2}, {"wordNgrams": 2, "minn": 3, "maxn": 5},
])  # fmt: skip
def test_word_vectors_of_a_classifier_are_those_of_fasttext(
    loss: str, options: dict[str, Any], tmp_path: Path
) -> None:
    theirs = classifier(tmp_path, loss=loss, **options)
    ours, name = formats.read(tmp_path / "m.bin")
    assert name == "fasttext-bin"
    assert_same_vectors(theirs, ours)
    assert ours.output_matrix is None
    assert (ours.subwords is None) == ("maxn" not in options)


@pytest.mark.parametrize("quantize", [
    {}, {"qnorm": True}, {"qnorm": True, "dsub": 3}, {"dsub": 9}, {"cutoff": 350},
    {"cutoff": 350, "qnorm": True, "retrain": True}, {"cutoff": 280},
])  # fmt: skip
@pytest.mark.parametrize("options", [
    {}, {"minn": 2, "maxn": 4}, {"minn": 3, "maxn": 5, "wordNgrams": 2},
])  # fmt: skip
def test_word_vectors_of_a_quantized_classifier_are_those_of_fasttext(
    quantize: dict[str, Any], options: dict[str, Any], tmp_path: Path, run: Run
) -> None:
    """The model of the folder answers as fastText does, for known and for new words."""
    theirs = classifier(tmp_path, quantize, **options)
    ours, _ = formats.read(tmp_path / "m.ftz")
    assert_same_vectors(theirs, ours)
    assert run("import", tmp_path / "m.ftz", tmp_path / "model").exit_code == 0
    assert_same_vectors(theirs, store.load(tmp_path / "model").vectors)


def test_a_quantized_output_layer(tmp_path: Path) -> None:
    rng = np.random.default_rng(4)
    lines = [f"__label__{i % 260} wort{i % 300} wort{rng.integers(300)}\n" for i in range(3000)]
    (tmp_path / "text").write_text("".join(lines))
    theirs = fasttext.train_supervised(
        str(tmp_path / "text"), dim=6, bucket=300, minCount=1, epoch=1, minn=2, maxn=3, verbose=0,
        thread=1,
    )  # fmt: skip
    theirs.quantize(qout=True, qnorm=True)
    theirs.save_model(str(tmp_path / "m.ftz"))
    parts = parsed((tmp_path / "m.ftz").read_bytes())
    assert parts.quantized_outputs is not None
    assert parts.quantized_outputs.shape == (260, 6)
    assert parts.outputs is None
    assert_same_vectors(fasttext.load_model(str(tmp_path / "m.ftz")),
                        formats.read(tmp_path / "m.ftz")[0])  # fmt: skip


def parsed(data: bytes) -> Parts:
    """All parts of a file; a fault is an error."""

    def fault(kind: str, location: object, detail: str) -> None:
        raise FormatError(f"{kind} {location}: {detail}")

    stream = Stream(io.BytesIO(data), "m", fault)
    parts = parse_header(stream)
    assert parse_vocabulary(stream, parts)
    parse_matrices(stream, parts, Wanted(), ReadOptions())
    return parts


def test_all_parts_of_a_classifier_are_there(tmp_path: Path) -> None:
    """What a text classifier needs: labels, counts, and both layers."""
    theirs = classifier(tmp_path, minn=2, maxn=3)
    parts = parsed((tmp_path / "m.bin").read_bytes())
    labels, counts = theirs.get_labels(include_freq=True)
    assert [label.decode() for label in parts.labels] == labels
    assert parts.label_counts == list(counts)
    assert parts.outputs is not None
    assert np.array_equal(parts.outputs, theirs.get_output_matrix())
    assert np.array_equal(parts.word_rows, theirs.get_input_matrix()[: parts.n_words])


def test_the_rows_of_a_quantized_matrix_are_those_of_fasttext(tmp_path: Path) -> None:
    theirs = classifier(tmp_path, {"cutoff": 350, "qnorm": True}, minn=2, maxn=3)
    inputs = parsed((tmp_path / "m.ftz").read_bytes()).quantized_inputs
    assert inputs is not None
    rows = [theirs.get_input_vector(i) for i in range(len(inputs))]
    np.testing.assert_allclose(inputs[slice(None)], rows, atol=1e-7)


def test_a_classifier_of_version_11_has_no_ngrams(tmp_path: Path) -> None:
    classifier(tmp_path, minn=2, maxn=3)
    data = bytearray((tmp_path / "m.bin").read_bytes())
    data[4] = 11
    (tmp_path / "m.bin").write_bytes(data)
    theirs = fasttext.load_model(str(tmp_path / "m.bin"))
    ours, _ = formats.read(tmp_path / "m.bin")
    assert ours.subwords is None
    assert_same_vectors(theirs, ours)


def test_info_tells_what_the_classifier_was(tmp_path: Path, run: Run) -> None:
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    assert run("import", tmp_path / "m.ftz", tmp_path / "model").exit_code == 0
    shown = run("info", tmp_path / "model").stdout
    rows = {tuple(line.split(maxsplit=2)) for line in shown.splitlines()}
    assert {("classifier", "labels", "2"), ("classifier", "quantized", "yes")} <= rows
    assert ("classifier", "pruned", "yes") in rows
    assert "__label__a" in shown
    assert ("options", "loss", "softmax") in rows
    assert store.describe(tmp_path / "model")["subwords"]["pruned"] is True


def test_a_classifier_cannot_be_exported_as_a_model_of_fasttext(tmp_path: Path, run: Run) -> None:
    classifier(tmp_path, minn=2, maxn=3)
    assert run("import", tmp_path / "m.bin", tmp_path / "model").exit_code == 0
    result = run("export", tmp_path / "model", tmp_path / "again.bin")
    assert result.exit_code == 1
    assert "comes from a classifier, of which only the word vectors are kept" in result.stderr
    assert not (tmp_path / "again.bin").exists()
    assert run("export", tmp_path / "model", tmp_path / "v.vec").exit_code == 0


@pytest.mark.parametrize("name", ["finalfusion", "fasttext-bin"])
def test_pruned_ngrams_are_not_written_where_they_would_count(name: str, tmp_path: Path) -> None:
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    ours, _ = formats.read(tmp_path / "m.ftz")
    with pytest.raises(FormatError, match="cannot hold n-grams of which some were pruned"):
        formats.write(ours, tmp_path / "again", name)
    assert not (tmp_path / "again").exists()


def test_pruned_ngrams_are_no_start_of_a_training(tmp_path: Path) -> None:
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    ours, _ = formats.read(tmp_path / "m.ftz")
    config = FastTextConfig(vector_size=7, min_n=2, max_n=3, bucket=400)
    with pytest.raises(ConfigError, match="init has n-grams that were pruned"):
        WarmStart(ours).check(config)


def test_pruned_ngrams_cannot_become_those_of_gensim(tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    with pytest.raises(FormatError, match="pruned, which gensim cannot represent"):
        embedtool.read(tmp_path / "m.ftz").to_gensim()


def test_gensims_names_refuse_a_classifier(tmp_path: Path) -> None:
    from embedtool.gensim.models.fasttext import load_facebook_model, load_facebook_vectors

    classifier(tmp_path)
    for load in (load_facebook_model, load_facebook_vectors):
        with pytest.raises(FormatError, match="a classifier"):
            load(tmp_path / "m.bin")


class Forward(io.RawIOBase):
    """A stream that gives a few bytes at a time, and cannot seek."""

    def __init__(self, data: bytes, step: int) -> None:
        self._data, self._step, self._at = data, step, 0

    def read(self, n: int = -1) -> bytes:
        found = self._data[self._at : self._at + min(n, self._step)]
        self._at += len(found)
        return found

    @property
    def n_read(self) -> int:
        return self._at


@pytest.mark.parametrize("quantize", [None, {"cutoff": 350, "qnorm": True}])
@pytest.mark.parametrize("step", [7, 1000])
def test_a_pipe_is_enough(quantize: dict[str, Any] | None, step: int, tmp_path: Path) -> None:
    classifier(tmp_path, quantize, minn=2, maxn=3)
    path = path_of(tmp_path, quantize)
    whole, _ = formats.read(path)
    stream: Any = Forward(path.read_bytes(), step)
    piped = fasttext_bin.read_stream(stream, "-", ReadOptions())[0]
    assert list(piped.words) == list(whole.words)
    assert np.array_equal(piped.rows, whole.rows)


def test_a_compressed_classifier_says_the_same_as_a_plain_one(tmp_path: Path, run: Run) -> None:
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    with gzip.open(tmp_path / "m.ftz.gz", "wb") as file:
        file.write((tmp_path / "m.ftz").read_bytes())
    for name in ("m.ftz", "m.ftz.gz"):
        assert run("import", tmp_path / name, tmp_path / f"{name}.model").exit_code == 0
    plain, packed = (store.load(tmp_path / f"{name}.model") for name in ("m.ftz", "m.ftz.gz"))
    assert plain.description["classifier"]["labels"] == 2
    assert packed.description["classifier"] == plain.description["classifier"]
    assert np.array_equal(packed.vectors.rows, plain.vectors.rows)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_limit_leaves_the_output_layer_of_other_words_unread(loss: str, tmp_path: Path) -> None:
    theirs = fasttext.train_unsupervised(
        str(text_of(tmp_path, 3000)), dim=100, bucket=300, minCount=1, epoch=1, loss=loss,
        verbose=0, thread=1,
    )  # fmt: skip
    theirs.save_model(str(tmp_path / "m.bin"))
    data = (tmp_path / "m.bin").read_bytes()
    stream: Any = Forward(data, 2**12)
    ours = fasttext_bin.read_stream(stream, "-", ReadOptions(limit=20))[0]
    assert list(ours.words) == theirs.words[:20]
    assert stream.n_read < len(data) - 2000 * 400
    whole, _ = formats.read(tmp_path / "m.bin")
    assert np.array_equal(ours.rows, whole.rows[:20])
    np.testing.assert_array_equal(ours.vector("neuewort"), whole.vector("neuewort"))
    assert (ours.output_matrix is None) == (loss == "hs")
    if ours.output_matrix is not None and whole.output_matrix is not None:
        assert np.array_equal(ours.output_matrix, whole.output_matrix[:20])


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], bytes]:
    """A classifier's file of a few kilobytes, or a quantized one."""
    found: dict[bool, bytes] = {}
    for is_quantized in (False, True):
        folder = tmp_path_factory.mktemp("small")
        quantize = {"cutoff": 300, "qnorm": True} if is_quantized else None
        classifier(folder, quantize, dim=2, minn=2, maxn=2, bucket=60)
        found[is_quantized] = path_of(folder, quantize).read_bytes()
    return found.__getitem__


@pytest.mark.parametrize("is_quantized", [False, True])
def test_a_cut_at_any_byte_is_an_error(is_quantized: bool, small: Callable[[bool], bytes]) -> None:
    data = small(is_quantized)
    step = max(1, len(data) // 700)
    for end in [*range(0, len(data) - 60, step), *range(len(data) - 60, len(data))]:
        with pytest.raises(FormatError):
            fasttext_bin.read_stream(io.BytesIO(data[:end]), "m", ReadOptions())


@pytest.mark.parametrize("is_quantized", [False, True])
def test_a_flipped_byte_is_an_error_or_another_model(
    is_quantized: bool, small: Callable[[bool], bytes]
) -> None:
    """No other exception, and no size of a header that is believed."""
    data = small(is_quantized)
    n_loaded = 0
    for at in [*range(100), *range(100, len(data), 29)]:
        damaged = bytearray(data)
        damaged[at] ^= 0xFF
        try:
            fasttext_bin.read_stream(io.BytesIO(damaged), "m", ReadOptions())
            n_loaded += 1
        except FormatError:
            pass
    assert n_loaded


def test_a_damaged_index_of_pruning_is_an_error(tmp_path: Path) -> None:
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    data = bytearray((tmp_path / "m.ftz").read_bytes())
    parts = parsed(bytes(data))
    assert parts.pruned is not None
    start = data.index(parts.pruned.astype("<i4").tobytes())
    data[start : start + 8] = data[start + 8 : start + 16]
    with pytest.raises(FormatError, match="damaged: the index of pruning"):
        parsed(bytes(data))


def test_a_classifier_without_faults_has_no_findings(tmp_path: Path) -> None:
    classifier(tmp_path, {"cutoff": 350}, minn=2, maxn=3)
    findings = checking.check(tmp_path / "m.ftz")
    assert not findings.errors
    assert findings.n_kept == findings.n_rows > 100
