"""The directory of an experiment with many trainings, which can be interrupted and resumed."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ModelError
from embedtool.io.atomic import atomic_write, text_bytes
from embedtool.io.json_file import parse_json
from embedtool.io.progress import Report


def experiment_identity(
    algorithm: str, corpus: Corpus, config: TrainerConfig, fingerprint: str
) -> dict[str, Any]:
    """Return what an experiment depends on: the text, and all options except `workers`."""
    options = asdict(config)
    del options["workers"]
    return {
        "algorithm": algorithm, **asdict(corpus.text), **options, "fingerprint": fingerprint
    }  # fmt: skip


def open_experiment_dir(path: Path, experiment: Mapping[str, Any]) -> None:
    """Create the directory of an experiment, or check that it belongs to this experiment.

    Parameters
    ----------
    path : Path
        The file in the directory that describes the experiment.
    experiment : mapping
        The description.

    Raises
    ------
    ModelError
        If the directory belongs to something else; the message names the difference.
    """
    folder = path.parent
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ModelError(f"{folder}: already exists and has no {path.name}; choose another")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, experiment)
        return
    try:
        saved = parse_json(path.read_bytes())
        changed = [key for key, value in experiment.items() if saved.get(key) != value]
    except (ValueError, AttributeError):
        raise ModelError(f"{path}: is damaged; choose another folder") from None
    if changed:
        key = changed[0]
        what = "the text" if key == "fingerprint" else f"{key}, there {saved.get(key)!r}"
        raise ModelError(
            f"{folder}: belongs to other trainings, which differ in {what}; choose another"
        )


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a value as JSON, atomically."""
    with atomic_write(path) as file:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        file.write(text_bytes(text + "\n"))


def with_prefix(report: Report, name: str) -> Report:
    """Return a Report that puts the name of a training before each stage."""
    return lambda progress: report(replace(progress, stage=f"{name}, {progress.stage}"))
