"""What every format promises: nothing is lost, nothing broken is believed, nothing is run."""

import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedtool import formats
from embedtool.errors import EmbedtoolError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMATS, READERS, WRITERS
from embedtool.formats.tensorboard import metadata_path
from embedtool.model.subwords import Subwords, ngram_hash, ngrams
from embedtool.model.vectors import VectorTable
from tests.factories import without_ngrams, word_vectors
from tests.unit.pickles import ROWS, WORDS, gensim_pickle, npy, vectors_state, zipped

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)

FLORET = b"4 3 2 3 2 2166136261 < >\n0 1 2 3\n1 -1.5 0 4\n2 7 8e-1 9\n3 0 0 1\n"
SAMPLES = {
    "floret": FLORET,
    "gensim": gensim_pickle(vectors_state()),
    "histwords": zipped(
        {"sgns/1990-w.npy": npy(ROWS), "sgns/1990-vocab.pkl": pickle.dumps(WORDS, 2)}
    ),
}
"""A file of each format that cannot be written."""
BOTH_WAYS = [name for name in READERS if name in WRITERS]

each_reader = pytest.mark.parametrize("name", READERS)
each_way = pytest.mark.parametrize("name", BOTH_WAYS)


def vectors(words: list[str], matrix: np.ndarray | None = None) -> VectorTable:
    """Vectors that every format can hold: FastText's, whose matrix is what its rows make of it."""
    rows = word_vectors(words, 3).rows if matrix is None else matrix
    return without_ngrams(words, rows, counts=np.arange(len(words), 0, -1))


def fasttext_vectors() -> VectorTable:
    """Vectors with n-grams in a few buckets."""
    words, bucket = ["king", "queen", "größe", "</s>"], 20
    rng = np.random.default_rng(2)
    grams = {word: [ngram_hash(g) % bucket for g in ngrams(word, 3, 4)] for word in words}
    buckets = np.unique([g for word in words[:3] for g in grams[word]])
    subwords = Subwords(
        3, 4, bucket, rng.standard_normal((4, 5), dtype=np.float32), buckets,
        rng.standard_normal((len(buckets), 5), dtype=np.float32),
    )  # fmt: skip
    matrix = np.empty((4, 5), np.float32)
    for i, word in enumerate(words):
        rows = [] if word == "</s>" else np.searchsorted(buckets, grams[word])
        matrix[i] = np.vstack([subwords.word_rows[[i]], subwords.ngram_rows[rows]]).mean(axis=0)
    contexts = rng.standard_normal((4, 5), dtype=np.float32)
    return VectorTable(words, matrix, np.array([9, 7, 5, 1]), contexts, subwords)


def written(name: str, folder: Path) -> Path:
    path = folder / "file"
    if name in SAMPLES:
        path.write_bytes(SAMPLES[name])
        return path
    formats.write(vectors(["king", "queen", "größe"]), path, name)
    return path


def parts(path: Path) -> list[Path]:
    """The files that a vector file or folder is made of."""
    if path.is_dir():
        return sorted(each for each in path.rglob("*") if each.is_file())
    return [each for each in (path, metadata_path(path)) if each.exists()]


def read(path: Path, name: str | None = None, limit: int | None = None) -> tuple[VectorTable, str]:
    """Read a file; the words are for the format that holds none."""
    words = path.with_name("words")
    if not words.exists():
        words.write_text("king\nqueen\n")
    return formats.read(path, name, ReadOptions(words=words, limit=limit))


def assert_same(after: np.ndarray, before: np.ndarray, names: set[str]) -> None:
    """To the last bit; where rows went through finalfusion, whose length is 1, to the last but one.

    What vanishes beside the length of its row is lost there.
    """
    assert after.dtype == np.float32
    if "finalfusion" not in names:
        np.testing.assert_array_equal(after, before)
        return
    wide = before.astype(np.float64)
    lengths = np.linalg.norm(wide, axis=1, keepdims=True)
    assert (np.abs(after - wide) <= np.abs(wide) * 2.0**-23 + lengths * 2.0**-149).all()


def words_for(name: str) -> st.SearchStrategy[str]:
    characters = st.characters(
        exclude_categories=["Cs"], exclude_characters=FORMATS[name].forbidden
    )
    return st.text(characters, min_size=1, max_size=8)


@each_way
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_words_and_numbers_come_back_to_the_last_bit(name: str, data: st.DataObject) -> None:
    words = data.draw(st.lists(words_for(name), min_size=1, max_size=5, unique=True))
    size = data.draw(st.integers(1, 4))
    matrix = data.draw(arrays(np.float32, (len(words), size), elements=FLOATS))
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        formats.write(vectors(words, matrix), path, name)
        loaded, _ = formats.read(path, name)
        assert list(loaded.words) == words
        assert_same(loaded.rows, matrix, {name})
        zeros_keep_their_sign = np.signbit(loaded.rows) == np.signbit(matrix)
        assert zeros_keep_their_sign.all() or name == "fasttext-bin"
        expected = {path, metadata_path(path)} if name == "tensorboard" else {path}
        assert set(Path(folder).iterdir()) == expected


