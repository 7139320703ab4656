"""Approximate nearest neighbours by a graph that stands beside the vectors (usearch).

In: vectors, and the folder where their index is kept. Out: the index, written or memory-mapped; and
for queries the ids that the graph leads to.

    neighbours.usearch   the graph, over vectors of length 1 in eight bits a number (Malkov &
                         Yashunin 2016)
    neighbours.json      how far a search goes, how many true neighbours it finds, and what tells
                         these vectors from others
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import N_ANSWERS
from embedtool.errors import MissingExtraError, ModelError, QueryError
from embedtool.io.atomic import atomic_write
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.io.machine import n_cores
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.vectors import WordVectors, unit_rows
from embedtool.search.index import Nearest, nearest

if TYPE_CHECKING:
    from usearch.index import Index

GRAPH = "neighbours.usearch"
DESCRIPTION = "neighbours.json"
GRAPH_DTYPE = "i8"
"""The library's name of what a vector is kept as. What is found is scored again in full."""
CONNECTIVITY = 16
"""Edges of a node: the M of Malkov & Yashunin, who find 5 to 48 reasonable."""
EXPANSION_ADD = 128
"""Nodes looked at to find a new node's edges: their efConstruction."""
EXPANSIONS = [32, 64, 128, 256, 512, 1024]
"""Nodes looked at by a search, their ef: the first that finds enough is taken. With many more a
search takes as long as a comparison with all words does."""
OVERSAMPLING = 4
"""So many times the answers wanted are scored in full: eight bits put near ones in wrong order."""
BLOCK_ROWS = 2**13
"""Rows added between two reports."""
SAMPLE = 1000
"""Words whose true neighbours are sought to measure recall."""


@dataclass(frozen=True)
class IndexDescription:
    """What is known of an index.

    words, vector_size, checksum : those of the vectors; the checksum is the CRC-32 of their lengths
    library   : what made the graph, and its version
    expansion : nodes that a search looks at
    graph     : size and checksum of the graph's file
    recall    : the share of a word's 10 nearest words that is found, the mean of `sample` words
    """

    words: int
    vector_size: int
    checksum: int
    library: str
    expansion: int
    recall: float
    sample: int
    graph: dict[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True)
class AnnIndex:
    """An index that is open: the graph, and how far a search in it goes."""

    graph: "Index"
    expansion: int

    def nearest(
        self, queries: NDArray[np.float32], n: int, excluded: NDArray[np.int64] | None = None
    ) -> Nearest:
        """Rows that are likely the nearest to each query, OVERSAMPLING * n of them, best first.

        queries  : float32 (n_queries, vector_size), of length 1 or 0
        excluded : int64 (n_queries, any), rows that may not answer a query; -1 stands for none
        Scores are as the graph has them, in eight bits.
        """
        n_excluded = 0 if excluded is None else excluded.shape[1]
        k = min(OVERSAMPLING * n + n_excluded, len(self.graph))
        self.graph.expansion_search = max(self.expansion, k)
        found = self.graph.search(queries, k, threads=min(n_cores(), len(queries)))
        ids = np.full((len(queries), k), -1, np.int64)
        scores = np.full(ids.shape, -np.inf)
        keys = found.keys.reshape(len(queries), -1).astype(np.int64)
        counts = np.atleast_1d(getattr(found, "counts", keys.shape[1]))
        here = np.arange(keys.shape[1]) < counts[:, None]
        ids[:, : keys.shape[1]] = np.where(here, keys, -1)
        distances = found.distances.reshape(keys.shape)
        scores[:, : keys.shape[1]] = np.where(here, 1 - distances, -np.inf)
        if excluded is not None:
            out = (ids[:, :, None] == excluded[:, None, :]).any(axis=2)
            ids[out], scores[out] = -1, -np.inf
        return Nearest(ids, scores)


