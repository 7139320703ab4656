"""Approximate nearest neighbours by a graph (HNSW) in the model's folder, built by usearch.

neighbours.usearch   the graph, over vectors of length 1 in eight bits a number (Malkov &
                     Yashunin 2016)
neighbours.json      the expansion of a search, its recall, and the checksum of the vectors
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import N_ANSWERS
from embedtool.errors import Call, MissingExtraError, ModelError, QueryError
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import slices
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.io.json_file import parse_json
from embedtool.io.machine import n_cores
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.index import Nearest, nearest

if TYPE_CHECKING:
    from usearch.index import Index

GRAPH = "neighbours.usearch"
DESCRIPTION = "neighbours.json"
GRAPH_DTYPE = "i8"
"""usearch's name of the type of stored vectors. Results are rescored in float32."""
CONNECTIVITY = 16
"""Edges of a node: M of Malkov & Yashunin, who find 5 to 48 reasonable."""
EXPANSION_ADD = 128
"""Nodes visited to find the edges of a new node: their efConstruction."""
EXPANSIONS = [32, 64, 128, 256, 512, 1024]
"""Numbers of nodes visited by a search, their ef: the first that reaches the recall is used. With
many more, a search is not faster than a comparison with all words."""
OVERSAMPLING = 4
"""int8 scores mis-rank close neighbours, so OVERSAMPLING * n candidates are rescored in float32."""
BLOCK_ROWS = 2**13
"""Rows added between two progress reports."""
SAMPLE = 1000
"""Words whose true neighbours are computed to measure recall."""


