"""Two-dimensional layouts of word vectors by PCA, t-SNE or UMAP."""

import itertools
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import LAYOUTS, Layout
from embedtool.errors import ConfigError, MissingExtraError
from embedtool.io.blocks import slices
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.linalg import principal_axes, unit_rows
from embedtool.search.index import Nearest, nearest

Rows = NDArray[np.float32]

MIN_ROWS = 4
"""Minimum rows of t-SNE and UMAP: fewer have no neighbourhoods."""
PERPLEXITY = 15
"""Perplexity of t-SNE, if there are enough rows (van der Maaten & Hinton 2008: 5 to 50). For 21,604
words of Wikipedia, the fraction of the ten nearest neighbours that are also among the ten nearest
on the map is 29 % with 15, 28.7 % with 30 and 27.5 % with 6."""
NEIGHBOURS_PER_PERPLEXITY = 3
"""Neighbours of a row with a nonzero similarity in t-SNE (van der Maaten 2014, section 4.1)."""
UMAP_NEIGHBOURS = 15
"""Neighbours of UMAP, if there are enough rows (McInnes, Healy & Melville 2018, section 5)."""
LANDMARKS = 100_000
"""Maximum rows laid out by t-SNE: the time of the neighbour search is quadratic in them."""
BLOCK_WORDS, REPORT_ITERATIONS = 2**12, 25
"""Rows of the neighbour search, and iterations of gradient descent, between two reports."""
OFFSET = 0.5
"""Standard deviation of the offset of a row from the row that it is placed near, relative to the
median distance between landmarks."""
LEADING = 50
"""Principal components by which rows beyond LANDMARKS find the row that they are placed near."""
UMAP_EXTRA = ("a layout by UMAP", "umap")
"""Arguments of MissingExtraError."""
INITIAL_STD = 1e-4
"""Standard deviation of the initial points of t-SNE (Kobak & Berens 2019)."""
REVISION = 1
"""Increased when the same rows and parameters give other points, so that cached ones are not
used."""


def layout(rows: Rows, method: Layout = "pca", seed: int = 1, report: Report = silent) -> Rows:
    """Return two coordinates for each row, by its direction.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_rows, vector_size)
        The rows, most important first; their lengths are ignored.
    method : {"pca", "tsne", "umap"}
        "pca" are the first two principal components. "tsne" (van der Maaten & Hinton 2008) and
        "umap" (McInnes, Healy & Melville 2018) preserve neighbourhoods; distances between remote
        points mean nothing. t-SNE lays out at most the first LANDMARKS rows, and places each
        further row near its nearest neighbour among the rows before it.
    seed : int
        The same rows and seed give the same points.

    Returns
    -------
    ndarray of float32, shape (n_rows, 2)
        Centred.

    Raises
    ------
    ConfigError
        If the method is unknown.
    MissingExtraError
        If UMAP is not installed.
    """
    if method not in LAYOUTS:
        raise ConfigError(f"no layout {method!r}: expected {', '.join(LAYOUTS)}")
    units = finite_unit_rows(rows)
    if len(rows) < MIN_ROWS or (units == units[:1]).all():
        method = "pca"
    points = LAYOUT_FUNCTIONS[method](units, seed, report)
    centred: Rows = points - points.mean(axis=0, dtype=np.float64)
    return centred.astype(np.float32)


def layout_parameters(method: Layout) -> dict[str, Any]:
    """Return everything that determines a layout, except rows and seed.

    Raises
    ------
    MissingExtraError
        If UMAP is not installed.
    """
    parameters: dict[str, Any] = {"method": method, "revision": REVISION}
    if method == "tsne":
        library = "openTSNE" if has_opentsne() else "scikit-learn"
        parameters |= {"library": f"{library} {version(library)}"}
        parameters |= {"perplexity": PERPLEXITY, "landmarks": LANDMARKS}
    elif method == "umap":
        parameters |= {
            "library": f"umap-learn {_umap_version()}", "neighbours": UMAP_NEIGHBOURS
        }  # fmt: skip
    return parameters


def _umap_version() -> str:
    try:
        return version("umap-learn")
    except PackageNotFoundError:
        raise MissingExtraError(*UMAP_EXTRA) from None


def finite_unit_rows(rows: Rows) -> Rows:
    """Scale rows to length 1; rows of zeros or with values that are not finite become zeros."""
    finite = np.isfinite(rows).all(axis=1, keepdims=True)
    return unit_rows(rows if finite.all() else np.where(finite, rows, 0))


def principal_components(units: Rows, n: int) -> Rows:
    """Return the coordinates of rows on their first n principal components.

    The largest weight of each component is positive, so that a picture is not mirrored by chance.

    Parameters
    ----------
    units : ndarray of float32, shape (n_rows, vector_size)
        The rows; they are centred here.
    n : int
        Number of components.

    Returns
    -------
    ndarray of float32, shape (n_rows, n)
        Columns beyond `vector_size` are zeros.
    """
    mean = units.mean(axis=0, dtype=np.float64)
    centred = units - mean.astype(np.float32)
    axes = principal_axes([centred], units.shape[1])[:, :n]
    points = np.zeros((len(units), n), dtype=np.float32)
    points[:, : axes.shape[1]] = centred @ axes.astype(np.float32)
    return points


