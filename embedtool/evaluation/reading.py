"""Files of questions with known answers, in the shapes that the field has.

In: a file, a folder of files or a zip archive of them. Out: an AnalogySet, PairSet, CategorySet or
OutlierSet, or an error that names file and line.
"""

import ast
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError
from embedtool.evaluation.lines import (
    Line,
    Node,
    all_lines,
    bad_line,
    columns_of,
    is_numbered,
    lines_of,
    number_in,
    opened,
    rows_of,
    stem_of,
    text_files,
)
from embedtool.evaluation.questions import (
    AnalogySet,
    CategorySet,
    Dataset,
    OutlierGroup,
    OutlierSet,
    Pair,
    PairSet,
    Question,
    Section,
)

SYNTACTIC = "gram"
"""How the names of syntactic sections begin in the Google set; all others are semantic."""

BATS_KINDS = ("inflectional", "derivational", "encyclopedic", "lexicographic")
"""The types of relation of BATS, as the names of its folders have them."""

MOST_PAIRS = 1000
"""Pairs of one relation: n of them make n (n - 1) questions, and those must fit into memory."""

WORD_HEADS = {"word", "words", "concept"}
CATEGORY_HEADS = {"category", "class", "cluster"}
"""What the header of a table of words and categories calls its columns."""

LEMMA = re.compile(r"(.+)[-_][njvar]")
"""A word with its part of speech, as in MEN's lemma form: `sun-n`."""


def analogies_in(path: Path, name: str, kind: str | None = None) -> AnalogySet:
    """Analogy questions, in one of three shapes.

    - A file of four words a line, between spaces; a line `: name` begins a section. Questions
      before the first section belong to one that has the dataset's name.
    - A file of two columns, a word and the words that stand in the relation to it, `target/target`.
      Any two lines make a question each way: a and the first of its targets, c and all of its own.
      In a folder or an archive of such files (BATS) each is a section.
    - A table with row numbers: section, four words.

    kind : the type of relation of all sections; None: by the name of a section or its folder
    Raises EvaluationError, with file and line, on anything else.
    """
    with opened(path) as root:
        if root.is_dir():
            sections = [
                section
                for node, folder in text_files(root)
                for section in _sections(node, stem_of(node), kind or _kind_of_folder(folder))
            ]
        else:
            sections = _sections(root, name, kind)
    if not sections:
        raise EvaluationError(f"{path} holds no questions")
    return AnalogySet(name, tuple(sections))


def pairs_in(path: Path, name: str) -> PairSet:
    """Pairs of words with a score.

    A line holds two words and then, in the first column of numbers, the score, between tabs, commas
    or spaces; all lines have the same columns. The first line may be a header, its first column row
    numbers. Where every word ends in its part of speech, `-n`, that is cut off. Raises
    EvaluationError, with file and line, on anything else.
    """
    pairs: list[Pair] = []
    score_at = width = 0
    with opened(path) as node:
        for i, (number, line, fields) in enumerate(rows_of(node)):
            if not pairs:
                numeric = [at for at in range(2, len(fields)) if number_in(fields[at]) is not None]
                if not numeric and i == 0 and len(fields) > 2:
                    continue
                score_at, width = (numeric or [2])[0], len(fields)
            score = number_in(fields[score_at]) if len(fields) == width > score_at else None
            if score is None or not fields[0] or not fields[1]:
                raise bad_line(node, number, "two words and a number", line)
            pairs.append((fields[0], fields[1], score))
    if not pairs:
        raise EvaluationError(f"{path} holds no pairs")
    lemmas = [(LEMMA.fullmatch(a), LEMMA.fullmatch(b), score) for a, b, score in pairs]
    cut = [(a[1], b[1], score) for a, b, score in lemmas if a and b]
    return PairSet(name, tuple(cut if len(cut) == len(pairs) else pairs))


