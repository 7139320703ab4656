"""A map as a Parquet table for embedding-atlas and notebooks, with a row for each word."""

from pathlib import Path

from embedtool.config.choices import N_ANSWERS
from embedtool.formats.arrow_table import import_pyarrow
from embedtool.io.atomic import atomic_write
from embedtool.mapview.map_data import MapData
from embedtool.search.index import nearest


def write(model: MapData, path: Path) -> None:
    """Write the columns word, count (if known), x, y, group and neighbors.

    `neighbors` is a struct of two lists about the N_ANSWERS nearest words of the map, nearest
    first: ids, which are rows of the file, and distances, which are 1 - cosine.

    Raises
    ------
    MissingExtraError
        If pyarrow is not installed.
    """
    pa = import_pyarrow("Parquet")
    from pyarrow import parquet

    n = min(N_ANSWERS, model.n_words - 1)
    ids = pa.array(range(model.n_words))
    neighbours = nearest(model.units, None, model.units, n, excluded=ids.to_numpy()[:, None])
    neighbors = pa.StructArray.from_arrays(
        [
            pa.FixedSizeListArray.from_arrays(neighbours.ids.ravel(), n).cast(pa.list_(pa.int64())),
            pa.FixedSizeListArray.from_arrays(1 - neighbours.scores.ravel(), n).cast(
                pa.list_(pa.float32())
            ),
        ],
        names=["ids", "distances"],
    )
    columns = {"word": pa.array(model.words)}
    if model.counts is not None:
        columns["count"] = pa.array(model.counts)
    columns |= {
        "x": pa.array(model.points[:, 0]),
        "y": pa.array(model.points[:, 1]),
        "group": pa.array(model.groups),
        "neighbors": neighbors,
    }
    with atomic_write(path) as file:
        parquet.write_table(pa.table(columns), file)
