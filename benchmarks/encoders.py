"""Perplexity of encoders over trained and over random word vectors, and of a bigram model.

    python -m benchmarks.encoders TEXT [--epochs 4 2]

Trains a skip-gram model on TEXT, then masked and causal encoders over its vectors and over random
ones, of the same size for the same steps, and prints their perplexity on the same held-out text.
"""

import argparse
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import numpy as np

from benchmarks.bigrams import Bigrams
from benchmarks.measure import machine
from embedtool.config.tasks import ContextualConfig
from embedtool.config.training import Word2VecConfig
from embedtool.contextual.batches import Segments, segment_corpus, split_held_out
from embedtool.contextual.encoder_backend import encode_by_rows
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import scan
from embedtool.io.progress import Progress
from embedtool.model.vectors import ModelRecord
from embedtool.training import train

SKIPGRAM = Word2VecConfig(mode="skipgram", epochs=10)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--epochs", type=int, nargs=2, default=(4, 2), metavar=("MASKED", "CAUSAL"))
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--batch-tokens", type=int, default=ContextualConfig.batch_tokens)
    return parser.parse_args()


def bigram_perplexity(
    static: ModelRecord, text: Path, config: ContextualConfig
) -> tuple[float, int]:
    """Return the bigrams' perplexity on the held-out sentences, and their number of tokens."""
    with TemporaryDirectory() as folder:
        scanned = scan(Corpus([str(text)]), Path(folder))
        corpus = encode_by_rows(static.vectors, scanned, Path(folder))
        train_split, held_out = split_held_out(segment_corpus(corpus, config.max_length), config)

        def sentences(segments: Segments) -> list[tuple[np.ndarray, bool]]:
            spans = zip(segments.starts, segments.ends, segments.ends_sentence, strict=True)
            return [(corpus.ids[start:end], bool(whole)) for start, end, whole in spans]

        model = Bigrams(sentences(train_split), corpus.vocabulary.n_words)
        return model.perplexity(sentences(held_out)), held_out.n_tokens


def main() -> None:
    """Train all and print a row each."""
    options = parse()
    text = str(options.text)
    static = train(SKIPGRAM, Corpus([text]))
    first = ContextualConfig()
    perplexity, n_tokens = bigram_perplexity(static, options.text, first)
    print(f"{machine()}; {options.text.name}, {static.vectors.n_words:,} words, seed {first.seed}")
    print(f"{options.layers} layers; held out: {n_tokens:,} tokens; exact softmax over all words")
    print(f"\n{'':24}{'perplexity after each epoch':>34}{'seconds':>9}")
    print(f"{'bigrams (Kneser-Ney)':24}{perplexity:34.1f}", flush=True)
    objectives: tuple[Literal["masked", "causal"], ...] = ("masked", "causal")
    for objective, epochs in zip(objectives, options.epochs, strict=True):
        for vectors in ("static", "random"):
            config = ContextualConfig(
                objective=objective, vectors=vectors, epochs=epochs, layers=options.layers,
                batch_tokens=options.batch_tokens,
            )  # fmt: skip
            found: list[float] = []

            def report(progress: Progress, found: list[float] = found) -> None:
                if progress.perplexity is not None:
                    found.append(progress.perplexity)
                    print(f"{progress.perplexity:.1f}", file=sys.stderr, flush=True)

            began = time.monotonic()
            train(config, Corpus([text]), init=static, report=report)
            seconds = time.monotonic() - began
            values = " ".join(f"{each:.0f}" for each in found)
            print(
                f"{f'{objective}, {vectors} vectors':24}{values:>34}{seconds:9.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
