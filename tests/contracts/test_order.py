"""Most frequent first: so words stand where counts are known; where not, who needs it says so."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.analysis.alignment import align
from embedtool.analysis.neighbours import compare_neighbourhoods, word_overlaps
from embedtool.config.tasks import CompressConfig, TransformConfig
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.formats.registry import FORMATS, WRITERS
from embedtool.model import store
from embedtool.model.compression import compress
from embedtool.model.subwords import Subwords
from embedtool.model.transforms import transform
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.candidates import candidate_ids
from tests.conftest import Run

N = 30
RNG = np.random.default_rng(1)
MATRIX = RNG.standard_normal((N, 6), dtype=np.float32)
COUNTS = RNG.permutation(N).astype(np.int64) // 2
WORDS = [f"w{i}" for i in range(N)]
WARNING = "the order of the 30 words is not known to be by frequency"


def vectors(**tables: object) -> VectorTable:
    return VectorTable(WORDS, MATRIX, **tables)  # type: ignore[arg-type]


def with_subwords() -> VectorTable:
    subwords = Subwords(3, 3, 9, MATRIX, np.arange(2), MATRIX[:2])
    return vectors(counts=COUNTS, output_matrix=MATRIX * 2, subwords=subwords)


@pytest.mark.parametrize("name", ["npz", "safetensors", "parquet", "arrow", "fasttext-bin"])
def test_what_has_counts_is_sorted_by_them(name: str, tmp_path: Path) -> None:
    """Words of equal count keep their order; every row goes with its word."""
    formats.write(with_subwords(), tmp_path / "file", name)
    read, _ = formats.read(tmp_path / "file", name)
    expected = np.argsort(-COUNTS, kind="stable")
    assert list(read.words) == [WORDS[i] for i in expected]
    assert read.counts is not None
    assert np.array_equal(read.counts, COUNTS[expected])
    assert read.is_by_frequency
    if name != "fasttext-bin":
        assert np.array_equal(read.rows, MATRIX[expected])
    else:
        assert read.subwords is not None
        assert np.array_equal(read.subwords.word_rows, MATRIX[expected])
        assert np.array_equal(read.output_matrix, 2 * MATRIX[expected])


def test_inner_nodes_are_not_sorted_with_the_words() -> None:
    nodes = replace(with_subwords(), output_rows="inner-nodes")
    assert nodes.sorted_by_count().output_matrix is None
    in_order = replace(nodes, counts=np.sort(COUNTS)[::-1])
    assert in_order.sorted_by_count() is in_order


@pytest.mark.parametrize("name", sorted(set(WRITERS) - {"fasttext-bin"}))
def test_a_format_knows_whether_its_order_is_by_frequency(name: str, tmp_path: Path) -> None:
    formats.write(vectors(), tmp_path / "file", name)
    read, _ = formats.read(tmp_path / "file", name)
    assert read.is_by_frequency == FORMATS[name].by_frequency
    store.save(ModelRecord(read, {}), tmp_path / "model")
    assert store.load(tmp_path / "model").vectors.is_by_frequency == read.is_by_frequency


CUTS: dict[str, Callable[[VectorTable], object]] = {
    "restrict_vocab": lambda v: candidate_ids(v, restrict_vocab=5),
    "evaluate": lambda v: index_words(v, 5, False),
    "compress": lambda v: compress(v, CompressConfig(words=5)),
    "align": lambda v: align(v, v, 6),
    "overlap": lambda v: word_overlaps(v, v, n_frequent=5),
    "compare": lambda v: compare_neighbourhoods(v, v, n_frequent=5),
    "compressed": lambda v: candidate_ids(
        compress(v, CompressConfig(precision="int8")), restrict_vocab=5
    ),
    "transformed": lambda v: candidate_ids(
        transform(ModelRecord(v, {}), TransformConfig(center=True)).vectors, restrict_vocab=5
    ),
}
"""All that takes the most frequent words."""


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("given", "warns"),
    [
        ({}, False),
        ({"by_frequency": False}, True),
        ({"by_frequency": False, "counts": np.sort(COUNTS)[::-1]}, False),
        ({"counts": COUNTS}, True),
    ],
)
def test_who_takes_the_most_frequent_warns_once_where_they_are_not_known(
    cut: str, given: dict[str, object], warns: bool, caplog: pytest.LogCaptureFixture
) -> None:
    taken = vectors(**given)
    CUTS[cut](taken)
    if cut in ("restrict_vocab", "evaluate"):
        CUTS[cut](taken)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == warns
    assert all(message.startswith(WARNING) for message in messages)


def test_taking_all_words_gives_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    unordered = vectors(by_frequency=False)
    candidate_ids(unordered, restrict_vocab=N)
    index_words(unordered, None, False)
    compress(unordered, CompressConfig(precision="int8"))
    assert caplog.records == []


def test_the_commands_say_it_in_one_line(tmp_path: Path, run: Run) -> None:
    np.savez(tmp_path / "v.npz", words=np.array(WORDS), vectors=MATRIX)
    result = run("import", tmp_path / "v.npz", tmp_path / "model")
    assert result.stderr.count("\n") == 1
    result = run("similar", tmp_path / "model", "w3", "--restrict-vocab", 5)
    assert result.exit_code == 0
    assert result.stderr.count("not known to be by frequency") == 1
    assert "Warning" not in run("similar", tmp_path / "model", "w3").stderr
    small = run("compress", tmp_path / "model", tmp_path / "small", "--words", 5, "--no-report")
    assert small.stderr.count("not known to be by frequency") == 1


def test_pruned_vectors_of_spacy_do_not_tell_which_of_a_rows_words_is_frequent(
    tmp_path: Path,
) -> None:
    formats.write(vectors(), tmp_path / "folder", "spacy")
    keys = tmp_path / "folder/vocab/key2row"
    keys.write_bytes(keys.read_bytes()[:-4] + bytes(4))  # the last word shares the first row
    read, _ = formats.read(tmp_path / "folder")
    assert list(read.words[:3]) == ["w0", "w29", "w1"]
    assert not read.is_by_frequency
