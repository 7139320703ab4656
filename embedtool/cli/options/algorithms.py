"""Command groups with one command per algorithm, which has the options of its config."""

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import click

from embedtool.cli.options.shared import (
    Decorator,
    cache_option,
    config_options,
    inputs_argument,
    text_options,
)
from embedtool.config.text import TextConfig
from embedtool.config.training import CheckpointConfig, TrainerConfig
from embedtool.trainers import TRAINERS

INPUTS_HELP = (
    "INPUT is a file, folder, glob pattern, URL, or - for standard input; .gz, .bz2, .xz and .zst "
    "are recognised by content."
)
checkpoint_options: Decorator[Any] = config_options(CheckpointConfig)
Options = Callable[[type[TrainerConfig]], Sequence[Decorator[Any]]]
"""Returns the options of a command besides its algorithm's own; they may depend on the config."""


def algorithm_commands(
    group: click.Group,
    extra_options: Options,
    run: Callable[..., None],
    *,
    last_options: Options = lambda config: (),
    help_note: str = "",
    command_class: type[click.Command] = click.Command,
) -> None:
    """Add a command to a group for each entry of TRAINERS.

    Parameters
    ----------
    group : click.Group
        The group of the commands; each has the name of its algorithm.
    extra_options : callable
        Returns the options before those of the algorithm.
    run : callable
        Takes ``algorithm``, ``inputs``, ``config`` and ``text``, and ``cache`` and the other
        options by their names.
    last_options : callable
        Returns the options after those of the text.
    help_note : str
        The last paragraph of the help.
    command_class : type
        The class of the commands.
    """
    for algorithm, trainer in TRAINERS.items():
        _add(group, algorithm, trainer.config, run, help_note, command_class, [
            inputs_argument, *extra_options(trainer.config), config_options(trainer.config),
            text_options, cache_option, *last_options(trainer.config),
        ])  # fmt: skip


def _add(
    group: click.Group,
    algorithm: str,
    config_class: type[TrainerConfig],
    run: Callable[..., None],
    help_note: str,
    command_class: type[click.Command],
    options: Sequence[Decorator[Any]],
) -> None:
    def command(inputs: tuple[str, ...], **values: Any) -> None:
        config = config_class.from_options(values)
        text = TextConfig.from_options(values)
        read = {each.name for each in (*fields(config), *fields(text))}
        others = {name: value for name, value in values.items() if name not in read}
        run(algorithm=algorithm, inputs=inputs, config=config, text=text, **others)

    for option in reversed(options):
        command = option(command)
    help_text = f"{training_help(config_class)}\n\n{help_note}".strip()
    group.command(algorithm, cls=command_class, help=help_text)(command)


def training_help(config_class: type[TrainerConfig]) -> str:
    """Return the help of a command that trains an algorithm."""
    return f"{config_class.summary()}\n\n{INPUTS_HELP}"
