"""The `contextual train` command: an encoder over the words of a static model."""

from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from embedtool.cli.commands.train import keep_training
from embedtool.cli.options.shared import (
    FILE,
    NEW_FILE,
    TOKENIZER_FIELDS,
    Decorator,
    cache_option,
    checkpoint_options,
    config_options,
    inputs_argument,
    json_log_option,
    overwrite_option,
    text_options,
)
from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TextConfig
from embedtool.config.training import CheckpointConfig
from embedtool.io.progress import Report

if TYPE_CHECKING:
    from embedtool.model.vectors import Model
    from embedtool.trainers.checkpoint import Checkpointer
    from embedtool.trainers.training_dir import TrainingDir

encoder_options: Decorator[Any] = config_options(ContextualConfig)


@click.command()
@click.argument("static", type=FILE)
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

    INPUT is as for `embedtool train`, and is cut into words as STATIC's text was, unless an option
    says otherwise. MODEL is a static model too: word vectors that have learnt are in it.
    """
    config = ContextualConfig.from_options(options)
    keeping = CheckpointConfig.from_options(options)

    from embedtool.contextual.training import train_encoder
    from embedtool.corpus.corpus import Corpus
    from embedtool.model import store

    store.check_target(output, overwrite)
    model = store.load(static)
    corpus = Corpus(inputs, _text_of(model, TextConfig.from_options(options)))
    request = {
        "keeping": asdict(keeping), "static": str(static.resolve()),
        "files": [str(static / name) for name in store.FILES],
    }  # fmt: skip

    def work(training_dir: "TrainingDir", checkpointer: "Checkpointer", report: Report) -> "Model":
        return train_encoder(
            model, corpus, config, cache=cache, report=report, training_dir=training_dir,
            checkpointer=checkpointer, request=request,
        )  # fmt: skip

    keep_training(output, overwrite, keeping, json_log, work)


def _text_of(static: "Model", text: TextConfig) -> TextConfig:
    """How the text is read: where nothing is said, it is cut as the static model's was."""
    told = static.description.get("corpus", {}).get("text", {})
    context = click.get_current_context()
    as_before = {
        each.name: told[each.name]
        for each in fields(TextConfig)
        if each.name in TOKENIZER_FIELDS
        and each.name in told
        and context.get_parameter_source(each.name) is not ParameterSource.COMMANDLINE
    }
    return replace(text, **as_before)
