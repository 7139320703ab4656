"""FastText's .bin where it is odd: n-grams from length 0, `</s>`, big tables, odd options."""

import re
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import fasttext
import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats import checking
from embedtool.formats.fasttext_header import ARGUMENTS, SIZES, START
from embedtool.formats.fasttext_parts import SHAPE
from embedtool.formats.options import ReadOptions
from embedtool.model import store
from embedtool.model.subwords import ngram_hash, ngrams
from tests.conftest import Run
from tests.factories import subword_vectors


def mean_of_rows(model: fasttext.FastText._FastText, word: str) -> np.ndarray:
    """What fastText calls a word's vector, before it is scaled to length 1."""
    _, ids = model.get_subwords(word)
    return np.mean([model.get_input_vector(i) for i in ids], axis=0)


@pytest.mark.parametrize(("minn", "maxn"), [(0, 3), (1, 2), (2, 2)])
def test_short_ngrams_are_those_of_fasttext(minn: int, maxn: int, tmp_path: Path) -> None:
    """Even where fastText is asked for n-grams from no character on, it has no empty ones."""
    (tmp_path / "text").write_text("the king rules the größe\nthe queen rules a sea\n" * 30)
    theirs = fasttext.train_unsupervised(
        str(tmp_path / "text"), dim=8, bucket=500, minCount=1, epoch=1, minn=minn, maxn=maxn,
        verbose=0, thread=1,
    )  # fmt: skip
    theirs.save_model(str(tmp_path / "m.bin"))
    ours, _ = formats.read(tmp_path / "m.bin")
    for word in [*theirs.words, "kings", "größer", "x"]:
        np.testing.assert_allclose(ours.vector(word), mean_of_rows(theirs, word), atol=1e-7)


def test_the_end_of_a_sentence_has_the_same_vector_in_fasttext(tmp_path: Path) -> None:
    """fastText takes its row alone, so that the row written must be the vector."""
    ours = subword_vectors(["king", "</s>"], 4, 50)
    formats.write(ours, tmp_path / "m.bin")
    theirs = fasttext.load_model(str(tmp_path / "m.bin"))
    again, _ = formats.read(tmp_path / "m.bin")
    for word in ours.words:
        np.testing.assert_allclose(mean_of_rows(theirs, word), ours.vector(word), atol=1e-6)
        np.testing.assert_allclose(again.vector(word), ours.vector(word), atol=1e-6)


def test_a_file_of_before_the_magic_is_read(tmp_path: Path) -> None:
    """It has neither magic and version, nor the size of the pruning index, nor `quantized`."""
    ours = subword_vectors(["king", "queen"], 4, 50, counts=np.array([3, 2]))
    options = {"min_n": 3, "max_n": 4, "window": 3}
    formats.write(replace(ours, output_matrix=ours.rows), tmp_path / "new.bin", None, options)
    data = bytearray((tmp_path / "new.bin").read_bytes())
    outputs = len(data) - ours.rows.nbytes - SHAPE.size - 1
    inputs = outputs - (2 + 50) * 16 - SHAPE.size - 1
    pruning = START.size + ARGUMENTS.size + SIZES.size - 8
    del data[outputs], data[inputs], data[pruning : pruning + 8], data[: START.size]
    (tmp_path / "old.bin").write_bytes(data)
    old, new = (formats.read(tmp_path / name, "fasttext-bin")[0] for name in ("old.bin", "new.bin"))
    for word in ["king", "queen", "kings"]:
        np.testing.assert_array_equal(old.vector(word), new.vector(word))
    assert formats.describe(tmp_path / "old.bin", "fasttext-bin")["options"]["window"] == 3
    (tmp_path / "old.bin").write_bytes(data[:-1])
    with pytest.raises(FormatError, match="cut short"):
        formats.read(tmp_path / "old.bin", "fasttext-bin")


def test_buckets_of_zeros_take_no_memory(tmp_path: Path) -> None:
    bucket, size = 100_000, 50
    formats.write(subword_vectors(["king", "queen"], size, bucket), tmp_path / "m.bin")
    tracemalloc.start()
    vectors, _ = formats.read(tmp_path / "m.bin")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert vectors.subwords is not None
    assert len(vectors.subwords.ngram_rows) < 20
    assert kept < 4 * bucket * size / 4


