"""A folder in which many trainings leave what they have found, so that they can go on there.

In: what an experiment is about. Out: its folder, if it is of that experiment.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ModelError
from embedtool.io.atomic import atomic_write, text_bytes
from embedtool.io.progress import Report


def experiment_identity(
    algorithm: str, corpus: Corpus, config: TrainerConfig, fingerprint: str
) -> dict[str, Any]:
    """What trainings depend on: all but the number of workers."""
    options = asdict(config)
    del options["workers"]
    return {
        "algorithm": algorithm, **asdict(corpus.text), **options, "fingerprint": fingerprint
    }  # fmt: skip


def open_experiment_dir(path: Path, experiment: Mapping[str, Any]) -> None:
    """Make the folder of a description, or find that it is of the same experiment.

    path : the description's file, in the folder
    Raises ModelError, naming what differs, where the folder is of something else.
    """
    folder = path.parent
    if not path.exists():
        if folder.exists() and any(folder.iterdir()):
            raise ModelError(f"{folder}: is there already and holds no {path.name}; choose another")
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, experiment)
        return
    try:
        there = json.loads(path.read_bytes())
        changed = [key for key, value in experiment.items() if there.get(key) != value]
    except (ValueError, AttributeError):
        raise ModelError(f"{path}: is damaged; choose another folder") from None
    if changed:
        key = changed[0]
        what = "the text" if key == "fingerprint" else f"{key}, there {there.get(key)!r}"
        raise ModelError(f"{folder}: is of other trainings: they differ in {what}; choose another")


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a value as JSON, in place of any file there."""
    with atomic_write(path) as file:
        text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
        file.write(text_bytes(text + "\n"))


def with_prefix(report: Report, name: str) -> Report:
    """A Report whose stages say which training they belong to."""
    return lambda progress: report(replace(progress, stage=f"{name}, {progress.stage}"))
