"""Points in the plane for vectors."""

import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from embedtool.analysis import projection as module
from embedtool.analysis.projection import (
    Rows,
    finite_unit_rows,
    layout,
    place_near,
    principal_components,
)
from embedtool.config.choices import LAYOUTS, Layout
from embedtool.errors import ConfigError, MissingExtraError
from embedtool.io.progress import Progress
from embedtool.mapview.map_data import MapData
from embedtool.model import store
from embedtool.model.vectors import VectorTable
from embedtool.search.index import nearest

RNG = np.random.default_rng(5)
CLOUDS = np.concatenate(
    [RNG.normal(centre, 0.1, size=(20, 12)) for centre in RNG.normal(size=(4, 12))]
).astype(np.float32)
"""Four clouds of twenty vectors."""
CLOUD = np.repeat(np.arange(4), 20)


@pytest.mark.parametrize("method", ["pca", "tsne", pytest.param("umap", marks=pytest.mark.slow)])
def test_clouds_stay_clouds(method: Layout) -> None:
    if method == "umap":
        pytest.importorskip("umap")
    points = layout(CLOUDS, method)
    assert points.shape == (80, 2)
    assert points.dtype == np.float32
    np.testing.assert_allclose(points.mean(axis=0), 0, atol=1e-4)
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distances, np.inf)
    assert (CLOUD[distances.argmin(axis=1)] == CLOUD).mean() > 0.9
    np.testing.assert_array_equal(points, layout(CLOUDS, method))


@pytest.mark.parametrize("method", LAYOUTS)
@pytest.mark.parametrize("n_rows", [1, 2, 3])
def test_few_rows_have_points(method: Layout, n_rows: int) -> None:
    assert np.isfinite(layout(CLOUDS[:n_rows], method)).all()


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_rows_that_have_no_direction(method: Layout) -> None:
    rows = CLOUDS.copy()
    rows[3], rows[7] = 0, np.nan
    assert np.isfinite(layout(rows, method)).all()
    assert not layout(np.ones((9, 3), np.float32), method).any()


def test_lengths_are_ignored() -> None:
    longer = CLOUDS * np.arange(1, 81, dtype=np.float32)[:, None]
    np.testing.assert_allclose(layout(longer), layout(CLOUDS), atol=1e-5)


def test_principal_components_are_those_of_the_svd() -> None:
    units = finite_unit_rows(CLOUDS)
    centred = units - units.mean(axis=0)
    expected = centred @ np.linalg.svd(centred, full_matrices=False)[2][:3].T
    np.testing.assert_allclose(np.abs(principal_components(units, 3)), np.abs(expected), atol=1e-5)
    assert principal_components(units[:, :2], 3).shape == (80, 3)


def preserved(units: Rows, points: Rows) -> float:
    """The mean share of each row's ten nearest that are nearest on the map."""
    ids = np.arange(len(units))
    near = nearest(units, None, units, 10, excluded=ids[:, None]).ids
    found = cKDTree(points).query(points, k=11)[1]
    fractions = [
        len(np.intersect1d(a, b[b != i][:10])) for i, a, b in zip(ids, near, found, strict=True)
    ]
    return float(np.mean(fractions)) / 10


def test_a_map_preserves_neighbourhoods(models: dict[str, Path]) -> None:
    units = finite_unit_rows(np.asarray(store.load(models["word2vec"]).vectors.rows))
    assert preserved(units, layout(units, "tsne")) > 0.4


def test_many_equal_rows_have_points() -> None:
    rows = np.repeat(CLOUDS[::20], 60, axis=0)
    points = layout(rows, "tsne")
    assert np.isfinite(points).all()
    of_cloud = np.repeat(np.arange(4), 60)
    centres = np.stack([points[of_cloud == cloud].mean(axis=0) for cloud in range(4)])
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
    assert (distances.argmin(axis=1) == of_cloud).all()


def test_the_progress_of_a_layout_is_reported() -> None:
    pytest.importorskip("openTSNE")
    seen: list[Progress] = []
    layout(CLOUDS, "tsne", report=seen.append)
    last = {each.stage: (each.done, each.total, each.unit) for each in seen}
    assert last == {
        "finding neighbours": (80, 80, "words"), "laying out": (750, 750, "iterations")
    }  # fmt: skip


