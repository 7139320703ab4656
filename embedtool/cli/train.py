"""embedtool train: from text to a model."""

from pathlib import Path
from typing import Any

import click

from embedtool.cli.options import (
    FILE,
    cache_option,
    config_options,
    inputs_argument,
    overwrite_option,
    text_options,
)
from embedtool.cli.output import note, tokens_kept
from embedtool.cli.reporting import clock, reporting
from embedtool.config import TextConfig
from embedtool.trainers import TRAINERS


@click.group()
def train() -> None:
    """Train word vectors on text and save them as a model."""


def _add(algorithm: str) -> None:
    """Make the command of one algorithm out of its config."""
    config_class = TRAINERS[algorithm].config

    @train.command(algorithm, help=_help(config_class))
    @inputs_argument
    @click.option("--output", "-o", type=FILE, required=True, metavar="MODEL", help="Model folder.")
    @overwrite_option
    @config_options(config_class)
    @click.option(
        "--init",
        type=FILE,
        metavar="MODEL",
        help="Begin with the vectors of MODEL, and keep its words; new words begin as without it.",
    )
    @click.option("--freeze", is_flag=True, help="With --init: only new words learn.")
    @click.option("--vocab", type=FILE, metavar="FILE", help="Train only the words of FILE.")
    @text_options
    @cache_option
    @click.option("--json-log", type=FILE, metavar="FILE", help="Write a JSON line an epoch.")
    def command(
        inputs: tuple[str, ...],
        output: Path,
        overwrite: bool,
        init: Path | None,
        freeze: bool,
        vocab: Path | None,
        cache: Path | None,
        json_log: Path | None,
        **options: Any,
    ) -> None:
        config = config_class.from_options(options)
        text = TextConfig.from_options(options)

        from embedtool import store
        from embedtool.corpus.corpus import Corpus
        from embedtool.corpus.vocabulary import read_vocabulary
        from embedtool.trainers.initial import Initial
        from embedtool.trainers.training import train_model

        if freeze and init is None:
            raise click.UsageError("--freeze needs --init")

        store.check_target(output, overwrite)
        only = read_vocabulary(vocab)[0] if vocab else None
        initial = Initial(store.load(init).vectors, freeze) if init else None
        corpus = Corpus(inputs, text)
        with reporting(json_log) as report:
            model = train_model(
                algorithm, corpus, config, only=only, initial=initial, cache=cache, report=report
            )
        store.save(model, output)
        summary, seconds = model.description["vocabulary"], model.description["training"]["seconds"]
        note(
            f"{output}: {summary['types_kept']:,} words x {config.vector_size}, "
            f"{tokens_kept(summary)}, {clock(seconds)}"
        )


def _help(config_class: type) -> str:
    return (
        f"{config_class.__doc__}\n\nINPUT is a file, folder, glob pattern, URL, or - for standard "
        "input; .gz, .bz2, .xz and .zst are recognised by content."
    )


for _algorithm in TRAINERS:
    _add(_algorithm)
