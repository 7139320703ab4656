"""The `contextual train` command: an encoder over the words of a static model."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.algorithms import checkpoint_options
from embedtool.cli.options.given import given_options
from embedtool.cli.options.shared import (
    MODEL,
    NEW_FILE,
    Decorator,
    cache_option,
    config_options,
    inputs_argument,
    json_log_option,
    overwrite_option,
    text_options,
)
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.training_summary import print_summary
from embedtool.cli.signals import graceful_shutdown
from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TextConfig
from embedtool.config.training import CheckpointConfig

encoder_options: Decorator[Any] = config_options(ContextualConfig)


@click.command()
@click.argument("static", type=MODEL)
@inputs_argument
@click.option("--output", "-o", type=NEW_FILE, required=True, metavar="MODEL", help="Model folder.")
@overwrite_option
@encoder_options
@text_options
@cache_option
@checkpoint_options
@json_log_option
def train(
    static: Path,
    inputs: tuple[str, ...],
    output: Path,
    overwrite: bool,
    cache: Path | None,
    json_log: Path | None,
    **options: Any,
) -> None:
    """Train a Transformer over the word vectors of STATIC, which learns to predict words.

    INPUT is as for `embedtool train`, and is tokenized like STATIC's text, unless an option says
    otherwise. MODEL is also a static model, with the trained word vectors.
    """
    config = ContextualConfig.from_options(options)
    checkpoints = CheckpointConfig.from_options(options)

    from embedtool.contextual.encoder_backend import inherited_text
    from embedtool.corpus.corpus import Corpus
    from embedtool.model import store
    from embedtool.training import train as train_model

    store.check_target(output, overwrite)
    text = TextConfig.from_options(options)
    text = inherited_text(store.load(static), text, given_options())
    with graceful_shutdown() as stop, progress_reporter(json_log) as report:
        model = train_model(
            config, Corpus(inputs, text), output=output, overwrite=overwrite, init=static,
            cache=cache, report=report, stop=stop, **asdict(checkpoints),
        )  # fmt: skip
    print_summary(output, model)
