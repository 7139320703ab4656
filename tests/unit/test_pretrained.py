"""The registry of pretrained vectors, and the names that stand for models."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest

import embedtool
from embedtool.errors import EmbedtoolError, ModelError
from embedtool.formats.registry import READERS
from embedtool.io.mirror import mirrored
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.pretrained import installed
from embedtool.pretrained.hub import vector_files
from embedtool.pretrained.registry import KINDS, collections, find_pretrained, known, registry
from embedtool.sklearn import DocumentVectorizer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of installed models; the working folder is another."""
    monkeypatch.setenv("EMBEDTOOL_MODELS", str(tmp_path / "models"))
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "models"


def save(path: Path, *words: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.eye(len(words), dtype=np.float32)
    store.save(ModelRecord(VectorTable(words, rows), {"algorithm": "imported"}), path)
    return path


def words_of(name: str) -> list[str]:
    return list(embedtool.load(name).wv.words)


def test_every_entry_is_complete() -> None:
    assert len(registry()) > 1000
    for name, entry in registry().items():
        assert entry.kind in KINDS, name
        assert entry.title, name
        assert entry.licence, name
        assert entry.citation, name
        assert re.fullmatch(r"[a-z]{2,3}|[a-z]+_[a-z_]+|simple", entry.language), name
        assert entry.page.startswith(("https://", "http://")), name
        assert entry.format is None or entry.format in READERS, name
        assert entry.dimensions is None or 25 <= entry.dimensions <= 512, name
        assert entry.md5 is None or re.fullmatch("[0-9a-f]{32}", entry.md5), name
        assert entry.md5 is None or entry.size, name
        assert not {"{", "}"} & set("".join([*entry.members, entry.url, entry.title])), name


def test_addresses_are_well_formed() -> None:
    for entry in [*registry().values(), find_pretrained("nlpl-40")]:
        if entry.url.startswith("hf:"):
            assert re.fullmatch(r"hf:[\w-]+/[\w.-]+", entry.url)
            continue
        parts = urlsplit(entry.url)
        assert parts.scheme in ("http", "https")
        assert re.fullmatch(r"[a-z0-9.]+\.(com|edu|eu)", parts.netloc)
        assert re.fullmatch(r"/[\w./-]+\.(gz|zip|vec)", parts.path)


def test_names_are_unique_and_no_paths() -> None:
    n_models = sum(len(list(each.models())) for each in collections().values())
    assert n_models == len(registry())
    assert len({name.lower() for name in registry()}) == n_models
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", name) for name in registry())


def test_collections_have_all_their_models() -> None:
    sizes = {key: len(list(each.models())) for key, each in collections().items()}
    assert sizes["fasttext-cc"] == sizes["fasttext-cc-vec"] == 158  # English and 157
    assert sizes["fasttext-wiki"] == sizes["fasttext-wiki-vec"] == 294
    assert sizes["fasttext-aligned"] == 44
    assert sizes["gensim-data"] == 12


@pytest.mark.parametrize(
    ("name", "url", "members", "dimensions"),
    [
        ("fasttext-cc-de", "fasttext/vectors-crawl/cc.de.300.bin.gz", (), 300),
        ("fasttext-wiki-zh_yue-vec", "fasttext/vectors-wiki/wiki.zh_yue.vec", (), 300),
        ("glove-6b-100", "data/glove.6B.zip", ("glove.6B.100d.txt",), 100),
        ("glove-2024-wikigiga-200", "wordvecs/glove.2024.wikigiga.200d.zip", ("*.txt",), 200),
        ("histwords-coha-word-1910", "coha-word_sgns.zip", ("1910",), 300),
        ("nlpl-7", "repository/20/7.zip", ("model.bin", "model.txt", "model.model"), None),
        ("potion-base-8M", "hf:minishlab/potion-base-8M", (), 256),
    ],
)
def test_patterns(name: str, url: str, members: tuple[str, ...], dimensions: int | None) -> None:
    entry = find_pretrained(name)
    assert entry.name == name
    assert entry.url.endswith(url)
    assert (entry.members, entry.dimensions) == (members, dimensions)


def test_facts_of_one_model() -> None:
    entry = find_pretrained("glove-twitter-25")
    assert (entry.words, entry.size) == (1193514, 109885004)
    assert entry.md5 == "50db0211d7e7a2dcd362c6b774762793"
    assert find_pretrained("glove-2024-wikigiga-50").size == 290_000_000
    assert find_pretrained("numberbatch-de").word_prefix == "/c/de/"
    assert not find_pretrained("conceptnet-numberbatch-17-06-300").by_frequency


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Glove-6B-100", "did you mean glove-6b-100"),
        ("glove-6b-10", "did you mean glove-6b-100"),
        ("nonsense", r"see: embedtool.list_models\(\)"),
        ("nlpl-x", r"see: embedtool.list_models\(\)"),
        ("hf:one", "write hf:OWNER/NAME"),
        ("hf:../secret", "write hf:OWNER/NAME"),
        ("hf:a/b@../c", "write hf:OWNER/NAME"),
    ],
)
def test_unknown_names(name: str, advice: str) -> None:
    with pytest.raises(ModelError, match=advice):
        find_pretrained(name)