def test_an_option_beyond_the_header_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="an option of the model does not fit the header"):
        formats.write(subword_vectors(["king"], 4, 50), tmp_path / "m.bin", None, {"window": 2**40})
    assert list(tmp_path.iterdir()) == []


def trained(folder: Path, text: bytes, **options: object) -> fasttext.FastText._FastText:
    """What fastText makes of a text, saved as m.bin."""
    (folder / "text").write_bytes(text)
    chosen = {"dim": 8, "bucket": 500, "minCount": 1, "epoch": 1, "verbose": 0, "thread": 1}
    theirs = fasttext.train_unsupervised(str(folder / "text"), **(chosen | options))
    theirs.save_model(str(folder / "m.bin"))
    return theirs


TEXT = "the king rules the größe\nthe queen rules a sea\n".encode() * 30


@pytest.mark.parametrize("loss", ["ns", "hs", "softmax", "ova"])
@pytest.mark.parametrize("model", ["cbow", "skipgram"])
@pytest.mark.parametrize("options", [
    {}, {"epoch": 3, "minCount": 40, "ws": 2, "neg": 7, "t": 0.01, "lrUpdateRate": 50},
    {"minn": 0, "maxn": 3}, {"minn": 0, "maxn": 0}, {"minn": 2, "maxn": 2, "wordNgrams": 2},
])  # fmt: skip
def test_a_file_of_fasttext_comes_back_byte_for_byte(
    loss: str, model: str, options: dict[str, object], tmp_path: Path, run: Run
) -> None:
    """Its options stand in the model's description, and what the output layer is of."""
    theirs = trained(tmp_path, TEXT, loss=loss, model=model, **options)
    assert run("import", tmp_path / "m.bin", tmp_path / "model").exit_code == 0
    imported = store.load(tmp_path / "model")
    assert imported.description["options"]["epochs"] == theirs.epoch
    assert imported.description["options"]["min_count"] == theirs.minCount
    assert imported.description["options"]["mode"] == model
    assert imported.vectors.output_rows == ("inner-nodes" if loss == "hs" else "words")
    result = run("export", tmp_path / "model", tmp_path / "again.bin")
    assert result.exit_code == 0
    assert "Warning" not in result.stderr
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "m.bin").read_bytes()


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_the_header_of_an_export_tells_how_the_model_was_trained(
    loss: str, mode: str, text: Path, tmp_path: Path, run: Run
) -> None:
    """A copy that is compressed or transformed tells the same; its sizes are its own."""
    train = ["--loss", loss, "--mode", mode, "--epochs", 1, "--min-count", 5, "--vector-size", 8,
             "--bucket", 500, "--window", 3, "--negative", 7, "--sample", 0.01, "--min-n", 2,
             "--max-n", 4]  # fmt: skip
    assert run("train", "fasttext", text, "-o", tmp_path / "m", *train).exit_code == 0
    small = ["--dimensions", 4]
    assert run("compress", tmp_path / "m", tmp_path / "c", *small, "--no-report").exit_code == 0
    assert run("transform", tmp_path / "m", tmp_path / "t", "--center").exit_code == 0
    for name, size in {"m": 8, "c": 4, "t": 8}.items():
        assert run("export", tmp_path / name, tmp_path / f"{name}.bin").exit_code == 0
        theirs = fasttext.load_model(str(tmp_path / f"{name}.bin")).f.getArgs()
        assert theirs.model.name == {"cbow": "cbow", "skipgram": "skipgram"}[mode]
        assert theirs.loss.name == {"n": "ns", "h": "hs"}[loss[0]]
        found = (theirs.dim, theirs.epoch, theirs.minCount, theirs.ws, theirs.neg, theirs.t)
        assert found == (size, 1, 5, 3, 7, 0.01)
        assert (theirs.minn, theirs.maxn, theirs.bucket, theirs.wordNgrams) == (2, 4, 500, 1)