@each_reader
def test_the_format_is_found_by_content(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    same = [
        each.module == FORMATS[name].module and each.arguments == FORMATS[name].arguments
        for each in FORMATS.values()
    ]
    assert read(path)[1] == list(FORMATS)[same.index(True)]


@pytest.mark.parametrize("second", BOTH_WAYS)
@each_reader
def test_from_any_format_to_any_other_and_back(name: str, second: str, tmp_path: Path) -> None:
    first, _ = read(written(name, tmp_path), name)
    if second == "fasttext-bin" and first.subwords is None:
        with pytest.raises(FormatError, match="needs subwords, which only a FastText model has"):
            formats.write(first, tmp_path / "other", second)
        return
    formats.write(first, tmp_path / "other", second)
    again, _ = formats.read(tmp_path / "other", second)
    assert list(again.words) == list(first.words)
    assert_same(again.rows, first.rows, {second})


@pytest.mark.parametrize("name", WRITERS)
def test_a_word_that_the_format_cannot_hold_is_named(name: str, tmp_path: Path) -> None:
    for character in FORMATS[name].forbidden:
        with pytest.raises(FormatError, match="the format cannot hold the word '") as caught:
            formats.write(vectors(["good", f"a{character}b"]), tmp_path / "file", name)
        assert repr(f"a{character}b") in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", WRITERS)
def test_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    with pytest.raises(EmbedtoolError, match="cannot be written: No such file"):
        formats.write(vectors(["a"]), tmp_path / "no" / "file", name)


@each_reader
def test_a_limit_leaves_the_first_rows(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    whole, _ = read(path, name)
    for limit in (1, 2, whole.n_words, 100):
        found, _ = read(path, name, limit)
        assert list(found.words) == list(whole.words)[:limit]
        np.testing.assert_array_equal(found.rows, whole.rows[:limit])


@each_reader
def test_cut_anywhere_it_is_an_error_or_a_valid_file(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    for part in parts(path):
        whole = part.read_bytes()
        for length in reversed(range(len(whole))):
            os.truncate(part, length)
            for given_name in (name, None):
                try:
                    loaded, _ = read(path, given_name)
                except FormatError as error:
                    assert "\n" not in str(error)
                    assert str(path) in str(error)
                else:
                    assert np.isfinite(loaded.rows).all()
        part.write_bytes(whole)


@each_reader
def test_any_byte_flipped_is_an_error_or_a_valid_file(name: str, tmp_path: Path) -> None:
    path = written(name, tmp_path)
    for part in parts(path):
        with part.open("r+b", buffering=0) as file:
            for offset, byte in enumerate(part.read_bytes()):
                os.pwrite(file.fileno(), bytes([byte ^ 0xFF]), offset)
                try:
                    loaded, _ = read(path, name)
                except FormatError:
                    continue
                else:
                    assert np.isfinite(loaded.rows).all()
                    assert len(loaded.words) == len(loaded.rows)
                finally:
                    os.pwrite(file.fileno(), bytes([byte]), offset)


@each_reader
def test_an_empty_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for given_name in (name, None):
        with pytest.raises(FormatError, match="the file is empty"):
            read(tmp_path / "file", given_name)


@each_reader
def test_a_missing_file_and_a_folder(name: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="cannot be read: No such file"):
        formats.read(tmp_path / "none", name)
    message = (
        "there is no such file"
        if FORMATS[name].is_folder
        else "Is a directory|no such file|holds no pair of files"
    )
    with pytest.raises(FormatError, match=message):
        formats.read(tmp_path, name)
    with pytest.raises(FormatError, match="a folder without vectors of a kind that is known"):
        formats.read(tmp_path)


class Canary:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return (Path.write_text, (self.path, "sang"))


@pytest.mark.parametrize("name", [*READERS, None])
@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_is_refused_and_never_run(name: str | None, protocol: int, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    (tmp_path / "file").write_bytes(pickle.dumps(Canary(canary), protocol))
    with pytest.raises(FormatError):
        formats.read(tmp_path / "file", name)
    np.save(tmp_path / "array", np.array([Canary(canary)], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError):
        formats.read(tmp_path / "array.npy", name)
    np.savez(tmp_path / "objects", words=np.array([Canary(canary)], dtype=object))
    with pytest.raises(FormatError):
        formats.read(tmp_path / "objects.npz", name)
    assert not canary.exists()


def test_a_pickle_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(pickle.dumps({"a": 1}))
    with pytest.raises(FormatError, match="is a pickle, which can run code when it is opened"):
        formats.read(tmp_path / "model.bin")


def test_containers_of_another_layout_say_what_they_hold(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    np.savez(tmp_path / "a.npz", embedding=np.ones((2, 2)))
    with pytest.raises(FormatError, match=r"expected the arrays .* found embedding"):
        formats.read(tmp_path / "a.npz")
    save_file({"embedding": np.ones((2, 2), np.float32)}, tmp_path / "a.safetensors")
    with pytest.raises(FormatError, match=r"expected the tensors .* found embedding"):
        formats.read(tmp_path / "a.safetensors")


def test_counts_survive_where_the_format_has_them(tmp_path: Path) -> None:
    for name in [name for name in BOTH_WAYS if "counts" in FORMATS[name].contents]:
        counts = formats.read(written(name, tmp_path), name)[0].counts
        assert counts is not None
        assert counts.tolist() == [3, 2, 1]


def test_a_fasttext_model_comes_back_with_all_its_tables(tmp_path: Path) -> None:
    before = fasttext_vectors()
    formats.write(before, tmp_path / "m.bin", None, {"window": 7, "mode": "cbow"})
    after, name = formats.read(tmp_path / "m.bin")
    assert name == "fasttext-bin"
    np.testing.assert_allclose(after.rows, before.rows, rtol=1e-5, atol=1e-7)
    assert after.output_matrix is not None
    assert before.output_matrix is not None
    assert after.output_matrix.tobytes() == before.output_matrix.tobytes()
    assert after.subwords is not None
    assert before.subwords is not None
    assert after.subwords.buckets.tolist() == before.subwords.buckets.tolist()
    assert after.vector("kings").tobytes() == before.vector("kings").tobytes()


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, 7, "not a fastText model of version 12"),
        (4, 13, "not a fastText model of version 12 or 11"),
        (4, 10, "not a fastText model of version 12 or 11"),
        (8 + 6 * 4, 9, "damaged: no loss has the number 9"),
        (8, 0, "damaged"),
        (8 + 7 * 4, 3, "damaged: 4 entries, but 4 words and 0 labels"),
        (8 + 8 * 4, 2**31 - 1, "the input matrix is"),
        (8 + 56 + 4, 2**31 - 1, "damaged: 4 entries"),
        (8 + 56 + 8, 1, "damaged: 4 entries, but 4 words and 1 labels"),
    ],
)
def test_a_fasttext_header_with_wrong_numbers(
    offset: int, value: int, message: str, tmp_path: Path
) -> None:
    formats.write(fasttext_vectors(), tmp_path / "m.bin", "fasttext-bin")
    data = bytearray((tmp_path / "m.bin").read_bytes())
    struct.pack_into("<i", data, offset, value)
    (tmp_path / "m.bin").write_bytes(data)
    with pytest.raises(FormatError, match=message):
        formats.read(tmp_path / "m.bin", "fasttext-bin")


def test_a_fasttext_model_that_only_says_that_it_is_quantized(tmp_path: Path) -> None:
    source = fasttext_vectors()
    formats.write(source, tmp_path / "m.bin", "fasttext-bin")
    data = bytearray((tmp_path / "m.bin").read_bytes())
    sizes = 8 + 56 + 28
    entries = sum(len(word.encode()) + 1 + 9 for word in source.words)
    data[sizes + entries] = 1
    (tmp_path / "m.bin").write_bytes(data)
    with pytest.raises(FormatError, match=r"the input matrix is .*, expected is 24 x 5"):
        formats.read(tmp_path / "m.bin")


def test_suffixes_select_formats(tmp_path: Path) -> None:
    plain = VectorTable(["a"], np.ones((1, 2), np.float32))
    for name, expected in (
        ("x.txt", "word2vec"), ("x.vec", "fasttext-vec"), ("x.glove", "glove"),
        ("x.npz", "npz"), ("x.safetensors", "safetensors"), ("x.tsv", "tensorboard"),
        ("x.bin", "word2vec-binary"), ("x.parquet", "parquet"), ("x.arrow", "arrow"),
        ("x.feather", "arrow"), ("x.fifu", "finalfusion"), ("x.floret", "floret"),
    ):  # fmt: skip
        assert formats.format_from_name(Path(name), plain) == expected
    assert formats.format_from_name(Path("x.bin"), fasttext_vectors()) == "fasttext-bin"
    with pytest.raises(FormatError, match="the suffix of the name is unknown"):
        formats.format_from_name(Path("vectors"), plain)


@pytest.mark.parametrize("verb", ["read", "write"])
def test_an_unknown_format_is_named_with_the_known_ones(verb: str, tmp_path: Path) -> None:
    path = written("word2vec", tmp_path)
    with pytest.raises(
        FormatError, match=f"pickle: no such format to {verb}; there are word2vec, "
    ):
        if verb == "read":
            formats.read(path, "pickle")
        else:
            formats.write(vectors(["a"]), path, "pickle")
