"""embedtool contextual train."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from embedtool.model import store
from embedtool.model.store import TRAINING_SUFFIX
from tests.conftest import Run, sends_signals

KILL = getattr(signal, "SIGKILL", None)  # Windows has none
RIVER, MONEY = "river boat bank fish", "cash loan bank debt"
SMALL = ["--hidden-size", 8, "--heads", 2, "--layers", 1, "--batch-tokens", 256, "--workers", 1]


def test_training_prints_perplexity_and_the_model(
    run: Run, encoders: dict[str, Path], two_senses: Path, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    arguments = ["contextual", "train", encoders["static"], two_senses, *SMALL, "--epochs", 3]
    arguments += ["--learning-rate", 0.01]
    result = run(*arguments, "-o", tmp_path / "model", "--json-log", log)
    assert result.exit_code == 0 and result.stdout == ""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    perplexities = [line["perplexity"] for line in lines]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert perplexities[-1] < perplexities[0] < 16
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"{tmp_path / 'model'}: 15 words x 16, 3,200 of 3,200 tokens (100.0%)")
    assert last.endswith(f", perplexity {perplexities[-1]:.1f}")
    assert f"perplexity {perplexities[0]:.1f}" in result.stderr
    described = store.describe(tmp_path / "model")
    assert described["static"]["algorithm"] == "word2vec"
    assert described["training"]["epochs"][-1]["perplexity"] == perplexities[-1]


def test_a_model_with_an_encoder_is_a_static_model_too(
    run: Run, encoders: dict[str, Path], tmp_path: Path
) -> None:
    model = encoders["masked"]
    assert run("similar", model, "river").exit_code == 0
    assert "sound" in run("check", model).output
    assert "perplexity" in run("info", model).stdout
    smaller = tmp_path / "smaller"
    assert run("compress", model, smaller, "--dimensions", 4).exit_code == 0
    result = run("contextual", "compare", smaller, RIVER, MONEY, "--word", "bank")
    assert result.exit_code == 1 and "is a static model" in result.stderr


def test_a_damaged_encoder_is_found(
    run: Run, encoders: dict[str, Path], two_senses: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    arguments = ["contextual", "train", encoders["static"], two_senses, *SMALL, "--epochs", 1]
    assert run(*arguments, "-o", model).exit_code == 0
    data = bytearray((model / store.ENCODER).read_bytes())
    data[-5] ^= 1
    (model / store.ENCODER).write_bytes(data)
    result = run("check", model)
    assert result.exit_code == 1 and "encoder.safetensors has the SHA-256 " in result.output
    (model / store.ENCODER).unlink()
    result = run("attend", model, RIVER)
    assert result.exit_code == 1 and "encoder.safetensors: cannot be read" in result.stderr


@sends_signals
@pytest.mark.parametrize(("objective", "number"), [
    ("masked", signal.SIGINT),
    pytest.param("causal", signal.SIGTERM, marks=pytest.mark.slow),
    pytest.param("masked", KILL, marks=pytest.mark.slow),
])  # fmt: skip
def test_an_interrupted_training_goes_on_to_the_same_bytes(
    objective: str, number: signal.Signals, run: Run, encoders: dict[str, Path],
    two_senses: Path, tmp_path: Path,
) -> None:  # fmt: skip
    """Dropout, masks and sampled words are drawn as they would have been."""
    options = [*SMALL, "--epochs", 30, "--objective", objective, "--samples", 6]
    arguments = ["contextual", "train", encoders["static"], two_senses, *options, "-o"]
    whole, model = tmp_path / "whole", tmp_path / "model"
    assert run(*arguments, whole).exit_code == 0
    keeping = ["--checkpoint-every", "1-epochs"] if number == KILL else []
    program = [sys.executable, "-m", "embedtool", *map(str, arguments), str(model), *keeping]
    with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("training  epoch 2"):
                break
        process.send_signal(number)
        rest = process.stderr.read()
    codes = {signal.SIGINT: 130, signal.SIGTERM: 143, KILL: -KILL}
    assert process.returncode == codes[number], rest
    if number != KILL:
        assert rest.endswith(f"Error: interrupted; resume with: embedtool resume {model}\n")
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("model")] == [
        f"model{TRAINING_SUFFIX}"
    ]
    assert run(*arguments, model).exit_code == 1
    result = run("resume", model)
    assert result.exit_code == 0, result.output
    for name in (store.VECTORS, store.ENCODER):
        assert (model / name).read_bytes() == (whole / name).read_bytes()
    epochs = [store.describe(path)["training"]["epochs"] for path in (model, whole)]
    assert [e["perplexity"] for e in epochs[0]] == [e["perplexity"] for e in epochs[1]]


@pytest.mark.parametrize(("options", "code", "message"), [
    (["--hidden-size", 10, "--heads", 4], 2, "--hidden-size 10 is not divisible by --heads 4"),
    (["--learning-rate", 9, "--max-gradient", 1e9, "--epochs", 3], 1,
     "the loss of epoch 1 is"),
    (["--lowercase", "--tokenizer", "icu-none"], 2, "'icu-none' is not one of"),
])  # fmt: skip
def test_invalid_options(
    options: list[object], code: int, message: str, run: Run, encoders: dict[str, Path],
    two_senses: Path, tmp_path: Path,
) -> None:  # fmt: skip
    arguments = ["contextual", "train", encoders["static"], two_senses, "-o", tmp_path / "model"]
    result = run(*arguments, *SMALL, *options)
    assert result.exit_code == code and message in result.stderr, result.stderr
    assert not list(tmp_path.iterdir())


def test_a_text_of_other_words_is_refused(
    run: Run, encoders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "text.txt").write_text("RIVER BANK\n" * 9)
    arguments = ["contextual", "train", encoders["static"], tmp_path / "text.txt", *SMALL]
    result = run(*arguments, "-o", tmp_path / "model")
    assert result.exit_code == 1
    assert "the text contains no word of the static model; are both in lower case" in result.stderr
    assert run(*arguments, "-o", tmp_path / "model", "--lowercase", "--epochs", 1).exit_code == 0


def test_the_text_is_cut_as_that_of_the_static_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("River, bank! River; boat.\n" * 30)
    static, model = tmp_path / "static", tmp_path / "model"
    cutting = ["--tokenizer", "words", "--lowercase"]
    text = tmp_path / "text.txt"
    assert run("train", "word2vec", text, "-o", static, *cutting, "--vector-size", 8).exit_code == 0
    result = run("contextual", "train", static, text, "-o", model, *SMALL, "--epochs", 1)
    assert result.exit_code == 0 and "120 of 120 tokens (100.0%)" in result.stderr
    compared = run("contextual", "compare", model, "RIVER bank", "bank river.", "--word", "River")
    assert compared.exit_code == 0
