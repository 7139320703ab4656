"""Options that another one, or the lack of it, leaves without effect.

In: the options of a command. Out: warnings of those that were given all the same.
"""

from collections.abc import Mapping

import click
from click.core import ParameterSource

from embedtool.cli.output.console import echo_err
from embedtool.config.training import FastTextConfig, TrainerConfig, Word2VecConfig


def warn_ignored(idle: Mapping[str, str]) -> None:
    """Warn of each option that was given in this command though it has no effect.

    idle : the name of each such parameter, and what leaves it so, as in "with --max-n 0"
    """
    context = click.get_current_context()
    for each in context.command.params:
        name = each.name or ""
        if name in idle and context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            echo_err(f"Warning: {each.opts[0]} has no effect {idle[name]}")


def ignored_in_training(config: TrainerConfig) -> dict[str, str]:
    """The options of a training without effect, and what leaves them so."""
    idle: dict[str, str] = {}
    if not isinstance(config, Word2VecConfig):
        return idle
    if config.loss == "hierarchical-softmax":
        idle |= dict.fromkeys(("negative", "ns_exponent"), "with --loss hierarchical-softmax")
    if config.mode == "skipgram":
        idle["cbow_mean"] = "with --mode skipgram"
    if isinstance(config, FastTextConfig) and not config.max_n:
        idle |= dict.fromkeys(("min_n", "bucket"), "with --max-n 0")
    if config.engine == "gensim":
        idle |= dict.fromkeys(("checkpoint_every", "on_divergence"), "with --engine gensim")
    return idle
