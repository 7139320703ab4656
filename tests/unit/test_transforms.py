"""Transformed vectors: against NumPy and scikit-learn, new words as known ones, what is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA

from embedtool import formats
from embedtool.config.tasks import CompressConfig, TransformConfig
from embedtool.config.training import FastTextConfig
from embedtool.errors import ConfigError
from embedtool.model import store
from embedtool.model.compression import compress
from embedtool.model.linalg import unit_rows
from embedtool.model.subwords import Subwords, ngram_hash, ngrams
from embedtool.model.transforms import UNTRANSFORMED, parse_variant, transform, variants
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers.warm_start import WarmStart

N_WORDS, SIZE, BUCKET = 300, 12, 50
RNG = np.random.default_rng(4)
MATRIX = (RNG.standard_normal((N_WORDS, SIZE)) * np.linspace(3, 1, SIZE) + 1.5).astype(np.float32)
CONTEXTS = RNG.standard_normal((N_WORDS, SIZE)).astype(np.float32)
WORDS = [f"w{i}" for i in range(N_WORDS)]
COUNTS = np.arange(N_WORDS, 0, -1)


def plain(**extra: Any) -> ModelRecord:
    return ModelRecord(VectorTable(WORDS, MATRIX, COUNTS, **extra), {"algorithm": "made up"})


def with_ngrams() -> ModelRecord:
    """Words of one n-gram's row or of several; not every bucket has one."""
    rng, buckets = np.random.default_rng(5), np.arange(0, BUCKET, 2)
    rows = rng.standard_normal((len(buckets), SIZE)).astype(np.float32) + 1
    own = rng.standard_normal((N_WORDS, SIZE)).astype(np.float32)
    subwords = Subwords(3, 4, BUCKET, own, buckets, rows)
    matrix = np.empty_like(own)
    for i, word in enumerate(WORDS):
        n_rows = 1 + len(ngrams(word, 3, 4))
        matrix[i] = (own[i] + subwords.vector(word) * (n_rows - 1)) / n_rows
    return ModelRecord(VectorTable(WORDS, matrix, COUNTS, CONTEXTS, subwords), {})


def done(model: ModelRecord, **options: Any) -> VectorTable:
    return transform(model, TransformConfig(**options)).vectors


def test_the_mean_of_centred_vectors_is_zero() -> None:
    found = done(plain(), center=True)
    np.testing.assert_allclose(found.rows, MATRIX - MATRIX.mean(axis=0), atol=1e-5)
    assert found.counts is not None
    assert found.counts.tolist() == COUNTS.tolist()


@pytest.mark.parametrize("n", [1, 3, 11])
def test_all_but_the_top_is_what_its_paper_has(n: int) -> None:
    centred = MATRIX.astype(np.float64) - MATRIX.astype(np.float64).mean(axis=0)
    top = np.linalg.svd(centred, full_matrices=False)[2][:n]
    expected = centred.copy()
    for direction in top:
        expected -= np.outer(centred @ direction, direction)
    found = done(plain(), all_but_the_top=n).rows
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.linalg.matrix_rank(found, tol=1e-2) == SIZE - n


@pytest.mark.parametrize("n", [1, 5, 12])
def test_components_are_scikit_learns(n: int) -> None:
    found = done(plain(), pca=n).rows
    assert found.shape == (N_WORDS, n)
    np.testing.assert_allclose(found, PCA(n).fit_transform(MATRIX), atol=1e-4)


def test_components_after_those_removed() -> None:
    found = done(plain(), pca=4, all_but_the_top=2).rows
    np.testing.assert_allclose(found, PCA(6).fit_transform(MATRIX)[:, 2:], atol=1e-4)


def test_contexts_are_added_first_and_lengths_come_last() -> None:
    model = plain(output_matrix=CONTEXTS)
    np.testing.assert_array_equal(done(model, add_contexts=True).rows, MATRIX + CONTEXTS)
    found = done(model, add_contexts=True, center=True, normalize=True)
    sums = MATRIX + CONTEXTS
    np.testing.assert_allclose(found.rows, unit_rows(sums - sums.mean(axis=0)), atol=1e-5)
    assert found.output_matrix is None
    np.testing.assert_allclose(found.norms, 1, atol=1e-6)


def test_a_vector_of_zeros_stays_so_at_length_1() -> None:
    matrix = MATRIX.copy()
    matrix[7] = 0
    found = done(ModelRecord(VectorTable(WORDS, matrix), {}), normalize=True).rows
    assert not found[7].any()
    np.testing.assert_allclose(np.delete(found, 7, axis=0), np.delete(unit_rows(MATRIX), 7, 0))


def test_many_blocks_are_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"add_contexts": True, "all_but_the_top": 2, "normalize": True}
    expected = done(plain(output_matrix=CONTEXTS), **options).rows
    for module in ("linalg", "transforms"):
        monkeypatch.setattr(f"embedtool.model.{module}.BLOCK_ROWS", 7)
    found = done(plain(output_matrix=CONTEXTS), **options).rows
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("options", [{"center": True}, {"all_but_the_top": 2}, {"pca": 5}])
def test_new_words_are_moved_as_known_ones_are(options: dict[str, Any], tmp_path: Path) -> None:
    model = with_ngrams()
    before, after = model.vectors, done(model, **options)
    fit = PCA(SIZE).fit(before.rows)
    removed = options.get("all_but_the_top", 0)
    axes = fit.components_[removed : options.get("pca")]
    linear = axes.T if "pca" in options else axes.T @ axes
    store.save(ModelRecord(after, {}), tmp_path / "model")
    for each in (after, store.load(tmp_path / "model").vectors):
        for word in ("w1w2", "w10w", "new"):
            expected = (before.vector(word) - fit.mean_) @ linear
            np.testing.assert_allclose(each.vector(word), expected, atol=1e-4)
        np.testing.assert_allclose(each.rows, (before.rows - fit.mean_) @ linear, atol=1e-4)


