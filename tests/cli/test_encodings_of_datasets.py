"""Datasets, dictionaries and lists of words in any encoding that Python has."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Run
from tests.factories import saved_model, vectors_on_circle

WORDS = ["käse", "brot", "öl", "größe", "maß", "straße", "weg", "fluß", "bach", "übel", "gut"]
CODECS = ["utf-8", "latin-1", "cp1252", "utf-16", "utf-8-sig", "iso8859-15", "mac_roman"]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    vectors = vectors_on_circle(WORDS, np.linspace(0, 3, len(WORDS)))
    return saved_model(tmp_path / "model", vectors)


TEXTS = {
    "pairs": "käse\tbrot\t9\ngröße\tmaß\t8\nübel\tkäse\t1\n",
    "analogies": "käse brot öl größe\ngröße maß straße weg\n",
    "categories": "käse essen\nbrot essen\nstraße ort\nfluß ort\n",
    "outliers": "straße\nweg\nfluß\n\nkäse\n",
}


def found_in(results: list[dict]) -> list[int]:
    return [each["total"]["found"] if "total" in each and isinstance(each["total"], dict)
            else each["found"] for each in results]  # fmt: skip


@pytest.mark.parametrize("codec", CODECS)
def test_datasets_in_any_encoding_score_the_same(
    run: Run, model: Path, tmp_path: Path, codec: str
) -> None:
    given = []
    for task, text in TEXTS.items():
        path = tmp_path / f"{task}.txt"
        path.write_bytes(text.encode(codec))
        given += [f"--{task}", path]
    result = run("evaluate", model, *given, "--encoding", codec, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    assert found_in(json.loads(result.stdout)) == [2, 3, 4, 1]


def test_folders_and_archives_have_an_encoding_too(run: Run, model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "groups"
    folder.mkdir()
    (folder / "ways.txt").write_bytes(TEXTS["outliers"].encode("latin-1"))
    with zipfile.ZipFile(tmp_path / "groups.zip", "w") as archive:
        archive.write(folder / "ways.txt", "groups/ways.txt")
    for path in (folder, tmp_path / "groups.zip"):
        result = run("evaluate", model, "--outliers", path, "--encoding", "latin-1", "--json")
        assert json.loads(result.stdout)[0]["total"]["found"] == 1


@pytest.mark.datasets("wordsim353")
def test_public_datasets_stay_in_utf8(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(TEXTS["pairs"].encode("utf-16"))
    both = ["--pairs", path, "--pairs", "wordsim353"]
    result = run("evaluate", model, *both, "--encoding", "utf-16", "--json")
    assert result.exit_code == 0
    assert [each["total"] for each in json.loads(result.stdout)] == [3, 353]


@pytest.mark.parametrize("task", TEXTS)
def test_a_wrong_encoding_is_reported_with_the_line(
    run: Run, model: Path, tmp_path: Path, task: str
) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(("# a comment\n" + TEXTS[task]).encode("latin-1"))
    result = run("evaluate", model, f"--{task}", path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {path}, line 2: not UTF-8; set --encoding to that of the file\n"
    )


@pytest.mark.parametrize("codec", ["utf-8", "utf8", "U8", "utf-8-sig"])
def test_utf8_is_one_codec_whatever_its_name(
    run: Run, model: Path, tmp_path: Path, codec: str
) -> None:
    words, vectors = tmp_path / "words.txt", tmp_path / "a.vec"
    words.write_bytes("käse\n".encode("latin-1"))
    vectors.write_bytes("1 2\nkäse 1 2\n".encode("latin-1"))
    result = run("similar", model, "weg", "--words", words, "--encoding", codec)
    reason = "byte 1: not UTF-8; set --encoding to that of the file"
    assert (result.exit_code, result.stderr) == (1, f"Error: {words}, {reason}\n")
    result = run("import", vectors, tmp_path / "imported", "--encoding", codec)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {vectors}, line 2: the word is not UTF-8: b'k\\xe4se'")


def test_bytes_that_a_codec_does_not_have_are_reported(
    run: Run, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes(b"k\xe4se brot 9\n\x81 brot 1\n")
    result = run("evaluate", model, "--pairs", path, "--encoding", "cp1252")
    assert result.stderr == (
        f"Error: {path}, line 2: not cp1252; set --encoding to that of the file\n"
    )


@pytest.mark.parametrize("codec", ["klingon", "hex", "rot13", "undefined", ""])
@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "m"],
        ["compare", "m", "n"],
        ["translate", "m", "n", "--dictionary", "d", "w"],
        ["bias", "m", "--weat", "f"],
    ],
    ids=lambda command: command[0],
)
def test_an_unknown_codec_is_wrong_usage(run: Run, command: list[str], codec: str) -> None:
    result = run(*command, "--encoding", codec)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: --encoding must be a text codec of Python, such as latin-1, cp1252 or utf-16, "
        f"not {codec!r}\n"
    )


def test_models_are_compared_on_a_dataset_in_latin_1(run: Run, model: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.symlink_to(model)
    path = tmp_path / "pairs.txt"
    path.write_bytes(TEXTS["pairs"].encode("latin-1"))
    result = run("compare", model, other, "--pairs", path, "--encoding", "latin-1", "--json")
    assert result.exit_code == 0
    assert found_in(json.loads(result.stdout)["scores"][0]["results"]) == [3, 3]


def test_dictionaries_in_latin_1(run: Run, model: Path, tmp_path: Path) -> None:
    seeds, test = tmp_path / "seeds.txt", tmp_path / "test.txt"
    seeds.write_bytes("".join(f"{word}\t{word}\n" for word in WORDS).encode("latin-1"))
    test.write_bytes("käse\tkäse\nstraße\tstraße\n".encode("latin-1"))
    base = ["translate", model, model, "--dictionary", seeds, "--test", test]
    result = run(*base, "--encoding", "latin-1", "--json")
    assert (result.exit_code, json.loads(result.stdout)["found"]) == (0, 2)
    result = run(*base)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: {seeds}, line 1: not UTF-8; set --encoding to that of the file\n"
    )


def test_association_tests_in_latin_1(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "weat.toml"
    path.write_bytes(
        "[[test]]\nname = 'größe'\ntargets.a = ['käse', 'brot']\ntargets.b = ['straße', 'weg']\n"
        "attributes.x = ['öl', 'größe']\nattributes.y = ['fluß', 'bach']\n".encode("latin-1")
    )
    result = run("bias", model, "--weat", path, "--encoding", "latin-1", "--json")
    assert json.loads(result.stdout)[0]["name"] == "größe"
    assert json.loads(result.stdout)[0]["missing"] == []
    result = run("bias", model, "--weat", path)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {path}, byte 19: not UTF-8; set --encoding to that of the file\n"
    )  # fmt: skip


def test_lists_of_words_in_latin_1(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "among.txt"
    path.write_bytes("größe\nmaß\nöl\n".encode("latin-1"))
    among = ["--words", path, "--encoding", "latin-1", "--tsv"]
    for line in ["similar", model, "käse"], ["analogy", model, "käse - brot + weg"]:
        result = run(*line, *among)
        assert result.exit_code == 0, result.stderr
        found = {row.split("\t")[1] for row in result.stdout.splitlines()[1:]}
        assert found == {"größe", "maß", "öl"}
    result = run("similar", model, "käse", "--words", path)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {path}, byte 2: not UTF-8; set --encoding to that of the file\n"
    )  # fmt: skip


def test_the_shell_reads_a_list_of_words_in_latin_1(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "among.txt"
    path.write_bytes("größe\nmaß\nöl\n".encode("latin-1"))
    lines = f":words {path}\n:tsv\nkäse\n:compare käse\n".encode()
    result = run("shell", model, "--encoding", "latin-1", input=lines)
    assert result.exit_code == 0, result.stderr
    assert {row.split("\t")[-2] for row in result.stdout.splitlines()} == {
        "word", "größe", "maß", "öl"
    }  # fmt: skip
    lines = f":words {path}\nkäse\n:encoding klingon\nkäse\n:encoding latin-1\nkäse\n".encode()
    result = run("shell", model, input=lines)
    assert result.exit_code == 1
    assert "not UTF-8; set --encoding to that of the file" in result.stderr
    assert "--encoding must be a text codec of Python" in result.stderr
    assert "größe" in result.stdout


def test_pairs_of_sentences_in_latin_1(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    rows = ["käse,der käse,ein käse,1", "käse,der käse,ein käse,0", "öl,das öl,ein öl,1"]
    path.write_bytes("\n".join(["word,first,second,same", *rows]).encode("latin-1"))
    command = ["contextual", "evaluate", model, path, "--encoding", "latin-1", "--json"]
    result = run(*command)
    assert result.exit_code == 0, result.stderr
    assert [each["word"] for each in json.loads(result.stdout)["words"]] == ["käse", "öl"]


def test_tune_and_stability_read_their_datasets_as_their_text(run: Run, tmp_path: Path) -> None:
    text, path = tmp_path / "text.txt", tmp_path / "pairs.txt"
    text.write_bytes("der käse und das öl\ndie größe und das maß\n".encode("latin-1") * 40)
    path.write_bytes("käse öl 9\ngröße maß 8\nkäse maß 1\n".encode("latin-1"))
    options = [text, "--pairs", path, "--encoding", "latin-1", "--min-count", 1, "--vector-size", 4]
    result = run("stability", "glove", *options, "--runs", 2, "-o", tmp_path / "runs", "--json")
    assert result.exit_code == 0, result.stderr
    assert [each["dataset"] for each in json.loads(result.stdout)["scores"]] == ["pairs"]
    pytest.importorskip("optuna")
    more = ["--budget", "1h", "--trials", 1, "-o", tmp_path / "tuned", "--json"]
    result = run("tune", "glove", *options, *more)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["found"] == 3
