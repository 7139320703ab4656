"""The `train` command: from text to a model."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.algorithms import algorithm_commands, checkpoint_options
from embedtool.cli.options.foreign_options import TrainingCommand
from embedtool.cli.options.given import ignored_in_training, warn_ignored
from embedtool.cli.options.shared import (
    FILE,
    NEW_FILE,
    Decorator,
    config_options,
    json_log_option,
    overwrite_option,
)
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
            "--init", type=FILE, metavar="MODEL",
            help="Initialise from the vectors of MODEL, whose words stay in the vocabulary.",
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