def test_a_word_without_known_ngrams_stays_unknown() -> None:
    unknown = next(
        word
        for word in (chr(code) for code in range(0x4E00, 0x9FFF))
        if ngram_hash(f"<{word}>".encode()) % BUCKET % 2
    )
    assert not with_ngrams().vectors.has_vector(unknown)
    assert not done(with_ngrams(), center=True).has_vector(unknown)


def test_a_second_transformation_moves_new_words_again() -> None:
    once = transform(with_ngrams(), TransformConfig(center=True))
    twice = transform(once, TransformConfig(pca=5))
    assert twice.description["transformed"] == [{"center": True}, {"pca": 5}]
    direct = done(with_ngrams(), pca=5)
    np.testing.assert_allclose(twice.vectors.rows, direct.rows, atol=1e-4)
    np.testing.assert_allclose(twice.vectors.vector("new"), direct.vector("new"), atol=1e-4)


def test_other_programs_get_the_offset_in_the_rows(tmp_path: Path) -> None:
    moved = done(with_ngrams(), center=True)
    formats.write(moved, tmp_path / "moved.bin")
    back, _ = formats.read(tmp_path / "moved.bin")
    np.testing.assert_allclose(back.rows, moved.rows, atol=1e-5)
    np.testing.assert_allclose(back.vector("w1w2"), moved.vector("w1w2"), atol=1e-5)


def test_a_smaller_model_keeps_the_offset() -> None:
    moved = done(with_ngrams(), center=True)
    same_size = compress(moved, CompressConfig(dimensions=SIZE))
    known, new = moved.rows[3], moved.vector("w1w2")
    assert same_size.rows[3] @ same_size.vector("w1w2") == pytest.approx(known @ new, abs=1e-4)


def test_no_training_begins_with_moved_ngrams() -> None:
    moved = done(with_ngrams(), center=True)
    config = FastTextConfig(vector_size=SIZE, min_n=3, max_n=4, bucket=BUCKET)
    WarmStart(with_ngrams().vectors).check(config)
    with pytest.raises(ConfigError, match="has been transformed"):
        WarmStart(moved).check(config)


@pytest.mark.parametrize("options", [{"add_contexts": True}, {"normalize": True}])
def test_ngrams_do_not_outlive_what_is_not_affine(options: dict[str, Any], tmp_path: Path) -> None:
    store.save(with_ngrams(), tmp_path / "before")
    result = transform(store.load(tmp_path / "before"), TransformConfig(**options))
    store.save(result, tmp_path / "after")
    assert store.load(tmp_path / "after").vectors.subwords is None


def test_what_was_true_of_the_old_folder_is_not_said_of_the_new(tmp_path: Path) -> None:
    """A model of format 1, or one that had n-grams, is saved as what it is now."""
    description = {"format": 1, "subwords": {"min_n": 3, "max_n": 4, "bucket": BUCKET}}
    store.save(replace(plain(), description=description), tmp_path / "model")
    loaded = store.load(tmp_path / "model")
    assert loaded.description["format"] == store.FORMAT_VERSION
    assert loaded.vectors.subwords is None


def test_what_cannot_be_done_is_refused() -> None:
    with pytest.raises(ConfigError, match="choose a transformation"):
        TransformConfig()
    with pytest.raises(ConfigError, match="the model has none"):
        done(plain(), add_contexts=True)
    with pytest.raises(ConfigError, match="nodes of a tree"):
        done(plain(output_matrix=CONTEXTS, output_rows="inner-nodes"), add_contexts=True)
    with pytest.raises(ConfigError, match="pca=13 is more than the 12 dimensions"):
        done(plain(), pca=13)
    with pytest.raises(ConfigError, match="12 dimensions, too few for all_but_the_top=12"):
        done(plain(), all_but_the_top=12)
    with pytest.raises(ConfigError, match="for all_but_the_top=5 and pca=8"):
        done(plain(), all_but_the_top=5, pca=8)
    broken = MATRIX.copy()
    broken[2, 1] = np.nan
    with pytest.raises(ConfigError, match="not finite"):
        done(ModelRecord(VectorTable(WORDS, broken), {}), center=True)


def test_the_names_of_variants() -> None:
    assert parse_variant("center", 100) == TransformConfig(center=True)
    assert parse_variant("all-but-the-top", 300) == TransformConfig(all_but_the_top=3)
    assert parse_variant("all-but-the-top", 20) == TransformConfig(all_but_the_top=1)
    assert parse_variant("add-contexts+all-but-the-top:4+pca:9+normalize", 100) == TransformConfig(
        add_contexts=True, all_but_the_top=4, pca=9, normalize=True
    )
    for wrong in (
        "",
        "centre",
        "center:2",
        "pca",
        "pca:x",
        "all-but-the-top:",
        "center+",
        "pca:-1",
    ):
        with pytest.raises(ConfigError, match=r"no variant .*: expected add-contexts, center"):
            parse_variant(wrong, 100)


def test_variants_come_after_the_vectors_as_they_are() -> None:
    found = dict(variants(plain(), ["center", "pca:3"]))
    assert list(found) == [UNTRANSFORMED, "center", "pca:3"]
    assert found[UNTRANSFORMED].rows is MATRIX
    assert found["pca:3"].vector_size == 3
