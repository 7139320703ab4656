"""evaluate and compare, on models of each algorithm trained on the shipped corpus."""

import json
import re
from pathlib import Path

import pytest

from tests.conftest import QUICK, Run

RELATIONS = {
    "royalty-gender", "family", "capital-country", "country-currency", "gram-comparative",
    "gram-superlative", "gram-plural", "gram-past-tense", "gram-nationality",
}  # fmt: skip


@pytest.mark.parametrize("algorithm", QUICK)
def test_every_relation_of_the_shipped_corpus_is_learnt(
    run: Run, models: dict[str, Path], questions: Path, algorithm: str
) -> None:
    result = run("evaluate", models[algorithm], "--analogies", questions, "--json")
    (scores,) = json.loads(result.stdout)
    assert {section["name"] for section in scores["sections"]} == RELATIONS
    assert scores["total"]["found"] == scores["total"]["total"] == 3088
    assert scores["total"]["accuracy"] > 0.7
    for section in scores["sections"]:
        assert section["accuracy"] > 0.4, section


def test_the_settings_are_printed_with_the_scores(
    run: Run, models: dict[str, Path], questions: Path
) -> None:
    options = ["--restrict-vocab", "500", "--case-sensitive", "--method", "3cosmul"]
    result = run("evaluate", models["glove"], "--analogies", questions, *options)
    lines = result.stdout.splitlines()
    assert lines[0] == "kingdoms-questions: 3cosmul, vocabulary limit 500, case kept"
    header = ["part", "found", "total", "score", "95% interval", "over total"]
    assert re.split(r"\s\s+", lines[1]) == header
    total = next(line.split() for line in lines if line.startswith("total"))
    found, over_total = int(total[1].replace(",", "")), float(total[-1])
    assert found < 3088
    assert float(total[4]) < float(total[3]) < float(total[6])
    assert float(total[3]) * found == pytest.approx(over_total * 3088, abs=1)


@pytest.mark.datasets("google", "wordsim353", "simlex999")
def test_the_default_datasets_are_scored_without_options(run: Run, models: dict[str, Path]) -> None:
    results = json.loads(run("evaluate", models["word2vec"], "--json").stdout)
    assert [each["dataset"] for each in results] == ["google", "wordsim353", "simlex999"]
    sizes = [results[0]["total"]["total"], results[1]["total"], results[2]["total"]]
    assert sizes == [19544, 353, 999]


def test_pairs_in_a_file_of_ones_own(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("king\tqueen\t9\nking\ttaller\t1\nking\tnonsense\t5\nqueen\tpalace\t6\n")
    result = run("evaluate", models["word2vec"], "--pairs", pairs, "--tsv")
    rows = [line.split("\t") for line in result.stdout.splitlines()[1:]]
    assert [row[:5] for row in rows] == [
        ["pairs", "", "Spearman", "3", "4"],
        ["pairs", "", "Pearson", "3", "4"],
    ]
    assert float(rows[0][5]) == pytest.approx(1)


def test_an_unknown_dataset_is_named_with_those_that_exist(
    run: Run, models: dict[str, Path]
) -> None:
    result = run("evaluate", models["glove"], "--analogies", "goggle")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: goggle: no such file, nor a dataset of analogies; see: embedtool datasets --task "
        "analogies\n"
    )