def _pca(units: Rows, seed: int, report: Report) -> Rows:
    return principal_components(units, 2)


def _tsne(units: Rows, seed: int, report: Report) -> Rows:
    from threadpoolctl import threadpool_limits

    landmarks = units[:LANDMARKS]
    perplexity = min(PERPLEXITY, (len(landmarks) - 1) / NEIGHBOURS_PER_PERPLEXITY)
    initial = principal_components(landmarks, 2)
    initial *= INITIAL_STD / initial[:, 0].std()
    # equal rows would never separate
    initial += np.random.default_rng(seed).normal(scale=0.01 * INITIAL_STD, size=initial.shape)
    fit = _fft_tsne if has_opentsne() else _barnes_hut_tsne
    with threadpool_limits(1):  # sums over several threads depend on their number
        points = fit(landmarks, initial, perplexity, seed, report)
    if len(landmarks) == len(units):
        return points
    leading = principal_components(units, min(LEADING, units.shape[1]))
    return place_near(finite_unit_rows(leading), points, seed)


def has_opentsne() -> bool:
    """Return whether openTSNE is installed, which has no binary for every platform."""
    return find_spec("openTSNE") is not None


def _fft_tsne(units: Rows, initial: Rows, perplexity: float, seed: int, report: Report) -> Rows:
    """Run FFT-accelerated t-SNE, which takes linear time (Linderman et al. 2019)."""
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    iterations_done = itertools.count(REPORT_ITERATIONS, REPORT_ITERATIONS)

    def report_iteration(iteration: int, divergence: float, points: Rows) -> None:
        total = tsne.early_exaggeration_iter + tsne.n_iter
        report(Progress("laying out", next(iterations_done), total, "iterations"))

    tsne = TSNE(
        random_state=seed, n_jobs=1, callbacks=report_iteration,
        callbacks_every_iters=REPORT_ITERATIONS,
    )  # fmt: skip
    near = _neighbours(units, int(NEIGHBOURS_PER_PERPLEXITY * perplexity), report)
    distances = np.sqrt(np.maximum(0, 2 - 2 * near.scores))
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(near.ids, distances), perplexity=perplexity, n_jobs=1
    )
    points = tsne.fit(affinities=affinities, initialization=initial.astype(np.float64))
    return np.asarray(points, dtype=np.float32)


def _barnes_hut_tsne(
    units: Rows, initial: Rows, perplexity: float, seed: int, report: Report
) -> Rows:
    """Run scikit-learn's t-SNE, which takes several times as long (van der Maaten 2014)."""
    from sklearn.manifold import TSNE

    tsne = TSNE(perplexity=perplexity, init=initial, random_state=seed, n_jobs=1)
    points: Rows = tsne.fit_transform(units)
    return points


def _neighbours(units: Rows, n: int, report: Report) -> Nearest:
    """Return the n nearest rows of each row, without the row itself."""
    blocks = []
    for rows in slices(len(units), BLOCK_WORDS):
        ids = np.arange(rows.start, rows.stop)
        blocks.append(nearest(units, None, units[ids], n, excluded=ids[:, None]))
        report(Progress("finding neighbours", int(ids[-1]) + 1, len(units), "words"))
    return Nearest(*map(np.concatenate, zip(*blocks, strict=True)))


def place_near(units: Rows, points: Rows, seed: int) -> Rows:
    """Place each row without a point near its nearest neighbour among the rows before it.

    Each pass doubles the number of points. A new point gets a normally distributed offset, so that
    points do not hide each other.

    Parameters
    ----------
    units : ndarray of float32, shape (n_rows, vector_size)
        Rows of length 1.
    points : ndarray of float32, shape (n_landmarks, 2)
        Points of the first rows.
    seed : int
        Seed of the offsets.

    Returns
    -------
    ndarray of float32, shape (n_rows, 2)
    """
    if len(units) == len(points):
        return points
    from scipy.spatial import cKDTree

    spacing = np.median(cKDTree(points).query(points, k=2)[0][:, 1])
    rng = np.random.default_rng(seed)
    while len(points) < len(units):
        n_placed = len(points)
        near = nearest(units[:n_placed], None, units[n_placed : 2 * n_placed], 1).ids[:, 0]
        offsets = rng.normal(scale=OFFSET * spacing, size=(len(near), 2)).astype(np.float32)
        points = np.concatenate([points, points[near] + offsets])
    return points


def _umap(units: Rows, seed: int, report: Report) -> Rows:
    try:
        from umap import UMAP
    except ImportError:
        raise MissingExtraError(*UMAP_EXTRA) from None
    n_neighbors = min(UMAP_NEIGHBOURS, len(units) - 1)
    points: Rows = UMAP(
        n_neighbors=n_neighbors, metric="cosine", random_state=seed, n_jobs=1
    ).fit_transform(units)
    return points


LAYOUT_FUNCTIONS: dict[Layout, Callable[[Rows, int, Report], Rows]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}
