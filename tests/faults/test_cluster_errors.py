"""What a Ray cluster cannot do, read or be reached by, and that it reads what one machine reads."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from embedtool.model import store
from tests.conftest import Run
from tests.faults.conftest import Nodes, Train

if find_spec("ray") is None:
    pytest.skip("Ray is not installed", allow_module_level=True)
pytestmark = pytest.mark.xdist_group("cluster")


def test_what_a_cluster_cannot_do_is_one_line(train: Train, run: Run, tmp_path: Path) -> None:
    for options, reason in [
        (["--engine", "gensim"], "--engine gensim trains on one machine"),
        (["--hogwild"], "--hogwild is for the workers of one machine"),
    ]:
        if "gensim" in options and find_spec("gensim") is None:
            continue
        result = train("word2vec", tmp_path / "m", *options)
        assert result.exit_code == 2
        assert result.stderr.splitlines()[-1] == f"Error: {reason}; leave --cluster out"
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_no_node_can_read_is_named(
    run: Run, nodes: Nodes, kingdoms: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"king queen\n" * 10 + b"\xff\n")
    for text, message in [
        (bad, f"{bad}, byte 110: invalid UTF-8 (0xff)"),
        ("-", "standard input (-) cannot be read by a cluster; name files"),
        (tmp_path / "none", f"{tmp_path / 'none'}: no such file or folder"),
    ]:
        result = run("train", "glove", text, "-o", tmp_path / "m", "--cluster", nodes.address)
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
        assert not (tmp_path / "m.training").exists()


@pytest.mark.slow
def test_lists_of_tokens_and_other_encodings_are_read_as_by_one_machine(
    run: Run, nodes: Nodes, tmp_path: Path
) -> None:
    items, text = tmp_path / "items.jsonl", tmp_path / "text.txt"
    items.write_text('{"items": ["SKU 1", "b", "c"]}\n{"items": ["b", "SKU 1"]}\n' * 50)
    text.write_bytes("größe\nund hö-\nhe\n\n".encode("latin-1") * 50)
    for source, options in [
        (items, ["--field", "items"]),
        (text, ["--encoding", "latin-1", "--paragraphs"]),
    ]:
        models = []
        for name, more in (("one", []), ("two", ["--cluster", nodes.address])):
            output = tmp_path / f"{source.stem}-{name}"
            options = [*options, "--vector-size", "5", "--epochs", "2"]
            result = run("train", "glove", source, "-o", output, *options, *more)
            assert result.exit_code == 0, result.output
            models.append(store.load(output).vectors)
        assert list(models[0].words) == list(models[1].words)
        assert np.array_equal(models[0].rows, models[1].rows)


@pytest.mark.slow
def test_a_text_of_one_token_a_line_is_refused_by_a_cluster(
    run: Run, nodes: Nodes, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("king\nqueen\n" * 50)
    for algorithm in ("glove", "word2vec", "fasttext"):
        output = tmp_path / "model"
        result = run("train", algorithm, text, "-o", output, "--cluster", nodes.address)
        assert result.exit_code == 1
        message = result.stderr.splitlines()[-1]
        assert message.startswith("Error: no line has two words, so there are no pairs")
        assert list(tmp_path.iterdir()) == [text]


@pytest.mark.slow
def test_a_cluster_with_another_token_is_told_from_none(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("what nobody gave it, but twice the least length")
    done = subprocess.run(
        [sys.executable, "-m", "embedtool", "train", "glove", __file__, "-o", tmp_path / "m",
         "--cluster", nodes.address],
        env={**os.environ, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        f"Error: Ray cluster {nodes.address}: it has another token; set RAY_AUTH_MODE and "
        "RAY_AUTH_TOKEN_PATH as there"
    ]


def test_an_address_without_a_cluster_is_named(run: Run, kingdoms: Path, tmp_path: Path) -> None:
    result = run("train", "glove", kingdoms, "-o", tmp_path / "m", "--cluster", "nonsense")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Ray cluster nonsense: ")
    assert len(result.stderr.splitlines()) == 1
