"""Each model by its name is what its own tool says."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from embedtool.model import store
from embedtool.pretrained.registry import find_pretrained, registry
from tests.conftest import Run
from tests.pretrained.conftest import MakeOnce
from tests.pretrained.hub import put_repository
from tests.web_server import WebFile, WebServer

MODELS = {
    "fasttext-cc-de": "crawl .bin",
    "fasttext-cc-de-vec": "crawl .vec",
    "fasttext-wiki-als": "wiki",
    "fasttext-wiki-als-vec": "wiki",
    "fasttext-aligned-de": "aligned",
    "fasttext-wiki-news": "wiki-news",
    "fasttext-crawl-subword": "crawl with subwords",
    "fasttext-crawl-subword-vec": "crawl with subwords",
    "glove-6b-100": "glove.6B",
    "glove-840b-300": "glove.840B",
    "glove-twitter-27b-25": "glove.twitter",
    "glove-2024-wikigiga-50": "glove 2024",
    "googlenews-300": "GoogleNews",
    "glove-twitter-25": "gensim-data",
    "numberbatch-de": "Numberbatch",
    "numberbatch-en": "Numberbatch English",
    "histwords-eng-all-1990": "HistWords",
    "nlpl-40": "NLPL",
    "potion-base-2M": "potion",
}
"""Models by their names, and the collections whose files they are made of."""

pytestmark = pytest.mark.usefixtures("impatient")


def serve(server: WebServer, name: str, files: Mapping[str, bytes]) -> list[WebFile]:
    """Serve what a model is made of."""
    url = find_pretrained(name).url
    if url.startswith("hf:"):
        put_repository(server, url.removeprefix("hf:"), files)
        return list(server.files.values())
    return [server.put(f"/{path}", content) for path, content in files.items()]


def known_by_checksum(monkeypatch: pytest.MonkeyPatch, name: str, content: bytes) -> None:
    """Have a model of which a checksum is published be the small one."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    entry = replace(find_pretrained(name), md5=md5, size=len(content))
    monkeypatch.setitem(registry(), name, entry)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", MODELS)
def test_each_model_is_what_its_own_tool_says(
    name: str, published: MakeOnce, server: WebServer, installed: Path, run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    expected = published(MODELS[name])
    files = serve(server, name, expected.files)
    if find_pretrained(name).md5:
        known_by_checksum(monkeypatch, name, files[0].content)
    result = run("models", "get", name)
    assert (result.exit_code, result.stdout) == (0, f"{installed / name}\n"), result.stderr
    vectors = store.load(installed / name).vectors
    assert list(vectors.words) == list(expected.words)
    np.testing.assert_allclose(vectors.rows, expected.vectors, rtol=0, atol=1e-6)
    assert [path.name for path in installed.iterdir() if not path.name.startswith(".")] == [name]

    server.forget()
    answers = run("similar", name, expected.probe, "-n", 2, "--json")
    assert answers.exit_code == 0, answers.stderr
    unit = expected.vectors / np.linalg.norm(expected.vectors, axis=1, keepdims=True)
    scores = unit @ unit[list(expected.words).index(expected.probe)]
    nearest = [expected.words[i] for i in np.argsort(-scores)[1:3]]
    assert [each["word"] for each in json.loads(answers.stdout)[0]["answers"]] == nearest
    assert not server.requests
