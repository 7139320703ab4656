"""A map as a table of Parquet, as embedding-atlas and notebooks read it.

In: a MapData. Out: a file with a row a word: word, count where it is known, x, y, group, neighbors.
"""

from pathlib import Path

from embedtool.config.choices import N_ANSWERS
from embedtool.formats.arrow_table import import_pyarrow
from embedtool.io.atomic import atomic_write
from embedtool.mapview.map_data import MapData
from embedtool.search.index import nearest


def write(model: MapData, path: Path) -> None:
    """Write the file. `neighbors` is a struct of two lists, ids (rows of the file) and distances.

    Distances are 1 - cosine, nearest first, of the N_ANSWERS nearest words of the map.
    Raises MissingExtraError without pyarrow.
    """
    pa = import_pyarrow("Parquet")
    from pyarrow import parquet

    n = min(N_ANSWERS, model.n_words - 1)
    ids = pa.array(range(model.n_words))
    found = nearest(model.units, None, model.units, n, excluded=ids.to_numpy()[:, None])
    neighbors = pa.StructArray.from_arrays(
        [
            pa.FixedSizeListArray.from_arrays(found.ids.ravel(), n).cast(pa.list_(pa.int64())),
            pa.FixedSizeListArray.from_arrays(1 - found.scores.ravel(), n).cast(
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
