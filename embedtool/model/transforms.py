"""Word vectors after training: moved, turned, cut down, scaled.

In: a model and what is to be done. Out: a model. Rows are read and written block by block: memory
holds what a step makes, and what the step before it has made; a model on disk stays there.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import TransformConfig
from embedtool.errors import ConfigError
from embedtool.io.safetensors_io import release_pages
from embedtool.messages import counted
from embedtool.model.vectors import Model, WordVectors, row_lengths, with_history_entry

BLOCK_ROWS = 2**13
"""Rows at a time: 20 MB of float64 at 300 dimensions."""
DIMENSIONS_A_DIRECTION = 100
"""All-but-the-top removes a direction for so many dimensions (Mu & Viswanath 2018, section 2)."""
UNTRANSFORMED = "as it is"
"""What the vectors without a transformation are called beside their variants."""
VARIANT = re.compile("(add-contexts|center|normalize)|(all-but-the-top)(?::([0-9]+))?|pca:([0-9]+)")
VARIANTS = "add-contexts, center, all-but-the-top[:N], pca:N or normalize, several joined by +"

Matrix = NDArray[np.float32]


def transform(model: Model, config: TransformConfig) -> Model:
    """Do to the vectors what the config says, in the order of its fields.

    add_contexts    : w + c (Pennington, Socher & Manning 2014, section 4.2; Levy, Goldberg & Dagan
                      2015, section 3.3)
    center          : x - m, m being the mean of all words' vectors
    all_but_the_top : (x - m) without its projections on the first N principal components (Mu &
                      Viswanath 2018, algorithm 1)
    pca             : (x - m) as its coordinates along the first N principal components, after those
                      that `all_but_the_top` has removed
    normalize       : x / |x|; zeros stay

    Counts stay, contexts do not: the new vectors have none. Subwords are transformed alike, so that
    a new word's vector is what the transformation makes of its old one; but there are none after
    `add_contexts`, for a new word has no context vector, nor after `normalize`, for the length of a
    mean of rows is not known from the rows.

    Raises ConfigError where the model has no contexts or too few dimensions, or a number that is
    not finite.
    """
    vectors = model.vectors
    if not np.isfinite(vectors.norms).all():
        raise ConfigError("a vector or its length is not finite, which has no mean")
    if config.add_contexts:
        vectors = _with_contexts(vectors)
    n_removed, size = config.all_but_the_top or 0, vectors.vector_size
    if n_removed + (config.pca or 1) > size:
        raise ConfigError(
            f"the model has {counted(size, 'dimension')}, too few for --all-but-the-top "
            f"{n_removed:,}" + (f" and --pca {config.pca:,}" if config.pca else "")
            if n_removed
            else f"--pca {config.pca:,} is more than the {counted(size, 'dimension')} that "
            "there are"
        )
    if config.center or n_removed or config.pca:
        vectors = _moved(vectors, n_removed, config.pca)
    if config.normalize:
        vectors = _normalized(vectors, in_place=vectors is not model.vectors)
    vectors = replace(vectors, output_matrix=None)
    done = {name: value for name, value in asdict(config).items() if value}
    before = model.description.get("transformed", [])
    description = {**model.description, "transformed": [*before, done]}
    return Model(vectors, with_history_entry(description, "transform", done))


def affine_map(
    vectors: WordVectors, axes: NDArray[np.float64], offset: NDArray[np.float64] | None = None
) -> WordVectors:
    """Each word's vector x as x @ axes + offset, new words' included; without contexts.

    axes   : float64 (vector_size, new vector_size)
    offset : float64 (new vector_size,); None: zeros

    A word's vector is the mean of rows in FastText: the rows get the linear part, and the mean the
    offset, whether or not each of its n-grams has a row.
    """
    subwords = vectors.subwords
    if subwords is not None:
        moved = None if subwords.offset is None else subwords.offset @ axes
        if offset is not None:
            moved = offset if moved is None else moved + offset
        subwords = replace(
            subwords,
            word_rows=_mapped(subwords.word_rows, axes, None),
            ngram_rows=_mapped(subwords.ngram_rows, axes, None),
            offset=None if moved is None else moved.astype(np.float32),
        )
    return vectors.with_matrix(_mapped(vectors.matrix, axes, offset), subwords)


def principal_components(matrix: Matrix) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The mean of the rows, and the directions in which they differ most from it.

    Returns float64 (vector_size,) and (vector_size, vector_size): the columns are the eigenvectors
    of the covariance, the largest eigenvalue first. The largest number of each is positive, as in
    scikit-learn, so that the same vectors give the same directions everywhere.
    """
    n_rows, size = matrix.shape
    mean, scatter = np.zeros(size), np.zeros((size, size))
    for block in _blocks(matrix):
        mean += block.sum(axis=0) / n_rows
    for block in _blocks(matrix):
        block -= mean
        scatter += block.T @ block
    _, axes = np.linalg.eigh(scatter)
    axes = axes[:, ::-1]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(size)])
    return mean, axes


