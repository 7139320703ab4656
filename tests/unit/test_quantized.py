"""Smaller models: what their tables keep, what is refused, and that every command takes them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool import formats
from embedtool.config.tasks import CompressConfig
from embedtool.errors import ConfigError, FormatError, ModelError
from embedtool.evaluation import fetching
from embedtool.io.safetensors_io import map_tensors, write_tensors
from embedtool.model import store
from embedtool.model.compression import compress, leading_axes
from embedtool.model.linalg import unit_rows
from embedtool.model.quantized import (
    Float16Matrix,
    Int8Matrix,
    PQMatrix,
    QuantizedMatrix,
    from_tensors,
    subvectors,
)
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.query import similar
from tests.conftest import Run
from tests.factories import clustered_vectors

CODINGS: dict[str, tuple[dict[str, Any], type[QuantizedMatrix], float]] = {
    "float16": ({"precision": "float16"}, Float16Matrix, 1e-3),
    "int8": ({"precision": "int8"}, Int8Matrix, 1 / 127),
    "products": ({"product_quantization": 5}, PQMatrix, 0.8),
}


def clustered(n_words: int = 900, size: int = 12) -> VectorTable:
    vectors = clustered_vectors(n_words, 60, 0.2, size)
    lengths = np.random.default_rng(1).uniform(0.1, 10, (n_words, 1)).astype(np.float32)
    lengths[5] = 0
    return replace(vectors, rows=vectors.rows * lengths)


@pytest.mark.parametrize("coding", CODINGS)
def test_tables_give_rows_near_those_they_were_made_of(coding: str, tmp_path: Path) -> None:
    options, kind, tolerance = CODINGS[coding]
    vectors = clustered()
    small = compress(vectors, CompressConfig(**options))
    store.save(ModelRecord(small, {"algorithm": "made up"}), tmp_path / "small")
    for table in (small.rows, store.load(tmp_path / "small").vectors.rows):
        assert isinstance(table, kind)
        assert table.shape == vectors.rows.shape
        lengths = np.linalg.norm(vectors.rows, axis=1, keepdims=True)
        assert (np.abs(table[:] - vectors.rows) <= tolerance * lengths).all()
        assert table[:].dtype == np.float32
        assert not table[5].any()
        for rows in (3, slice(4, 9), np.array([7, 2, 2])):
            assert np.array_equal(table[rows], table[:][rows])
    answers = [{answer.word for answer in similar(each, "w1")} for each in (vectors, small)]
    assert len(answers[0] & answers[1]) >= (5 if coding == "products" else 9)


def test_fewer_words_are_the_first() -> None:
    vectors = clustered()
    small = compress(vectors, CompressConfig(words=100))
    assert list(small.words) == vectors.words[:100]
    assert np.array_equal(small.rows, vectors.rows[:100])
    assert small.counts is not None
    assert small.counts.tolist() == list(range(900, 800, -1))


def test_fewer_dimensions_keep_the_cosines_that_rows_have_in_them() -> None:
    rng = np.random.default_rng(1)
    flat = rng.standard_normal((300, 4)) @ rng.standard_normal((4, 20))
    vectors = VectorTable([f"w{i}" for i in range(300)], flat.astype(np.float32))
    small = compress(vectors, CompressConfig(dimensions=4))
    assert small.vector_size == 4
    before, after = (unit_rows(each.rows) for each in (vectors, small))
    np.testing.assert_allclose(after @ after.T, before @ before.T, atol=1e-4)


def test_axes_are_at_right_angles_and_the_longest_come_first() -> None:
    matrix = np.diag([3.0, 1.0, 2.0]).astype(np.float32)
    axes = leading_axes(matrix, 3)
    np.testing.assert_allclose(np.abs(axes), np.eye(3)[:, [0, 2, 1]], atol=1e-6)


@pytest.mark.parametrize("size", [1, 7, 12])
def test_parts_are_of_nearly_one_width(size: int) -> None:
    for n_parts in range(1, size + 1):
        parts = subvectors(size, n_parts)
        widths = [part.stop - part.start for part in parts]
        assert sum(widths) == size
        assert max(widths) - min(widths) <= 1


def test_few_words_have_a_centroid_each() -> None:
    vectors = clustered(40)
    small = compress(vectors, CompressConfig(product_quantization=12))
    np.testing.assert_allclose(small.rows[:], vectors.rows, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "choose what to reduce"),
        ({"precision": "int8", "product_quantization": 2}, "not both"),
        ({"words": 901}, "words=901 is more than the 900 that there are"),
        ({"dimensions": 13}, "dimensions=13 is more than the 12"),
        ({"product_quantization": 13}, "product_quantization=13 is more than the 12"),
        ({"dimensions": 4, "product_quantization": 5}, "product_quantization=5 is more than"),
        ({"ngrams": 1}, "ngrams=1 is more than the 0"),
        ({"words": 0}, "words must be 1 or more"),
    ],
)
def test_more_than_the_model_has_is_an_error(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        compress(clustered(), CompressConfig(**options))


def test_numbers_that_the_bits_cannot_hold_are_refused() -> None:
    huge = VectorTable(["a"], np.array([[1e5, 0]], np.float32))
    with pytest.raises(ConfigError, match="float16' cannot hold numbers above 65,504"):
        compress(huge, CompressConfig(precision="float16"))
    endless = VectorTable(["a"], np.array([[np.inf, 0]], np.float32))
    with pytest.raises(ConfigError, match="not finite, which cannot be compressed"):
        compress(endless, CompressConfig(precision="int8"))


BROKEN: dict[str, dict[str, Any]] = {
    "scales of another length": {"vectors_scales": np.ones(3, np.float32)},
    "no scales": {"vectors_scales": None},
    "too few centroids": {"vectors_centroids": np.ones((12, 7), np.float32)},
    "flat centroids": {"vectors_centroids": np.ones(12, np.float32)},
    "flat codes": {"vectors": np.zeros(900, np.uint8)},
    "codes of no kind": {"vectors": np.zeros((900, 12), np.int32)},
}


@pytest.mark.parametrize("case", BROKEN)
def test_parts_that_do_not_fit_are_a_broken_model(case: str, tmp_path: Path) -> None:
    model = tmp_path / "model"
    small = compress(clustered(), CompressConfig(product_quantization=5))
    store.save(ModelRecord(small, {"algorithm": "made up"}), model)
    tensors = {**map_tensors(model / "vectors.safetensors"), **BROKEN[case]}
    with (tmp_path / "tensors").open("wb") as file:
        write_tensors(file, {name: each for name, each in tensors.items() if each is not None})
    (tmp_path / "tensors").rename(model / "vectors.safetensors")
    with pytest.raises(ModelError, match="broken model"):
        store.load(model)


def test_an_open_table_of_float32_is_the_array_itself() -> None:
    table = np.ones((2, 3), np.float32)
    assert from_tensors({"vectors": table}, "vectors") is table
    with pytest.raises(FormatError, match="holds no vectors"):
        from_tensors({"vectors": table.astype(np.float64)}, "vectors")


@pytest.fixture(scope="module", params=[*CODINGS, "dimensions"])
def small_model(
    request: pytest.FixtureRequest,
    models: dict[str, Path],
    run: Run,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A FastText model made smaller in each way."""
    flags = {
        "float16": ["--precision", "float16", "--ngrams", "1000"],
        "int8": ["--precision", "int8", "--words", "200"],
        "products": ["--product-quantization", "20", "--ngrams", "1000"],
        "dimensions": ["--dimensions", "30", "--precision", "int8"],
    }[request.param]
    output = tmp_path_factory.mktemp("small") / "model"
    result = run("compress", models["fasttext"], output, "--no-report", *flags)
    assert result.exit_code == 0, result.output
    return output


