"""Train each algorithm and each peer at hand on one text, in turn; print seconds and accuracy.

    python -m benchmarks.accuracy TEXT [--workers 2] [--seed 1] [--only glove ...]

TEXT is tokenised, a sentence a line, compressed or not. Settings: vector size 100, window 5 (GloVe
10), 5 negatives, sample 1e-4, min-count 5, 5 epochs (GloVe 15, x_max 10); rate 0.025 for skip-gram,
0.05 for CBOW, FastText and GloVe. Peers: gensim, fastText, and Stanford's GloVe where its four
programs are on PATH. Time is from the text to vectors in memory.
"""

import argparse
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import GOOGLE_LIMIT, google, machine
from embedtool.corpus.corpus import Corpus
from embedtool.trainers import TRAINERS
from embedtool.trainers.training import train_model

Trained = tuple[Sequence[str], NDArray[np.float32]]
Run = Callable[[Path, int, int], Trained]

STANFORD = ("vocab_count", "cooccur", "shuffle", "glove")


def ours(algorithm: str, **options: Any) -> Run:
    """embedtool, as its command line trains."""

    def run(text: Path, workers: int, seed: int) -> Trained:
        config = TRAINERS[algorithm].config(workers=workers, seed=seed, **options)
        vectors = train_model(algorithm, Corpus([str(text)]), config).vectors
        return vectors.words, vectors.matrix

    return run


def gensim(name: str, **options: Any) -> Run:
    """gensim, by the fast path over a file."""

    def run(text: Path, workers: int, seed: int) -> Trained:
        from gensim import models

        model = getattr(models, name)(
            corpus_file=str(text), vector_size=100, window=5, negative=5, sample=1e-4,
            min_count=5, epochs=5, workers=workers, seed=seed, **options,
        )  # fmt: skip
        return model.wv.index_to_key, model.wv.vectors

    return run


def facebook(text: Path, workers: int, seed: int) -> Trained:
    """fastText itself."""
    import fasttext

    model = fasttext.train_unsupervised(
        str(text), model="skipgram", dim=100, ws=5, neg=5, t=1e-4, minCount=5, epoch=5, lr=0.05,
        thread=workers, seed=seed, verbose=0,
    )  # fmt: skip
    return model.words, np.array([model.get_word_vector(word) for word in model.words])


def stanford(text: Path, workers: int, seed: int) -> Trained:
    """Stanford's GloVe, words plus contexts."""
    with TemporaryDirectory() as name:
        folder = Path(name)

        def step(command: str, source: Path, target: Path) -> None:
            with source.open("rb") as read, target.open("wb") as written:
                subprocess.run(
                    command.split(), stdin=read, stdout=written, stderr=subprocess.DEVNULL,
                    check=True, cwd=folder,
                )  # fmt: skip

        step("vocab_count -min-count 5", text, folder / "vocab.txt")
        step("cooccur -window-size 10 -memory 4 -vocab-file vocab.txt", text, folder / "pairs")
        step(f"shuffle -memory 4 -seed {seed}", folder / "pairs", folder / "shuffled")
        train = (
            "glove -input-file shuffled -vocab-file vocab.txt -save-file vectors -vector-size 100 "
            f"-iter 15 -x-max 10 -binary 0 -model 2 -threads {workers} -seed {seed}"
        )
        step(train, text, folder / "log")
        rows = [line.split(b" ") for line in (folder / "vectors.txt").read_bytes().splitlines()]
        matrix = np.array([[float(x) for x in row[1:]] for row in rows], dtype=np.float32)
        return [row[0].decode() for row in rows], matrix


OURS: dict[str, Any] = {"vector_size": 100, "window": 5, "sample": 1e-4, "epochs": 5}
TASKS: dict[str, dict[str, Run]] = {
    "skipgram": {
        "embedtool": ours("word2vec", mode="skipgram", **OURS),
        "gensim": gensim("Word2Vec", sg=1, alpha=0.025),
    },
    "cbow": {
        "embedtool": ours("word2vec", mode="cbow", **OURS),
        "gensim": gensim("Word2Vec", sg=0, alpha=0.05),
    },
    "fasttext": {
        "embedtool": ours("fasttext", **OURS),
        "gensim": gensim("FastText", sg=1, alpha=0.05),
        "fastText": facebook,
    },
    "glove": {"embedtool": ours("glove", iterations=15)},
}
if all(map(shutil.which, STANFORD)):
    TASKS["glove"]["Stanford GloVe"] = stanford


def main() -> None:
    """Read the command line, run everything in turn, print a row a run."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=TASKS, default=list(TASKS))
    arguments = parser.parse_args()
    print(f"{machine()}; {arguments.workers} workers, seed {arguments.seed}; Google analogies over "
          f"{GOOGLE_LIMIT:,} words, case folded, unknown skipped")  # fmt: skip
    print(f"{'task':10}{'program':16}{'seconds':>9}{'ratio':>7}{'total':>8}{'semantic':>10}"
          f"{'found':>15}")  # fmt: skip
    with TemporaryDirectory() as folder:
        plain = Path(folder) / "text.txt"
        with plain.open("w", encoding="utf-8") as file:
            for block in Corpus([str(arguments.text)]).blocks():
                file.write(block)
        for task in arguments.only:
            first = 0.0
            for program, run in TASKS[task].items():
                began = time.monotonic()
                words, matrix = run(plain, arguments.workers, arguments.seed)
                seconds = time.monotonic() - began
                first = first or seconds
                result = google(words, matrix)
                print(
                    f"{task:10}{program:16}{seconds:9.1f}{seconds / first:7.2f}"
                    f"{result.total.accuracy or 0:8.4f}{result.semantic.accuracy or 0:10.4f}"
                    f"{result.total.found:8,}/{result.total.total:,}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
