"""What the pictures of `embedtool plot` show, before anything is drawn.

In: word vectors, or the logs of trainings. Out: words in a plane, a heat map, curves.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.alignment import align, drift
from embedtool.analysis.projection import layout, principal
from embedtool.config.choices import Layout
from embedtool.config.tasks import DriftConfig
from embedtool.corpus.tokens import JOINERS
from embedtool.errors import QueryError
from embedtool.messages import display_names
from embedtool.model import store
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors
from embedtool.search.lookup import directions, from_ngrams, lookup
from embedtool.search.query import similar_batch

Rows = NDArray[np.float32]
Pair = tuple[str, str]
Over = Literal["epochs", "seconds"]

LONGEST_LABEL = 40
"""Characters; a longer word is cut, so that a picture has room for others."""
MEASURES = ("loss", "perplexity")
"""What a training tells of each epoch, where it knows it."""
KEYS: dict[Over, str] = {"epochs": "epoch", "seconds": "seconds"}
"""Where a log has what curves are drawn over."""
LAYOUT_NAMES = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
THEN, NOW, BOTH = range(3)
"""The groups of a trajectory: near to the word in the old model only, in the new one only, or in
both."""


@dataclass(frozen=True, eq=False)
class ScatterPlot:
    """Words at points of a plane.

    labels  : what is written at each point
    points  : float32 (n_labels, 2)
    groups  : int64 (n_labels,), from 0: what has one colour
    is_main : bool (n_labels,), whether a word was asked for; the others are neighbours
    lines   : two places of `labels` each: which words belong together
    arrows  : the same, from the first to the second
    names   : of the groups, where they mean something that must be told
    title, caption : what stands above and below; empty for nothing
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
    """Numbers between words.

    labels : of the rows, and of the columns
    values : float (n_labels, n_labels)
    low    : the number that has the lightest colour; the largest has the darkest
    """

    labels: tuple[str, ...]
    values: NDArray[np.floating]
    low: float = 0.0