def build(
    vectors: WordVectors, folder: str | Path, recall: float, report: Report = silent
) -> IndexDescription:
    """Make the index of a model's vectors and write it to the model's folder.

    recall : how much of the true neighbours is to be found; searches go as far as that takes, but
             not beyond the last of EXPANSIONS
    Words whose vector has no length or no finite one are left out. Raises MissingExtraError,
    OutputError where the folder cannot be written.
    """
    folder = Path(folder)
    from importlib.metadata import version

    graph = _library()(
        ndim=vectors.vector_size, metric="cos", dtype=GRAPH_DTYPE, connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD, enable_key_lookups=False,
    )  # fmt: skip
    ids = np.flatnonzero((vectors.norms > 0) & np.isfinite(vectors.norms))
    if not len(ids):
        raise QueryError("no word has a vector with a length; there is nothing to index")
    for first in range(0, len(ids), BLOCK_ROWS):
        block = ids[first : first + BLOCK_ROWS]
        graph.add(block, unit_rows(vectors.matrix[block]), threads=n_cores())
        report(Progress("indexing", first + len(block), len(ids), "words"))
    sample = np.sort(np.random.default_rng(0).choice(ids, min(SAMPLE, len(ids)), replace=False))
    queries = unit_rows(vectors.matrix[sample])
    true = nearest(
        vectors.matrix, vectors.norms, queries, N_ANSWERS, candidates=ids, excluded=sample[:, None]
    )
    for expansion in EXPANSIONS:
        found = AnnIndex(graph, expansion).nearest(queries, N_ANSWERS, sample[:, None])
        reached = _recall(vectors, queries, found, true)
        if reached >= recall:
            break
    with atomic_write(folder / GRAPH) as file:
        hashed = HashingWriter(file)
        hashed.write(graph.save())
    description = IndexDescription(
        vectors.n_words, vectors.vector_size, _checksum(vectors),
        f"usearch {version('usearch')}", expansion, round(reached, 4), len(sample),
        hashed.checksum(),
    )  # fmt: skip
    with atomic_write(folder / DESCRIPTION) as file:
        file.write(json.dumps(asdict(description), indent=2).encode() + b"\n")
    return description


def _recall(
    vectors: WordVectors, queries: NDArray[np.float32], found: Nearest, true: Nearest
) -> float:
    """The mean share of the true neighbours among the best of those found, scored in full."""
    shares = []
    for query, row, wanted in zip(queries, found.ids, true.ids, strict=True):
        ids = row[row >= 0]
        scores = vectors.matrix[ids] @ query / vectors.norms[ids]
        best = ids[np.argsort(-scores, kind="stable")[: len(wanted)]]
        shares.append(np.isin(wanted[wanted >= 0], best).mean() if (wanted >= 0).any() else 1.0)
    return float(np.mean(shares))


def describe(folder: str | Path) -> IndexDescription | None:
    """What is known of a model's index; None where it has none. Raises ModelError."""
    folder = Path(folder)
    try:
        return IndexDescription(**json.loads((folder / DESCRIPTION).read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{folder / DESCRIPTION}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, RecursionError):
        raise ModelError(
            f"{folder / DESCRIPTION}: is no index's; make it anew with: embedtool index {folder}"
        ) from None


def verify(folder: str | Path) -> str | None:
    """What is wrong with a model's index, or None."""
    folder = Path(folder)
    try:
        description = describe(folder)
    except ModelError as error:
        return str(error)
    if description is None or not description.graph:
        return None
    fault = mismatch(folder / GRAPH, description.graph)
    return f"{GRAPH} {fault}" if fault else None


def open_index(vectors: WordVectors, folder: str | Path) -> AnnIndex:
    """Memory-map the index of a model.

    Raises ModelError where there is none, or it is another model's; MissingExtraError.
    """
    folder = Path(folder)
    description = describe(folder)
    advice = f"make it with: embedtool index {folder}"
    if description is None:
        raise ModelError(f"{folder}: has no index for --approximate; {advice}")
    here = (vectors.n_words, vectors.vector_size, _checksum(vectors))
    if here != (description.words, description.vector_size, description.checksum):
        raise ModelError(f"{folder}: the index is of other vectors; {advice}")
    try:
        graph = _library().restore(str(folder / GRAPH), view=True, enable_key_lookups=False)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(f"{folder / GRAPH}: cannot be opened: {error}; {advice}") from None
    if graph is None or len(graph) > vectors.n_words or graph.ndim != vectors.vector_size:
        raise ModelError(f"{folder / GRAPH}: is damaged; {advice}")
    return AnnIndex(graph, description.expansion)


def _library() -> Any:
    try:
        from usearch.index import Index
    except ImportError:
        raise MissingExtraError("an index of neighbours", "index") from None
    return Index


def _checksum(vectors: WordVectors) -> int:
    return crc32(np.ascontiguousarray(vectors.norms).data)