def categories_in(path: Path, name: str) -> CategorySet:
    """Words with the category of each.

    - A table of two columns, between tabs, commas or spaces, with or without row numbers: the
      header says which holds the categories, or else it is the one with fewer different values. A
      row without a word is passed over.
    - A folder or an archive: each file is a category, each line of it a word.

    Raises EvaluationError, with file and line, on anything else.
    """
    with opened(path) as root:
        if root.is_dir():
            words = [
                (word, stem_of(node)) for node, _ in text_files(root) for _, word in lines_of(node)
            ]
        else:
            words = _categorised(root)
    if not words:
        raise EvaluationError(f"{path} holds no words")
    return CategorySet(name, tuple(words))


def outliers_in(path: Path, name: str) -> OutlierSet:
    """Groups of words with outliers to each (Camacho-Collados & Navigli 2016).

    - A file holds the members of a group, a word a line, an empty line, and the outliers. In a
      folder or an archive of such files each is a group.
    - A table with row numbers, the columns `outliers` and `words` with lists as Python writes them.

    Raises EvaluationError, with file and line, on anything else.
    """
    with opened(path) as root:
        if root.is_dir():
            groups = [_group(node, stem_of(node)) for node, _ in text_files(root)]
        elif is_numbered(lines_of(root)):
            groups = _tabled_groups(root)
        else:
            groups = [_group(root, name)]
    if not groups:
        raise EvaluationError(f"{path} holds no groups of words")
    return OutlierSet(name, tuple(groups))


READERS: dict[str, Callable[[Path, str], Dataset]] = {
    "analogies": analogies_in,
    "pairs": pairs_in,
    "categories": categories_in,
    "outliers": outliers_in,
}
"""The reader of each task."""


def read_dictionary(path: Path) -> tuple[tuple[str, str], ...]:
    """Words with their translations, from a file in UTF-8.

    Each line holds a word and one translation, between a tab or spaces; a word that has several
    stands on several lines. Empty lines and lines that begin with `#` are passed over. Raises
    EvaluationError, with file and line, on anything else.
    """
    pairs: list[tuple[str, str]] = []
    for number, line in lines_of(path):
        fields = line.split("\t") if "\t" in line else split_spaces(line)
        if len(fields) != 2 or not all(fields):
            raise bad_line(path, number, "a word and its translation", line)
        pairs.append((fields[0].strip(), fields[1].strip()))
    if not pairs:
        raise EvaluationError(f"{path} holds no words")
    return tuple(dict.fromkeys(pairs))


def _sections(node: Node, name: str, kind: str | None) -> list[Section]:
    """The sections of one file that hold questions."""
    if is_numbered(lines_of(node)):
        found = _tabled_questions(node)
    else:
        blocks: list[tuple[str, list[Line]]] = [(name, [])]
        for number, line in lines_of(node):
            if line.startswith(":"):
                blocks.append((line[1:].strip(), []))
            else:
                blocks[-1][1].append((number, line))
        first = next((lines[0][1] for _, lines in blocks if lines), "")
        questions_of = _pair_questions if len(columns_of(first)) == 2 else _listed_questions
        found = [(title, questions_of(node, lines)) for title, lines in blocks if lines]
    return [
        Section(title, tuple(questions), kind or _kind_of_section(title))
        for title, questions in found
        if questions
    ]


def _listed_questions(node: Node, lines: Sequence[Line]) -> list[Question]:
    """Questions of four words a line."""
    questions: list[Question] = []
    for number, line in lines:
        words = split_spaces(line)
        if len(words) != 4:
            raise bad_line(node, number, "four words, or ': ' and the name of a section", line)
        questions.append((words[0], words[1], words[2], (words[3],)))
    return questions


