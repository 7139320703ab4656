"""Word vectors that answer queries: the object that `model.wv` and `embedtool.read` give."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, get_args, overload

import numpy as np
from numpy.typing import NDArray

from embedtool.api.queries import QueryableVectors
from embedtool.errors import ConfigError, QueryError
from embedtool.messages import counted
from embedtool.model import store
from embedtool.model.quantized import in_memory
from embedtool.model.vectors import AnyVectors, ModelRecord, vectors_of
from embedtool.search.lookup import lookup
from embedtool.tables import Cell, Table, import_pandas

if TYPE_CHECKING:
    import pandas as pd
    from gensim.models import KeyedVectors

    from embedtool.api.judging import EvaluationOptions, Source
    from embedtool.evaluation.registry import Task
    from embedtool.evaluation.scoring import Result

Unknown = Literal["error", "zeros", "mean"]
"""What `WordVectors.matrix` does with a word that has no vector."""
N_SHOWN_WORDS, N_SHOWN_DIMENSIONS = 10, 8
"""Numbers of words and of dimensions that a notebook shows."""


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors(QueryableVectors):
    """Word vectors, and the queries to them.

    With the subwords of FastText, a word outside the vocabulary has a vector in every query.

    Attributes
    ----------
    words : sequence of str
        The vocabulary, most frequent words first.
    counts : ndarray of int64, shape (n_words,), or None
        How often each word occurs, if known.
    vectors : ndarray of float32, shape (n_words, vector_size)
        Row i belongs to words[i].
    n_words, vector_size : int
        The shape of `vectors`.
    description : mapping
        How the vectors were made, as in `Model`.

    Examples
    --------
    >>> import embedtool
    >>> wv = embedtool.load("model").wv
    >>> wv
    WordVectors(n_words=2359, vector_size=100)
    >>> "king" in wv, "kingdomless" in wv
    (True, False)
    >>> wv["king"].shape, wv[["king", "queen"]].shape
    ((100,), (2, 100))
    >>> list(wv)[:3], len(wv)
    (['the', 'a', 'and'], 2359)
    """

    description: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raise ConfigError if the arrays do not fit the words."""
        n = self.n_words
        rows: Any = self.rows
        found = getattr(rows, "shape", type(rows).__name__)
        if isinstance(found, str) or len(found) != 2 or found[0] != n:
            raise ConfigError(
                f"rows must be an array of shape ({n}, vector_size), not {found}",
                parameters=("rows",),
            )
        if self.counts is not None and np.shape(self.counts) != (n,):
            raise ConfigError(
                f"counts must be an array of shape ({n},), not {np.shape(self.counts)}",
                parameters=("counts",),
            )

    @classmethod
    def of(cls, table: AnyVectors, description: Mapping[str, Any] | None = None) -> Self:
        """Return the vectors of a table or a model, whose arrays are shared."""
        vectors = cls.__new__(cls)
        known = {"description": description or {}}
        vectors.__dict__.update({**vectors_of(table).__dict__, **known})
        return vectors

    @cached_property
    def vectors(self) -> NDArray[np.float32]:
        """All vectors, float32 (n_words, vector_size); those of a compressed model are unpacked."""
        return in_memory(self.rows)

    @overload
    def __getitem__(self, words: str) -> NDArray[np.float32]: ...

    @overload
    def __getitem__(self, words: Sequence[str]) -> NDArray[np.float32]: ...

    def __getitem__(self, words: str | Sequence[str]) -> NDArray[np.float32]:
        if isinstance(words, str):
            return self.vector(words)
        if not isinstance(words, Iterable):
            raise TypeError(f"a word is a str, not {type(words).__name__}")
        return self.matrix(words)

    def __len__(self) -> int:
        return self.n_words

    def __iter__(self) -> Iterator[str]:
        return iter(self.words)

    def matrix(self, words: Iterable[str], unknown: Unknown = "error") -> NDArray[np.float32]:
        """Return the vectors of words as a matrix, one row for each word.

        Parameters
        ----------
        words : iterable of str
            The words.
        unknown : {"error", "zeros", "mean"}
            The row of a word that has no vector: none, but an error for all such words; zeros; the
            mean of all vectors.

        Returns
        -------
        ndarray of float32, shape (number of words, vector_size)
            A copy.

        Raises
        ------
        UnknownWordError
            If words have no vector and `unknown` is "error"; names all of them.
        NoAnswerError
            If a vector holds numbers that are not finite.

        Examples
        --------
        >>> wv.matrix(["king", "unseen"], unknown="zeros")[1, :3].tolist()
        [0.0, 0.0, 0.0]
        """
        if unknown not in get_args(Unknown):
            raise QueryError(
                f"unknown must be {', '.join(get_args(Unknown))}, not {unknown!r}",
                parameters=("unknown",),
            )
        default = None
        if unknown == "zeros":
            default = np.zeros(self.vector_size, np.float32)
        elif unknown == "mean":
            default = self._mean
        words = words if isinstance(words, str) else list(words)  # `lookup` refuses a str
        return lookup(self, words, default=default)

    @cached_property
    def _mean(self) -> NDArray[np.float32]:
        """The mean of all vectors, float32 (vector_size,)."""
        mean: NDArray[np.float64] = self.vectors.mean(axis=0, dtype=np.float64)
        return mean.astype(np.float32)

    def evaluate(
        self,
        dataset: "Source",
        *,
        task: "Task | None" = None,
        **options: "Unpack[EvaluationOptions]",
    ) -> "Result":
        """Score the vectors on a dataset, as `embedtool evaluate` does.

        A warning is logged if few of its words are known.

        Parameters
        ----------
        dataset : str, Path or Dataset
            The name of a public dataset, such as ``"google"``, or a file.
        task : str, optional
            What a file holds: "analogies", "pairs", "categories" or "outliers"; by default
            analogies or pairs, by its content.
        **options : EvaluationOptions
            What the score depends on: `method` and `include_query_words` for analogies,
            `restrict_vocab`, `case_insensitive`.

        Returns
        -------
        AnalogyResult, PairResult, CategoryResult or OutlierResult
            Shown as a table; `score` is the usual metric of the task.

        Raises
        ------
        EvaluationError
            If the dataset cannot be found or read, or the vectors know none of it.

        Examples
        --------
        >>> result = wv.evaluate("corpora/kingdoms-questions.txt")
        >>> round(result.score, 2), result.total.found
        (1.0, 3088)
        """
        from embedtool.api.judging import evaluate_on

        return evaluate_on(self, dataset, task, **options)

    def write(self, path: str | Path, format: str | None = None) -> str:
        """Write the vectors to a file or folder that other tools read; return the format.

        An existing file is replaced.

        Parameters
        ----------
        path : str or Path
            The file or folder.
        format : str, optional
            Name of the format; by default the one that the suffix of `path` implies.

        Raises
        ------
        FormatError
            If the suffix implies no format, or the format cannot hold the vectors.
        OutputError
            If the file cannot be written.

        Examples
        --------
        >>> wv.write("vectors.bin")
        'word2vec-binary'
        """
        from embedtool import formats

        return formats.write(self, path, format, formats.recorded_options(self.description))

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the vectors as a model; see `Model.save`."""
        store.save(ModelRecord(self, dict(self.description)), path, overwrite=overwrite)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the vectors as a DataFrame: the words are its index, each dimension a column.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        pandas = import_pandas("to_pandas")
        frame: pd.DataFrame = pandas.DataFrame(self.vectors, index=list(self.words))
        return frame

    def to_gensim(self) -> "KeyedVectors":
        """Return the vectors as gensim's KeyedVectors, or FastTextKeyedVectors with subwords.

        The arrays are copies.

        Raises
        ------
        MissingPackageError
            If gensim is not installed.
        """
        from embedtool.api.gensim_vectors import keyed_vectors

        return keyed_vectors(self)

    def __repr__(self) -> str:
        return f"WordVectors(n_words={self.n_words}, vector_size={self.vector_size})"

    def _repr_html_(self) -> str:
        """Return the first words, their counts and the first numbers of their vectors."""
        n = min(N_SHOWN_DIMENSIONS, self.vector_size)
        more = ["..."] if n < self.vector_size else []
        rows: list[list[Cell]] = []
        for i, word in enumerate(self.words[:N_SHOWN_WORDS]):
            count = None if self.counts is None else int(self.counts[i])
            rows.append([word, count, *self.rows[i][:n].tolist(), *more])
        title = f"{counted(self.n_words, 'word')} x {self.vector_size}"
        if len(rows) < self.n_words:
            title += f"; the first {len(rows)}:"
        return Table(["word", "count", *map(str, range(n)), *more], rows, title).html()
