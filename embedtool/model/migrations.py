"""Renamed options and tensors in models of earlier versions of embedtool."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedtool.corpus.string_table import StringTable

SAVED_NAMES = {
    "options": {"racing": "hogwild", "iterations": "epochs", "mask_share": "mask_probability"},
    "sizes": {"bytes_a_vector": "bytes_per_vector"},
    "cluster": {"lanes": "replicas", "rounds": "syncs"},
}
"""Names of options that files of this format may have, with the current names, by section."""


def with_current_names(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a model or of a training with the current names of options."""
    return {
        section: (
            {SAVED_NAMES[section].get(name, name): value for name, value in contents.items()}
            if section in SAVED_NAMES and isinstance(contents, dict)
            else contents
        )
        for section, contents in saved.items()
    }


def migrate_v1(tensors: dict[str, NDArray[Any]], path: Path, description: dict[str, Any]) -> None:
    """Rename the tensors of the first format, which has words and counts in a text file."""
    from embedtool.corpus.vocabulary import read_vocabulary

    words, counts = read_vocabulary(path / "vocab.txt")
    table = StringTable.from_words(words)
    tensors["vectors"] = tensors.pop("words")
    tensors["word_text"], tensors["word_ends"] = table.text, table.ends
    tensors["slot_starts"], tensors["slot_ids"] = table.hash_index
    if description["counts_known"]:
        tensors["counts"] = counts
