"""Evaluation datasets: questions with known answers, for four kinds of task."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from embedtool.messages import brief

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Question = tuple[str, str, str, tuple[str, ...]]
"""An analogy, a is to b as c is to d: a, b, c and all words that count as right answers d."""
Pair = tuple[str, str, float]
"""Two words and their human score."""


@dataclass(frozen=True)
class Section:
    """Analogy questions about one relation.

    Attributes
    ----------
    questions : tuple of Question
        The questions, in the order of the file.
    kind : str
        The type of relation that it belongs to.
    """

    __repr__ = brief

    name: str
    questions: tuple[Question, ...]
    kind: str = "semantic"


@dataclass(frozen=True)
class AnalogySet:
    """Analogy questions in sections, in the order of their file."""

    __repr__ = brief

    name: str
    sections: tuple[Section, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions of all sections."""
        return tuple(question for section in self.sections for question in section.questions)

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of questions and of sections."""
        return sum(len(section.questions) for section in self.sections), len(self.sections)


@dataclass(frozen=True)
class PairSet:
    """Pairs of words with human similarity scores."""

    __repr__ = brief

    name: str
    pairs: tuple[Pair, ...]

    @property
    def scores(self) -> "NDArray[np.float64]":
        """The human scores, float64 (n_pairs,)."""
        import numpy as np  # the registry of datasets, which the command line reads, needs none

        return np.array([pair[2] for pair in self.pairs], dtype=np.float64)

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of pairs, which are one group."""
        return len(self.pairs), 1


@dataclass(frozen=True)
class CategorySet:
    """Words and the category of each, in the order of their file."""

    __repr__ = brief

    name: str
    words: tuple[tuple[str, str], ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of words and of categories."""
        return len(self.words), len({category for _, category in self.words})


@dataclass(frozen=True)
class OutlierGroup:
    """Words that belong together, and outliers that do not belong to them."""

    name: str
    members: tuple[str, ...]
    outliers: tuple[str, ...]


@dataclass(frozen=True)
class OutlierSet:
    """Groups of words; each outlier of a group makes one question."""

    __repr__ = brief

    name: str
    groups: tuple[OutlierGroup, ...]

    @property
    def sizes(self) -> tuple[int, int]:
        """The number of questions and of groups."""
        return sum(len(group.outliers) for group in self.groups), len(self.groups)


Dataset = AnalogySet | PairSet | CategorySet | OutlierSet
