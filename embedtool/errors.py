"""The errors that embedtool raises.

An error says in one line what is wrong, where, and what to do.
"""

import signal
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple

MAX_SHOWN = 80
"""Number of characters up to which a message has an unknown word whole."""


class Call(NamedTuple):
    """What a message advises to call.

    Attributes
    ----------
    python : str
        The function, as the message has it.
    command : str
        The same on the command line.
    """

    python: str
    command: str

    def __str__(self) -> str:
        return self.python


class EmbedtoolError(Exception):
    """Base of all errors that are not faults of embedtool itself.

    Parameters
    ----------
    message : str
        What is wrong, where, and what to do. It gives a parameter by its Python name and its value
        as in Python: ``min_count must be 1 or more``, ``use encoding='latin-1'``.
    parameters : sequence of str
        The parameters that the message names; the command line shows them as its flags.
    call : Call, optional
        What the message advises to call; the command line shows its command instead.
    """

    def __init__(
        self,
        message: str = "",
        *,
        parameters: Sequence[str] = (),
        call: Call | None = None,
    ) -> None:
        super().__init__(message)
        self.parameters = tuple(parameters)
        self.call = call

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


def resume_call(output: PurePath) -> Call:
    """Return the call that resumes the training of a model."""
    return Call(f"embedtool.resume({str(output)!r})", f"embedtool resume {output}")


def _restored(kind: type[EmbedtoolError], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    """Return a pickled error, whatever its class takes to make one."""
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class ConfigError(EmbedtoolError, ValueError):
    """An invalid value of an option; also a ValueError, as scikit-learn expects."""


class CorpusError(EmbedtoolError):
    """Text that cannot be read, or is empty."""


class VocabularyError(EmbedtoolError):
    """A vocabulary that is empty, or a vocabulary file that cannot be read."""


class TrainingError(EmbedtoolError):
    """Training that cannot begin or has failed."""


class ModelError(EmbedtoolError):
    """A model folder that is missing, damaged, in the way, or cannot be written."""


class FormatError(EmbedtoolError):
    """A vector file that cannot be read or written in a format."""


class DamagedError(FormatError):
    """A vector file with faulty rows, of which the others can be used."""


class OutputError(EmbedtoolError):
    """A file that cannot be written."""


class QueryError(EmbedtoolError):
    """An invalid query, such as an expression without words."""


class EvaluationError(EmbedtoolError):
    """A dataset that cannot be found or read."""


class DocumentError(EmbedtoolError, ValueError):
    """A document that is not a string; also a ValueError, as scikit-learn expects."""


class NoAnswerError(QueryError):
    """A valid query to which this model has no answer.

    Attributes
    ----------
    failures : mapping of int to NoAnswerError, or None
        The errors of a batch of queries, by index; the message covers all of them.
    """

    failures: Mapping[int, "NoAnswerError"] | None = None

    def details(self) -> dict[str, Any]:
        """Return the reason, and the unknown words with suggestions, for JSON."""
        errors = self.failures.values() if self.failures else [self]
        unknown = {e.word: e.suggestions for e in errors if isinstance(e, UnknownWordError)}
        return {"reason": str(self), **({"unknown": unknown} if unknown else {})}


def joined(failures: Mapping[int, NoAnswerError]) -> NoAnswerError:
    """Combine the failures of a batch, one or more, in one error."""
    first = next(iter(failures.values()))
    texts = dict.fromkeys(map(str, failures.values()))
    error = type(first).__new__(type(first), "; ".join(texts))
    error.__dict__ |= first.__dict__ | {"failures": failures}
    return error


def raise_all(failures: Mapping[int, NoAnswerError]) -> None:
    """Raise the combined failures of a batch, if there are any."""
    if failures:
        raise joined(failures)


class UnknownWordError(NoAnswerError, KeyError):
    """A word that has no vector in the model; also a KeyError, as of a dictionary.

    Parameters
    ----------
    suggestions : sequence of str
        The most similar words by spelling, best first.
    advice : str
        End of the message, in place of the suggestions.
    """

    __str__ = Exception.__str__  # KeyError would quote the message

    def __init__(self, word: str, suggestions: Sequence[str] = (), advice: str = "") -> None:
        self.word = word
        self.suggestions = list(suggestions)
        parts = word.split()
        if len(parts) > 1 and {"+", "-"} & set(parts):
            advice = "sums and differences of words are for analogy"
        elif self.suggestions and not advice:
            advice = f"nearest spellings: {', '.join(self.suggestions)}"
        shown = repr(word) if len(word) <= MAX_SHOWN else f"{word[:MAX_SHOWN]!r}..."
        super().__init__(f"{shown} is not in the vocabulary{'; ' if advice else ''}{advice}")


class UnansweredError(QueryError):
    """A batch of queries some of which have no answer; the message names all of those."""


class ResourceError(EmbedtoolError):
    """Not enough memory or disk space."""


class ClusterError(EmbedtoolError):
    """A cluster that cannot be connected to, or has lost data that cannot be recomputed."""


class DivergedError(TrainingError):
    """A training whose loss is not finite, or many times the loss of untrained vectors."""


class StoppedError(EmbedtoolError):
    """Work that the user interrupted; the message says what was saved and how to resume.

    Attributes
    ----------
    number : int
        The signal.
    """

    number: int = signal.SIGINT


class MissingPackageError(EmbedtoolError):
    """A feature whose package is not installed."""

    def __init__(self, capability: str, package: str, parameters: Sequence[str] = ()) -> None:
        super().__init__(f"{capability} needs: pip install {package}", parameters=parameters)


class MissingExtraError(MissingPackageError):
    """A feature whose optional dependency is not installed."""

    def __init__(self, capability: str, extra: str, parameters: Sequence[str] = ()) -> None:
        super().__init__(capability, f"'embedtool[{extra}]'", parameters)
