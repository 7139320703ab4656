"""Options of a training that another one leaves without effect.

In: a config. Out: warnings of those that were given all the same.
"""

import click
from click.core import ParameterSource

from embedtool.cli.output import note
from embedtool.config import FastTextConfig, TrainerConfig, Word2VecConfig, flag


def warn_of_idle(config: TrainerConfig) -> None:
    """Warn of each option that was given in this command and does nothing in a training."""
    context = click.get_current_context()
    for name, why in _idle(config).items():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            note(f"Warning: {flag(name)} has no effect with {why}")


def _idle(config: TrainerConfig) -> dict[str, str]:
    """The options without effect, and what leaves them so."""
    idle: dict[str, str] = {}
    if not isinstance(config, Word2VecConfig):
        return idle
    if config.loss == "hierarchical-softmax":
        idle |= dict.fromkeys(("negative", "ns_exponent"), "--loss hierarchical-softmax")
    if config.mode == "skipgram":
        idle["cbow_mean"] = "--mode skipgram"
    if isinstance(config, FastTextConfig) and not config.max_n:
        idle |= dict.fromkeys(("min_n", "bucket"), "--max-n 0")
    if config.engine == "gensim":
        idle |= dict.fromkeys(("checkpoint_every", "on_divergence"), "--engine gensim")
    return idle
