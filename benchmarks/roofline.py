"""Where training stands against the limits of one core of this machine.

    python -m benchmarks.roofline TEXT [--sizes 50 100 300] [--only skipgram ...] [--tokens 4200000]
                                  [--repeat 3] [--plot FILE]

First the limits, measured: a product of matrices in cache (sgemm), arrays in memory (STREAM's
triad), and rows of a table of the model's size, drawn at random and updated. Then a line for each
mode and vector size, one worker, settings of `benchmarks.run`:

    tokens/s    tokens of the text in a second of training, without reading and saving
    kept/s      of these, tokens that subsampling keeps; with GloVe, pairs
    flop        floating-point operations for each of these, counted from the algorithm
    of sgemm    fraction of the time that sgemm would take for as many operations
    bytes       bytes of rows that are fetched from the tables and written back for each
    memory      bytes of them that a cache of the last level's size does not hold, simulated
    of rows     fraction of the time that random updates of as many rows in memory would take

`benchmarks.composition` counts. Last, a line for each mode: time = fixed + slope * vector size,
fitted to the sizes. What is fixed is bookkeeping; the slope is arithmetic on vectors.
"""

import argparse
import statistics
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from benchmarks.composition import Work, glove_work, word2vec_work
from benchmarks.measure import machine
from benchmarks.peaks import RowSeconds, last_level_bytes, row_seconds, sgemm_flops, triad_bytes
from benchmarks.tasks import GLOVE_WINDOW, MIN_COUNT, TASKS, X_MAX, Task
from embedtool.config.training import FastTextConfig, GloveConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.pair_counting import count_cooccurrence
from embedtool.io.progress import Progress, silent
from embedtool.trainers import TRAINERS, glove
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.count_tables import keep_probabilities
from embedtool.trainers.local_backend import encode_text, read_text
from embedtool.trainers.subwords import build_subword_index

TOKENS = 4_200_000
"""Tokens trained on: enough for 16 streams. The vocabulary is that of the whole text."""
SIZES = (50, 100, 300)


class Limits(NamedTuple):
    """What one core can do at most.

    Attributes
    ----------
    flops
        Floating-point operations a second.
    triad
        Bytes a second from and to memory, in order.
    cache_bytes
        The size of the last-level cache.
    """

    flops: float
    triad: float
    cache_bytes: int


class Point(NamedTuple):
    """A measured training."""

    task: str
    size: int
    text_rate: float
    rate: float
    work: Work
    row: RowSeconds

    @property
    def flops(self) -> float:
        """Floating-point operations a second."""
        return self.rate * self.work.flops

    @property
    def row_share(self) -> float:
        """The fraction of the time that random updates of as many rows take."""
        return self.rate * self.work.memory_rows * self.row.update


class TrainingClock:
    """A report that measures the time from the first message of training to the last."""

    began = ended = 0.0

    def __call__(self, progress: Progress) -> None:
        """Take the time."""
        if progress.stage == "training":
            self.ended = time.perf_counter()
            if progress.begins:
                self.began = self.ended

    @property
    def seconds(self) -> float:
        """Seconds of training."""
        return self.ended - self.began


def glove_config(size: int, epochs: int = 1) -> GloveConfig:
    """Return the options of GloVe in `benchmarks.tasks`, with one worker."""
    return GloveConfig(
        vector_size=size, min_count=MIN_COUNT, window=GLOVE_WINDOW, x_max=X_MAX, epochs=epochs,
        workers=1,
    )  # fmt: skip


def word2vec_config(task: Task, size: int) -> Word2VecConfig:
    """Return the options of another task of `benchmarks.tasks`, for one epoch with one worker."""
    kind = FastTextConfig if task.algorithm == "fasttext" else Word2VecConfig
    return kind(
        vector_size=size, min_count=MIN_COUNT, mode=task.mode,
        loss="hierarchical-softmax" if task.hierarchical else "negative-sampling",
        window=task.window, negative=task.negative, sample=task.sample, learning_rate=task.rate,
        epochs=1, workers=1,
    )  # fmt: skip


def first_tokens(corpus: EncodedCorpus, n_tokens: int) -> EncodedCorpus:
    """Return the first sentences of a text, about `n_tokens`; the vocabulary stays that of all."""
    ends = corpus.ends[: max(1, int(np.searchsorted(corpus.ends, n_tokens, "right")))]
    return replace(corpus, ids=corpus.ids[: ends[-1]], ends=ends)


def measure_word2vec(
    name: str, size: int, corpus: EncodedCorpus, limits: Limits, repeat: int
) -> Point:
    """Train epochs of Word2Vec or FastText, and count."""
    config = word2vec_config(TASKS[name], size)
    seconds = []
    for _ in range(repeat):
        clock = TrainingClock()
        TRAINERS[TASKS[name].algorithm].train(config, corpus, Path(), clock)
        seconds.append(clock.seconds)
    kept = keep_probabilities(corpus.vocabulary.counts, config.sample)[corpus.ids].sum()
    median = statistics.median(seconds)
    subwords = build_subword_index(corpus.vocabulary.words, config)
    row = row_seconds(subwords.n_rows + subwords.n_words, pad_to_simd(size))
    work = word2vec_work(config, corpus, limits.cache_bytes)
    return Point(name, size, corpus.n_tokens / median, float(kept) / median, work, row)


