"""Points in the plane for word vectors.

In: rows of vectors. Out: two coordinates a row, by PCA, t-SNE or UMAP.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from embedtool.config import LAYOUTS, Layout
from embedtool.errors import ConfigError, MissingExtraError
from embedtool.search.index import nearest
from embedtool.vectors import unit_rows

Rows = NDArray[np.float32]

FEW = 3
"""Of fewer rows t-SNE and UMAP know no neighbourhoods."""
PERPLEXITY = 30
"""Of t-SNE, where there are enough rows (van der Maaten & Hinton 2008: 5 to 50)."""
NEIGHBOURS = 15
"""Of UMAP, where there are enough rows (McInnes, Healy & Melville 2018, section 5)."""
LANDMARKS = 3000
"""Rows that t-SNE lays out: a quarter of a minute on one core, however many rows there are."""
OFFSET = 0.5
LEADING = 50
"""Dimensions to which PCA brings the vectors before t-SNE (van der Maaten & Hinton 2008, 4.2)."""


def layout(rows: Rows, method: Layout = "pca", seed: int = 1) -> Rows:
    """Two coordinates for each row, float32 (n_rows, 2), centred; by the directions of the rows.

    rows   : float32 (n_rows, vector_size), the most important first; their lengths say nothing
    method : "pca", the plane of the two first principal components; "tsne" (van der Maaten &
             Hinton 2008) and "umap" (McInnes, Healy & Melville 2018) keep neighbourhoods, and say
             nothing by distances between far points. Of many rows t-SNE lays out the first
             LANDMARKS, and each other row stands beside the nearest of those before it.

    The same rows and seed give the same points. Raises ConfigError on an unknown method,
    MissingExtraError where UMAP is not installed.
    """
    if method not in LAYOUTS:
        raise ConfigError(f"no layout {method!r}: expected {', '.join(LAYOUTS)}")
    units = units_of(rows)
    enough = len(rows) > FEW and bool((units != units[:1]).any())
    found = MAKERS[method](units, seed) if enough else principal(units, 2)
    centred: Rows = found - found.mean(axis=0, dtype=np.float64)
    return centred.astype(np.float32)


def units_of(rows: Rows) -> Rows:
    """Rows of length 1; of zeros where they are zeros, or not finite."""
    sound = np.isfinite(rows).all(axis=1, keepdims=True)
    return unit_rows(rows if sound.all() else np.where(sound, rows, 0))


def principal(units: Rows, n: int) -> Rows:
    """The first n principal components of rows, float32 (n_rows, n); zeros where there are fewer.

    By the eigenvectors of the covariance, in float64 sums: rows are many, dimensions few. Each
    component's largest weight is positive, so that a picture is not mirrored by chance.
    """
    mean = units.mean(axis=0, dtype=np.float64)
    centred = units - mean.astype(np.float32)
    covariance = (centred.T @ centred).astype(np.float64)
    vectors = np.linalg.eigh(covariance)[1][:, ::-1][:, :n]
    largest = np.take_along_axis(vectors, np.abs(vectors).argmax(axis=0)[None], axis=0)
    vectors *= np.where(largest < 0, -1, 1)
    points = np.zeros((len(units), n), dtype=np.float32)
    points[:, : vectors.shape[1]] = centred @ vectors.astype(np.float32)
    return points


def _pca(units: Rows, seed: int) -> Rows:
    return principal(units, 2)


def _tsne(units: Rows, seed: int) -> Rows:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    leading = principal(units, min(LEADING, units.shape[1]))
    landmarks = leading[:LANDMARKS]
    perplexity = min(PERPLEXITY, (len(landmarks) - 1) / 3)
    maker = TSNE(perplexity=perplexity, init="pca", random_state=seed)
    with threadpool_limits(1):  # sums over several threads differ with their number
        points = maker.fit_transform(landmarks)
    return beside(units_of(leading), points, seed)


def beside(units: Rows, points: Rows, seed: int) -> Rows:
    """Points for all rows: each stands beside the row nearest to it among those before.

    units  : float32 (n_rows, vector_size), of length 1
    points : float32 (n_landmarks, 2), of the first rows
    In each turn as many rows get a place as have one. They stand off by a normal deviate of OFFSET
    of the distance at which landmarks stand from one another, so that none hides another.
    """
    if len(units) == len(points):
        return points
    from scipy.spatial import cKDTree

    apart = np.median(cKDTree(points).query(points, k=2)[0][:, 1])
    rng = np.random.default_rng(seed)
    while len(points) < len(units):
        placed = len(points)
        found = nearest(units[:placed], None, units[placed : 2 * placed], 1).ids[:, 0]
        off = rng.normal(scale=OFFSET * apart, size=(len(found), 2)).astype(np.float32)
        points = np.concatenate([points, points[found] + off])
    return points


def _umap(units: Rows, seed: int) -> Rows:
    try:
        from umap import UMAP
    except ImportError:
        raise MissingExtraError("a layout by UMAP", "umap") from None
    n_neighbors = min(NEIGHBOURS, len(units) - 1)
    found: Rows = UMAP(
        n_neighbors=n_neighbors, metric="cosine", random_state=seed, n_jobs=1
    ).fit_transform(units)
    return found


MAKERS: dict[Layout, Callable[[Rows, int], Rows]] = {"pca": _pca, "tsne": _tsne, "umap": _umap}
