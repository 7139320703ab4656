"""What a training would need, beside what there is: the tables of --dry-run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.output import print_table, tokens_kept
from embedtool.cli.reporting import reporting
from embedtool.config import ClusterConfig, TrainerConfig

if TYPE_CHECKING:
    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.vocabulary import Vocabulary
    from embedtool.trainers.estimate import Needs


def needs_here(
    settings: ClusterConfig, corpus: "Corpus", config: TrainerConfig, output: Path, **reading: Any
) -> None:
    """Read the text and tell what training on it takes on this machine.

    reading : as `trainers.training.needs_of` has it
    Raises ResourceError where there is too little.
    """
    from embedtool.trainers.training import needs_of

    with reporting() as report:
        needs, vocabulary = needs_of(corpus, config, report=report, **reading)
    _print_needs(needs, vocabulary, output)


def _print_needs(needs: "Needs", vocabulary: "Vocabulary", output: Path) -> None:
    """What a training needs beside what there is. Raises ResourceError where it cannot have it."""
    from shutil import disk_usage

    from embedtool.trainers.estimate import available_memory, check, shown

    summary = vocabulary.summary()
    click.echo(f"{summary['types_kept']:,} words, {tokens_kept(summary)}")
    memory, disk = available_memory(), shown(disk_usage(output.parent).free)
    free = "not known" if memory is None else shown(memory)
    print_table(
        ("", "needed", "free"),
        [
            ("memory, about", shown(needs.memory), free),
            ("  of it tables", shown(needs.tables), ""),
            ("disk while training, at most", shown(needs.work), disk),
            ("disk for the model, at most", shown(needs.model), disk),
        ],
    )
    check(needs, output)


def needs_there(
    settings: ClusterConfig, corpus: "Corpus", config: TrainerConfig, output: Path, **reading: Any
) -> None:
    raise NotImplementedError
