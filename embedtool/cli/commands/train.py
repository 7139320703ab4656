"""The `train` command: from text to a model."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click

from embedtool.cli.flags import flag
from embedtool.cli.options.algorithms import algorithm_commands, checkpoint_options
from embedtool.cli.options.foreign_options import TrainingCommand
from embedtool.cli.options.given import given_options, ignored_in_training, warn_ignored
from embedtool.cli.options.shared import (
    FILE,
    MODEL,
    NEW_FILE,
    Decorator,
    config_options,
    json_log_option,
    overwrite_option,
)
from embedtool.cli.output.console import echo_err
from embedtool.cli.output.dry_run import report_cluster, report_local
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.training_summary import print_summary
from embedtool.cli.signals import graceful_shutdown
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.config.text import TextConfig
from embedtool.config.training import (
    CheckpointConfig,
    ClusterConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)

UNSET = dict.fromkeys(("cluster", "replicas", "syncs"))
"""The options about clusters, as far as an algorithm has none."""


@click.group(cls=SuggestingGroup)
def train() -> None:
    """Train word vectors on text and save them as a model."""


def _first_options(config_class: type[TrainerConfig]) -> list[Decorator[Any]]:
    """Return the options before those of the algorithm."""
    return [
        click.option(
            "--output", "-o", type=NEW_FILE, required=True, metavar="MODEL", help="Model folder."
        ),
        overwrite_option,
    ]


def _last_options(config_class: type[TrainerConfig]) -> list[Decorator[Any]]:
    """Return the options after those of the text."""
    return [
        click.option(
            "--init", type=MODEL, metavar="MODEL",
            help="Initialise from the vectors of MODEL: its words stay in the vocabulary, and its "
                 "vector size and n-grams are the default.",
        ),
        click.option("--freeze", is_flag=True, help="With --init: train only new words."),
        click.option("--vocab", type=FILE, metavar="FILE", help="Train only the words of FILE."),
        checkpoint_options,
        json_log_option,
        config_options(ClusterConfig, _cluster_options(config_class)),
        click.option(
            "--dry-run", is_flag=True,
            help="Print the memory and disk that training would need, and what is free; do not "
                 "train.",
        ),
    ]  # fmt: skip


def _cluster_options(config_class: type[TrainerConfig]) -> tuple[str, ...]:
    """Return the options about clusters that an algorithm has: GloVe has no replicas."""
    if issubclass(config_class, Word2VecConfig):
        return tuple(UNSET)
    return ("cluster",) if issubclass(config_class, GloveConfig) else ()


def _with_options_of(init: Path, config: TrainerConfig) -> TrainerConfig:
    """Return the options with those that an initial model determines and the user did not give."""
    from embedtool.model import store
    from embedtool.trainers.warm_start import options_of_init

    given = given_options()
    taken = {
        name: value
        for name, value in options_of_init(type(config), store.load(init).vectors).items()
        if name not in given and getattr(config, name) != value
    }
    if not taken:
        return config
    options = " ".join(f"{flag(name)} {value}" for name, value in taken.items())
    echo_err(f"Info: from {init}: {options}")
    return replace(config, **taken)


def _train(
    algorithm: str,
    inputs: tuple[str, ...],
    config: TrainerConfig,
    text: TextConfig,
    output: Path,
    overwrite: bool,
    init: Path | None,
    freeze: bool,
    vocab: Path | None,
    cache: Path | None,
    json_log: Path | None,
    dry_run: bool,
    **options: Any,
) -> None:
    """Train an algorithm."""
    if init is not None:
        config = _with_options_of(init, config)
    checkpoints = CheckpointConfig.from_options(options)
    settings = ClusterConfig.from_options({**UNSET, **options})
    warn_ignored(ignored_in_training(config))

    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.vocabulary import read_vocabulary
    from embedtool.model import store
    from embedtool.training import train as train_model

    store.check_target(output, overwrite)  # before the inputs are looked for
    words = read_vocabulary(vocab)[0] if vocab else None
    corpus = Corpus(inputs, text)
    if dry_run:
        from embedtool.trainers.warm_start import WarmStart

        start = WarmStart(store.load(init).vectors, freeze) if init else None
        report_resources = report_local if settings.cluster is None else report_cluster
        report_resources(
            settings, corpus, config, output, vocabulary_words=words, warm_start=start, cache=cache
        )
        return
    workers = streams = None
    if settings.cluster is None:
        workers = click.get_current_context().params["workers"]
        streams = getattr(config, "streams", None)
    with graceful_shutdown() as stop, progress_reporter(json_log, workers, streams) as report:
        model = train_model(
            config, corpus, output=output, overwrite=overwrite, init=init, freeze=freeze,
            vocabulary_words=words, cache=cache, cluster=settings, report=report, stop=stop,
            **asdict(checkpoints),
        )  # fmt: skip
    print_summary(output, model)


algorithm_commands(
    train, _first_options, _train, last_options=_last_options, command_class=TrainingCommand
)
