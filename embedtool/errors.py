"""What can go wrong and be said to a person in one line: every error that embedtool raises.

In: nothing. Out: EmbedtoolError and its children. An error's text says what is wrong, where, and
what to do; the command line prints it as it is.
"""

import signal
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any


class EmbedtoolError(Exception):
    """Any failure that is not a mistake in embedtool itself.

    Parameters
    ----------
    message : str
        What is wrong, where, and what to do. A parameter stands in it by its Python name, with its
        value as in Python: ``min_count must be 1 or more``, ``use encoding='latin-1'``.
    parameters : sequence of str
        The parameters that stand in the message; the command line shows them as its flags.
    resumable : PurePath, optional
        The model whose training the message tells to continue, by its `resume_call`; the command
        line shows its own command instead.
    """

    def __init__(
        self,
        message: str = "",
        *,
        parameters: Sequence[str] = (),
        resumable: PurePath | None = None,
    ) -> None:
        super().__init__(message)
        self.parameters = tuple(parameters)
        self.resumable = resumable


def resume_call(output: PurePath) -> str:
    """Return the Python call that continues the training of a model, for a message."""
    return f"embedtool.resume({str(output)!r})"


class ConfigError(EmbedtoolError):
    """An option has a value it cannot have."""


class CorpusError(EmbedtoolError):
    """Text that cannot be read, or holds nothing to train on."""


class VocabularyError(EmbedtoolError):
    """A vocabulary that is empty, or a vocabulary file that cannot be read."""


class TrainingError(EmbedtoolError):
    """Training that cannot start or has failed, a loss that is not finite among the reasons."""


class ModelError(EmbedtoolError):
    """A model folder that is missing, broken, in the way, or cannot be written."""


class FormatError(EmbedtoolError):
    """A vector file that cannot be read or written in the format asked for."""


class DamagedError(FormatError):
    """A vector file of which some rows are faulty; the others can be kept."""


class OutputError(EmbedtoolError):
    """A file that cannot be written."""


class QueryError(EmbedtoolError):
    """A question that cannot be asked, such as an expression without words."""


class EvaluationError(EmbedtoolError):
    """A dataset that cannot be found or read."""


class DocumentError(EmbedtoolError, ValueError):
    """What stands where a document should is no text; scikit-learn expects a ValueError."""


class NoAnswerError(QueryError):
    """A question that can be asked and to which this model has no answer.

    failures : where the question is one of a batch: the error of each that has no answer, by its
               place in the batch; the text is that of all of them
    """

    failures: Mapping[int, "NoAnswerError"] | None = None

    def details(self) -> dict[str, Any]:
        """For JSON: the reason, and the words that are unknown with their nearest spellings."""
        errors = self.failures.values() if self.failures else [self]
        unknown = {e.word: e.suggestions for e in errors if isinstance(e, UnknownWordError)}
        return {"reason": str(self), **({"unknown": unknown} if unknown else {})}


def joined(failures: Mapping[int, NoAnswerError]) -> NoAnswerError:
    """One error that names all failures of a batch, of which there is one or more."""
    first = next(iter(failures.values()))
    texts = dict.fromkeys(map(str, failures.values()))
    error = type(first).__new__(type(first), "; ".join(texts))
    error.__dict__ |= first.__dict__ | {"failures": failures}
    return error


def raise_all(failures: Mapping[int, NoAnswerError]) -> None:
    """Raise the failures of a batch, `joined`, if there are any."""
    if failures:
        raise joined(failures)


class UnknownWordError(NoAnswerError):
    """A word that has no vector in the model.

    `word` is the word asked for, `suggestions` the nearest spellings, best first; `advice` is told
    in their stead.
    """

    def __init__(self, word: str, suggestions: Sequence[str] = (), advice: str = "") -> None:
        self.word = word
        self.suggestions = list(suggestions)
        parts = word.split()
        if len(parts) > 1 and {"+", "-"} & set(parts):
            advice = "sums and differences of words are for analogy"
        elif self.suggestions and not advice:
            advice = f"nearest spellings: {', '.join(self.suggestions)}"
        super().__init__(f"{word!r} is not in the vocabulary{'; ' if advice else ''}{advice}")


class UnansweredError(QueryError):
    """Queries without an answer among others; its text names all of them, however many they are."""


class ResourceError(EmbedtoolError):
    """Memory or disk that is needed and not there."""


class ClusterError(EmbedtoolError):
    """A cluster that cannot be joined, or that has lost what cannot be worked out again."""


class DivergedError(TrainingError):
    """A loss that is no longer finite, or many times what it was before training."""


class StoppedError(EmbedtoolError):
    """Work that the user interrupted; its text says what is kept and how to go on.

    Attributes
    ----------
    number : int
        The signal that did it.
    """

    number: int = signal.SIGINT


class MissingExtraError(EmbedtoolError):
    """A capability whose package is not installed."""

    def __init__(self, capability: str, extra: str, parameters: Sequence[str] = ()) -> None:
        super().__init__(
            f"{capability} needs: pip install 'embedtool[{extra}]'", parameters=parameters
        )
