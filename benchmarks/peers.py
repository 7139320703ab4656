"""Train a peer in this process, from text to vectors on disk.

    python peers.py gensim|fasttext|glove OPTIONS TEXT VECTORS

OPTIONS are the peer's own, as JSON. The vectors of words alone are saved, as word2vec's binary file
(GloVe: its text file); no model could be smaller.
"""

import json
import sys
from pathlib import Path
from subprocess import run
from typing import Any


def gensim(options: dict[str, Any], text: str, vectors: str) -> None:
    """Train with gensim by its fast path, which reads a file; `class` says what."""
    from gensim import models

    model = getattr(models, options.pop("class"))(corpus_file=text, **options)
    model.wv.save_word2vec_format(vectors, binary=True)


def fasttext(options: dict[str, Any], text: str, vectors: str) -> None:
    """Train with fastText."""
    from fasttext import FastText

    FastText.unsupervised_default["seed"] = options.pop("seed")  # no argument takes it
    model = FastText.train_unsupervised(text, verbose=0, **options)
    with Path(vectors).open("wb") as file:
        file.write(b"%d %d\n" % (len(model.words), model.get_dimension()))
        for word in model.words:
            file.write(word.encode() + b" " + model.get_word_vector(word).tobytes() + b"\n")


def glove(options: dict[str, Any], text: str, vectors: str) -> None:
    """Train with Stanford's four programs, as their demo does."""
    memory = f"-memory {options['memory']}"
    _step(f"vocab_count -min-count {options['min-count']}", text, "vocab")
    _step(f"cooccur -window-size {options['window']} -vocab-file vocab {memory}", text, "pairs")
    _step(f"shuffle -seed {options['seed']} {memory}", "pairs", "shuffled")
    names = ("vector-size", "x-max", "iter", "threads", "seed")
    settings = " ".join(f"-{name} {options[name]}" for name in names)
    files = "-input-file shuffled -vocab-file vocab -save-file trained"
    run(f"glove {files} -binary 0 -model 2 {settings}".split(), check=True)
    Path("trained.txt").rename(vectors)


def _step(command: str, source: str, target: str) -> None:
    with Path(source).open("rb") as read, Path(target).open("wb") as written:
        run(command.split(), stdin=read, stdout=written, check=True)


def main() -> None:
    """Read the command line and train."""
    peer, options, text, vectors = sys.argv[1:]
    {"gensim": gensim, "fasttext": fasttext, "glove": glove}[peer](
        json.loads(options), text, vectors
    )


if __name__ == "__main__":
    main()
