"""models and import on repositories of Hugging Face's, which a server of our own plays."""

import sys
from collections.abc import Iterator
from pathlib import Path

import huggingface_hub  # noqa: F401  # these tests are skipped without it
import pytest

from embedtool.model import store
from tests.conftest import Run
from tests.pretrained.hub import COMMIT, put_repository
from tests.web_server import WebServer, serving

VECTORS = b"3 2\nking 1 0\nqueen 0.8 0.6\nman 0 1\n"
FILES = {"README.md": b"#", "small.vec": VECTORS}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebServer]:
    """A hub with one repository; the folder of models is empty."""
    monkeypatch.setenv("EMBEDTOOL_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        put_repository(server, "owner/small", FILES)
        yield server


def test_a_repository_is_fetched_and_used_by_its_name(
    run: Run, hub: WebServer, tmp_path: Path
) -> None:
    result = run("similar", "hf:owner/small", "king")
    assert result.stderr == (
        "Error: hf:owner/small: is not installed; fetch it with: embedtool models get "
        "hf:owner/small\n"
    )
    assert not hub.requests
    result = run("models", "get", "hf:owner/small")
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "models" / "hf" / "owner" / "small"
    assert result.stdout == f"{folder}\n"
    description = store.describe(folder)
    assert description["name"] == "hf:owner/small"
    assert description["source"] == "https://huggingface.co/owner/small"
    assert description["revision"] == COMMIT
    assert not any("README" in path for path in hub.paths)
    hub.forget()
    assert "queen" in run("similar", "hf:owner/small", "king").stdout
    assert "hf:owner/small" in run("models", "list", "--installed", "--tsv").stdout
    assert run("models", "remove", "hf:owner/small").exit_code == 0
    assert not folder.exists()
    assert not hub.requests


def test_a_revision_is_a_model_of_its_own(run: Run, hub: WebServer, tmp_path: Path) -> None:
    assert run("models", "get", f"hf:owner/small@{COMMIT}").exit_code == 0
    assert "queen" in run("similar", f"hf:owner/small@{COMMIT}", "king").stdout
    assert run("similar", "hf:owner/small", "king").exit_code == 1


def test_a_repository_is_imported(run: Run, hub: WebServer, tmp_path: Path) -> None:
    result = run("import", "hf:owner/small", "mine")
    assert result.exit_code == 0, result.stderr
    assert result.stderr == "mine: word2vec, 3 words x 2\n"
    assert store.describe("mine")["source"] == "https://huggingface.co/owner/small"
    assert [each.name for each in tmp_path.iterdir()] == ["mine"]


def test_damage_in_a_repository(run: Run, hub: WebServer, tmp_path: Path) -> None:
    put_repository(hub, "owner/bad", {"bad.vec": VECTORS[:-5]})
    fault = "line 4: expected a word and 2 numbers between single spaces, found b'man'\n"
    result = run("import", "hf:owner/bad", "mine")
    assert result.exit_code == 1
    assert result.stderr == f"Error: hf:owner/bad/bad.vec, {fault}"
    assert list(tmp_path.iterdir()) == []
    result = run("models", "get", "hf:owner/bad")
    assert result.exit_code == 1
    assert result.stderr.endswith(f"Error: hf:owner/bad: refused: {fault}")
    assert not (tmp_path / "models" / "hf" / "owner" / "bad").exists()


def test_a_repository_without_vectors_lists_its_files(run: Run, hub: WebServer) -> None:
    put_repository(hub, "owner/bert", {"config.json": b"{}", "pytorch_model.bin": b"1"})
    result = run("models", "get", "hf:owner/bert")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: hf:owner/bert: no file holds vectors: config.json, pytorch_model.bin; import takes "
        "a folder of model2vec, or one file of vectors: download that, and import it\n"
    )


REFUSALS = {
    "RepoNotFound": "there is no such repository, or it is private; private ones need: hf auth "
    "login",
    "GatedRepo": "the repository is gated: accept its terms on its page, and log in with: hf auth "
    "login",
    "RevisionNotFound": "the repository has no such revision",
}


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_is_one_line(run: Run, hub: WebServer, code: str) -> None:
    refused = hub.put("/api/models/owner/other?blobs=true", headers={"X-Error-Code": code})
    refused.refusals = [403 if code == "GatedRepo" else 404]
    result = run("models", "get", "hf:owner/other")
    assert result.exit_code == 1
    assert result.stderr == f"Error: hf:owner/other: {REFUSALS[code]}\n"


def test_a_hub_that_cannot_be_reached(
    run: Run, hub: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    result = run("models", "get", "hf:owner/small")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: hf:owner/small: cannot be downloaded: ")
    assert result.stderr.endswith("; try again later\n")
    assert result.stderr.count("\n") == 1


def test_a_path_comes_before_a_repository(run: Run, hub: WebServer, tmp_path: Path) -> None:
    (tmp_path / "hf:owner").mkdir()
    (tmp_path / "hf:owner" / "small").write_bytes(b"1 2\nown 1 0\n")
    result = run("import", "hf:owner/small", "mine")
    assert result.stderr == "mine: word2vec, 1 word x 2\n"
    assert not hub.requests


def test_the_package_for_hugging_face_is_named(
    run: Run, hub: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    message = "Error: a repository of Hugging Face's needs: pip install 'embedtool[hub]'\n"
    for arguments in (("models", "get", "hf:owner/small"), ("import", "hf:owner/small", "mine")):
        result = run(*arguments)
        assert (result.exit_code, result.stderr) == (1, message)
