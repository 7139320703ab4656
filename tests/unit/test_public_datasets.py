"""Public datasets, as a Python user lists and fetches them."""

from pathlib import Path

import pytest

import embedtool
from embedtool.errors import EvaluationError
from embedtool.evaluation import fetching
from tests.factories import random_vectors


def test_the_datasets_are_listed_by_task_and_shown_as_a_table() -> None:
    assert [each.name for each in embedtool.list_datasets("analogies")] == ["google", "msr", "bats"]
    header, first, *_ = repr(embedtool.list_datasets()).splitlines()
    assert header.split() == ["name", "task", "language", "items", "here", "licence"]
    assert first.split()[:3] == ["google", "analogies", "en"]


def test_the_call_that_an_error_advises_fetches_the_dataset(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    wv = embedtool.WordVectors.of(random_vectors())
    with pytest.raises(EvaluationError) as missing:
        wv.evaluate("men")
    assert str(missing.value) == "men is not available; run: embedtool.fetch_dataset('men')"

    def write(url: str, path: Path, **_: object) -> None:
        path.write_text("".join(f"w{i % 400} w0 {i}\n" for i in range(3000)))

    monkeypatch.setattr(fetching, "download", write)
    with pytest.raises(EvaluationError, match="refused"):
        embedtool.fetch_dataset("simverb3500")
    path = eval(str(missing.value).partition("run: ")[2])
    assert path.parent == tmp_path / "embedtool" / "datasets"
    assert wv.evaluate("men").dataset == "men"


def test_an_unknown_name_is_one_error_with_the_call_that_lists_them() -> None:
    with pytest.raises(EvaluationError) as error:
        embedtool.WordVectors.of(random_vectors()).evaluate("wordsim")
    assert str(error.value) == (
        "wordsim: no such file, nor a dataset of analogies or pairs; see: embedtool.list_datasets()"
    )
    with pytest.raises(EvaluationError, match=r"no such dataset; see: embedtool.list_datasets\(\)"):
        embedtool.fetch_dataset("wordsim")
