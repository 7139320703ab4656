"""Bad input gets one line that says what is wrong and what to do, and nothing is left behind."""

import gzip
import sys
from pathlib import Path

import pytest

from embedtool.model import store
from embedtool.trainers import TRAINERS
from tests.conftest import Run
from tests.contracts.small_trainings import supported

pytestmark = pytest.mark.parametrize("algorithm", TRAINERS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the model would go; it must stay empty."""
    path = tmp_path / "models"
    path.mkdir()
    return path


def fails(run: Run, folder: Path, *args: object, code: int = 1) -> str:
    """Run `train`, check that it fails with one line and leaves nothing, and return the line."""
    result = run("train", *args, "--output", folder / "model")
    assert result.exit_code == code
    assert list(folder.iterdir()) == []
    lines = [line for line in result.stderr.splitlines() if not line.startswith("reading ")]
    assert len(lines) == 1, result.stderr
    assert result.stdout == ""
    return lines[0]


@pytest.mark.parametrize("content", ["", "\n\n\n", " \t \r\n"])
def test_empty_text(run: Run, folder: Path, tmp_path: Path, algorithm: str, content: str) -> None:
    path = tmp_path / "empty.txt"
    path.write_text(content)
    assert fails(run, folder, algorithm, path) == (
        "Error: the input contains no tokens; there is nothing to train on"
    )


def test_only_rare_words(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "rare.txt"
    path.write_text("one two three four\n")
    assert fails(run, folder, algorithm, path) == (
        "Error: no word is left: of 4 distinct tokens (4 in all), 0 occur 5 times or more; "
        "lower --min-count or give more text"
    )


def test_one_word(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "one.txt"
    path.write_text("word " * 100)
    assert fails(run, folder, algorithm, path).startswith("Error: only 'word' is left: of 1 dist")


def test_missing_file(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "nowhere.txt"
    assert fails(run, folder, algorithm, path) == f"Error: {path}: no such file or folder"


def test_a_pattern_without_files(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    pattern = tmp_path / "*.txt"
    assert fails(run, folder, algorithm, pattern) == (
        f"Error: {pattern}: no file matches this pattern"
    )


def test_a_folder_without_text(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / ".hidden").write_text("text")
    assert fails(run, folder, algorithm, empty) == f"Error: {empty}: the folder holds no files"


def test_a_file_that_is_no_text(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10)
    assert fails(run, folder, algorithm, path) == (
        f"Error: {path}, byte 0: not text but a PNG image"
    )


def test_a_truncated_gz(run: Run, folder: Path, tmp_path: Path, algorithm: str) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b"the king and the queen\n" * 1000)[:-20])
    assert "text.gz: the compressed data is damaged or cut short" in fails(
        run, folder, algorithm, path
    )


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--vector-size", "0", "--vector-size must be 1 or more, not 0"),
        ("--vector-size", "-5", "--vector-size must be 1 or more, not -5"),
        (
            "--vector-size",
            "1000000000000",
            "--vector-size must be 10,000 or less, not 1,000,000,000,000",
        ),
        ("--window", "0", "--window must be 1 or more, not 0"),
        ("--min-count", "0", "--min-count must be 1 or more, not 0"),
        ("--max-vocab", "0", "--max-vocab must be 1 or more, not 0"),
        ("--workers", "-1", "--workers must be 1 or more, not -1"),
        ("--seed", "-1", "--seed must be 0 or more, not -1"),
        ("--learning-rate", "nan", "--learning-rate must be a finite number, not nan"),
        ("--learning-rate", "inf", "--learning-rate must be a finite number, not inf"),
        ("--learning-rate", "0", "--learning-rate must be above 0, not 0"),
        ("--learning-rate", "-1", "--learning-rate must be above 0, not -1"),
    ],
)
def test_a_value_out_of_bounds_is_found_before_any_reading(
    run: Run, folder: Path, algorithm: str, option: str, value: str, message: str
) -> None:
    if not supported(algorithm, **{option.removeprefix("--").replace("-", "_"): value}):
        pytest.skip(f"{algorithm} has no {option}")
    line = fails(run, folder, algorithm, "no-such-file", option, value, code=2)
    assert line == f"Error: {message}"


def test_an_unknown_option(run: Run, folder: Path, algorithm: str) -> None:
    line = fails(run, folder, algorithm, "text", "--vectorsize", "5", code=2)
    assert line.startswith("Error: No such option '--vectorsize'")
    assert line.endswith(f"(see cli train {algorithm} --help)")


def test_a_word_for_a_number(run: Run, folder: Path, algorithm: str) -> None:
    line = fails(run, folder, algorithm, "text", "--vector-size", "ten", code=2)
    assert "'ten' is not a valid integer" in line


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder nobody may write to")
def test_a_folder_nobody_may_write_to_is_found_before_reading(run: Run, algorithm: str) -> None:
    result = run("train", algorithm, "no-such-file", "--output", "/proc/model")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: /proc/model: the folder /proc cannot be written: ")
    assert result.stderr.count("\n") == 1


def test_an_output_folder_that_cannot_be_written_is_found_before_reading(
    run: Run, tmp_path: Path, algorithm: str
) -> None:
    result = run("train", algorithm, "no-such-file", "--output", tmp_path / "no" / "model")
    assert result.exit_code == 1
    assert result.stderr == (
        f"Error: {tmp_path / 'no' / 'model'}: the folder {tmp_path / 'no'} does not exist; "
        "make it first\n"
    )


def test_a_model_is_replaced_only_if_asked(
    run: Run, text: Path, tmp_path: Path, algorithm: str
) -> None:
    options = ["--vector-size", "5", "--workers", "1"]
    model = tmp_path / "model"
    assert run("train", algorithm, text, "--output", model, *options).exit_code == 0
    before = (model / "vectors.safetensors").read_bytes()
    result = run("train", algorithm, text, "--output", model, *options, "--seed", "7")
    assert result.exit_code == 1
    assert result.stderr.endswith("already exists; use --overwrite or another name\n")
    assert (model / "vectors.safetensors").read_bytes() == before
    arguments = ["--output", model, *options, "--seed", "7", "--overwrite"]
    assert run("train", algorithm, text, *arguments).exit_code == 0
    assert (model / "vectors.safetensors").read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "text.txt"]


def test_what_is_no_model_is_never_replaced(run: Run, text: Path, algorithm: str) -> None:
    result = run("train", algorithm, text, "--output", text.parent, "--overwrite")
    assert result.exit_code == 1
    assert "already exists and is not a model" in result.stderr
    assert text.exists()


def test_a_full_disk_leaves_the_old_model(
    run: Run, text: Path, tmp_path: Path, algorithm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    options = ["--output", model, "--vector-size", "5", "--overwrite"]
    assert run("train", algorithm, text, *options).exit_code == 0
    before = (model / "config.json").read_bytes()

    save = store.save

    def full(*arguments: object, **options: object) -> None:
        def sync(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(sys.modules["embedtool.io.atomic"], "sync", sync)
        save(*arguments, **options)

    monkeypatch.setattr(store, "save", full)
    result = run("train", algorithm, text, *options)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: {model}: cannot be written: No space left on device; the training is saved; once "
        f"this is fixed, resume it with embedtool resume {model}"
    )
    assert (model / "config.json").read_bytes() == before
    monkeypatch.undo()
    assert run("resume", model).exit_code == 0
    assert (model / "config.json").read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "text.txt"]
