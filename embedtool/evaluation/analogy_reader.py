"""Readers of analogy questions: lines of four words, pairs of a relation (BATS), or a table."""

from collections.abc import Sequence
from pathlib import Path

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError
from embedtool.evaluation.dataset_lines import (
    DatasetFile,
    Line,
    Row,
    iter_text_files,
    open_dataset,
    parse_table,
    split_columns,
)
from embedtool.evaluation.tasks import AnalogySet, Question, Section
from embedtool.io.encodings import UTF8

SYNTACTIC_PREFIX = "gram"
"""Prefix of the names of syntactic sections in the Google set; all others are semantic."""

BATS_KINDS = ("inflectional", "derivational", "encyclopedic", "lexicographic")
"""The types of relation of BATS, as in the names of its folders."""

MAX_PAIRS = 1000
"""Maximum pairs of one relation: n pairs make n (n - 1) questions, which must fit in memory."""


def parse_analogies(
    path: Path, name: str, kind: str | None = None, *, encoding: str = UTF8
) -> AnalogySet:
    """Read analogy questions in one of three formats.

    - A file of four words per line, separated by spaces; a line `: name` starts a section.
      Questions before the first section belong to a section with the dataset's name.
    - A file of two columns, a word and the words that are related to it, `target/target`. Each pair
      of lines makes a question in both orders, from a and the first of its targets to c and all of
      its targets. In a folder or an archive of such files (BATS) each file is a section.
    - A table with row numbers: section, four words.

    Parameters
    ----------
    path : Path
        A file, a folder or a zip archive.
    kind : str, optional
        The type of relation of all sections; by default inferred from the section's or folder's
        name.

    Raises
    ------
    EvaluationError
        If the file has none of these formats; the message has file and line.
    """
    with open_dataset(path, encoding) as root:
        if root.is_folder:
            sections = [
                section
                for source, folder in iter_text_files(root)
                for section in _sections(source, source.stem, kind or _kind_of_folder(folder))
            ]
        else:
            sections = _sections(root, name, kind)
    if not sections:
        raise EvaluationError(f"{path} holds no questions")
    return AnalogySet(name, tuple(sections))


def _sections(source: DatasetFile, name: str, kind: str | None) -> list[Section]:
    """Return the sections of one file that hold questions."""
    table = parse_table(source)
    if table.has_row_numbers:
        sections = _questions_in_table(source, table.rows[1:])
    else:
        blocks: list[tuple[str, list[Line]]] = [(name, [])]
        for number, line, _ in table.rows:
            if line.startswith(":"):
                blocks.append((line[1:].strip(), []))
            else:
                blocks[-1][1].append((number, line))
        first = next((lines[0][1] for _, lines in blocks if lines), "")
        parse = _questions_of_pairs if len(split_columns(first)) == 2 else _questions_in_lines
        sections = [(title, parse(source, lines)) for title, lines in blocks if lines]
    return [
        Section(title, tuple(questions), kind or _kind_of_section(title))
        for title, questions in sections
        if questions
    ]


def _questions_in_lines(source: DatasetFile, lines: Sequence[Line]) -> list[Question]:
    """Return the questions of lines of four words."""
    questions: list[Question] = []
    for number, line in lines:
        words = split_spaces(line)
        if len(words) != 4:
            raise source.bad_line(number, "four words, or ': ' and the name of a section", line)
        questions.append((words[0], words[1], words[2], (words[3],)))
    return questions


def _questions_of_pairs(source: DatasetFile, lines: Sequence[Line]) -> list[Question]:
    """Return the questions of all ordered pairs of lines of one relation."""
    if len(lines) > MAX_PAIRS:
        raise EvaluationError(
            f"{source}: {len(lines):,} pairs of a relation, at most {MAX_PAIRS:,}"
        )
    pairs: list[tuple[str, tuple[str, ...]]] = []
    for number, line in lines:
        columns = split_columns(line)
        alternatives = columns[1].split("/") if len(columns) == 2 else []
        targets = tuple(dict.fromkeys(filter(None, map(str.strip, alternatives))))
        if not targets or not columns[0]:
            raise source.bad_line(number, "a word and its target/target", line)
        pairs.append((columns[0], targets))
    return [
        (a, bs[0], c, ds)
        for i, (a, bs) in enumerate(pairs)
        for j, (c, ds) in enumerate(pairs)
        if i != j
    ]


def _questions_in_table(
    source: DatasetFile, rows: Sequence[Row]
) -> list[tuple[str, list[Question]]]:
    """Return the questions by section, in the order of first appearance."""
    sections: dict[str, list[Question]] = {}
    for number, line, fields in rows:
        if len(fields) != 5 or not all(fields):
            raise source.bad_line(number, "a section and four words", line)
        section, a, b, c, d = fields
        sections.setdefault(section, []).append((a, b, c, (d,)))
    return list(sections.items())


def _kind_of_section(title: str) -> str:
    return "syntactic" if title.startswith(SYNTACTIC_PREFIX) else "semantic"


def _kind_of_folder(folder: str) -> str:
    return next((kind for kind in BATS_KINDS if kind in folder.lower()), folder)
