"""Neighbourhood preservation of the map's layouts.

    python -m benchmarks.layouts MODEL [--layouts pca tsne umap] [--words 100000] [--sample 4000]

For a sample of a model's words, the fraction of a word's ten nearest words by cosine that are among
its ten nearest on the map. Seconds are those of one core.
"""

import argparse
import time
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree
from threadpoolctl import threadpool_limits

from benchmarks.measure import machine
from embedtool.analysis.projection import Rows, finite_unit_rows, layout
from embedtool.config.choices import LAYOUTS
from embedtool.model import store
from embedtool.search.index import nearest

N_NEAREST = 10


def preserved(units: Rows, points: Rows, sample: np.ndarray) -> float:
    """Return the mean fraction of the sample's nearest rows that are nearest on the map too."""
    true = nearest(units, None, units[sample], N_NEAREST, excluded=sample[:, None]).ids
    found = cKDTree(points).query(points[sample], k=N_NEAREST + 1)[1]
    fractions = [
        len(np.intersect1d(ids, near[near != row][:N_NEAREST])) / N_NEAREST
        for row, ids, near in zip(sample, true, found, strict=True)
    ]
    return float(np.mean(fractions))


def main() -> None:
    """Read the command line, lay out the words, print the fractions."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.layouts", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--layouts", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--words", type=int, default=100_000, help="the most frequent")
    parser.add_argument("--sample", type=int, default=4000)
    options = parser.parse_args()
    matrix = store.load(options.model).vectors.rows[: options.words]
    units = finite_unit_rows(np.asarray(matrix, dtype=np.float32))
    n_sampled = min(options.sample, len(units))
    sample = np.sort(np.random.default_rng(0).choice(len(units), n_sampled, replace=False))
    print(machine())
    print(f"{len(units):,} words x {units.shape[1]}, a sample of {n_sampled:,}")
    print("| layout | of the 10 nearest preserved | seconds |")
    print("| --- | ---: | ---: |")
    for method in options.layouts:
        began = time.process_time()
        with threadpool_limits(1):
            points = layout(units, method)
        seconds = time.process_time() - began
        print(f"| `{method}` | {100 * preserved(units, points, sample):.1f} % | {seconds:,.0f} |")


if __name__ == "__main__":
    main()
