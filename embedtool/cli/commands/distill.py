"""The `distill` command: a static model from an encoder."""

from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import (
    MODEL,
    NEW_FILE,
    Decorator,
    config_options,
    overwrite_option,
)
from embedtool.cli.output.console import echo_err
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.config.tasks import DistillConfig
from embedtool.messages import counted

distill_options: Decorator[Any] = config_options(DistillConfig)


@click.command()
@click.argument("encoder", type=MODEL)
@click.option("--vocab", type=MODEL, required=True, metavar="MODEL|FILE",
              help="The vocabulary: a model, or a file of `embedtool vocab`.")  # fmt: skip
@click.option("--output", "-o", type=NEW_FILE, required=True, metavar="MODEL", help="Model folder.")
@overwrite_option
@distill_options
def distill(encoder: Path, vocab: Path, output: Path, overwrite: bool, **options: Any) -> None:
    """Make a static model from ENCODER: a folder of Hugging Face's transformers, or a model.

    Each word is encoded by itself, PCA reduces the dimensions, and frequent words get less weight.
    The model is queried, exported and evaluated like any other.
    """
    config = DistillConfig.from_options(options)

    from embedtool.contextual.distillation import distill
    from embedtool.contextual.loading import open_encoder
    from embedtool.corpus.vocabulary import read_vocabulary
    from embedtool.model import store

    store.check_target(output, overwrite)
    if vocab.is_dir():
        vectors = store.load(vocab).vectors
        words, counts, by_frequency = list(vectors.words), vectors.counts, vectors.by_frequency
        if counts is None:
            vectors.check_order(0)
    else:
        (words, counts), by_frequency = read_vocabulary(vocab), True
    opened = open_encoder(encoder)
    with progress_reporter() as report:
        model = distill(opened, words, counts, config, report, by_frequency=by_frequency)
    store.save(model, output, overwrite=True)
    left_out = len(words) - model.vectors.n_words
    echo_err(
        f"{output}: {counted(model.vectors.n_words, 'word')} x {model.vectors.vector_size}"
        + (f", {left_out:,} left out" if left_out else "")
    )
