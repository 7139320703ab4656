"""The map as a file, as a table, and what cannot be shown."""

from pathlib import Path

import numpy as np
import pytest

from embedtool.analysis import projection_cache
from embedtool.mapview import page as page_module
from embedtool.model import store
from embedtool.search.query import similar
from tests.conftest import Run


def test_the_words_of_a_model_are_laid_out_once(
    run: Run, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    store.save(store.load(models["word2vec"]), model)
    first, second = tmp_path / "first.html", tmp_path / "second.html"
    assert run("explore", model, "--max-words", 300, "--export", first).exit_code == 0
    made = [path.name for path in model.iterdir() if path.name.startswith("layout-")]
    assert len(made) == 1
    assert run("check", model).stdout == f"{model}: model: sound\n"
    monkeypatch.setattr(projection_cache, "layout", None)
    assert run("explore", model, "--max-words", 300, "--export", second).exit_code == 0
    assert first.read_bytes() == second.read_bytes()


def test_a_map_as_a_table(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "map.parquet"
    result = run(
        "explore", models["word2vec"], "--layout", "pca", "--export", path, "--max-words", 500
    )
    assert result.exit_code == 0
    assert result.stderr == (
        f"{path}: 500 words; embedding-atlas {path} --text word --x x --y y --neighbors neighbors\n"
    )
    table = pq.read_table(path).to_pydict()
    assert list(table) == ["word", "count", "x", "y", "group", "neighbors"]
    vectors = store.load(models["word2vec"]).vectors
    row = table["word"].index("king")
    found = [table["word"][i] for i in table["neighbors"][row]["ids"]]
    expected = similar(vectors, "king", 10, candidates=np.arange(500))
    assert found == [each.word for each in expected]
    assert table["neighbors"][row]["distances"] == pytest.approx(
        [1 - each.score for each in expected], abs=1e-5
    )


def test_what_cannot_be_shown(
    run: Run, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = models["word2vec"]
    result = run("explore", model, "--export", tmp_path / "map.pdf")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {tmp_path / 'map.pdf'}: the map is written as .html or .parquet; "
        "name such a file\n",
    )
    folder = tmp_path / "none"
    result = run("explore", model, "--export", folder / "map.html")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {folder / 'map.html'}: the folder {folder} does not exist; make it first\n",
    )
    result = run("explore", model, model, "--export", tmp_path / "map.parquet")
    assert result.exit_code == 2
    assert "points are those of one model; export each by itself" in result.stderr
    result = run("explore", model, "--seed", "-1", "--export", tmp_path / "map.html")
    assert result.exit_code == 2
    assert "-1 is not in the range 0<=x<=4294967295" in result.stderr
    result = run("explore", model, model, model)
    assert result.exit_code == 2
    assert "at most 2 models fit beside each other" in result.stderr
    result = run("explore", tmp_path / "none", "--no-browser")
    assert result.exit_code == 1
    monkeypatch.setattr(page_module, "find_spec", lambda name: None)
    result = run("explore", model, "--export", tmp_path / "map.html")
    assert (result.exit_code, result.stderr) == (
        1, "Error: the map needs: pip install 'embedtool[explore]'\n",
    )  # fmt: skip
    assert not list(tmp_path.iterdir())


def test_a_port_that_is_taken(run: Run, models: dict[str, Path]) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("explore", models["word2vec"], "--port", port, "--no-browser")
    assert (result.exit_code, result.stderr) == (
        1, f"Error: port {port} cannot be used: Address already in use\n",
    )  # fmt: skip