def parse_variant(name: str, vector_size: int) -> TransformConfig:
    """The config that a name such as `center` or `all-but-the-top:3+normalize` stands for.

    `all-but-the-top` without a number removes a direction for every hundred dimensions, but at
    least one. Raises ConfigError on anything that is none of VARIANTS.
    """
    options: dict[str, bool | int] = {}
    for part in name.split("+"):
        found = VARIANT.fullmatch(part)
        if found is None:
            raise ConfigError(f"no variant {name!r}: expected {VARIANTS}")
        step = (found[1] or found[2] or "pca").replace("-", "_")
        number = found[3] or found[4]
        if number:
            options[step] = int(number)
        elif found[2]:
            options[step] = max(1, round(vector_size / DIMENSIONS_A_DIRECTION))
        else:
            options[step] = True
    return TransformConfig(**options)  # type: ignore[arg-type]


def variants(model: Model, names: Sequence[str]) -> Iterator[tuple[str, WordVectors]]:
    """The vectors as they are, then each variant by its name, made when its turn comes.

    names : as for `parse_variant`; all are read before the first is made
    """
    configs = {name: parse_variant(name, model.vectors.vector_size) for name in names}
    yield UNTRANSFORMED, model.vectors
    for name, config in configs.items():
        yield name, transform(model, config).vectors


def _with_contexts(vectors: WordVectors) -> WordVectors:
    if vectors.output_matrix is None:
        raise ConfigError(
            "--add-contexts needs context vectors, and the model has none; train glove with "
            "--output-vectors both (sum has added them already), or word2vec"
        )
    contexts = vectors.context_vectors
    if contexts is None:
        raise ConfigError(
            "--add-contexts needs context vectors; hierarchical softmax has nodes of a tree instead"
        )
    sums = np.empty(vectors.matrix.shape, np.float32)
    for first in range(0, len(sums), BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        np.add(vectors.matrix[rows], contexts[rows], out=sums[rows])
    return vectors.with_matrix(sums)


def _moved(vectors: WordVectors, n_removed: int, n_axes: int | None) -> WordVectors:
    """Centred; without the first principal components; along the next `n_axes`, if given."""
    mean, axes = principal_components(vectors.matrix)
    if n_axes is not None:
        linear = axes[:, n_removed : n_removed + n_axes]
    else:
        top = axes[:, :n_removed]
        linear = np.eye(len(mean)) - top @ top.T
    return affine_map(vectors, linear, -mean @ linear)


def _normalized(vectors: WordVectors, in_place: bool) -> WordVectors:
    lengths = row_lengths(vectors.matrix)
    lengths[lengths == 0] = 1
    matrix = vectors.matrix if in_place else np.empty(vectors.matrix.shape, np.float32)
    for first in range(0, len(matrix), BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        np.divide(vectors.matrix[rows], lengths[rows, None], out=matrix[rows])
    return vectors.with_matrix(matrix)


def _mapped(
    matrix: Matrix, axes: NDArray[np.float64], offset: NDArray[np.float64] | None
) -> Matrix:
    out = np.empty((len(matrix), axes.shape[1]), np.float32)
    first = 0
    for block in _blocks(matrix):
        with np.errstate(invalid="ignore"):  # a row that is not finite stays so
            rows = block @ axes
        if offset is not None:
            rows += offset
        out[first : first + len(rows)] = rows
        first += len(rows)
    return out


def _blocks(matrix: Matrix) -> Iterator[NDArray[np.float64]]:
    """The rows as float64, some at a time; a map on disk is let go of after each."""
    for first in range(0, len(matrix), BLOCK_ROWS):
        yield matrix[first : first + BLOCK_ROWS].astype(np.float64)
        release_pages(matrix)
