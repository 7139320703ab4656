"""A training in which no word ever has another in its window is refused by every trainer."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from embedtool.cli.flags import with_flags
from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import TrainingError
from embedtool.io.progress import silent
from embedtool.trainers import TRAINERS
from embedtool.trainers.local_backend import LocalBackend
from embedtool.training import train
from tests.conftest import Run
from tests.contracts.small_trainings import supported

MESSAGE = (
    "no line has two words, so there are no pairs to train on; put one sentence on a line, or join "
    "wrapped lines with paragraphs=True"
)
SHOWN = with_flags(MESSAGE, ("paragraphs",), None)
"""The message on the command line."""
MODES: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in TRAINERS if not supported(name, engine="native")),
    *(
        (algorithm, {"mode": mode, "loss": loss, "engine": engine})
        for algorithm in ("word2vec", "fasttext")
        for mode in ("cbow", "skipgram")
        for loss in ("negative-sampling", "hierarchical-softmax")
        for engine in ("native", "gensim")
    ),
    ("word2vec", {"hogwild": True}),
]
SMALL = {"vector_size": 4, "min_count": 1, "workers": 1}


def config_of(algorithm: str, options: dict[str, Any]) -> Any:
    if options.get("engine") == "gensim":
        pytest.importorskip("gensim")
    small = {**SMALL, **supported(algorithm, bucket=100)}
    return TRAINERS[algorithm].config(**small, **options)


@pytest.mark.parametrize(("algorithm", "options"), MODES)
def test_a_text_of_one_token_a_line_is_refused(
    algorithm: str, options: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one\ntwo\n\nthree\n" * 50)
    with pytest.raises(TrainingError) as refused:
        train(config_of(algorithm, options), path)
    assert str(refused.value) == MESSAGE
    text = TextConfig(paragraphs=True)
    more = supported(algorithm, sample=0)
    joined = train(config_of(algorithm, {**options, **more}), Corpus(path, text))
    assert joined.vectors.n_words == 3


def test_so_is_one_whose_other_words_are_too_rare(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("".join(f"one rare{i}\ntwo seldom{i}\n" for i in range(20)))
    config = TRAINERS["word2vec"].config(min_count=5, vector_size=4)
    backend = LocalBackend(config)
    for use in (partial(train, config), partial(backend.estimate, report=silent)):
        with pytest.raises(TrainingError, match="no line has two words"):
            use(Corpus(path))


@pytest.mark.parametrize(("algorithm", "options"), [mode for mode in MODES if mode[1]])
def test_thinning_that_leaves_nothing_is_said(
    algorithm: str, options: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("a b\nb a\n")
    train(config_of(algorithm, {**options, "sample": 1e-9, "epochs": 1}), path)
    assert caplog.messages[-1] == (
        "no pair of words was trained, so the vectors are still random: "
        "sample=1e-09 removes all words of so short a text; use sample=0, or give more text"
    )
    train(config_of(algorithm, {**options, "sample": 0, "epochs": 1}), path)
    assert caplog.text.count("no pair of words") == 1


def test_nothing_is_left_behind(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("one\ntwo\n" * 50)
    result = run("train", "word2vec", path, "-o", tmp_path / "model")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {SHOWN}"
    assert list(tmp_path.iterdir()) == [path]


def test_an_encoder_needs_pairs_too(
    run: Run, encoders: dict[str, Path], two_senses: Path, tmp_path: Path
) -> None:
    path = tmp_path / "text.txt"
    path.write_text("\n".join(two_senses.read_text().split()))
    arguments = ["contextual", "train", encoders["static"], path, "-o", tmp_path / "encoder"]
    result = run(*arguments, "--hidden-size", "8", "--workers", "1")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == f"Error: {SHOWN}"