def measure_glove(
    size: int, corpus: EncodedCorpus, folder: Path, limits: Limits, repeat: int
) -> Point:
    """Train epochs of GloVe, after one that loads the kernel, and count."""
    config = glove_config(size, repeat + 1)
    pairs = count_cooccurrence(corpus, config, folder)
    state = glove.init_state(config, corpus.vocabulary)
    seconds = []
    for _ in range(config.epochs):
        began = time.perf_counter()
        glove.run_epoch(config, pairs, state, silent)
        seconds.append(time.perf_counter() - began)
    median = statistics.median(seconds[1:])
    width = state.tables["words"].shape[1]
    row = row_seconds(2 * corpus.vocabulary.n_words, width)
    work = glove_work(config, pairs, width, limits.cache_bytes)
    return Point("glove", size, corpus.n_tokens / median, len(pairs) / median, work, row)


def line(point: Point, limits: Limits) -> str:
    """Return a point as a line of the table."""
    work = point.work
    return (
        f"{point.task:14}{point.size:4}{point.text_rate / 1e6:9.2f} M{point.rate / 1e6:8.2f} M"
        f"{work.flops:10,.0f}{point.flops / 1e9:9.1f} G{point.flops / limits.flops:10.0%}"
        f"{work.bytes:9,.0f}{work.memory_bytes:9,.0f}"
        f"{point.rate * work.memory_bytes / 1e9:8.1f} GB/s{point.row_share:9.0%}"
    )


HEADING = (
    f"{'':14}{'size':>4}{'tokens/s':>11}{'kept/s':>10}{'flop':>10}{'flop/s':>11}{'of sgemm':>10}"
    f"{'bytes':>9}{'memory':>9}{'moved':>13}{'of rows':>9}"
)


def fit(points: list[Point]) -> str:
    """Return the line of a mode: the fixed time of a token, and what a dimension adds."""
    sizes = [pad_to_simd(point.size) for point in points]
    slope, fixed = np.polyfit(sizes, [1e9 / point.rate for point in points], 1)
    dimension = points[-1].work.flops / points[-1].size
    return (
        f"{points[0].task:14}{fixed:8.0f} ns +{slope:7.2f} ns a dimension: "
        f"{dimension / slope:5.1f} GFLOP/s on vectors"
    )


def draw(points: list[Point], limits: Limits, path: Path) -> None:
    """Draw operations a second over operations a byte of memory (Williams et al. 2009)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5.5), layout="constrained")
    axes = figure.subplots()
    intensity = np.geomspace(1, 2000, 200)
    at_random = statistics.median(
        point.work.memory_bytes / point.work.memory_rows / point.row.update for point in points
    )
    for name, rate, style in (("triad", limits.triad, "k-"), ("random rows", at_random, "k--")):
        roof = np.minimum(limits.flops, rate * intensity) / 1e9
        axes.plot(intensity, roof, style, label=f"sgemm, {name}")
    for number, task in enumerate(dict.fromkeys(point.task for point in points)):
        own = [point for point in points if point.task == task]
        x = [point.work.flops / point.work.memory_bytes for point in own]
        y = [point.flops / 1e9 for point in own]
        axes.plot(x, y, marker="os^Dv<P"[number % 7], label=task, linewidth=0.8)
        for point, place in zip(own, zip(x, y, strict=True), strict=True):
            axes.annotate(str(point.size), place, (5, 4), textcoords="offset points", fontsize=7)
    axes.set(xscale="log", yscale="log", ylim=(5, 400))
    axes.set(xlabel="operations per byte of memory", ylabel="GFLOP/s of one core")
    figure.legend(loc="outside right upper")
    figure.savefig(path)


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.roofline", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("--tokens", type=int, default=TOKENS)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--plot", type=Path, metavar="FILE")
    options = parser.parse_args()
    flops, kernels = sgemm_flops()
    limits = Limits(flops, triad_bytes(), last_level_bytes())
    print(f"{machine()}, of which one is used; {kernels}")
    print(f"sgemm {limits.flops / 1e9:.0f} GFLOP/s, triad {limits.triad / 1e9:.1f} GB/s, "
          f"last-level cache {limits.cache_bytes / 2**20:.0f} MiB")  # fmt: skip
    with TemporaryDirectory() as name:
        folder = Path(name)
        scanned = read_text(Corpus([str(options.text)]), folder, None, None, silent)
        whole = encode_text(scanned, word2vec_config(TASKS["skipgram"], 1), folder)
        corpus = first_tokens(whole, options.tokens)
        print(f"{options.text.name}: {corpus.n_tokens:,} tokens, "
              f"{corpus.vocabulary.n_words:,} words; medians of {options.repeat}\n")  # fmt: skip
        print(HEADING)
        points = []
        for task in options.only:
            for size in options.sizes:
                if task == "glove":
                    point = measure_glove(size, corpus, folder, limits, options.repeat)
                else:
                    point = measure_word2vec(task, size, corpus, limits, options.repeat)
                print(line(point, limits), flush=True)
                points.append(point)
    print()
    for task in options.only if len(options.sizes) > 1 else ():
        print(fit([point for point in points if point.task == task]))
    if options.plot:
        draw(points, limits, options.plot)


if __name__ == "__main__":
    main()