def test_the_progress_of_a_map_is_reported(models: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("openTSNE")
    vectors = store.load(models["word2vec"]).vectors
    seen: list[Progress] = []
    shown = MapData("model", vectors, 100, "tsne", 1, tmp_path, seen.append)
    assert shown.points.shape == (100, 2)
    assert {each.stage for each in seen} == {"finding neighbours", "laying out"}


def test_without_opentsne_scikit_learn_preserves_as_much(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openTSNE")
    units = finite_unit_rows(np.asarray(store.load(models["word2vec"]).vectors.rows[:600]))
    fractions = [preserved(units, layout(units, "tsne"))]
    assert str(module.layout_parameters("tsne")["library"]).startswith("openTSNE ")
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    fractions.append(preserved(units, layout(units, "tsne")))
    assert fractions[1] == pytest.approx(fractions[0], abs=0.05)
    assert str(module.layout_parameters("tsne")["library"]).startswith("scikit-learn ")


def test_a_layout_by_umap_needs_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    monkeypatch.setattr(module, "version", missing)
    for make in (lambda: layout(CLOUDS, "umap"), lambda: module.layout_parameters("umap")):
        with pytest.raises(MissingExtraError, match=r"a layout by UMAP needs: .*embedtool\[umap\]"):
            make()


def missing(name: str) -> str:
    raise PackageNotFoundError(name)


def test_many_rows_are_placed_among_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    mixed = np.random.default_rng(1).permutation(80)
    monkeypatch.setattr(module, "LANDMARKS", 40)
    points = layout(CLOUDS[mixed], "tsne")
    distances = np.linalg.norm(points[40:, None] - points[None, :40], axis=2)
    nearest = mixed[:40][distances.argmin(axis=1)]
    assert (CLOUD[nearest] == CLOUD[mixed[40:]]).mean() > 0.9


def test_rows_are_placed_near_their_nearest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "OFFSET", 0.05)
    units = finite_unit_rows(
        np.concatenate([CLOUDS[::20], CLOUDS[1::20], CLOUDS[2::20], CLOUDS[3::20]])
    )
    corners = np.array([[0, 0], [90, 0], [0, 90], [90, 90]], np.float32)
    points = place_near(units, corners, 1)
    np.testing.assert_array_equal(points[:4], corners)
    distances = np.linalg.norm(points[:, None] - corners[None], axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), np.tile(np.arange(4), 4))
    assert len(np.unique(points, axis=0)) == 16


def test_an_unknown_layout() -> None:
    with pytest.raises(ConfigError, match="no layout 'mds': expected pca, tsne, umap"):
        layout(CLOUDS, "mds")  # type: ignore[arg-type]


def test_what_a_map_shows_of_a_model(models: dict[str, Path]) -> None:
    vectors = store.load(models["word2vec"]).vectors
    shown = MapData("kingdoms", vectors, 300, "pca", 1)
    assert shown.words == list(vectors.words[:300])
    assert shown.counts is not None
    assert (shown.n_words, len(shown.counts), shown.n_words_of_model) == (300, 300, 2359)
    levels = shown.int8_directions.astype(np.float64)
    levels /= np.linalg.norm(levels, axis=1, keepdims=True)
    np.testing.assert_allclose(levels @ levels.T, shown.units @ shown.units.T, atol=0.004)
    sizes = np.bincount(shown.groups)
    assert len(sizes) == 12
    assert list(sizes) == sorted(sizes, reverse=True)
    assert shown.points is shown.pca_2d
    assert len(shown.group_names) == 12
    assert all(len(named) == len(set(named)) == 4 for named in shown.group_names)


def test_a_model_of_one_word() -> None:
    vectors = VectorTable(["a"], np.ones((1, 3), np.float32))
    shown = MapData("one", vectors, 10, "tsne", 1)
    assert shown.groups.tolist() == [0]
    assert shown.points.tolist() == [[0, 0]]
    assert shown.counts is None
