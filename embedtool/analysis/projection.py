"""Points in the plane for word vectors.

In: rows of vectors. Out: two coordinates a row, by PCA, t-SNE or UMAP.
"""

import itertools
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import LAYOUTS, Layout
from embedtool.errors import ConfigError, MissingExtraError
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.linalg import principal_axes, unit_rows
from embedtool.search.index import Nearest, nearest

Rows = NDArray[np.float32]

FEW = 3
"""Of fewer rows t-SNE and UMAP know no neighbourhoods."""
PERPLEXITY = 15
"""Of t-SNE, where there are enough rows (van der Maaten & Hinton 2008: 5 to 50). Of the ten nearest
words of each of 21,604 of Wikipedia 15 keeps 29 % nearest on the map, 30 28.7 %, 6 27.5 %."""
NEIGHBOURS_A_PERPLEXITY = 3
"""Rows whose similarity to a row t-SNE takes as more than zero (van der Maaten 2014, 4.1)."""
NEIGHBOURS = 15
"""Of UMAP, where there are enough rows (McInnes, Healy & Melville 2018, section 5)."""
LANDMARKS = 100_000
"""Rows that t-SNE lays out: time grows with their square, where neighbours are sought."""
BLOCK_ROWS, REPORT_ITERATIONS = 2**12, 25
"""Rows whose neighbours are sought, and steps of gradient descent, between two reports."""
OFFSET = 0.5
LEADING = 50
"""Dimensions by which rows beyond LANDMARKS find the row that they are placed near."""
UMAP_NEEDS = ("a layout by UMAP", "umap")
"""What MissingExtraError says where it is not installed."""
FIRST_DEVIATION = 1e-4
"""Of the points with which t-SNE begins (Kobak & Berens 2019)."""
REVISION = 1
"""Raised when the same rows and parameters give other points, so that cached ones are not used."""


def layout(rows: Rows, method: Layout = "pca", seed: int = 1, report: Report = silent) -> Rows:
    """Two coordinates for each row, float32 (n_rows, 2), centred; by the directions of the rows.

    rows   : float32 (n_rows, vector_size), the most important first; their lengths say nothing
    method : "pca", the plane of the two first principal components; "tsne" (van der Maaten &
             Hinton 2008) and "umap" (McInnes, Healy & Melville 2018) keep neighbourhoods, and say
             nothing by distances between far points. Of many rows t-SNE lays out the first
             LANDMARKS, and each other row stands near the nearest of those before it.

    The same rows and seed give the same points. Raises ConfigError on an unknown method,
    MissingExtraError where UMAP is not installed.
    """
    if method not in LAYOUTS:
        raise ConfigError(f"no layout {method!r}: expected {', '.join(LAYOUTS)}")
    units = finite_unit_rows(rows)
    enough = len(rows) > FEW and bool((units != units[:1]).any())
    found = LAYOUT_FUNCTIONS[method](units, seed, report) if enough else principal(units, 2)
    centred: Rows = found - found.mean(axis=0, dtype=np.float64)
    return centred.astype(np.float32)


def layout_parameters(method: Layout) -> dict[str, Any]:
    """All that decides where points stand, apart from rows and seed.

    Raises MissingExtraError where UMAP is not installed.
    """
    told: dict[str, Any] = {"method": method, "revision": REVISION}
    if method == "tsne":
        library = "openTSNE" if has_opentsne() else "scikit-learn"
        told |= {"library": f"{library} {version(library)}"}
        told |= {"perplexity": PERPLEXITY, "landmarks": LANDMARKS}
    elif method == "umap":
        told |= {"library": f"umap-learn {_version_of_umap()}", "neighbours": NEIGHBOURS}
    return told


def _version_of_umap() -> str:
    try:
        return version("umap-learn")
    except PackageNotFoundError:
        raise MissingExtraError(*UMAP_NEEDS) from None


def finite_unit_rows(rows: Rows) -> Rows:
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
    axes = principal_axes([centred], units.shape[1])[:, :n]
    points = np.zeros((len(units), n), dtype=np.float32)
    points[:, : axes.shape[1]] = centred @ axes.astype(np.float32)
    return points


