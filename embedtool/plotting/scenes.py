"""The contents of pictures, before anything is drawn: scatter plots, heat maps and curves."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.alignment import align, drift
from embedtool.analysis.projection import layout, principal_components
from embedtool.config.choices import Layout
from embedtool.config.tasks import DriftConfig
from embedtool.corpus.tokens import JOINERS
from embedtool.errors import QueryError
from embedtool.io.json_file import parse_json
from embedtool.messages import display_names
from embedtool.model import store
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.lookup import directions, from_ngrams, lookup
from embedtool.search.query import similar_batch

Rows = NDArray[np.float32]
Pair = tuple[str, str]
Over = Literal["epochs", "seconds"]

MAX_LABEL_LENGTH = 40
"""Maximum characters of a word; longer ones are truncated, so that there is room for others."""
MEASURES = ("loss", "perplexity")
"""Keys of an epoch's record that are drawn as curves, if present."""
KEYS: dict[Over, str] = {"epochs": "epoch", "seconds": "seconds"}
"""Keys of an epoch's record for the horizontal axis."""
LAYOUT_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
THEN, NOW, BOTH = range(3)
"""The groups of a trajectory: neighbours of the word in the old model only, in the new one only, or
in both."""


@dataclass(frozen=True, eq=False)
class ScatterPlot:
    """Words as points in the plane.

    Attributes
    ----------
    points : ndarray of float32, shape (n_labels, 2)
    groups : ndarray of int64, shape (n_labels,)
        Groups from 0; the words of a group have one colour.
    is_main : ndarray of bool, shape (n_labels,)
        Whether a word is a query; the others are neighbours.
    lines : tuple of pairs of int
        Indices of labels that a line connects.
    arrows : tuple of pairs of int
        Indices of labels, from the first to the second.
    names : tuple of str
        Names of the groups, if the picture needs a legend.
    title, caption : str
        Text above and below the plot; empty for none.
    """

    labels: tuple[str, ...]
    points: Rows
    groups: NDArray[np.int64]
    is_main: NDArray[np.bool_]
    lines: tuple[tuple[int, int], ...] = ()
    arrows: tuple[tuple[int, int], ...] = ()
    names: tuple[str, ...] = ()
    title: str = ""
    caption: str = ""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A number for each pair of words.

    Attributes
    ----------
    labels : tuple of str
        Of the rows, and of the columns.
    values : ndarray of float, shape (n_labels, n_labels)
    low : float
        The value of the lightest colour; the largest value has the darkest.
    """

    labels: tuple[str, ...]
    values: NDArray[np.floating]
    low: float = 0.0


@dataclass(frozen=True, eq=False)
class Curve:
    """A measure of one training over epochs or seconds.

    Attributes
    ----------
    group : int
        The index of the training, whose colour is the same in all charts.
    x, y : ndarray of float64, shape (n_epochs,)
    """

    name: str
    group: int
    x: NDArray[np.float64]
    y: NDArray[np.float64]


@dataclass(frozen=True)
class Chart:
    """Curves of one measure."""

    measure: str
    over: Over
    curves: tuple[Curve, ...]


Scene = HeatMap | Sequence[ScatterPlot | Chart]
"""One picture: a heat map, or several scatter plots or charts, one per panel."""


def label(word: str) -> str:
    """Return a word for display: truncated, with invisible characters escaped."""
    word = visible(word)
    return word if len(word) <= MAX_LABEL_LENGTH else word[: MAX_LABEL_LENGTH - 1] + "…"


def visible(text: str) -> str:
    """Return a text with unprintable characters escaped, except joiners."""
    return "".join(
        c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in text
    )


def neighbourhoods(
    vectors: VectorTable,
    words: Sequence[str],
    n: int,
    *,
    method: Layout,
    seed: int,
    candidates: NDArray[np.int64] | None = None,
) -> ScatterPlot:
    """Return a scatter plot of words and their nearest words.

    A neighbour of several words has the colour of the nearest one, and a line to each.

    Parameters
    ----------
    n : int
        Neighbours of each word, 0 or more.
    method, seed
        As for `analysis.projection.layout`.
    candidates : ndarray of int64
        Ids of the words that may be neighbours; None for all.

    Raises
    ------
    NoAnswerError
        If words have no vector; names all of them.
    """
    words = list(dict.fromkeys(words))
    answers = similar_batch(vectors, words, n, candidates=candidates) if n else [()] * len(words)
    best: dict[str, tuple[float, int]] = {}
    for group, answer in enumerate(answers):
        for word, score in ((each.word, each.score) for each in answer):
            best[word] = max(best.get(word, (-math.inf, 0)), (score, -group))
    all_words = [*words, *(word for word in best if word not in words)]
    index_of = {word: i for i, word in enumerate(all_words)}
    lines = {
        (min(i, j), max(i, j))
        for i, answer in enumerate(answers)
        for j in (index_of[each.word] for each in answer)
    }
    rows = lookup(vectors, all_words)
    points = layout(rows, method, seed=seed)
    return ScatterPlot(
        tuple(map(label, all_words)),
        points,
        np.array([*range(len(words)), *(-best[word][1] for word in all_words[len(words) :])]),
        np.arange(len(all_words)) < len(words),
        lines=tuple(sorted(lines)),
        caption=_layout_caption(rows, points, method) + _ngrams_caption(vectors, words),
    )


def analogies(vectors: VectorTable, pairs: Sequence[Pair], title: str = "") -> ScatterPlot:
    """Return a scatter plot of pairs of words, with an arrow for each pair.

    The x axis is the mean of the arrows between unit vectors, the y axis the first principal
    component of the remainder. If a relation is a direction, its arrows are parallel (Mikolov, Yih
    & Zweig 2013); the caption has the mean cosine of all pairs of arrows, in all dimensions.

    Raises
    ------
    NoAnswerError
        If words have no vector, or one of zeros; names all of them.
    """
    words = list(dict.fromkeys(word for pair in pairs for word in pair))
    index_of = {word: i for i, word in enumerate(words)}
    arrows = tuple((index_of[start], index_of[end]) for start, end in pairs)
    groups = np.zeros(len(words), np.int64)
    groups[[end for _, end in arrows]] = 1
    units = directions(vectors, words)
    differences = np.array([units[end] - units[start] for start, end in arrows])
    direction = unit_rows(differences.mean(axis=0, keepdims=True))
    across = units @ direction.T
    points = np.concatenate([across, principal_components(units - across * direction, 1)], axis=1)
    cosines = [float(a @ b) for a, b in combinations(unit_rows(differences), 2)]
    caption = f"mean cosine of the arrows {sum(cosines) / len(cosines):.2f}" if cosines else ""
    return ScatterPlot(
        tuple(map(label, words)), points, groups, np.ones(len(words), np.bool_), arrows=arrows,
        title=title, caption=(caption + _ngrams_caption(vectors, words)).removeprefix("; "),
    )  # fmt: skip


def trajectories(
    old: VectorTable,
    new: VectorTable,
    words: Sequence[str],
    n: int,
    *,
    names: tuple[str, str] = ("then", "now"),
    method: Layout,
    seed: int,
) -> tuple[ScatterPlot, ...]:
    """Return a scatter plot for each word: its change between two models, among its neighbours.

    The old model is rotated into the space of the new one. Neighbours of both have their positions
    in the new one, as in Hamilton, Leskovec & Jurafsky (2016a, appendix B).

    Parameters
    ----------
    n : int
        Neighbours of each word in each model.
    names : pair of str
        The names of the two models.
    method, seed
        As for `analysis.projection.layout`.

    Raises
    ------
    UnknownWordError
        If a word is in neither model.
    EvaluationError
        If a word is in only one of the models.
    """
    for vectors in (old, new):
        lookup(vectors, words)
    moved = drift(old, new, DriftConfig(neighbours=n), words).words
    rotation = align(old, new).rotation.astype(np.float32)
    plots = []
    for each in moved:
        near = list(dict.fromkeys([*each.then, *each.now]))
        then = unit_rows(lookup(old, [each.word])) @ rotation
        rows = np.concatenate([then, unit_rows(lookup(new, [each.word, *near]))])
        points = layout(rows, method, seed=seed)
        groups = [
            BOTH if word in each.now and word in each.then else NOW if word in each.now else THEN
            for word in near
        ]
        plots.append(
            ScatterPlot(
                (*(label(f"{each.word} ({name})") for name in names), *map(label, near)),
                points,
                np.array([THEN, NOW, *groups]),
                np.arange(len(rows)) < len(names),
                arrows=((0, 1),),
                names=(*(f"neighbours in {label(name)} only" for name in names), "in both"),
                title=f"{label(each.word)} moved by {each.distance:.2f} (1 - cosine)",
                caption=_layout_caption(rows, points, method),
            )
        )
    return tuple(plots)


def _ngrams_caption(vectors: VectorTable, words: Sequence[str]) -> str:
    """Return the part of a caption that names words whose vectors come only from n-grams."""
    new = from_ngrams(vectors, words)
    return f"; from character n-grams: {', '.join(map(label, new))}" if new else ""


def _layout_caption(rows: Rows, points: Rows, method: Layout) -> str:
    """Return the part of a caption about the layout: for PCA the explained variance."""
    if method != "pca":
        return f"{LAYOUT_NAMES[method]}: near words are alike; far distances say nothing"
    units = unit_rows(rows)
    whole = float(((units - units.mean(axis=0)) ** 2).sum())
    explained = float((points**2).sum()) / whole if whole else 1.0
    return f"PCA: {100 * explained:.0f}% of the variance"


def similarities(vectors: VectorTable, words: Sequence[str], *, clustered: bool = False) -> HeatMap:
    """Return a heat map of the cosines of all pairs of words.

    Parameters
    ----------
    clustered : bool
        Order words by similarity (average linkage, with the optimal leaf order of Bar-Joseph,
        Gifford & Jaakkola 2001); otherwise keep the order given.

    Raises
    ------
    NoAnswerError
        If words have no vector, or one of zeros.
    QueryError
        If there are fewer than two words.
    """
    words = list(dict.fromkeys(words))
    if len(words) < 2:
        raise QueryError("a heat map shows how alike words are; give at least two")
    units = directions(vectors, words).astype(np.float64)
    values = (units @ units.T).clip(-1, 1)
    if clustered:
        from scipy.cluster.hierarchy import leaves_list, linkage
        from scipy.spatial.distance import squareform

        distances = squareform(1 - values, checks=False)
        order = leaves_list(linkage(distances, "average", optimal_ordering=True))
        words, values = [words[i] for i in order], values[np.ix_(order, order)]
    return HeatMap(tuple(map(label, words)), values, min(0.0, float(values.min())))


def curves(paths: Sequence[Path], over: Over = "epochs") -> tuple[Chart, ...]:
    """Return a chart of the loss of trainings, and one of the perplexity if there is any.

    Parameters
    ----------
    paths : sequence of Path
        JSON logs of trainings, or models, which contain the same records.
    over : "epochs" or "seconds"
        The horizontal axis.

    Raises
    ------
    QueryError
        If a file is not such a log, or has neither measure.
    """
    logs = {name: _epochs(path) for name, path in zip(display_names(paths), paths, strict=True)}
    key = KEYS[over]
    charts = []
    for measure in MEASURES:
        measured = []
        for group, (name, epochs) in enumerate(logs.items()):
            points = np.array([(e[key], e[measure]) for e in epochs if measure in e], np.float64)
            if len(points):
                measured.append(Curve(label(name), group, *points.T))
        if measured:
            charts.append(Chart(measure, over, tuple(measured)))
    return tuple(charts)


def _epochs(path: Path) -> list[dict[str, float]]:
    """Return the finite numbers of each epoch's record in a log or a model."""
    if path.is_dir():
        records: Iterable[Any] = store.describe(path).get("training", {}).get("epochs", ())
    else:
        records = _lines(path)
    epochs = [
        {name: value for name, value in each.items()
         if isinstance(value, int | float) and math.isfinite(value)}
        for each in records
    ]  # fmt: skip
    epochs = [each for each in epochs if each.keys() >= set(KEYS.values())]
    if not any(measure in each for each in epochs for measure in MEASURES):
        raise QueryError(f"{path}: has neither the loss nor the perplexity of any epoch")
    return epochs


def _lines(path: Path) -> list[dict[str, Any]]:
    """Return the records of a log. Raises QueryError if it cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise QueryError(f"{path}: cannot be read: {error.strerror}") from None
    records = []
    for number, line in enumerate(lines, 1):
        try:
            record = parse_json(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise QueryError(f"{path}, line {number}: is not a line of a training's JSON log")
        records.append(record)
    return records
