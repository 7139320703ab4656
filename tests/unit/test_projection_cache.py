"""Layouts that are kept place_near their model."""

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.analysis import projection_cache
from embedtool.analysis.projection import Rows, finite_unit_rows, layout
from embedtool.analysis.projection_cache import cached_layout
from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_write
from embedtool.io.progress import Report, silent
from embedtool.mapview.map_data import MapData
from embedtool.model import store

UNITS = finite_unit_rows(np.random.default_rng(3).normal(size=(60, 8)).astype(np.float32))


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The methods by which rows have been laid out; the user's cache is a folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done: list[str] = []

    def counted(rows: Rows, method: Any, seed: int, report: Report = silent) -> Rows:
        done.append(method)
        return layout(rows, method, seed, report)

    monkeypatch.setattr(projection_cache, "layout", counted)
    return done


def test_a_layout_is_computed_once(computed: list[str], tmp_path: Path) -> None:
    first = cached_layout(UNITS, "tsne", 1, tmp_path)
    again = cached_layout(UNITS, "tsne", 1, tmp_path)
    np.testing.assert_array_equal(first, layout(UNITS, "tsne", 1))
    np.testing.assert_array_equal(first, again)
    assert computed == ["tsne"]
    assert [path.suffix for path in tmp_path.iterdir()] == [".safetensors"]


def test_parameters_that_change_the_points_have_a_file_of_their_own(
    computed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = UNITS.copy()
    other[7] = -other[7]
    cached_layout(UNITS, "tsne", 1, tmp_path)
    cached_layout(UNITS, "tsne", 2, tmp_path)
    cached_layout(UNITS[:50], "tsne", 1, tmp_path)
    cached_layout(other, "tsne", 1, tmp_path)
    monkeypatch.setattr("embedtool.analysis.projection.PERPLEXITY", 10)
    cached_layout(UNITS, "tsne", 1, tmp_path)
    monkeypatch.setattr("embedtool.analysis.projection.version", lambda name: "9.9")
    cached_layout(UNITS, "tsne", 1, tmp_path)
    assert len(computed) == len(list(tmp_path.iterdir())) == 6


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "another"])
def test_a_damaged_file_is_computed_again(computed: list[str], tmp_path: Path, damage: str) -> None:
    points = cached_layout(UNITS, "tsne", 1, tmp_path)
    (path,) = tmp_path.iterdir()
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[:-8]
    elif damage == "changed":
        data[-50] ^= 1
    elif damage == "empty":
        data.clear()
    else:
        cached_layout(UNITS[::-1], "tsne", 1, tmp_path / "other")
        data = bytearray(next((tmp_path / "other").iterdir()).read_bytes())
        computed.pop()
    path.write_bytes(data)
    np.testing.assert_array_equal(cached_layout(UNITS, "tsne", 1, tmp_path), points)
    assert computed == ["tsne"] * 2
    cached_layout(UNITS, "tsne", 1, tmp_path)
    assert computed == ["tsne"] * 2


def refusing(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Let nothing be written to some folders (root may write everywhere)."""

    def checked(path: Path) -> Any:
        if path.parent in folders:
            raise OutputError(f"{path}: cannot be written: Read-only file system")
        return atomic_write(path)

    monkeypatch.setattr(projection_cache, "atomic_write", checked)


def test_the_layout_of_a_model_that_is_only_read_is_in_the_users_cache(
    computed: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    refusing(monkeypatch, model)
    first = cached_layout(UNITS, "tsne", 1, model)
    assert not list(model.iterdir())
    assert len(list((tmp_path / "cache" / "embedtool" / "layouts").iterdir())) == 1
    np.testing.assert_array_equal(cached_layout(UNITS, "tsne", 1, model), first)
    assert computed == ["tsne"]


def test_a_layout_that_cannot_be_cached_is_a_warning(
    computed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    cache = tmp_path / "cache" / "embedtool" / "layouts"
    refusing(monkeypatch, tmp_path, cache)
    with caplog.at_level(logging.WARNING, "embedtool"):
        points = cached_layout(UNITS, "tsne", 1, tmp_path)
    assert points.shape == (60, 2)
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"the layout cannot be cached and will be computed again: {cache}/layout-"
    )
    assert record.getMessage().endswith(": cannot be written: Read-only file system")


def test_a_cache_that_cannot_be_made_is_a_warning(
    computed: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    refusing(monkeypatch, tmp_path)
    (tmp_path / "cache").write_text("a file")
    with caplog.at_level(logging.WARNING, "embedtool"):
        cached_layout(UNITS, "tsne", 1, tmp_path)
    assert [record.getMessage() for record in caplog.records] == [
        "the layout cannot be cached and will be computed again: "
        f"{tmp_path / 'cache' / 'embedtool' / 'layouts'}: cannot be made: Not a directory"
    ]


def test_the_files_of_the_model_are_unchanged(
    models: dict[str, Path], computed: list[str], tmp_path: Path
) -> None:
    model = tmp_path / "model"
    store.save(store.load(models["word2vec"]), model)
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    vectors = store.load(model).vectors
    shown = [MapData("model", vectors, 300, method, 1, model) for method in ("tsne", "tsne", "pca")]
    np.testing.assert_array_equal(shown[0].points, shown[1].points)
    assert shown[2].points.shape == (300, 2)
    assert computed == ["tsne"]
    assert {name: (model / name).read_bytes() for name in before} == before
    assert len(list(model.iterdir())) == len(before) + 1
    assert list(store.verify(model)) == []