def _pca(units: Rows, seed: int, report: Report) -> Rows:
    return principal(units, 2)


def _tsne(units: Rows, seed: int, report: Report) -> Rows:
    from threadpoolctl import threadpool_limits

    landmarks = units[:LANDMARKS]
    perplexity = min(PERPLEXITY, (len(landmarks) - 1) / NEIGHBOURS_A_PERPLEXITY)
    first = principal(landmarks, 2)
    first *= FIRST_DEVIATION / first[:, 0].std()
    # equal rows would never part
    first += np.random.default_rng(seed).normal(scale=0.01 * FIRST_DEVIATION, size=first.shape)
    make = _by_fourier if has_opentsne() else _by_tree
    with threadpool_limits(1):  # sums over several threads differ with their number
        points = make(landmarks, first, perplexity, seed, report)
    if len(landmarks) == len(units):
        return points
    leading = principal(units, min(LEADING, units.shape[1]))
    return place_near(finite_unit_rows(leading), points, seed)


def has_opentsne() -> bool:
    """Whether t-SNE is openTSNE's, which has no ready build for every machine."""
    return find_spec("openTSNE") is not None


def _by_fourier(units: Rows, first: Rows, perplexity: float, seed: int, report: Report) -> Rows:
    """t-SNE whose time grows with the number of rows (Linderman and others 2019)."""
    from openTSNE import TSNE
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    done = itertools.count(REPORT_ITERATIONS, REPORT_ITERATIONS)

    def tell(iteration: int, divergence: float, points: Rows) -> None:
        total = maker.early_exaggeration_iter + maker.n_iter
        report(Progress("laying out", next(done), total, "iterations"))

    maker = TSNE(
        random_state=seed, n_jobs=1, callbacks=tell, callbacks_every_iters=REPORT_ITERATIONS
    )
    near = _neighbours(units, int(NEIGHBOURS_A_PERPLEXITY * perplexity), report)
    distances = np.sqrt(np.maximum(0, 2 - 2 * near.scores))
    affinities = PerplexityBasedNN(
        knn_index=PrecomputedNeighbors(near.ids, distances), perplexity=perplexity, n_jobs=1
    )
    points = maker.fit(affinities=affinities, initialization=first.astype(np.float64))
    return np.asarray(points, dtype=np.float32)


def _by_tree(units: Rows, first: Rows, perplexity: float, seed: int, report: Report) -> Rows:
    """The same by scikit-learn, which takes several times as long (van der Maaten 2014)."""
    from sklearn.manifold import TSNE

    maker = TSNE(perplexity=perplexity, init=first, random_state=seed, n_jobs=1)
    points: Rows = maker.fit_transform(units)
    return points


def _neighbours(units: Rows, n: int, report: Report) -> Nearest:
    """The n nearest to each row, itself left out."""
    found = []
    for begin in range(0, len(units), BLOCK_ROWS):
        ids = np.arange(begin, min(begin + BLOCK_ROWS, len(units)))
        found.append(nearest(units, None, units[ids], n, excluded=ids[:, None]))
        report(Progress("finding neighbours", int(ids[-1]) + 1, len(units), "words"))
    return Nearest(*map(np.concatenate, zip(*found, strict=True)))


def place_near(units: Rows, points: Rows, seed: int) -> Rows:
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


def _umap(units: Rows, seed: int, report: Report) -> Rows:
    try:
        from umap import UMAP
    except ImportError:
        raise MissingExtraError(*UMAP_NEEDS) from None
    n_neighbors = min(NEIGHBOURS, len(units) - 1)
    found: Rows = UMAP(
        n_neighbors=n_neighbors, metric="cosine", random_state=seed, n_jobs=1
    ).fit_transform(units)
    return found


LAYOUT_FUNCTIONS: dict[Layout, Callable[[Rows, int, Report], Rows]] = {
    "pca": _pca,
    "tsne": _tsne,
    "umap": _umap,
}