@pytest.mark.parametrize(
    "question",
    [
        ("similar", "king", "kingly"),
        ("similarity", "king", "queen"),
        ("analogy", "king - man + woman"),
        ("analogy", "king - man + woman", "--method", "3cosmul"),
        ("odd-one-out", "king", "queen", "the"),
        ("vector", "king", "kingly"),
        ("info",),
    ],
)
def test_every_question_has_an_answer(
    question: tuple[str, ...], small_model: Path, run: Run
) -> None:
    command, *words = question
    assert run(command, small_model, *words).exit_code == 0


def test_it_is_exported_and_read_back(small_model: Path, tmp_path: Path) -> None:
    vectors = store.load(small_model).vectors
    assert isinstance(vectors.rows, QuantizedMatrix)
    for name in formats.WRITERS:
        formats.write(vectors, tmp_path / name, name)
        loaded, _ = formats.read(tmp_path / name, name)
        assert list(loaded.words) == list(vectors.words)
        if name != "fasttext-bin":  # which computes words' vectors from rows that are rounded
            np.testing.assert_allclose(loaded.rows, vectors.rows[:], atol=1e-5)


def test_training_can_start_from_it(
    small_model: Path, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    size = store.load(small_model).vectors.vector_size
    result = run(
        "train", "fasttext", kingdoms, "--init", small_model, "--output", tmp_path / "more",
        "--vector-size", size, "--bucket", "50000", "--epochs", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.output


@pytest.mark.datasets("google", "wordsim353", "simlex999")
def test_the_report_says_what_is_lost(models: dict[str, Path], run: Run, tmp_path: Path) -> None:
    output = tmp_path / "small"
    result = run("compress", models["word2vec"], output, "--precision", "int8", "--json")
    assert result.exit_code == 0
    rows = {row["measure"]: row for row in json.loads(result.stdout)}
    assert rows["MB on disk"]["after"] < 0.4 * rows["MB on disk"]["before"]
    assert 0.9 < rows["neighbours shared, overlap@10"]["after"] <= 1
    assert set(rows) >= {"milliseconds a query", "google", "wordsim353", "simlex999"}
    assert run("info", output).stdout.count("int8") == 1
    again = run("compress", models["word2vec"], output, "--precision", "int8")
    assert (again.exit_code, again.stderr) == (
        1, f"Error: {output}: already exists; use --overwrite or another name\n",
    )  # fmt: skip
    nothing = run("compress", models["word2vec"], tmp_path / "other")
    assert nothing.exit_code == 2
    assert nothing.stderr.startswith("Error: choose what to reduce: --precision")


def test_scores_whose_datasets_are_absent_are_left_out_of_the_report(
    models: dict[str, Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "in_package", lambda _: None)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    output = tmp_path / "small"
    result = run("compress", models["word2vec"], output, "--precision", "int8", "--json")
    assert result.exit_code == 0
    assert [row["measure"] for row in json.loads(result.stdout)] == [
        "MB on disk", "milliseconds a query", "neighbours shared, overlap@10"
    ]  # fmt: skip
    assert result.stderr.endswith(
        "scores are left out; for them run: embedtool datasets get google wordsim353 simlex999\n"
    )