@dataclass(frozen=True, eq=False)
class Curve:
    """What a training came to, by epochs or by seconds; x and y are float64 (n_epochs,).

    group : the number of the training, from 0, which has the same colour in all charts
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
"""One picture; of planes or charts as many as it has panels."""


def label(word: str) -> str:
    """A word as a picture shows it: cut where it is long, escaped what cannot be seen."""
    word = visible(word)
    return word if len(word) <= LONGEST_LABEL else word[: LONGEST_LABEL - 1] + "…"


def visible(text: str) -> str:
    """A text in which what cannot be seen is an escape, but for what shapes letters beside it."""
    return "".join(
        c if c.isprintable() or c in JOINERS else c.encode("unicode_escape").decode() for c in text
    )


def neighbourhoods(
    vectors: WordVectors,
    words: Sequence[str],
    n: int,
    *,
    method: Layout,
    seed: int,
    candidates: NDArray[np.int64] | None = None,
) -> ScatterPlot:
    """Words and the n words nearest to each, in a plane; n may be 0.

    method, seed : of `layout`
    candidates   : int64, ids of the words that may be neighbours; None: all

    A neighbour of several words has the colour of the nearest, and a line to each of them.
    Raises NoAnswerError, which names all words without a vector.
    """
    words = list(dict.fromkeys(words))
    answers = similar_batch(vectors, words, n, candidates=candidates) if n else [()] * len(words)
    best: dict[str, tuple[float, int]] = {}
    for group, answer in enumerate(answers):
        for word, score in ((each.word, each.score) for each in answer):
            best[word] = max(best.get(word, (-math.inf, 0)), (score, -group))
    shown = [*words, *(word for word in best if word not in words)]
    place = {word: i for i, word in enumerate(shown)}
    lines = {
        (min(i, j), max(i, j))
        for i, answer in enumerate(answers)
        for j in (place[each.word] for each in answer)
    }
    rows = lookup(vectors, shown)
    points = layout(rows, method, seed=seed)
    return ScatterPlot(
        tuple(map(label, shown)),
        points,
        np.array([*range(len(words)), *(-best[word][1] for word in shown[len(words) :])]),
        np.arange(len(shown)) < len(words),
        lines=tuple(sorted(lines)),
        caption=_described(rows, points, method) + _origin(vectors, words),
    )


def analogies(vectors: WordVectors, pairs: Sequence[Pair], title: str = "") -> ScatterPlot:
    """Pairs of words as arrows in one plane.

    From left to right runs the mean of the arrows, each word at length 1; upward the principal
    component of what is left. Where a relation is a direction its arrows are parallel (Mikolov, Yih
    & Zweig 2013); how far they are so in all dimensions the caption tells, by the mean cosine of
    each two of them. Raises NoAnswerError, which names all words without a vector or with one of
    zeros.
    """
    words = list(dict.fromkeys(word for pair in pairs for word in pair))
    place = {word: i for i, word in enumerate(words)}
    arrows = tuple((place[start], place[end]) for start, end in pairs)
    groups = np.zeros(len(words), np.int64)
    groups[[end for _, end in arrows]] = 1
    units = directions(vectors, words)
    differences = np.array([units[end] - units[start] for start, end in arrows])
    direction = unit_rows(differences.mean(axis=0, keepdims=True))
    across = units @ direction.T
    points = np.concatenate([across, principal(units - across * direction, 1)], axis=1)
    each_two = [float(a @ b) for a, b in combinations(unit_rows(differences), 2)]
    told = f"mean cosine of the arrows {sum(each_two) / len(each_two):.2f}" if each_two else ""
    return ScatterPlot(
        tuple(map(label, words)), points, groups, np.ones(len(words), np.bool_), arrows=arrows,
        title=title, caption=(told + _origin(vectors, words)).removeprefix("; "),
    )  # fmt: skip


def trajectories(
    old: WordVectors,
    new: WordVectors,
    words: Sequence[str],
    n: int,
    *,
    names: tuple[str, str] = ("then", "now"),
    method: Layout,
    seed: int,
) -> tuple[ScatterPlot, ...]:
    """The way of each word from an old model to a new one, among its n neighbours of both.

    names : how the models are called

    The old model is turned into the space of the new one; neighbours stand where the new one has
    them, as in the pictures of Hamilton, Leskovec & Jurafsky (2016a, appendix B), and a plane for
    each word. Raises UnknownWordError, and EvaluationError on a word that only one of them holds.
    """
    for vectors in (old, new):
        lookup(vectors, words)
    moved = drift(old, new, DriftConfig(neighbours=n), words).words
    rotation = align(old, new).rotation.astype(np.float32)
    planes = []
    for each in moved:
        near = list(dict.fromkeys([*each.then, *each.now]))
        then = unit_rows(lookup(old, [each.word])) @ rotation
        rows = np.concatenate([then, unit_rows(lookup(new, [each.word, *near]))])
        points = layout(rows, method, seed=seed)
        sides = {
            word: BOTH if word in each.now and word in each.then
            else NOW if word in each.now else THEN
            for word in near
        }  # fmt: skip
        planes.append(
            ScatterPlot(
                (*(label(f"{each.word} ({name})") for name in names), *map(label, near)),
                points,
                np.array([THEN, NOW, *sides.values()]),
                np.arange(len(rows)) < len(names),
                arrows=((0, 1),),
                names=(*(f"neighbours in {label(name)} only" for name in names), "in both"),
                title=f"{label(each.word)} moved by {each.distance:.2f} (1 - cosine)",
                caption=_described(rows, points, method),
            )
        )
    return tuple(planes)


def _origin(vectors: WordVectors, words: Sequence[str]) -> str:
    """What a caption tells of words that are known by their character n-grams alone."""
    new = from_ngrams(vectors, words)
    return f"; from character n-grams: {', '.join(map(label, new))}" if new else ""


def _described(rows: Rows, points: Rows, method: Layout) -> str:
    """What a plane shows of its words: of PCA the share of the variance."""
    if method != "pca":
        return f"{LAYOUT_NAMES[method]}: near words are alike; far distances say nothing"
    units = unit_rows(rows)
    whole = float(((units - units.mean(axis=0)) ** 2).sum())
    share = float((points**2).sum()) / whole if whole else 1.0
    return f"PCA: {100 * share:.0f}% of the variance"


def similarities(vectors: WordVectors, words: Sequence[str], *, clustered: bool = False) -> HeatMap:
    """The cosine of each two words.

    clustered : put words that are alike beside each other (average linkage, in the order of Bar-
                Joseph, Gifford & Jaakkola 2001); otherwise they stand as given

    Raises NoAnswerError on words without a vector or with one of zeros, QueryError on fewer than
    two words.
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
    """The loss, and the perplexity where there is one, of trainings: a chart for each measure.

    paths : files of `train --json-log`, or models, which keep it too

    Raises QueryError where a file is no such log, or tells neither.
    """
    logs = {name: _told(path) for name, path in zip(display_names(paths), paths, strict=True)}
    key = KEYS[over]
    charts = []
    for measure in MEASURES:
        found = []
        for group, (name, epochs) in enumerate(logs.items()):
            points = np.array([(e[key], e[measure]) for e in epochs if measure in e], np.float64)
            if len(points):
                found.append(Curve(label(name), group, *points.T))
        if found:
            charts.append(Chart(measure, over, tuple(found)))
    return tuple(charts)


def _told(path: Path) -> list[dict[str, float]]:
    """What a log or a model tells of each epoch; of what is no finite number, nothing."""
    if path.is_dir():
        told: Iterable[Any] = store.describe(path).get("training", {}).get("epochs", ())
    else:
        told = _lines(path)
    epochs = [
        {name: value for name, value in each.items()
         if isinstance(value, int | float) and math.isfinite(value)}
        for each in told
    ]  # fmt: skip
    epochs = [each for each in epochs if each.keys() >= set(KEYS.values())]
    if not any(measure in each for each in epochs for measure in MEASURES):
        raise QueryError(f"{path}: tells neither the loss nor the perplexity of any epoch")
    return epochs


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a log. Raises QueryError where it cannot be read."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise QueryError(f"{path}: cannot be read: {error.strerror}") from None
    told = []
    for number, line in enumerate(lines, 1):
        try:
            each = json.loads(line)
        except (ValueError, RecursionError):
            each = None
        if not isinstance(each, dict):
            raise QueryError(f"{path}, line {number}: is no line of `train --json-log`")
        told.append(each)
    return told