@dataclass(frozen=True)
class IndexDescription:
    """The description of an index.

    Attributes
    ----------
    words, vector_size, checksum : int
        Properties of the vectors; the checksum is the CRC-32 of their norms.
    library : str
        The library that built the graph, and its version.
    expansion : int
        Nodes that a search visits.
    recall : float
        Fraction of a word's 10 nearest words that is found: the mean over `sample` words.
    graph : dict
        Size and checksum of the graph's file.
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
    """An open index.

    Attributes
    ----------
    expansion : int
        Nodes that a search visits.
    """

    graph: "Index"
    expansion: int

    def nearest(
        self, queries: NDArray[np.float32], n: int, excluded: NDArray[np.int64] | None = None
    ) -> Nearest:
        """Return OVERSAMPLING * n rows that are probably nearest to each query, best first.

        Parameters
        ----------
        queries : ndarray of float32, shape (n_queries, vector_size)
            Of length 1 or 0.
        excluded : ndarray of int64, shape (n_queries, any), optional
            Rows that may not answer a query; -1 stands for none.

        Returns
        -------
        Nearest
            Scores are those of the graph, in eight bits.
        """
        n_excluded = 0 if excluded is None else excluded.shape[1]
        k = min(OVERSAMPLING * n + n_excluded, len(self.graph))
        if len(queries) == 0:
            return Nearest(np.empty((0, k), np.int64), np.empty((0, k)))
        self.graph.expansion_search = max(self.expansion, k)
        matches = self.graph.search(queries, k, threads=min(n_cores(), len(queries)))
        ids = np.full((len(queries), k), -1, np.int64)
        scores = np.full(ids.shape, -np.inf)
        keys = matches.keys.reshape(len(queries), -1).astype(np.int64)
        counts = np.atleast_1d(getattr(matches, "counts", keys.shape[1]))
        valid = np.arange(keys.shape[1]) < counts[:, None]
        ids[:, : keys.shape[1]] = np.where(valid, keys, -1)
        distances = matches.distances.reshape(keys.shape)
        scores[:, : keys.shape[1]] = np.where(valid, 1 - distances, -np.inf)
        if excluded is not None:
            forbidden = (ids[:, :, None] == excluded[:, None, :]).any(axis=2)
            ids[forbidden], scores[forbidden] = -1, -np.inf
        return Nearest(ids, scores)


def build(
    vectors: VectorTable, folder: str | Path, recall: float, report: Report = silent
) -> IndexDescription:
    """Build the index of a model's vectors and write it to the model's folder.

    Words whose vector is zero or not finite are left out.

    Parameters
    ----------
    recall : float
        Fraction of the true neighbours to find; searches visit as many nodes as necessary, but not
        more than the last of EXPANSIONS.

    Raises
    ------
    MissingExtraError
        If usearch is not installed.
    OutputError
        If the folder cannot be written.
    """
    folder = Path(folder)
    from importlib.metadata import version

    graph = _library()(
        ndim=vectors.vector_size, metric="cos", dtype=GRAPH_DTYPE, connectivity=CONNECTIVITY,
        expansion_add=EXPANSION_ADD, enable_key_lookups=False,
    )  # fmt: skip
    ids = np.flatnonzero((vectors.norms > 0) & np.isfinite(vectors.norms))
    if not len(ids):
        raise QueryError("all vectors are zero or not finite; there is nothing to index")
    for rows in slices(len(ids), BLOCK_ROWS):
        block = ids[rows]
        graph.add(block, unit_rows(vectors.rows[block]), threads=n_cores())
        report(Progress("indexing", rows.stop, len(ids), "words"))
    sample = np.sort(np.random.default_rng(0).choice(ids, min(SAMPLE, len(ids)), replace=False))
    expansion, measured = _expansion_for(recall, graph, vectors, ids, sample)
    with atomic_write(folder / GRAPH) as file:
        hashed = HashingWriter(file)
        hashed.write(graph.save())
    description = IndexDescription(
        vectors.n_words, vectors.vector_size, _checksum(vectors),
        f"usearch {version('usearch')}", expansion, round(measured, 4), len(sample),
        hashed.checksum(),
    )  # fmt: skip
    with atomic_write(folder / DESCRIPTION) as file:
        file.write(json.dumps(asdict(description), indent=2).encode() + b"\n")
    return description


def _expansion_for(
    recall: float,
    graph: "Index",
    vectors: VectorTable,
    ids: NDArray[np.int64],
    sample: NDArray[np.int64],
) -> tuple[int, float]:
    """Return the first of EXPANSIONS that reaches the recall on a sample, and its recall."""
    queries = unit_rows(vectors.rows[sample])
    true = nearest(
        vectors.rows, vectors.norms, queries, N_ANSWERS, candidates=ids, excluded=sample[:, None]
    )
    for expansion in EXPANSIONS:
        found = AnnIndex(graph, expansion).nearest(queries, N_ANSWERS, sample[:, None])
        measured = _recall(vectors, queries, found, true)
        if measured >= recall:
            break
    return expansion, measured


def _recall(
    vectors: VectorTable, queries: NDArray[np.float32], found: Nearest, true: Nearest
) -> float:
    """Return the mean fraction of true neighbours among the best found, scored in float32."""
    recalls = []
    for query, row, expected in zip(queries, found.ids, true.ids, strict=True):
        ids = row[row >= 0]
        scores = vectors.rows[ids] @ query / vectors.norms[ids]
        best = ids[np.argsort(-scores, kind="stable")[: len(expected)]]
        neighbours = expected[expected >= 0]
        recalls.append(np.isin(neighbours, best).mean() if len(neighbours) else 1.0)
    return float(np.mean(recalls))


def describe(folder: str | Path) -> IndexDescription | None:
    """Return the description of a model's index; None if it has none.

    Raises
    ------
    ModelError
        If the description cannot be read.
    """
    folder = Path(folder)
    try:
        return IndexDescription(**parse_json((folder / DESCRIPTION).read_bytes()))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{folder / DESCRIPTION}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError):
        call = _build_call(folder)
        raise ModelError(
            f"{folder / DESCRIPTION}: is not that of an index; build it again with: {call}",
            call=call,
        ) from None


def _build_call(folder: Path) -> Call:
    return Call("embedtool.search.ann.build", f"embedtool index {folder}")


def verify(folder: str | Path) -> str | None:
    """Return the fault of a model's index, or None."""
    folder = Path(folder)
    try:
        description = describe(folder)
    except ModelError as error:
        return str(error)
    if description is None or not description.graph:
        return None
    fault = mismatch(folder / GRAPH, description.graph)
    return f"{GRAPH} {fault}" if fault else None


def open_index(vectors: VectorTable, folder: str | Path) -> AnnIndex:
    """Memory-map the index of a model.

    Raises
    ------
    ModelError
        If there is none, or it belongs to other vectors.
    MissingExtraError
        If usearch is not installed.
    """
    folder = Path(folder)
    description = describe(folder)
    call = _build_call(folder)
    advice = f"build it with: {call}"
    if description is None:
        raise ModelError(f"{folder}: has no index for approximate search; {advice}", call=call)
    identity = (vectors.n_words, vectors.vector_size, _checksum(vectors))
    if identity != (description.words, description.vector_size, description.checksum):
        raise ModelError(f"{folder}: the index belongs to other vectors; {advice}", call=call)
    try:
        graph = _library().restore(str(folder / GRAPH), view=True, enable_key_lookups=False)
    except (RuntimeError, ValueError, OSError) as error:
        raise ModelError(
            f"{folder / GRAPH}: cannot be opened: {error}; {advice}", call=call
        ) from None
    if graph is None or len(graph) > vectors.n_words or graph.ndim != vectors.vector_size:
        raise ModelError(f"{folder / GRAPH}: is damaged; {advice}", call=call)
    return AnnIndex(graph, description.expansion)


def _library() -> Any:
    try:
        from usearch.index import Index
    except ImportError:
        raise MissingExtraError("an index of neighbours", "index") from None
    return Index


def _checksum(vectors: VectorTable) -> int:
    return crc32(np.ascontiguousarray(vectors.norms).data)
