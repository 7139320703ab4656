"""evaluate --classify, on a model of two topics."""

import json
from pathlib import Path

import pytest

from tests.conftest import Run
from tests.factories import saved_model, topic_vectors
from tests.unit.test_sklearn import topics


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved_model(tmp_path / "model", topic_vectors())


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "topics.csv"
    rows = [f"{text},{label}\n" for text, label in zip(*topics(30), strict=True)]
    path.write_text("".join(["text,label\n", *rows, "none,\n", "none at all,sea\n"]))
    return path


def test_documents_are_classified_beside_the_baselines(run: Run, model: Path, data: Path) -> None:
    result = run("evaluate", model, "--classify", data)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == (
        "topics.csv: 31 documents (1 left out), 2 classes, 5 folds, 78.4% of tokens known"
    )
    assert lines[1].split() == ["accuracy", "95%", "interval", "macro", "F1", "95%", "interval"]
    names = [line[:15].strip() for line in lines[2:8]]
    assert names == [
        "vectors: mean", "vectors: sif", "vectors: tfidf",
        "words: TF-IDF", "words: one-hot", "majority class",
    ]  # fmt: skip
    assert float(lines[2].split()[2]) > 0.9 > float(lines[7].split()[2])
    assert lines[9] == "accuracy against words alone, by TF-IDF"
    assert [line[:15].strip() for line in lines[11:]] == names[:3]
    assert all(line.split("  ")[-1].strip() in VERDICTS for line in lines[11:])
    assert max(map(len, lines)) <= 80
    assert result.stderr.splitlines()[0] == (
        "Warning: 1 of 31 documents hold no word that the model knows and become zeros; of all "
        "tokens it knows 78.4%"
    )


VERDICTS = {"better", "worse", "no significant difference"}


def test_as_json_and_as_tsv(run: Run, model: Path, data: Path) -> None:
    options = ["--weighting", "tfidf", "--weighting", "mean", "--folds", "3", "--seed", "4"]
    found = json.loads(run("evaluate", model, "--classify", data, *options, "--json").stdout)
    assert found["classes"] == {"sea": 16, "land": 15}
    assert (found["folds"], found["seed"], found["n_left_out"]) == (3, 4, 1)
    assert (found["tokenizer"], found["lowercase"]) == ("words", True)
    assert found["coverage"] == {"n_documents": 31, "n_empty": 1, "n_tokens": 153, "n_known": 120}
    names = [score["name"] for score in found["scores"]]
    baselines = ["words: TF-IDF", "words: one-hot", "majority class"]
    assert names == ["vectors: tfidf", "vectors: mean", *baselines]
    header, *rows = run("evaluate", model, "--classify", data, *options, "--tsv").stdout.split("\n")
    assert header.split("\t")[:4] == ["representation", "accuracy", "accuracy low", "accuracy high"]
    for row, score in zip(rows, found["scores"], strict=False):
        name, mean, *_, difference, _, _ = row.split("\t")
        assert (name, float(mean)) == (score["name"], score["accuracy"]["mean"])
        against = score["against_words"]
        assert difference == ("" if against is None else str(against["mean"]))


def test_columns_and_tokenizer_are_chosen(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [
        {"body": f"{text} ship.", "kind": label} for text, label in zip(*topics(30), strict=True)
    ]
    path.write_text("\n".join(map(json.dumps, records)))
    options = ["--text-column", "body", "--label-column", "kind", "--weighting", "mean", "--json"]
    command = ["evaluate", model, "--classify", path, *options]
    known = {
        tokenizer: json.loads(run(*command, "--tokenizer", tokenizer).stdout)["coverage"]["n_known"]
        for tokenizer in ("words", "whitespace")
    }
    assert known == {"words": 150, "whitespace": 120}
    result = run("evaluate", model, "--classify", path)
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {path}, line 1: has no 'text'; set --text-column to one of: 'body', 'kind'\n"
    )


@pytest.mark.parametrize(("options", "code", "message"), [
    (["--folds", "20"], 1, "topics.csv: classes with fewer than 20 documents: 'sea' "
     "(16), 'land' (15); leave them out, or choose fewer --folds"),
    (["--folds", "2"], 2, "--folds must be 3 or more, not 2"),
    (["--pairs", "simlex999"], 2,
     "--pairs goes without --classify (see cli evaluate --help)"),
    (["--label-column", "text"], 2, "--text-column and --label-column are the same"),
])  # fmt: skip
def test_wrong_options(
    run: Run, model: Path, data: Path, options: list[str], code: int, message: str
) -> None:
    result = run("evaluate", model, "--classify", data, *options)
    assert result.exit_code == code
    assert result.stderr.splitlines()[-1] == f"Error: {message}"


def test_options_of_classify_need_it(run: Run, model: Path) -> None:
    result = run("evaluate", model, "--folds", "3")
    assert result.exit_code == 2
    assert result.stderr == "Error: --folds needs --classify (see cli evaluate --help)\n"


def test_a_file_that_is_not_there(run: Run, model: Path, tmp_path: Path) -> None:
    result = run("evaluate", model, "--classify", tmp_path / "none.csv")
    assert result.exit_code == 1
    assert result.stderr == f"Error: {tmp_path}/none.csv: no such file or folder\n"


def test_documents_in_another_encoding(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    rows = "".join(f"{text} größe,{label}\n" for text, label in zip(*topics(30), strict=True))
    path.write_bytes(f"text,label\n{rows}".encode("latin-1"))
    arguments = ["evaluate", model, "--classify", path, "--weighting", "mean", "--folds", "3"]
    assert ": invalid UTF-8 (0xf6); convert the file, set" in run(*arguments).stderr
    assert run(*arguments, "--encoding", "latin-1").exit_code == 0
    replaced = run(*arguments, "--encoding-errors", "replace").stderr
    n_invalid = rows.count("ö") + rows.count("ß")
    assert f"Warning: {n_invalid} invalid UTF-8 sequences: replace\n" in replaced
