"""Training from Python: what the commands do, with the same bytes and the same care."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import embedtool
from embedtool import StopRequest, resume, train
from embedtool.config.base import Config
from embedtool.config.tasks import ContextualConfig
from embedtool.config.training import FastTextConfig, GloveConfig, Word2VecConfig
from embedtool.errors import ConfigError, ModelError, StoppedError, resume_call
from embedtool.io.progress import Progress
from embedtool.model import store
from embedtool.model.store import TRAINING_SUFFIX
from embedtool.model.vectors import ModelRecord
from embedtool.trainers.training_dir import MANIFEST
from tests.conftest import Run

CONFIGS: dict[str, Any] = {
    "word2vec": Word2VecConfig(vector_size=8, epochs=3, min_count=1, sample=0, workers=1),
    "fasttext": FastTextConfig(
        vector_size=8, epochs=3, min_count=1, sample=0, bucket=50, workers=1
    ),
    "glove": GloveConfig(vector_size=8, epochs=3, min_count=1, workers=1),
}


def stopping(stop: StopRequest, n: int = 1) -> Callable[[Progress], None]:
    """A report that asks for a stop at the end of an epoch."""
    ended = []

    def report(progress: Progress) -> None:
        if progress.epoch_ended:
            ended.append(progress.epoch)
            stop.requested = len(ended) >= n

    return report


def same(first: ModelRecord, second: ModelRecord) -> bool:
    return np.array_equal(first.vectors.rows, second.vectors.rows)


@pytest.mark.parametrize("algorithm", CONFIGS)
def test_a_stopped_training_is_resumed_to_the_same_bytes(
    algorithm: str, text: Path, tmp_path: Path
) -> None:
    config, output, stop = CONFIGS[algorithm], tmp_path / "model", StopRequest()
    whole = train(config, text)
    with pytest.raises(StoppedError) as stopped:
        train(config, text, output=output, report=stopping(stop), stop=stop)
    assert str(stopped.value) == f"interrupted; resume with: embedtool.resume({str(output)!r})"
    assert stopped.value.call == resume_call(output) and not output.exists()
    with pytest.raises(ModelError, match="has an interrupted training; resume it with") as refused:
        train(config, text, output=output)
    assert str(refused.value).endswith("or start over with overwrite=True")
    resumed = resume(output, workers=2)
    assert same(resumed, whole) and same(store.load(output), whole)
    epochs = [
        [(e["epoch"], e["loss"]) for e in model.description["training"]["epochs"]]
        for model in (resumed, whole)
    ]
    assert epochs[0] == epochs[1]
    assert {path.name for path in tmp_path.iterdir()} == {"text.txt", "model"}
    with pytest.raises(ModelError, match="there is no interrupted training"):
        resume(output)


def test_ctrl_c_saves_a_training_that_has_an_output(text: Path, tmp_path: Path) -> None:
    config, output = CONFIGS["word2vec"], tmp_path / "model"
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background

    def interrupt(progress: Progress) -> None:
        if progress.epoch_ended and progress.epoch == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(StoppedError, match="interrupted; resume with"):
        train(config, text, output=output, report=interrupt)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    begun: list[Progress] = []
    resumed = resume(output, report=begun.append)
    assert [each.done > 0 for each in begun if each.begins] == [True]
    assert same(resumed, train(config, text))
    with pytest.raises(KeyboardInterrupt):
        train(config, text, report=interrupt)
    signal.signal(signal.SIGINT, before)


def test_the_command_resumes_what_python_began(text: Path, tmp_path: Path, run: Run) -> None:
    config, output, stop = CONFIGS["word2vec"], tmp_path / "model", StopRequest()
    with pytest.raises(StoppedError):
        train(config, text, output=output, report=stopping(stop), stop=stop)
    refused = run("train", "word2vec", text, "-o", output)
    assert f"resume it with: embedtool resume {output}, or start over with --over" in refused.stderr
    assert run("resume", output).exit_code == 0
    assert same(store.load(output), train(config, text))


def test_an_interrupt_keeps_the_last_checkpoint(text: Path, tmp_path: Path) -> None:
    config, output = CONFIGS["word2vec"], tmp_path / "model"

    def interrupt(progress: Progress) -> None:
        if progress.epoch_ended and progress.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(StoppedError, match=r"resume with: embedtool\.resume"):
        train(config, text, output=output, checkpoint_every="1-epoch", report=interrupt)
    seen: list[Progress] = []
    assert same(resume(output, report=seen.append), train(config, text))
    assert [each.epoch for each in seen if each.epoch_ended] == [3]


def test_an_interrupt_before_anything_is_kept_leaves_nothing(text: Path, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(StoppedError, match="nothing was written"):
        train(CONFIGS["glove"], text, output=tmp_path / "model", report=interrupt)
    with pytest.raises(KeyboardInterrupt):
        train(CONFIGS["glove"], text, report=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize("kept", ["object", "folder"])
def test_a_training_that_starts_from_a_model_is_resumed(
    kept: str, text: Path, tmp_path: Path
) -> None:
    config, output, stop = CONFIGS["word2vec"], tmp_path / "model", StopRequest()
    start: Any = train(config, text)
    whole = train(config, text, init=start)
    if kept == "folder":
        store.save(start, tmp_path / "start")
        start = tmp_path / "start"
    with pytest.raises(StoppedError):
        train(config, text, init=start, output=output, report=stopping(stop), stop=stop)
    assert same(resume(output), whole)
    frozen = train(config, text, init=whole, freeze=True)
    assert same(frozen, whole)


def test_sentences_in_memory_are_resumed_without_them(tmp_path: Path) -> None:
    sentences = [["the", "king", "rules"], ["the", "queen", "rules"]] * 60
    config, output, stop = CONFIGS["glove"], tmp_path / "model", StopRequest()
    with pytest.raises(StoppedError):
        train(config, sentences, output=output, report=stopping(stop), stop=stop)
    assert same(resume(output), train(config, sentences))


def test_an_encoder_is_trained_and_resumed_from_python(
    encoders: dict[str, Path], two_senses: Path, tmp_path: Path
) -> None:
    config = ContextualConfig(hidden_size=16, layers=1, epochs=3, batch_tokens=256, workers=1)
    output, stop = tmp_path / "model", StopRequest()
    whole = train(config, two_senses, init=encoders["static"])
    with pytest.raises(StoppedError):
        train(
            config, two_senses, init=encoders["static"], output=output, report=stopping(stop),
            stop=stop,
        )  # fmt: skip
    resumed = resume(output)
    assert whole.encoder is not None and resumed.encoder is not None
    assert resumed.description["algorithm"] == "contextual" and same(resumed, whole)
    for name, table in whole.encoder.items():
        assert np.array_equal(resumed.encoder[name], table)


def test_a_text_for_an_encoder_is_split_as_that_of_its_static_model(
    tmp_path: Path, text: Path
) -> None:
    pytest.importorskip("torch")
    lower = embedtool.TextConfig(lowercase=True)
    static = train(CONFIGS["word2vec"], embedtool.Corpus([text], lower))
    capitals = tmp_path / "capitals.txt"
    capitals.write_text(text.read_text().upper())
    config = ContextualConfig(hidden_size=8, heads=1, layers=1, epochs=1, workers=1)
    model = train(config, capitals, init=static)
    assert model.description["corpus"]["text"]["lowercase"] is True


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (CONFIGS["glove"], {"freeze": True}, "freeze needs init"),
        (ContextualConfig(), {}, "an encoder needs init"),
        (ContextualConfig(), {"init": "model", "freeze": True}, "are not for encoders"),
        (ContextualConfig(), {"init": "model", "cluster": "auto"}, "are not for encoders"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_the_text_is_read(
    config: Config, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=message):
        train(config, tmp_path / "none", **options)


def test_a_training_of_one_machine_is_not_resumed_on_a_cluster(text: Path, tmp_path: Path) -> None:
    output, stop = tmp_path / "model", StopRequest()
    with pytest.raises(StoppedError):
        train(CONFIGS["glove"], text, output=output, report=stopping(stop), stop=stop)
    with pytest.raises(ConfigError, match="was started on one machine; leave cluster out"):
        resume(output, cluster="auto")


def test_a_directory_of_another_format_is_refused(text: Path, tmp_path: Path, run: Run) -> None:
    output, stop = tmp_path / "model", StopRequest()
    with pytest.raises(StoppedError):
        train(CONFIGS["glove"], text, output=output, report=stopping(stop), stop=stop)
    path = tmp_path / f"model{TRAINING_SUFFIX}" / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 2}))
    with pytest.raises(ModelError, match="has format 2, this embedtool resumes 5; start over"):
        resume(output)
    assert run("resume", output).stderr.endswith("start over with --overwrite\n")
    train(CONFIGS["glove"], text, output=output, overwrite=True)