def _pair_questions(node: Node, lines: Sequence[Line]) -> list[Question]:
    """The questions that the pairs of one relation make, each two in both orders."""
    if len(lines) > MOST_PAIRS:
        raise EvaluationError(f"{node}: {len(lines):,} pairs of a relation, at most {MOST_PAIRS:,}")
    pairs: list[tuple[str, tuple[str, ...]]] = []
    for number, line in lines:
        columns = columns_of(line)
        parts = columns[1].split("/") if len(columns) == 2 else []
        targets = tuple(dict.fromkeys(filter(None, map(str.strip, parts))))
        if not targets or not columns[0]:
            raise bad_line(node, number, "a word and its target/target", line)
        pairs.append((columns[0], targets))
    return [
        (a, bs[0], c, ds)
        for i, (a, bs) in enumerate(pairs)
        for j, (c, ds) in enumerate(pairs)
        if i != j
    ]


def _tabled_questions(node: Node) -> list[tuple[str, list[Question]]]:
    """The questions of a table with row numbers, by section in the order of first appearance."""
    sections: dict[str, list[Question]] = {}
    for number, line, fields in list(rows_of(node))[1:]:
        if len(fields) != 5 or not all(fields):
            raise bad_line(node, number, "a section and four words", line)
        section, a, b, c, d = fields
        sections.setdefault(section, []).append((a, b, c, (d,)))
    return list(sections.items())


def _kind_of_section(title: str) -> str:
    return "syntactic" if title.startswith(SYNTACTIC) else "semantic"


def _kind_of_folder(folder: str) -> str:
    return next((kind for kind in BATS_KINDS if kind in folder.lower()), folder)


def _categorised(node: Node) -> list[tuple[str, str]]:
    """The words of a table with the category of each."""
    rows = list(rows_of(node))
    for number, line, fields in rows:
        if len(fields) != 2:
            raise bad_line(node, number, "a word and its category", line)
    if not rows:
        return []
    head = [field.lower() for field in rows[0][2]]
    if set(head) & WORD_HEADS and set(head) & CATEGORY_HEADS:
        category_at = 0 if head[0] in CATEGORY_HEADS else 1
        rows = rows[1:]
    else:
        n_first, n_second = (len({fields[at] for *_, fields in rows}) for at in (0, 1))
        category_at = 0 if n_first < n_second else 1
    for number, line, fields in rows:
        if not fields[category_at]:
            raise bad_line(node, number, "a word and its category", line)
    word_at = 1 - category_at
    return [(fields[word_at], fields[category_at]) for *_, fields in rows if fields[word_at]]


def _group(node: Node, name: str) -> OutlierGroup:
    """The members, an empty line, the outliers."""
    words = [line for _, line in all_lines(node)]
    while words and not words[0]:
        del words[0]
    split = words.index("") if "" in words else len(words)
    outliers = tuple(filter(None, words[split:]))
    if split < 2 or not outliers:
        raise EvaluationError(
            f"{node}: expected at least two words, a line each, an empty line and the words that "
            "do not belong to them"
        )
    return OutlierGroup(name, tuple(words[:split]), outliers)


def _tabled_groups(node: Node) -> list[OutlierGroup]:
    """The groups of a table with the columns `outliers` and `words`."""
    rows = list(rows_of(node))
    number, line, head = rows[0]
    if "outliers" not in head or "words" not in head or len(head) < 3:
        raise bad_line(node, number, "the columns category, outliers and words", line)
    outliers_at, words_at = head.index("outliers"), head.index("words")
    groups = []
    for number, line, fields in rows[1:]:
        outliers, words = (_words_of(fields, at) for at in (outliers_at, words_at))
        if len(fields) != len(head) or not outliers or len(words) < 2:
            raise bad_line(node, number, "a list of outliers and a list of words", line)
        groups.append(OutlierGroup(fields[0], words, outliers))
    return groups


def _words_of(fields: Sequence[str], at: int) -> tuple[str, ...]:
    """The words of a list as Python writes it, empty ones left out; nothing where it is none."""
    try:
        value = ast.literal_eval(fields[at]) if at < len(fields) else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    listed = value if isinstance(value, list) else []
    return tuple(word for word in listed if isinstance(word, str) and word)
