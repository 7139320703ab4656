"""Transformations of trained vectors: contexts added, centred, projected, normalised.

Rows are read and written in blocks. A model on disk is not loaded; memory holds the results of at
most two successive transformations.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import TransformConfig
from embedtool.errors import ConfigError
from embedtool.io.blocks import slices
from embedtool.messages import counted
from embedtool.model.linalg import BLOCK_ROWS, principal_axes, row_blocks, row_norms
from embedtool.model.vectors import ModelRecord, VectorTable, with_history_entry

DIMENSIONS_PER_REMOVED = 100
"""Dimensions per direction removed by all-but-the-top (Mu & Viswanath 2018, section 2)."""
UNTRANSFORMED = "as it is"
"""Name of the variant without a transformation."""
VARIANT = re.compile("(add-contexts|center|normalize)|(all-but-the-top)(?::([0-9]+))?|pca:([0-9]+)")
VARIANTS = "add-contexts, center, all-but-the-top[:N], pca:N or normalize, several joined by +"

Matrix = NDArray[np.float32]
Record = TypeVar("Record", bound=ModelRecord)
Vectors = TypeVar("Vectors", bound=VectorTable)


def transform(model: Record, config: TransformConfig) -> Record:
    """Apply the transformations of a config, in the order of its fields.

    Counts are kept, the output layer is not. Subwords are transformed too, so that the vector of a
    new word is the transformation of its old one. They are dropped by `add_contexts`, because a new
    word has no context vector, and by `normalize`, because the length of a mean of rows cannot be
    inferred from the rows.

    Parameters
    ----------
    config : TransformConfig
        With m, the mean of all words' vectors:

        add_contexts: w + c (Pennington, Socher & Manning 2014, section 4.2; Levy, Goldberg & Dagan
        2015, section 3.3).
        center: x - m.
        all_but_the_top: x - m without its projections on the first N principal components (Mu &
        Viswanath 2018, algorithm 1).
        pca: the coordinates of x - m along the first N principal components, after those that
        `all_but_the_top` has removed.
        normalize: x / ``|x|``; zeros stay.

    Raises
    ------
    ConfigError
        If the model has no context vectors, too few dimensions, or a number that is not finite.
    """
    vectors = model.vectors
    if not np.isfinite(vectors.norms).all():
        raise ConfigError("a vector or its length is not finite, which has no mean")
    if config.add_contexts:
        vectors = _with_contexts(vectors)
    n_removed, size = config.all_but_the_top or 0, vectors.vector_size
    if n_removed + (config.pca or 1) > size:
        raise ConfigError(
            f"the model has {counted(size, 'dimension')}, too few for "
            f"all_but_the_top={n_removed:,}" + (f" and pca={config.pca:,}" if config.pca else "")
            if n_removed
            else f"pca={config.pca:,} is more than the {counted(size, 'dimension')} that there are",
            parameters=("all_but_the_top", "pca"),
        )
    if config.center or n_removed or config.pca:
        vectors = _center_and_project(vectors, n_removed, config.pca)
    if config.normalize:
        vectors = _normalized(vectors, in_place=vectors is not model.vectors)
    vectors = replace(vectors, output_matrix=None)
    options = {name: value for name, value in asdict(config).items() if value}
    earlier = model.description.get("transformed", [])
    description = {**model.description, "transformed": [*earlier, options]}
    description = with_history_entry(description, "transform", options)
    return replace(model, vectors=vectors, description=description, encoder=None)


def affine_map(
    vectors: Vectors, axes: NDArray[np.float64], offset: NDArray[np.float64] | None = None
) -> Vectors:
    """Map the vector x of each word to x @ axes + offset, also for new words.

    In FastText, a word's vector is the mean of rows: the rows get the linear part, and the mean the
    offset, whether or not each of its n-grams has a row.

    Parameters
    ----------
    vectors : VectorTable
        The vectors; the result has no output layer.
    axes : ndarray of float64, shape (vector_size, new_vector_size)
        The linear part.
    offset : ndarray of float64, shape (new_vector_size,), optional
        The offset; None for zeros.
    """
    subwords = vectors.subwords
    if subwords is not None:
        total = None if subwords.offset is None else subwords.offset @ axes
        if offset is not None:
            total = offset if total is None else total + offset
        subwords = replace(
            subwords,
            word_rows=_mapped(subwords.word_rows, axes, None),
            ngram_rows=_mapped(subwords.ngram_rows, axes, None),
            offset=None if total is None else total.astype(np.float32),
        )
    return vectors.with_matrix(_mapped(vectors.rows, axes, offset), subwords)


def parse_variant(name: str, vector_size: int) -> TransformConfig:
    """Return the config of a name such as `center` or `all-but-the-top:3+normalize`.

    `all-but-the-top` without a number removes one direction per hundred dimensions, but at least
    one.

    Raises
    ------
    ConfigError
        If the name is not one of VARIANTS.
    """
    options: dict[str, bool | int] = {}
    for part in name.split("+"):
        match = VARIANT.fullmatch(part)
        if match is None:
            raise ConfigError(f"no variant {name!r}: expected {VARIANTS}")
        option = (match[1] or match[2] or "pca").replace("-", "_")
        number = match[3] or match[4]
        if number:
            options[option] = int(number)
        elif match[2]:
            options[option] = max(1, round(vector_size / DIMENSIONS_PER_REMOVED))
        else:
            options[option] = True
    return TransformConfig(**options)  # type: ignore[arg-type]


def variants(model: ModelRecord, names: Sequence[str]) -> Iterator[tuple[str, VectorTable]]:
    """Yield the unchanged vectors, then each variant, with their names; one at a time.

    Parameters
    ----------
    names : sequence of str
        As for `parse_variant`; all are parsed before the first variant is computed.
    """
    configs = {name: parse_variant(name, model.vectors.vector_size) for name in names}
    yield UNTRANSFORMED, model.vectors
    for name, config in configs.items():
        yield name, transform(model, config).vectors


def _with_contexts(vectors: VectorTable) -> VectorTable:
    if vectors.output_matrix is None:
        raise ConfigError(
            "add_contexts needs context vectors, and the model has none; train glove with "
            "output_vectors='both' (sum has added them already), or word2vec",
            parameters=("add_contexts", "output_vectors"),
        )
    contexts = vectors.context_vectors
    if contexts is None:
        raise ConfigError(
            "add_contexts needs context vectors; hierarchical softmax has nodes of a tree instead",
            parameters=("add_contexts",),
        )
    sums = np.empty(vectors.rows.shape, np.float32)
    for rows in slices(len(sums), BLOCK_ROWS):
        np.add(vectors.rows[rows], contexts[rows], out=sums[rows])
    return vectors.with_matrix(sums)


def _center_and_project(vectors: VectorTable, n_removed: int, n_axes: int | None) -> VectorTable:
    """Subtract the mean, remove the first principal components, keep the next `n_axes` if given."""
    mean = mean_row(vectors.rows)
    centered = (block - mean for block in row_blocks(vectors.rows))
    axes = principal_axes(centered, len(mean))
    if n_axes is not None:
        linear = axes[:, n_removed : n_removed + n_axes]
    else:
        top = axes[:, :n_removed]
        linear = np.eye(len(mean)) - top @ top.T
    return affine_map(vectors, linear, -mean @ linear)


def mean_row(matrix: Matrix) -> NDArray[np.float64]:
    """Return the mean of the rows, float64 (vector_size,)."""
    mean = np.zeros(matrix.shape[1])
    for block in row_blocks(matrix):
        mean += block.sum(axis=0) / len(matrix)
    return mean


def _normalized(vectors: VectorTable, in_place: bool) -> VectorTable:
    norms = row_norms(vectors.rows)
    norms[norms == 0] = 1
    matrix = vectors.rows if in_place else np.empty(vectors.rows.shape, np.float32)
    for rows in slices(len(matrix), BLOCK_ROWS):
        np.divide(vectors.rows[rows], norms[rows, None], out=matrix[rows])
    return vectors.with_matrix(matrix)


def _mapped(
    matrix: Matrix, axes: NDArray[np.float64], offset: NDArray[np.float64] | None
) -> Matrix:
    out = np.empty((len(matrix), axes.shape[1]), np.float32)
    first = 0
    for block in row_blocks(matrix):
        with np.errstate(invalid="ignore"):  # a row that is not finite remains so
            rows = block @ axes
        if offset is not None:
            rows += offset
        out[first : first + len(rows)] = rows
        first += len(rows)
    return out
