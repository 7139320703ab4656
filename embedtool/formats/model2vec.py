"""The folder of model2vec, which sentence-transformers opens too.

It holds:

    model.safetensors   `embeddings`, or sentence-transformers' `embedding.weight`: a row for each
                        token; optionally `weights` and `mapping`, by token
    tokenizer.json      the tokens and their ids
    modules.json        where sentence-transformers finds these two
    config.json         how model2vec processes the mean of a sentence's vectors
"""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.json_folder import (
    check_characters,
    check_is_file,
    from_rows,
    load_json,
    save_json,
)
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import atomic_directory
from embedtool.io.progress import Report, ReportingWriter, silent
from embedtool.io.safetensors_io import map_tensors, write_header, write_rows
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

TENSORS, TOKENIZER, MODULES, CONFIG = (
    "model.safetensors",
    "tokenizer.json",
    "modules.json",
    "config.json",
)
MODULE = "StaticEmbedding"
"""The end of the name of sentence-transformers' class, whose module changes with its versions."""
TABLES = ("embeddings", "embedding.weight")
WHITE_SPACE = "\t\n\x0b\x0c\r "
"""Where the tokenizer splits a text: at ASCII white space only, as words may hold any other."""
UNKNOWN = "[UNK]"


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a folder: each token of the vocabulary is a word, except the one for unknown words.

    A token's vector is its row, or the one that `mapping` gives it, times its weight.

    Raises
    ------
    FormatError
        If the files do not fit each other; it names the file and the token.
    """
    folder = _module_folder(path)
    ids, unknown = _tokens(folder / TOKENIZER)
    file = folder / TENSORS
    check_is_file(file)
    try:
        tensors = map_tensors(file)
    except FormatError as error:
        raise FormatError(f"{folder}: {error}") from None
    name = next((each for each in TABLES if each in tensors), None)
    if name is None:
        raise FormatError(
            f"{file}: expected the tensor {TABLES[0]!r} or {TABLES[1]!r}; found "
            f"{', '.join(map(repr, list(tensors)[:4])) or 'none'}"
        )
    table, mapping, weights = tensors[name], tensors.get("mapping"), tensors.get("weights")
    if table.ndim != 2 or table.dtype.kind not in "fi":
        raise FormatError(f"{file}: {name!r} is not a table of numbers")
    if mapping is None and len(table) != len(ids):
        raise FormatError(f"{file}: {counted(len(ids), 'token')}, but {counted(len(table), 'row')}")
    words = sorted((word for word in ids if ids[word] != unknown), key=ids.__getitem__)
    tokens = np.array([ids[word] for word in words], dtype=np.int64)
    rows = tokens
    if mapping is not None:
        rows = _of_tokens(file, "mapping", "i", mapping, tokens).astype(np.int64)
    if len(rows) and not 0 <= rows.min() <= rows.max() < len(table):
        outside = words[int(np.argmax((rows < 0) | (rows >= len(table))))]
        raise FormatError(
            f"{file}: the token {outside!r} has none of the {counted(len(table), 'row')}"
        )
    if table.dtype.kind == "i":
        table = table.astype(np.float32)
    if weights is not None:
        factors = _of_tokens(file, "weights", "f", weights, tokens)
        with np.errstate(over="ignore", invalid="ignore"):
            table = table[rows].astype(np.float32) * factors.astype(np.float32)[:, None]
        rows = np.arange(len(words))
    return from_rows(file, words, table, rows, options)


def _of_tokens(
    file: Path, name: str, kind: str, tensor: NDArray[Any], tokens: NDArray[np.int64]
) -> NDArray[Any]:
    """Return the numbers of a tensor at the ids of tokens."""
    if tensor.ndim != 1 or tensor.dtype.kind != kind or len(tensor) <= tokens.max(initial=-1):
        raise FormatError(f"{file}: {name!r} does not hold a number for each token")
    return tensor[tokens]


def _module_folder(path: Path) -> Path:
    """Return the folder of the tensors: that of the one module which has some."""
    if not (path / MODULES).exists():
        return path
    modules = load_json(path / MODULES)
    try:
        kinds = {str(each["type"]).rpartition(".")[2]: str(each["path"]) for each in modules}
    except (TypeError, KeyError):
        raise FormatError(f"{path / MODULES}: is not a list of modules") from None
    if MODULE not in kinds:
        raise FormatError(
            f"{path / MODULES}: holds word vectors only where a module is a {MODULE}; found "
            f"{', '.join(map(repr, kinds)) or 'none'}"
        )
    below = Path(kinds[MODULE])
    if below.is_absolute() or ".." in below.parts or "\0" in kinds[MODULE]:
        raise FormatError(f"{path / MODULES}: the path {kinds[MODULE]!r} leaves the folder")
    return path / below


def _tokens(path: Path) -> tuple[dict[str, int], int | None]:
    """Return the id of each token, and the id for unknown ones, if there is one."""
    tokenizer = load_json(path)
    try:
        model = tokenizer["model"]
        vocabulary = model["vocab"]
        if isinstance(vocabulary, list):
            ids = {piece: i for i, (piece, _) in enumerate(vocabulary)}
            unknown = model.get("unk_id")
        else:
            ids = dict(vocabulary)
            unknown = ids.get(model.get("unk_token"))
        ids.update({each["content"]: each["id"] for each in tokenizer.get("added_tokens") or ()})
        kind = model.get("type")
    except (TypeError, KeyError, ValueError, AttributeError):
        raise FormatError(f"{path}: is not a tokenizer with a vocabulary") from None
    for token, i in ids.items():
        if not isinstance(token, str) or type(i) is not int or not 0 <= i < 2**31:
            raise FormatError(f"{path}: the token {token!r} has no id, but {i!r}"[:500])
    check_characters(path, list(ids))
    if kind in ("BPE", "WordPiece", "Unigram"):
        log.warning(
            "%s: the tokens of %s, words and pieces of words, are read as words", path, kind
        )
    return ids, unknown


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a folder; a token for unknown words, with a vector of zeros, is added at the end.

    A word with ASCII white space cannot be written: the tokenizer would never find it.
    """
    ids = {word: i for i, word in enumerate(vectors.words)}
    unknown = UNKNOWN
    while unknown in ids:
        unknown = f"[{unknown}]"
    ids[unknown] = vectors.n_words
    with atomic_directory(path, replace=False) as folder:
        with (folder / TENSORS).open("wb") as file:
            shape = (len(ids), vectors.vector_size)
            write_header(file, {TABLES[0]: (np.dtype(np.float32), shape)})
            write_rows(ReportingWriter(file.write, vectors.rows.nbytes, report), vectors.rows)
            write_rows(file, np.zeros((1, vectors.vector_size), np.float32))
        save_json(folder / TOKENIZER, _tokenizer(ids, unknown))
        save_json(folder / CONFIG, {
            "model_type": "model2vec",
            "architectures": ["StaticModel"],
            "embedding_dtype": "float32",
            "normalize": False,
            "max_length": None,
        })  # fmt: skip
        save_json(
            folder / MODULES,
            [
                {
                    "idx": 0,
                    "name": "0",
                    "path": ".",
                    "type": f"sentence_transformers.models.{MODULE}",
                }
            ],
        )


def _tokenizer(ids: dict[str, int], unknown: str) -> dict[str, Any]:
    """Return a tokenizer of whole words in the form of the `tokenizers` library."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": f"[{WHITE_SPACE}]+"},
            "behavior": "Removed",
            "invert": False,
        },
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": ids, "unk_token": unknown},
    }
