"""Word vectors as the tensors of a model folder, and back."""

from typing import Any, cast, get_args

from numpy.typing import NDArray

from embedtool.corpus.string_table import HashIndex, StringTable
from embedtool.errors import FormatError
from embedtool.model.quantized import from_tensors, to_tensors
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import OutputRows, VectorTable

OUTPUT_ROWS: tuple[OutputRows, ...] = get_args(OutputRows)
UNKNOWN_ORDER = "unknown"
"""Value of `order` for words that are not known to be ordered by frequency."""


def vectors_to_tensors(vectors: VectorTable) -> dict[str, NDArray[Any]]:
    """Return the tensors of `vectors.safetensors`."""
    words, subwords = vectors.string_table, vectors.subwords
    tensors: dict[str, NDArray[Any]] = {
        **to_tensors("vectors", vectors.rows),
        "norms": vectors.norms,
        "word_text": words.text,
        "word_ends": words.ends,
        "slot_starts": words.hash_index.starts,
        "slot_ids": words.hash_index.ids,
    }
    if vectors.counts is not None:
        tensors["counts"] = vectors.counts
    if vectors.output_matrix is not None:
        tensors["contexts"] = vectors.output_matrix
    if subwords is not None:
        tensors |= to_tensors("word_rows", subwords.word_rows)
        tensors |= to_tensors("ngram_rows", subwords.ngram_rows)
        tensors["ngram_buckets"] = subwords.buckets
        if subwords.offset is not None:
            tensors["ngram_offset"] = subwords.offset
    return tensors


def vectors_from_tensors(
    tensors: dict[str, NDArray[Any]], description: dict[str, Any]
) -> VectorTable:
    """Return the word vectors of a model folder.

    Raises
    ------
    FormatError
        If the tensors contradict each other or the description.
    KeyError, TypeError
        If one is missing.
    """
    return VectorTable(
        _words(tensors),
        from_tensors(tensors, "vectors"),
        tensors.get("counts"),
        tensors.get("contexts"),
        _subwords(description["subwords"], tensors) if "subwords" in description else None,
        tensors.get("norms"),
        _output_rows(description, tensors.get("contexts")),
        description.get("order") != UNKNOWN_ORDER,
    )


def _output_rows(description: dict[str, Any], contexts: NDArray[Any] | None) -> OutputRows:
    """Return what the rows of the output layer belong to.

    For a model without such an entry it follows from the loss. If an imported file does not say how
    it was trained, a tree is recognised by having one node fewer than words, so that the last row
    is zeros.
    """
    if contexts is None:
        return "words"
    if "contexts" not in description:
        loss = description.get("options", {}).get("loss")
        is_tree = not contexts[-1:].any() if loss is None else loss == "hierarchical-softmax"
        return "inner-nodes" if is_tree else "words"
    if description["contexts"] not in OUTPUT_ROWS:
        raise FormatError(f"config.json: contexts are of {description['contexts']!r}")
    return cast(OutputRows, description["contexts"])


def _words(tensors: dict[str, NDArray[Any]]) -> StringTable:
    text, ends, starts = (tensors[name] for name in ("word_text", "word_ends", "slot_starts"))
    n_slots = len(starts) - 1
    if n_slots < 1 or n_slots & (n_slots - 1) or (len(ends) and ends[-1] != len(text)):
        raise FormatError("vectors.safetensors: the words are damaged")
    return StringTable(text, ends, HashIndex(starts, tensors["slot_ids"]))


def _subwords(options: dict[str, Any], tensors: dict[str, NDArray[Any]]) -> Subwords:
    return Subwords(
        options["min_n"],
        options["max_n"],
        options["bucket"],
        from_tensors(tensors, "word_rows"),
        tensors["ngram_buckets"],
        from_tensors(tensors, "ngram_rows"),
        tensors.get("ngram_offset"),
        bool(options.get("pruned", False)),
    )