def test_a_bad_line_is_named(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "questions.txt"
    path.write_text(": family\nboy girl king\n")
    result = run("evaluate", models["glove"], "--analogies", path)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {path}, line 2: expected four words")


def test_models_are_printed_side_by_side(
    run: Run, models: dict[str, Path], questions: Path
) -> None:
    result = run("compare", *models.values(), "--analogies", questions, "-n", "3")
    assert result.exit_code == 0
    blocks = [block.splitlines() for block in result.stdout.split("\n\n")]
    titles = [block[0] for block in blocks if block]
    assert titles[:3] == ["king", "queen", "king - man + woman"]
    assert blocks[2][1].split() == list(models)
    assert blocks[2][2].split()[1::2] == ["queen"] * 3
    assert titles[3] == "overlap of the 10 nearest neighbours"
    assert titles[4] == "words whose neighbours differ most, word2vec and fasttext"
    assert titles[7] == "kingdoms-questions: 3cosadd, vocabulary limit 300,000, case folded"
    assert titles[8] == "differences, on the questions that both models know"
    assert [line.split()[0] for line in blocks[9]] == ["kingdoms-questions:"] * 3


def test_a_comparison_as_json(run: Run, models: dict[str, Path], questions: Path) -> None:
    arguments = ["--analogies", questions, "--word", "paris", "--expression", "man king woman"]
    result = run("compare", models["word2vec"], models["glove"], *arguments, "--json")
    found = json.loads(result.stdout)
    assert found["models"] == ["word2vec", "glove"]
    assert [each["query"] for each in found["neighbours"]] == ["paris"]
    assert 0 < found["overlaps"][0]["overlap"]["mean"] < 1
    assert len(found["scores"][0]["results"]) == 2


def test_a_word_that_no_model_has_is_an_error(
    run: Run, models: dict[str, Path], questions: Path
) -> None:
    options = ["--analogies", questions, "--word", "kinq"]
    result = run("compare", models["word2vec"], models["glove"], *options)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: 'kinq' is not in the vocabulary")


def test_one_model_is_no_comparison(run: Run, models: dict[str, Path], questions: Path) -> None:
    result = run("compare", models["glove"], "--analogies", questions)
    assert result.exit_code == 1
    assert result.stderr == "Error: a comparison needs at least two models\n"


def test_a_comparison_as_markdown(run: Run, models: dict[str, Path], questions: Path) -> None:
    arguments = ["--analogies", questions, "--markdown"]
    lines = run("compare", models["word2vec"], models["glove"], *arguments).stdout.splitlines()
    assert lines[0] == "# word2vec and glove"
    assert lines[1].startswith("- kingdoms-questions: ")
    assert "## king - man + woman" in lines
    table = lines[lines.index("## overlap of the 10 nearest neighbours") + 2 :][:4]
    assert table[:2] == ["| words | word2vec, glove |", "| --- | ---: |"]
    assert all(line.count("|") == 3 for line in table)


def test_a_comparison_as_a_page(
    run: Run, models: dict[str, Path], questions: Path, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    result = run(
        "compare", models["word2vec"], models["glove"], "--analogies", questions, "--html", path
    )
    assert result.exit_code == 0 and result.stderr == f"{path}: written\n"
    verdict = result.stdout.splitlines()[-1]
    page = path.read_text()
    assert f"<li>{verdict}</li>" in page
    assert page.count("<svg") == 2 and page.count("<table>") == 7
    assert not re.search(r"<(script|link|img|iframe)|@import|url\((?!#)", page)


def test_a_page_that_cannot_be_written_is_found_before_the_work(
    run: Run, models: dict[str, Path], tmp_path: Path
) -> None:
    result = run("compare", *models.values(), "--html", tmp_path / "none" / "page.html")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {tmp_path / 'none'}") and not result.stdout


def test_several_methods_side_by_side(run: Run, models: dict[str, Path], questions: Path) -> None:
    options = ["--method", "3cosavg", "--method", "nearest-c", "--include-query-words", "--tsv"]
    result = run("evaluate", models["glove"], "--analogies", questions, *options)
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    scores = {row[1]: float(row[5]) for row in rows if row[2] == "total"}
    assert list(scores) == ["3cosavg", "nearest-c"] and scores["nearest-c"] == 0
    assert all(row[6] < row[5] < row[7] for row in rows if row[1:3] == ["3cosavg", "total"])


def test_the_overlap_of_each_word(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    path, pairs = tmp_path / "overlaps.tsv", tmp_path / "pairs.tsv"
    pairs.write_text("king\tqueen\t9\nking\ttaller\t1\nqueen\tpalace\t6\n")
    arguments = [models["word2vec"], models["glove"], "--pairs", pairs, "--overlaps", path]
    result = run("compare", *arguments, "--json")
    header, *rows = (line.split("\t") for line in path.read_text().splitlines())
    assert header == ["first", "second", "word", "rank", "shared", "distance"]
    (pair,) = json.loads(result.stdout)["overlaps"]
    assert len(rows) == pair["overlap"]["n_words"]
    mean = sum(float(row[4]) for row in rows) / len(rows)
    assert mean == pytest.approx(pair["overlap"]["mean"])
    moved = max(rows, key=lambda row: float(row[5]))
    assert moved[2] == pair["moved"][0]["word"] and moved[3] == str(pair["moved"][0]["rank"])
