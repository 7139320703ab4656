"""Errors that are of the classes of gensim's too: `except KeyError` around a query still works."""

from collections.abc import Hashable

from embedtool.errors import (
    ConfigError,
    DamagedError,
    ModelError,
    QueryError,
    TrainingError,
    UnknownWordError,
)


class UnknownKeyError(UnknownWordError):
    """A key without a vector. Its message has no suggestions, which would slow down loops."""

    def __init__(self, key: Hashable) -> None:
        super().__init__(str(key))


class ArgumentError(ConfigError, ValueError):
    """An invalid value of an argument."""


class ArgumentTypeError(ConfigError, TypeError):
    """An argument of a wrong type, or arguments that exclude each other."""


class UnsupportedError(ConfigError, NotImplementedError):
    """What gensim has, or a file asks for, and embedtool has not."""


class EmptyGroupError(QueryError, ZeroDivisionError):
    """A group without words, which has no mean."""


class NotReadyError(TrainingError, RuntimeError):
    """A model without the words or the vectors that a method needs."""


class DamagedFileError(DamagedError, EOFError, ValueError):
    """A file of vectors that is cut short, or has a faulty row."""


class WrongModelError(ModelError, AttributeError):
    """A model of another class than the one that loads it."""
