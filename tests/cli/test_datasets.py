"""datasets, and evaluate on those that are fetched, on categories and on outliers."""

import json
from pathlib import Path

import pytest

from embedtool.evaluation import fetching
from embedtool.evaluation import registry as registry_module
from tests.conftest import Run
from tests.unit import conftest
from tests.web_server import WebFile

site = conftest.site

PAIRS = b"king queen 9\nking taller 1\nqueen palace 6\n"


@pytest.fixture
def mini(site: WebFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A registry of one dataset on a web server of our own; the cache that it goes to."""
    site.content = PAIRS
    path = tmp_path / "datasets.toml"
    path.write_text(
        '[mini]\ntask = "pairs"\ntitle = "Three"\nlanguage = "en"\nlicence = "MIT"\n'
        f'source = "Us 2020"\nurl = "{site.url}.txt"\nitems = 3\n'
    )
    monkeypatch.setattr(registry_module, "REGISTRY", path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    registry_module.registry.cache_clear()
    yield tmp_path / "embedtool" / "datasets" / "mini.txt"
    registry_module.registry.cache_clear()


def test_all_datasets_are_listed(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "in_package", lambda _: None)
    result = run("datasets", env={"XDG_CACHE_HOME": str(tmp_path)})
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["name", "task", "language", "items", "here", "licence"]
    rows = {line.split()[0]: line.split()[1:] for line in lines[1:]}
    assert rows["google"][:4] == ["analogies", "en", "19,544", "no"]
    assert rows["men"][:4] == ["pairs", "en", "3,000", "no"]
    assert {row[0] for row in rows.values()} == {"analogies", "pairs", "categories", "outliers"}


def test_the_datasets_of_a_task(run: Run) -> None:
    found = json.loads(run("datasets", "--task", "outliers", "--json").stdout)
    assert [each["name"] for each in found] == ["8-8-8", "wikisem500"]
    assert found[0]["source"].startswith("Camacho-Collados & Navigli 2016")
    assert (found[0]["items"], found[0]["groups"]) == (64, 8)
    lines = run("datasets", "--task", "categories", "--tsv").stdout.splitlines()
    assert lines[1].split("\t")[:4] == ["ap", "categories", "en", "402"]
    result = run("datasets", "--task", "words")
    assert result.exit_code == 2


def test_a_dataset_is_downloaded_and_then_used(
    run: Run, models: dict[str, Path], mini: Path, site: WebFile
) -> None:
    arguments = ["evaluate", models["glove"], "--pairs", "mini"]
    result = run(*arguments)
    assert result.exit_code == 1
    assert result.stderr == "Error: mini is not available; run: embedtool datasets get mini\n"
    assert json.loads(run("datasets", "--json").stdout)[0]["here"] is False
    result = run("datasets", "get", "mini")
    assert result.exit_code == 0
    assert result.stdout == f"{mini}\n"
    assert result.stderr.endswith("mini: Us 2020; licence: MIT\n")
    assert json.loads(run("datasets", "--json").stdout)[0]["here"] is True
    (scores,) = json.loads(run(*arguments, "--json").stdout)
    assert (scores["dataset"], scores["found"], scores["total"]) == ("mini", 3, 3)
    assert run("datasets", "get", "mini").stdout == f"{mini}\n"
    assert len(site.asked) == 1


def test_a_dataset_that_has_changed_is_refused(
    run: Run, models: dict[str, Path], mini: Path
) -> None:
    run("datasets", "get", "mini")
    mini.write_bytes(PAIRS + b"king king 10\n")
    result = run("compare", models["glove"], models["word2vec"], "--pairs", "mini")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {mini}: has changed since it was fetched: ")
    assert result.stderr.endswith("; run: embedtool datasets get --force mini\n")
    assert run("datasets", "get", "--force", "mini").exit_code == 0
    assert mini.read_bytes() == PAIRS


def test_a_dataset_of_another_size_is_refused(run: Run, mini: Path, site: WebFile) -> None:
    site.content = PAIRS * 2
    result = run("datasets", "get", "mini")
    assert result.exit_code == 1
    expected = f"Error: {site.url}.txt: refused: mini: the file holds 6 items, 3 were expected\n"
    assert result.stderr.endswith(expected)
    assert not list(mini.parent.iterdir())


def test_an_unknown_dataset_is_reported_before_any_is_downloaded(run: Run, mini: Path) -> None:
    result = run("datasets", "get", "mini", "maxi")
    assert result.exit_code == 1
    assert result.stderr == "Error: maxi: no such dataset; see: embedtool datasets\n"
    assert not mini.exists()
    assert run("datasets", "get").exit_code == 2


NOUNS = "".join(
    f"{word} {category}\n"
    for category, words in {
        "city": ("paris", "london", "rome"),
        "person": ("king", "queen", "prince", "unheard"),
    }.items()
    for word in words
)


def test_categories(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "nouns.txt"
    path.write_text(NOUNS)
    result = run("evaluate", models["word2vec"], "--categories", path)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "nouns: vocabulary limit 300,000, case folded, seed 1"
    assert [line.split()[-4:] for line in lines if "purity" in line] == [
        ["6", "7", "1.0000", "0.8571"]
    ] * 2
    assert len(lines) == 8
    (found,) = json.loads(
        run("evaluate", models["word2vec"], "--categories", path, "--json").stdout
    )
    assert found["kmeans"]["purity"] == found["kmeans"]["adjusted_rand"] == 1
    assert (found["n_categories"], found["found"], found["total"]) == (2, 6, 7)


def test_outliers(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "cities.txt").write_text("paris\nlondon\nnowhere\nrome\n\nking\nunheard\n")
    (tmp_path / "people.txt").write_text("king\nqueen\nprince\n\nparis\n")
    result = run("evaluate", models["word2vec"], "--outliers", tmp_path)
    lines = [line.split() for line in result.stdout.splitlines()]
    assert result.stdout.startswith(
        f"{tmp_path.name}: vocabulary limit 300,000, case folded, members unknown: 1\n"
    )
    assert lines[2:] == [
        ["accuracy", "2", "3", "1.0000", "0.6667"],
        ["OPP", "2", "3", "1.0000", "0.6667"],
    ]
    rows = run("evaluate", models["word2vec"], "--outliers", tmp_path, "--tsv").stdout.splitlines()
    figures = ["2", "3", "1.0", "", "", str(2 / 3)]
    assert rows[1].split("\t") == [tmp_path.name, "", "accuracy", *figures]


def test_tasks_are_printed_one_below_the_other(
    run: Run, models: dict[str, Path], questions: Path, tmp_path: Path
) -> None:
    path = tmp_path / "nouns.txt"
    path.write_text(NOUNS)
    arguments = ["--categories", path, "--analogies", questions, "--json"]
    found = json.loads(run("evaluate", models["word2vec"], *arguments).stdout)
    assert [each["dataset"] for each in found] == ["kingdoms-questions", "nouns"]


def test_a_file_of_another_task_is_refused(
    run: Run, models: dict[str, Path], questions: Path
) -> None:
    result = run("evaluate", models["glove"], "--outliers", questions)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {questions}: expected at least two words, a line each")
    result = run("evaluate", models["glove"], "--categories", "google")
    assert result.stderr == "Error: google is a dataset of analogies, not of categories\n"
