"""Variance of CBOW's hidden vectors relative to that of word vectors, by window and subsampling.

    python -m benchmarks.context_variance TEXT [--epochs 3] [--tokens 2000000]

Trains CBOW on TEXT with the default window, then takes the mean of the vectors of each context, for
other windows and thresholds of subsampling. Prints one over the ratio of the variances, and what
`embedtool.distributed.moments.context_variance` says.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import machine
from embedtool.config.training import Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.distributed.moments import context_variance
from embedtool.io.progress import silent
from embedtool.trainers import TRAINERS
from embedtool.trainers.count_tables import keep_probabilities
from embedtool.trainers.local_backend import encode_text, read_text

WINDOWS = (1, 2, 3, 5, 8, 10, 15, 20)
SAMPLES = (0.0, 1e-3, 1e-4, 1e-5)


def variance_ratio(
    vectors: NDArray[np.float64], sentences: NDArray[np.int64], window: int, shrink_windows: bool
) -> float:
    """Return the variance of the means of contexts over that of single vectors.

    Parameters
    ----------
    vectors
        float64 (n_tokens, vector_size), of each token.
    sentences
        int64 (n_tokens,), ascending, the number of each token's sentence.
    window, shrink_windows
        As for Word2VecConfig.
    """
    n = len(vectors)
    rng, positions = np.random.default_rng(0), np.arange(n)
    widths = rng.integers(1, window + 1, n) if shrink_windows else np.full(n, window)
    first = np.maximum(np.searchsorted(sentences, sentences, side="left"), positions - widths)
    last = np.minimum(np.searchsorted(sentences, sentences, side="right"), positions + widths + 1)
    sums = np.vstack([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0)])
    sizes = last - first - 1
    means = (sums[last] - sums[first] - vectors)[sizes > 0] / sizes[sizes > 0, None]
    return float(means.var(axis=0).sum() / vectors.var(axis=0).sum())


def main() -> None:
    """Read the command line, train, print a row for each threshold."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.context_variance", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=2_000_000, help="whose contexts are taken")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        scanned = read_text(Corpus([options.text]), folder, None, None, silent)
        config = Word2VecConfig(epochs=options.epochs, learning_rate=0.05, sample=1e-4)
        text = encode_text(scanned, config, folder)
        matrix = TRAINERS["word2vec"].train(config, text, folder).rows.astype(np.float64)
        ids = np.array(text.ids[: options.tokens])
        sentences = np.searchsorted(text.ends, np.arange(len(ids)), side="right")
    print(f"{machine()}; {text.n_tokens:,} tokens, {len(ids):,} of them for contexts")
    for shrink_windows in (True, False):
        print(f"\nshrink_windows={shrink_windows}\n")
        print(f"| subsampling |{''.join(f' {window} |' for window in WINDOWS)}")
        print(f"| --- |{' --- |' * len(WINDOWS)}")
        rows = {}
        for sample in SAMPLES:
            keep = keep_probabilities(text.vocabulary.counts, sample)
            kept = np.random.default_rng(1).random(len(ids)) < keep[ids]
            vectors = matrix[ids[kept]]
            rows[f"{sample:g}"] = [
                variance_ratio(vectors, sentences[kept], window, shrink_windows)
                for window in WINDOWS
            ]
        rows["formula"] = [context_variance(window, shrink_windows) for window in WINDOWS]
        for label, ratios in rows.items():
            print(f"| {label} |{''.join(f' {1 / ratio:.2f} |' for ratio in ratios)}", flush=True)


if __name__ == "__main__":
    main()