def test_a_name_stands_for_an_installed_model(folder: Path) -> None:
    save(folder / "glove-6b-50", "fetched")
    assert words_of("glove-6b-50") == ["fetched"]
    assert list(installed.installed()) == ["glove-6b-50"]
    assert installed.is_installed("glove-6b-50")
    assert installed.model_path("glove-6b-50") == folder / "glove-6b-50"


def test_a_name_never_hides_a_path(folder: Path) -> None:
    save(folder / "glove-6b-50", "fetched")
    save(Path("glove-6b-50"), "mine")
    assert words_of("glove-6b-50") == ["mine"]
    assert installed.model_path(Path("glove-6b-50")) == Path("glove-6b-50")


def test_a_dangling_link_is_a_path_too(folder: Path) -> None:
    save(folder / "glove-6b-50", "fetched")
    Path("glove-6b-50").symlink_to("nowhere")
    with pytest.raises(ModelError, match=r"glove-6b-50: no such model$"):
        embedtool.load("glove-6b-50")


def test_an_unfinished_training_is_not_taken_for_a_name(folder: Path) -> None:
    Path("glove-6b-50.training").mkdir()
    assert store.training_folder(Path("glove-6b-50")).exists()
    with pytest.raises(ModelError, match="resume its training"):
        embedtool.load("glove-6b-50")


def test_a_model_saved_in_the_folder_has_a_name_too(folder: Path) -> None:
    save(folder / "mine", "own")
    assert words_of("mine") == ["own"]
    (entry,) = embedtool.list_models(installed=True)
    assert (entry.name, entry.words, entry.dimensions) == ("mine", 1, 1)


def test_a_repository_has_a_folder_for_each_revision(folder: Path) -> None:
    save(folder / "hf" / "owner" / "name", "one")
    save(folder / "hf" / "owner" / "name@refs%2Fpr%2F1", "two")
    assert list(installed.installed()) == ["hf:owner/name", "hf:owner/name@refs/pr/1"]
    assert words_of("hf:owner/name") == ["one"]
    assert words_of("hf:owner/name@refs/pr/1") == ["two"]


@pytest.mark.parametrize(
    "name", ["hf:../secret", "hf:./secret", "hf:../..", "hf:a/..", "hf:a/b@.."]
)
def test_no_name_leads_out_of_the_folder(folder: Path, name: str) -> None:
    assert not installed.is_name(name)
    assert not installed.is_installed(name)
    with pytest.raises(ModelError, match="is not installed"):
        installed.remove(name)


def test_a_name_that_is_not_installed(folder: Path) -> None:
    with pytest.raises(ModelError) as caught:
        embedtool.load("fasttext-cc-de")
    assert str(caught.value) == (
        "fasttext-cc-de: is not installed; fetch it with: embedtool.fetch_model('fasttext-cc-de')"
    )
    with pytest.raises(ModelError, match="did you mean fasttext-cc-de"):
        embedtool.load("fastext-cc-de")
    for path in ("./fasttext-cc-de", "fasttext-cc-de.bin", "x/fasttext-cc-de", "nonsense"):
        with pytest.raises(ModelError, match=f"{path.removeprefix('./')}: no such model$"):
            embedtool.load(path)


@pytest.mark.datasets("google", "wordsim353", "simlex999")
def test_functions_take_names(folder: Path) -> None:
    words = ["king", "queen", "man", "woman"]
    save(folder / "glove-6b-50", *words)
    save(folder / "hf" / "owner" / "name", *words)
    result = embedtool.compare("glove-6b-50", "hf:owner/name", words=["king"])
    assert "glove-6b-50" in str(result)
    vectorizer = DocumentVectorizer("glove-6b-50").fit(["king queen"])
    assert vectorizer.transform(["king"]).shape == (1, 4)
    config = embedtool.Word2VecConfig(vector_size=4, min_count=1, epochs=1)
    model = embedtool.train(config, [["king", "queen"]] * 5, init="glove-6b-50")
    assert {*words} == {*model.wv.words}
    with pytest.raises(ModelError, match="is a static model"):
        embedtool.open_encoder("glove-6b-50")
    with pytest.raises(ModelError, match="is not installed; fetch it with"):
        embedtool.train(config, [["king", "queen"]] * 5, init="glove-6b-100")


