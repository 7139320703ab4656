"""Questions with known answers: analogies and pairs of words that people have judged.

In: the name of a public dataset, which comes with gensim's package, or a file in its format. Out:
an AnalogySet or a PairSet.
"""

import importlib.util
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError

SHOWN = 60
"""Characters of a bad line that its message quotes."""

Question = tuple[str, str, str, str]
Pair = tuple[str, str, float]


@dataclass(frozen=True)
class Dataset:
    """A public dataset: what it asks, where it lies in gensim's package, where it is from."""

    task: Literal["analogies", "pairs"]
    file: str
    source: str
    licence: str


DATASETS = {
    "google": Dataset(
        "analogies",
        "questions-words.txt",
        "Mikolov, Chen, Corrado & Dean 2013, 'Efficient Estimation of Word Representations in "
        "Vector Space': 19,544 questions in 14 sections",
        "Apache 2.0, as word2vec, with which it was published",
    ),
    "wordsim353": Dataset(
        "pairs",
        "wordsim353.tsv",
        "Finkelstein et al. 2002, 'Placing Search in Context: The Concept Revisited': 353 pairs, "
        "relatedness from 0 to 10",
        "Creative Commons Attribution 4.0",
    ),
    "simlex999": Dataset(
        "pairs",
        "simlex999.txt",
        "Hill, Reichart & Korhonen 2015, 'SimLex-999: Evaluating Semantic Models with (Genuine) "
        "Similarity Estimation': 999 pairs, similarity from 0 to 10",
        "none stated; its authors ask to be cited",
    ),
}


@dataclass(frozen=True)
class Section:
    """Questions of one kind: the first word is to the second as the third is to the fourth."""

    name: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class AnalogySet:
    """Analogy questions in sections, in the order of their file."""

    name: str
    sections: tuple[Section, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """The questions of all sections."""
        return tuple(question for section in self.sections for question in section.questions)


@dataclass(frozen=True)
class PairSet:
    """Pairs of words with the score that people gave them."""

    name: str
    pairs: tuple[Pair, ...]


def read_analogies(source: str | Path) -> AnalogySet:
    """Analogy questions by the name of a dataset or from a file in UTF-8.

    A line `: name` begins a section, and each other line holds the four words of a question
    between spaces; empty lines and lines that begin with `#` are passed over. Questions before the
    first section belong to one that has the file's name. Raises EvaluationError, with file and
    line, on anything else.
    """
    name, path = _locate(source, "analogies")
    sections: list[tuple[str, list[Question]]] = [(name, [])]
    for number, line in _lines(path):
        if line.startswith(":"):
            sections.append((line[1:].strip(), []))
            continue
        words = split_spaces(line)
        if len(words) != 4:
            raise _bad_line(path, number, "four words, or ': ' and the name of a section", line)
        sections[-1][1].append((words[0], words[1], words[2], words[3]))
    filled = tuple(Section(title, tuple(questions)) for title, questions in sections if questions)
    if not filled:
        raise EvaluationError(f"{path} holds no questions")
    return AnalogySet(name, filled)


def read_pairs(source: str | Path) -> PairSet:
    """Scored pairs by the name of a dataset or from a file in UTF-8.

    Each line holds two words and a number, between tabs, commas or spaces; empty lines, lines that
    begin with `#` and one header line are passed over. Raises EvaluationError, with file and line,
    on anything else.
    """
    name, path = _locate(source, "pairs")
    pairs: list[Pair] = []
    header_may_come = True
    for number, line in _lines(path):
        fields = _fields(line)
        score = _number(fields[2]) if len(fields) == 3 else None
        if score is not None and fields[0] and fields[1]:
            pairs.append((fields[0], fields[1], score))
        elif len(fields) != 3 or not header_may_come:
            raise _bad_line(path, number, "two words and a number", line)
        header_may_come = False
    if not pairs:
        raise EvaluationError(f"{path} holds no pairs")
    return PairSet(name, tuple(pairs))


def _locate(source: str | Path, task: str) -> tuple[str, Path]:
    """A dataset's name and its file."""
    dataset = DATASETS.get(source) if isinstance(source, str) else None
    if dataset is None:
        path = Path(source)
        if not path.exists():
            names = ", ".join(name for name, d in DATASETS.items() if d.task == task)
            raise EvaluationError(f"{source}: no such file, nor a dataset of {task} ({names})")
        return path.stem, path
    if dataset.task != task:
        raise EvaluationError(f"{source} is a dataset of {dataset.task}, not of {task}")
    package = importlib.util.find_spec("gensim")
    if package is None or package.origin is None:
        raise EvaluationError(f"{source} comes with gensim, which is not installed")
    return str(source), Path(package.origin).parent / "test" / "test_data" / dataset.file


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines that are neither empty nor comments, with their numbers."""
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise EvaluationError(f"{path}, line {number}: not UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        stripped = line.strip()
        if stripped and not stripped.startswith("#"):
            yield number, stripped


def _fields(line: str) -> list[str]:
    """A line cut at its tabs, else its commas, else its spaces."""
    for separator in "\t", ",":
        if separator in line:
            return [field.strip() for field in line.split(separator)]
    return split_spaces(line)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _bad_line(path: Path, number: int, expected: str, line: str) -> EvaluationError:
    found = line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
    return EvaluationError(f"{path}, line {number}: expected {expected}, found {found!r}")
