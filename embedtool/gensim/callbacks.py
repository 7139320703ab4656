"""The base of callbacks, with gensim's names."""

from collections.abc import Iterable
from typing import Any

from embedtool.gensim.errors import ArgumentTypeError


class CallbackAny2Vec:
    """Does nothing; a subclass overrides what it needs. Each method is called with the model."""

    def on_train_begin(self, model: Any) -> None:
        """Act before the first epoch."""

    def on_epoch_begin(self, model: Any) -> None:
        """Act before each epoch."""

    def on_epoch_end(self, model: Any) -> None:
        """Act after each epoch; `model` has its vectors."""

    def on_train_end(self, model: Any) -> None:
        """Act after the last epoch."""


METHODS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_train_end")
"""What is called of a callback."""


def checked_callbacks(callbacks: Iterable[Any]) -> tuple[Any, ...]:
    """Return the callbacks; raise ArgumentTypeError if one lacks a method."""
    callbacks = tuple(callbacks)
    for callback in callbacks:
        missing = [name for name in METHODS if not callable(getattr(callback, name, None))]
        if missing:
            raise ArgumentTypeError(
                f"a callback of type {type(callback).__name__} has no {missing[0]}; derive its "
                "class from CallbackAny2Vec",
                parameters=("callbacks",),
            )
    return callbacks
