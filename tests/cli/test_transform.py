"""transform, evaluate --variant, align, drift, translate and bias from the command line."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.conftest import Run
from tests.factories import random_vectors


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Random vectors with contexts, and a turned copy of them under other names."""
    vectors = random_vectors(200, 10)
    rotation = np.linalg.qr(np.random.default_rng(1).standard_normal((10, 10)))[0]
    other = [word.replace("w", "x") for word in vectors.words]
    turned = (vectors.rows @ rotation).astype(np.float32)
    folder = tmp_path_factory.mktemp("small")
    saved = {
        "one": VectorTable(vectors.words, vectors.rows, vectors.counts, vectors.rows[::-1]),
        "turned": VectorTable(vectors.words, turned, vectors.counts),
        "other": VectorTable(other, turned),
    }
    for name, each in saved.items():
        store.save(ModelRecord(each, {"algorithm": "made up"}), folder / name)
    (folder / "seeds.txt").write_text("".join(f"w{i} x{i}\n" for i in range(50)))
    (folder / "test.txt").write_text("".join(f"w{i} x{i}\n" for i in range(50, 90)) + "new x1\n")
    return {**{name: folder / name for name in saved}, "folder": folder}


def test_a_transformed_model_is_a_model(run: Run, small: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["--add-contexts", "--all-but-the-top", "2", "--normalize"]
    result = run("transform", small["one"], out, *options)
    assert (result.exit_code, result.stderr) == (0, f"{out}: 200 words x 10\n")
    model = store.load(out)
    assert model.description["transformed"] == [
        {"add_contexts": True, "all_but_the_top": 2, "normalize": True}
    ]
    assert np.linalg.matrix_rank(model.vectors.rows, tol=1e-3) == 8
    assert "all but the top" in run("info", out).stdout
    again = run("transform", small["one"], out, "--center")
    assert again.exit_code == 1
    assert again.stderr == f"Error: {out}: already exists; use --overwrite or another name\n"


@pytest.mark.parametrize(
    "options, message",
    [
        (
            [],
            "choose a transformation: --add-contexts, --center, --all-but-the-top, --pca or "
            "--normalize",
        ),
        (["--pca", "11"], "--pca 11 is more than the 10 dimensions that there are"),
        (["--pca", "0"], "--pca must be 1 or more, not 0"),
    ],
)
def test_impossible_transformations(
    run: Run, small: dict[str, Path], tmp_path: Path, options: list[str], message: str
) -> None:
    result = run("transform", small["one"], tmp_path / "out", *options)
    assert (result.exit_code, result.stderr) == (2, f"Error: {message}\n")
    assert not (tmp_path / "out").exists()


def test_trained_contexts_are_added_where_there_are_any(
    run: Run, models: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert run("transform", models["word2vec"], out, "--add-contexts").exit_code == 0
    before, after = store.load(models["word2vec"]).vectors, store.load(out).vectors
    np.testing.assert_array_equal(after.rows, before.rows + before.output_matrix)
    glove = run("transform", models["glove"], tmp_path / "glove", "--add-contexts")
    assert glove.exit_code == 2
    assert glove.stderr.startswith("Error: --add-contexts needs context vectors")


def test_ngrams_that_are_left_out_are_reported(
    run: Run, models: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("transform", models["fasttext"], out, "--center")
    assert "left out" not in result.stderr
    before, after = (store.load(each).vectors for each in (models["fasttext"], out))
    moved = before.vector("kingqueen") - before.rows.mean(axis=0)
    np.testing.assert_allclose(after.vector("kingqueen"), moved, atol=1e-5)
    result = run("transform", models["fasttext"], out, "--normalize", "--overwrite")
    assert "n-grams are left out" in result.stderr
    assert run("similar", out, "kingqueen").exit_code == 1


def test_variants_are_printed_beside_the_model(
    run: Run, models: dict[str, Path], questions: Path
) -> None:
    names = ["center", "all-but-the-top:3", "pca:5+normalize"]
    arguments = [item for name in names for item in ("--variant", name)]
    base = ["evaluate", models["word2vec"], "--analogies", questions]
    result = run(*base, *arguments)
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["part", "found", "total", "as", "it", "is", *names]
    scores = json.loads(run(*base, *arguments, "--json").stdout)
    assert [each["variant"] for each in scores] == ["as it is", *names]
    plain = json.loads(run(*base, "--json").stdout)[0]
    assert scores[0] == {"variant": "as it is", **plain}
    shown = [float(number) for number in lines[-1].split()[3:]]
    assert shown == [pytest.approx(each["total"]["accuracy"], abs=1e-4) for each in scores]
    assert scores[3]["total"]["accuracy"] < scores[0]["total"]["accuracy"]
    table = run(*base, *arguments, "--tsv").stdout.splitlines()
    assert table[0].split("\t")[:2] == ["variant", "dataset"]
    assert {line.split("\t")[0] for line in table[1:]} == {"as it is", *names}


def test_an_unknown_variant_is_named(run: Run, models: dict[str, Path], questions: Path) -> None:
    result = run("evaluate", models["word2vec"], "--analogies", questions, "--variant", "centre")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: no variant 'centre': expected add-contexts, center, all-but-the-top[:N], pca:N or "
        "normalize, several joined by +\n"
    )


def test_a_model_is_rotated_into_the_space_of_another(
    run: Run, small: dict[str, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run("align", small["one"], small["turned"], out, "--json")
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert (found["n_pairs"], found["after"]) == (200, pytest.approx(1))
    model, target = store.load(out), store.load(small["turned"])
    np.testing.assert_allclose(model.vectors.rows, target.vectors.rows, atol=1e-4)
    assert model.description["aligned"]["n_pairs"] == 200
    lines = run("align", small["one"], small["turned"], out, "--overwrite").stdout.splitlines()
    assert lines[0].split() == ["anchors", "200"]
    refused = run("align", small["one"], small["other"], out, "--overwrite")
    assert refused.exit_code == 1
    assert refused.stderr == ("Error: no pair of words in both models is left to align them on\n")
    assert store.load(out).description["aligned"]["n_pairs"] == 200


def test_a_copy_has_not_drifted(run: Run, small: dict[str, Path]) -> None:
    base = ["drift", small["one"], small["turned"]]
    found = json.loads(run(*base, "-n", "3", "--json").stdout)
    assert len(found["words"]) == 3
    for each in found["words"]:
        assert each["distance"] == pytest.approx(0, abs=1e-5)
        assert each["neighbourhood"] == pytest.approx(0, abs=1e-5)
        assert each["then"] == each["now"]
    result = run(*base, "w3", "w1")
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["word", "distance", "neighbourhood", "then", "now"]
    assert [line.split()[0] for line in lines[1:]] == ["w3", "w1"]
    assert len(lines[1].split()) == 3 + 5 + 5
    assert result.stderr.startswith("200 shared words; aligned on 200, residual 0.000")
    table = run(*base, "w3", "--tsv").stdout.splitlines()
    assert table[1].split("\t")[0] == "w3"
    unknown = run(*base, "king")
    assert unknown.exit_code == 1
    assert unknown.stderr == "Error: 'king' is not in the vocabulary of both models\n"


def test_words_are_translated(run: Run, small: dict[str, Path]) -> None:
    base = [
        "translate",
        small["one"],
        small["other"],
        "--dictionary",
        small["folder"] / "seeds.txt",
    ]
    result = run(*base, "w120", "-n", "2", "--json")
    assert json.loads(result.stdout)[0]["answers"][0]["word"] == "x120"
    assert result.stderr.startswith("aligned on 50 of 50 pairs, mean cosine 1.0000, residual 0.00")
    piped = run(*base, "--tsv", "-n", "1", "--method", "nearest", input="w7\nw8\n")
    assert [line.split("\t")[:2] for line in piped.stdout.splitlines()[1:]] == [
        ["w7", "x7"],
        ["w8", "x8"],
    ]
    scores = run(*base, "--test", small["folder"] / "test.txt", "--tsv").stdout.splitlines()
    assert scores[1].split("\t") == ["precision@1", "40", "40", "41", "1.0", str(40 / 41)]
    both = run(*base, "--test", small["folder"] / "test.txt", "w1")
    assert both.exit_code == 2
    assert both.stderr.startswith("Error: give words or --test, not both")
    unknown = run(*base, "wx1")
    assert unknown.exit_code == 1
    assert unknown.stderr.splitlines()[-1].startswith("Error: 'wx1' is not in the vocabulary")


def test_too_small_a_dictionary_is_reported(
    run: Run, small: dict[str, Path], tmp_path: Path
) -> None:
    few = tmp_path / "few.txt"
    few.write_text("w1 x1\nw2 nothing\n")
    result = run("translate", small["one"], small["other"], "w3", "--dictionary", few)
    assert result.exit_code == 0
    assert "aligned on 1 of 2 pairs" in result.stderr
    assert "a rotation of 10 dimensions needs as many pairs" in result.stderr
    few.write_text("w1\n")
    result = run("translate", small["one"], small["other"], "w3", "--dictionary", few)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {few}, line 1: expected a word and its translation, found 'w1'\n"
    )


WEAT = """[[test]]
name = "made up"
targets = {up = ["w0", "w1", "w2"], down = ["w3", "w4", "nowhere", "w5"]}
attributes = {good = ["w6", "w7"], bad = ["w8", "w9"]}
"""


def test_associations(run: Run, small: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "weat.toml"
    path.write_text(WEAT)
    found = json.loads(run("bias", small["one"], "--weat", path, "--json").stdout)[0]
    assert (found["exact"], found["permutations"], found["missing"]) == (True, 20, ["nowhere"])
    result = run("bias", small["one"], "--weat", path)
    assert "up (3) : down (3)" in result.stdout
    assert "20 (all)" in result.stdout
    assert result.stderr == "made up: not in the vocabulary: nowhere\n"
    drawn = run("bias", small["one"], "--weat", path, "--permutations", "10", "--tsv")
    assert drawn.stdout.splitlines()[1].split("\t")[-1] == "10"
    assert drawn.stderr.splitlines()[1] == (
        "made up: p cannot be below 0.091, because only 10 partitions of the targets were tested"
    )
    path.write_text(WEAT.replace(', "w2"]', "]").replace('"nowhere", ', ""))
    few = run("bias", small["one"], "--weat", path)
    assert few.stderr == (
        "made up: p cannot be below 0.1, because only 10 partitions of the targets were tested\n"
    )
    missing = run("bias", small["one"], "--weat", tmp_path / "none.toml")
    assert missing.exit_code == 1
    assert missing.stderr.endswith("none.toml: cannot be read: No such file or directory\n")


def test_projections(run: Run, models: dict[str, Path]) -> None:
    base = ["bias", models["word2vec"], "--direction", "king - queen"]
    words = run(*base, "queen", "man", "king", "woman", "--tsv").stdout.splitlines()
    order = [line.split("\t")[0] for line in words[1:]]
    assert (order[0], order[-1]) == ("king", "queen")
    assert order.index("man") < order.index("woman")
    two = run(*base, "--direction", "man - woman", "boy", "girl")
    assert two.stdout.splitlines()[1].split()[0] == "boy"
    assert "of the 2 differences" in two.stderr
    assert len(json.loads(run(*base, "--json", input="boy\ngirl\n").stdout)["words"]) == 2


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "give either --weat FILE or --direction EXPRESSION"),
        (["--weat", "f", "--direction", "a - b"], "give either --weat FILE or --direction"),
        (["--weat", "f", "word"], "words go with --direction"),
    ],
)
def test_wrong_usage_of_bias(
    run: Run, small: dict[str, Path], arguments: list[str], message: str
) -> None:
    result = run("bias", small["one"], *arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: {message}")


def rows_of(table: str) -> dict[str, str]:
    """The table of info: the value of each name."""
    rows = [re.split(r"  +", line, maxsplit=1) for line in table.splitlines()]
    return dict(rows)


def test_info_shows_the_sizes_of_the_tables_and_every_step(
    run: Run, small: dict[str, Path], tmp_path: Path
) -> None:
    """Whatever was done, sizes are those of now, and no step takes the place of an earlier one."""
    described = store.load(small["one"]).description | {"options": {"vector_size": 10}}
    store.save(ModelRecord(store.load(small["one"]).vectors, described), tmp_path / "0")
    steps = [
        ["compress", "--dimensions", 8, "--no-report"],
        ["transform", "--pca", 6],
        ["compress", "--words", 50, "--precision", "int8", "--no-report"],
        ["transform", "--normalize"],
    ]
    for number, (command, *options) in enumerate(steps):
        result = run(command, tmp_path / str(number), tmp_path / str(number + 1), *options)
        assert result.exit_code == 0
    rows = rows_of(run("info", tmp_path / "4").stdout)
    assert (rows["words"], rows["vector size"], rows["bytes per vector"]) == ("50", "6", "24")
    assert [name for name in rows if name.endswith("vector size")] == ["vector size"]
    assert (rows["1 compress dimensions"], rows["2 transform pca"]) == ("8", "6")
    assert (rows["3 compress words"], rows["3 compress precision"]) == ("50", "int8")
    assert rows["4 transform normalize"] == "yes"
    config = json.loads((tmp_path / "4/config.json").read_text())
    assert config["sizes"] == {
        "words": 50,
        "vector_size": 6,
        "bytes_per_vector": 24,
        "counts": True,
    }
    assert [step["command"] for step in config["history"]] == [step[0] for step in steps]
    assert rows_of(run("info", tmp_path / "3").stdout)["bytes per vector"] == "10"


def test_models_of_an_older_embedtool_and_imports_have_their_sizes_shown(
    run: Run, small: dict[str, Path], tmp_path: Path
) -> None:
    assert run("export", small["one"], tmp_path / "v.txt").exit_code == 0
    assert run("import", tmp_path / "v.txt", tmp_path / "model").exit_code == 0
    rows = rows_of(run("info", tmp_path / "model").stdout)
    assert (rows["words"], rows["vector size"], rows["counts"]) == ("200", "10", "no")
    config = tmp_path / "model/config.json"
    description = json.loads(config.read_text())
    del description["sizes"]
    config.write_text(json.dumps(description))
    assert rows_of(run("info", tmp_path / "model").stdout)["vector size"] == "10"


def test_two_alignments_are_two_steps(run: Run, small: dict[str, Path], tmp_path: Path) -> None:
    for source, target, out in (("one", "turned", "a"), ("a", "one", "b")):
        places = small | {name: tmp_path / name for name in "ab"}
        result = run("align", places[source], places[target], tmp_path / out)
        assert result.exit_code == 0
    history = store.load(tmp_path / "b").description["history"]
    assert [step["target"] for step in history] == [str(small["turned"]), str(small["one"])]
    rows = rows_of(run("info", tmp_path / "b").stdout)
    assert rows["1 align target"] == str(small["turned"])
    assert rows["2 align target"] == str(small["one"])