def test_where_no_options_are_known_the_header_has_defaults_and_a_warning_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    formats.write(subword_vectors(["king"], 4, 50), tmp_path / "m.bin")
    assert "the options of the training are not known; the header has fastText's" in caplog.text
    theirs = fasttext.load_model(str(tmp_path / "m.bin")).f.getArgs()
    assert (theirs.epoch, theirs.minCount, theirs.ws, theirs.lrUpdateRate) == (5, 5, 5, 100)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_labels_in_the_text_of_an_unsupervised_model_are_left_out(
    loss: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = trained(tmp_path, b"__label__a " + TEXT + b"__label__b the king\n", loss=loss)
    ours, _ = formats.read(tmp_path / "m.bin")
    assert "2 labels have no vectors and are left out" in caplog.text
    assert list(ours.words) == theirs.words
    assert not [word for word in ours.words if word.startswith("__label__")]
    for word in [*theirs.words, "kings"]:
        np.testing.assert_allclose(ours.vector(word), mean_of_rows(theirs, word), atol=1e-7)


def test_one_label_is_reported_in_the_singular(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trained(tmp_path, b"__label__a " + TEXT)
    formats.read(tmp_path / "m.bin")
    assert "1 label has no vector and is left out" in caplog.text


def test_version_11_is_read_as_version_12(tmp_path: Path) -> None:
    theirs = trained(tmp_path, TEXT)
    data = bytearray((tmp_path / "m.bin").read_bytes())
    data[4] = 11
    (tmp_path / "m.bin").write_bytes(data)
    ours, name = formats.read(tmp_path / "m.bin")
    assert name == "fasttext-bin"
    np.testing.assert_allclose(ours.vector("king"), mean_of_rows(theirs, "king"), atol=1e-7)


ODD = [b"w\xff\xfe", b"w\xfe\xff", b"\xc3", b"x\x80\x80y"]


@pytest.mark.parametrize("loss", ["ns", "hs"])
@pytest.mark.parametrize("errors", ["replace", "backslashreplace", "ignore"])
def test_words_that_are_not_utf8_have_the_vectors_of_their_bytes(
    errors: Any, loss: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Words that become alike, or empty, are left out; the n-grams of the others are of bytes."""
    words = [*ODD, b"king", b"queen"]
    with_odd = b"".join(b" ".join(words) + b"\n" for _ in range(20))
    trained(tmp_path, with_odd, loss=loss)
    with pytest.raises(FormatError, match="the word is not UTF-8"):
        formats.read(tmp_path / "m.bin")
    ours, _ = formats.read(tmp_path / "m.bin", None, ReadOptions(encoding_errors=errors))
    firsts = {word.decode("utf-8", errors): word for word in reversed(words)}
    firsts.pop("", None)
    assert set(ours.words) == set(firsts) | {"</s>"}
    n_twins = len(words) - (errors == "ignore") - len(firsts)
    reported = re.findall(r"(\d+) words? occurs? twice; the first is kept", caplog.text)
    assert reported == ([str(n_twins)] if n_twins else [])
    assert ("a word is empty and is left out" in caplog.text) == (errors == "ignore")
    assert (
        ours.output_matrix is None if loss == "hs" and n_twins else ours.output_matrix is not None
    )
    subwords = ours.subwords
    assert subwords is not None
    for word, raw in firsts.items():
        own = subwords.word_rows[list(ours.words).index(word)]
        hashes = [ngram_hash(g) % 500 for g in grams_of_fasttext(raw, 3, 6)]
        rows = subwords.ngram_rows[np.searchsorted(subwords.buckets, hashes)]
        np.testing.assert_allclose(
            ours.vector(word), np.vstack([own[None], rows]).mean(axis=0), atol=1e-6
        )


def grams_of_fasttext(word: bytes, minn: int, maxn: int) -> list[bytes]:
    """Dictionary::computeSubwords, line by line."""
    word, found = b"<" + word + b">", []
    for i in range(len(word)):
        if word[i] & 0xC0 == 0x80:
            continue
        gram, j, n = b"", i, 1
        while j < len(word) and n <= maxn:
            gram, j = gram + word[j : j + 1], j + 1
            while j < len(word) and word[j] & 0xC0 == 0x80:
                gram, j = gram + word[j : j + 1], j + 1
            if n >= minn and not (n == 1 and (i == 0 or j == len(word))):
                found.append(gram)
            n += 1
    return found


@pytest.mark.parametrize("word", [*ODD, "größe".encode(), b"", b"\x80", "日本語".encode(), b"a"])
@pytest.mark.parametrize(("minn", "maxn"), [(1, 3), (3, 6), (2, 2), (4, 3), (0, 2)])
def test_ngrams_of_bytes_are_those_of_fasttext(word: bytes, minn: int, maxn: int) -> None:
    assert ngrams(word, minn, maxn) == grams_of_fasttext(word, max(minn, 1), maxn)


@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_an_empty_word_is_left_out(
    loss: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = trained(tmp_path, TEXT, loss=loss)
    data = (tmp_path / "m.bin").read_bytes()
    (tmp_path / "m.bin").write_bytes(data.replace(b"king\0", b"\0", 1))
    ours, _ = formats.read(tmp_path / "m.bin")
    assert list(ours.words) == [word for word in theirs.words if word != "king"]
    assert "a word is empty and is left out" in caplog.text
    np.testing.assert_allclose(ours.vector("sea"), mean_of_rows(theirs, "sea"), atol=1e-7)
    if loss == "hs":
        assert ours.output_matrix is None
    else:
        row = theirs.words.index("sea")
        outputs = theirs.get_output_matrix()
        assert ours.output_matrix is not None
        assert np.array_equal(ours.output_matrix[ours.words.index("sea")], outputs[row])


@pytest.mark.parametrize(
    ("damage", "kinds", "lost"),
    [
        ("none", [], set()),
        ("output cut", ["cut"], set()),
        ("n-grams cut", ["cut"], set()),
        ("words cut", ["cut"], {"all but three"}),
        ("NaN in a word", ["nonfinite"], {"king"}),
        ("NaN in an n-gram", ["nonfinite"], set()),
        ("infinity in the output", ["nonfinite"], set()),
        ("an empty word", ["missing"], {"king"}),
        ("a word twice", ["duplicate"], {"king"}),
        ("not UTF-8", ["encoding"], {"king"}),
        ("more bytes", ["stray"], set()),
    ],
)
@pytest.mark.parametrize("loss", ["ns", "hs"])
def test_a_repair_saves_the_good_words_of_a_damaged_file(
    damage: str, kinds: list[str], lost: set[str], loss: str, tmp_path: Path, run: Run
) -> None:
    """fastText opens what is written, and answers with the old vectors of words and n-grams."""
    theirs = trained(tmp_path, b"the king rules the land\na queen rules a sea\n" * 30, loss=loss)
    words, path = theirs.words, tmp_path / "m.bin"
    data = bytearray(path.read_bytes())
    start = 8 + 56 + 28 + sum(len(word.encode()) + 1 + 9 for word in words)
    rows = start + 17
    outputs = rows + (len(words) + 500) * 32 + 17
    word_start = data.index(b"king\0")
    nan = np.float32(np.nan).tobytes()
    bucket = ngram_hash(b"<sea") % 500
    kept_words = [word for word in words if word not in lost]
    if damage == "output cut":
        del data[outputs + 40 :]
    elif damage == "n-grams cut":
        del data[rows + (len(words) + 499) * 32 + 5 :]
    elif damage == "words cut":
        kept_words = words[:3]
        del data[rows + 3 * 32 + 5 :]
    elif damage == "NaN in a word":
        at = rows + words.index("king") * 32
        data[at : at + 4] = nan
    elif damage == "NaN in an n-gram":
        at = rows + (len(words) + bucket) * 32
        data[at : at + 4] = nan
    elif damage == "infinity in the output":
        data[outputs + 32 : outputs + 36] = np.float32(np.inf).tobytes()
    elif damage == "an empty word":
        del data[word_start : word_start + 4]
    elif damage == "a word twice":
        data[word_start : word_start + 4] = b"the"
    elif damage == "not UTF-8":
        data[word_start : word_start + 4] = b"k\xffng"
    elif damage == "more bytes":
        data += b"more"
    path.write_bytes(data)
    findings = checking.check(path)
    assert list(findings.errors) == kinds
    result = run("check", path, "--repair", tmp_path / "again.bin")
    if not kinds:
        assert result.exit_code == 0
        return
    assert result.exit_code == 1
    again, _ = formats.read(tmp_path / "again.bin")
    assert list(again.words) == kept_words
    assert again.counts is not None
    opened = fasttext.load_model(str(tmp_path / "again.bin"))
    args = opened.f.getArgs()
    assert (args.epoch, args.minCount, args.loss.name) == (1, 1, loss)
    for word in kept_words:
        np.testing.assert_allclose(again.vector(word), mean_of_rows(opened, word), atol=1e-6)
        if damage not in ("words cut", "n-grams cut", "NaN in an n-gram"):
            np.testing.assert_allclose(again.vector(word), mean_of_rows(theirs, word), atol=1e-6)