def test_a_name_that_no_folder_can_have(folder: Path) -> None:
    for name in ("x" * 300, "hf:a/" + "x" * 300):
        with pytest.raises(ModelError, match=r"File name too long|no such model"):
            embedtool.load(name)


def test_without_a_home_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("EMBEDTOOL_MODELS")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)
    with pytest.raises(ModelError, match="no home folder for models; set EMBEDTOOL_MODELS"):
        embedtool.load("glove-6b-50")
    embedtool.load(save(Path("mine"), "own"))


def test_only_an_installed_model_is_removed(folder: Path, tmp_path: Path) -> None:
    outside = save(tmp_path / "outside", "mine")
    save(folder / "glove-6b-50", "fetched")
    for name in ("../outside", str(outside), "..", ".", "", "glove-6b-100", "hf:a/../../outside"):
        with pytest.raises(ModelError, match="is not installed"):
            embedtool.remove_model(name)
    assert embedtool.remove_model("glove-6b-50") == folder / "glove-6b-50"
    assert list(installed.installed()) == []
    assert store.is_model(outside)


def test_the_folder_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("EMBEDTOOL_MODELS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert installed.models_folder() == tmp_path / "embedtool" / "models"
    assert list(installed.installed()) == []


def test_lists() -> None:
    german = embedtool.list_models("de", "fasttext")
    assert [each.name for each in german] == ["fasttext-cc-de", "fasttext-wiki-de"]
    assert str(german).split()[:3] == ["name", "kind", "language"]
    assert known("nlpl-12") is not None
    assert known("nlpl-12x") is None


def test_a_mirror_has_a_folder_for_each_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMBEDTOOL_MIRROR", raising=False)
    assert mirrored("https://host/a?b=1") == "https://host/a?b=1"
    monkeypatch.setenv("EMBEDTOOL_MIRROR", "http://127.0.0.1:80/all/")
    assert mirrored("https://host/a?b=1") == "http://127.0.0.1:80/all/host/a?b=1"
    assert mirrored("http://host:8/a") == "http://127.0.0.1:80/all/host:8/a"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["README.md", "model.safetensors", "tokenizer.json", "config.json"],
         (".", ["model.safetensors", "tokenizer.json", "config.json"])),
        (["modules.json", "0_StaticEmbedding/model.safetensors",
          "0_StaticEmbedding/tokenizer.json"],
         (".", ["0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/tokenizer.json",
                "modules.json"])),
        (["README.md", "model.bin"], ("model.bin", ["model.bin"])),
        (["a/vectors.vec.gz", "LICENSE"], ("a/vectors.vec.gz", ["a/vectors.vec.gz"])),
        (["vocab.txt", "glove.txt"], ("glove.txt", ["glove.txt"])),
    ],
)  # fmt: skip
def test_the_vectors_of_a_repository(files: list[str], expected: tuple[str, list[str]]) -> None:
    assert vector_files("hf:a/b", files) == expected


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([], "no file holds vectors: it is empty"),
        (["README.md", "config.json"], "no file holds vectors: README.md, config.json"),
        (["b.vec", "a.bin"], "several files may hold vectors: a.bin, b.vec"),
        (["pytorch_model.bin", "vocab.txt"], "no file holds vectors: pytorch_model.bin, vocab.txt"),
    ],
)
def test_a_repository_without_the_vectors(files: list[str], message: str) -> None:
    with pytest.raises(EmbedtoolError, match=f"hf:a/b: {message}"):
        vector_files("hf:a/b", files)


@pytest.mark.parametrize("mirror", ["foo", "localhost:1", "ftp://host"])
def test_a_mirror_is_a_web_server(monkeypatch: pytest.MonkeyPatch, mirror: str) -> None:
    monkeypatch.setenv("EMBEDTOOL_MIRROR", mirror)
    with pytest.raises(
        EmbedtoolError, match=f"^EMBEDTOOL_MIRROR={mirror}: must begin with http://"
    ):
        mirrored("https://host/file")


def test_a_folder_has_no_licence_of_its_name(folder: Path) -> None:
    save(folder / "fasttext-wiki-de", "a")
    entry = installed.describe_installed("fasttext-wiki-de")
    assert (entry.licence, entry.citation, entry.words) == ("not stated", (), 1)


def test_installed_names_are_suggested(folder: Path) -> None:
    save(folder / "mymodel", "a")
    with pytest.raises(ModelError, match=r"did you mean mymodel\?"):
        installed.model_path("mymodl")
