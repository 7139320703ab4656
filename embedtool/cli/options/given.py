"""Which options were given, and warnings or errors about those that do not apply."""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from embedtool.cli.output.console import echo_err

if TYPE_CHECKING:
    from embedtool.config.training import TrainerConfig


def given_options() -> dict[str, str]:
    """Return the parameters given on the command line of this command, each with its flag."""
    context = click.get_current_context()
    return {
        str(each.name): each.opts[0]
        for each in context.command.params
        if context.get_parameter_source(str(each.name)) is ParameterSource.COMMANDLINE
    }


def warn_ignored(reasons: Mapping[str, str]) -> None:
    """Warn about each option that was given but has no effect.

    Parameters
    ----------
    reasons : mapping of str to str
        The reason for each parameter without effect, such as "with --max-n 0".
    """
    for name, option in given_options().items():
        if name in reasons:
            echo_err(f"Warning: {option} has no effect {reasons[name]}")


def reject_options(names: Collection[str], reason: str) -> None:
    """Raise click.UsageError if one of these parameters was given.

    Parameters
    ----------
    names : collection of str
        The parameters.
    reason : str
        The predicate of the message: "goes without --apply".
    """
    for name, option in given_options().items():
        if name in names:
            raise click.UsageError(f"{option} {reason}", click.get_current_context())


def ignored_in_training(config: "TrainerConfig") -> dict[str, str]:
    """Return the options of a training that have no effect, each with the reason."""
    from embedtool.config.training import FastTextConfig, Word2VecConfig

    reasons: dict[str, str] = {}
    if not isinstance(config, Word2VecConfig):
        return reasons
    if config.loss == "hierarchical-softmax":
        reasons |= dict.fromkeys(("negative", "ns_exponent"), "with --loss hierarchical-softmax")
    if config.mode == "skipgram":
        reasons["cbow_mean"] = "with --mode skipgram"
    if isinstance(config, FastTextConfig) and not config.max_n:
        reasons |= dict.fromkeys(("min_n", "bucket"), "with --max-n 0")
    if config.engine == "gensim":
        names = ("checkpoint_every", "on_divergence", "streams")
        reasons |= dict.fromkeys(names, "with --engine gensim")
    if config.hogwild:
        reasons["streams"] = "with --hogwild"
    return reasons
