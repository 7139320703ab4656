"""Files of questions with known answers, in the shapes that the field has.

In: a file, a folder of files or a zip archive of them. Out: an AnalogySet, PairSet, CategorySet or
OutlierSet, or an error that names file and line.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError
from embedtool.evaluation.dataset_lines import (
    DatasetFile,
    Line,
    Row,
    iter_text_files,
    open_dataset,
    parse_number,
    parse_table,
    split_columns,
)
from embedtool.evaluation.tasks import (
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
from embedtool.io.encodings import UTF8

SYNTACTIC = "gram"
"""How the names of syntactic sections begin in the Google set; all others are semantic."""

BATS_KINDS = ("inflectional", "derivational", "encyclopedic", "lexicographic")
"""The types of relation of BATS, as the names of its folders have them."""

MOST_PAIRS = 1000
"""Pairs of one relation: n of them make n (n - 1) questions, and those must fit into memory."""

WORD_HEADS = {"word", "words", "concept", "term", "noun", "verb", "item"}
CATEGORY_HEADS = {"category", "categories", "class", "cluster", "group", "label", "type"}
"""What the header of a table of words and categories calls its columns."""
SCORE_HEADS = {
    "average", "gold", "human", "judgement", "judgment", "mean", "rating", "ratings", "relatedness",
    "score", "scores", "sim", "similarity", "simlex",
}  # fmt: skip
"""Words of which one is in the name that the header of a table of pairs has for its scores."""
NAME_WORDS = re.compile(r"[^\W\d_]+")

LEMMA = re.compile(r"(.+)[-_][njvar]")
"""A word with its part of speech, as in MEN's lemma form: `sun-n`."""


def parse_analogies(
    path: Path, name: str, kind: str | None = None, *, encoding: str = UTF8
) -> AnalogySet:
    """Analogy questions, in one of three shapes.

    - A file of four words a line, between spaces; a line `: name` begins a section. Questions
      before the first section belong to one that has the dataset's name.
    - A file of two columns, a word and the words that stand in the relation to it, `target/target`.
      Any two lines make a question each way: a and the first of its targets, c and all of its own.
      In a folder or an archive of such files (BATS) each is a section.
    - A table with row numbers: section, four words.

    kind     : the type of relation of all sections; None: by the name of a section or its folder
    encoding : of the files
    Raises EvaluationError, with file and line, on anything else.
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


def parse_pairs(path: Path, name: str, *, encoding: str = UTF8) -> PairSet:
    """Pairs of words with a score.

    A line holds two words and then, in the first column that has a number in any line, the score,
    between tabs, commas or spaces; all lines have the same columns. The first line may be a header:
    it has row numbers below it, or a name for the scores that SCORE_HEADS knows. Where every word
    ends in its part of speech, `-n`, that is cut off. Raises EvaluationError, with file and line,
    on anything else.
    """
    with open_dataset(path, encoding) as source:
        table = parse_table(source)
        has_header = table.has_row_numbers or _names_scores(table.first)
        pairs = _pairs(source, table.rows[has_header:], has_header)
    if not pairs:
        raise EvaluationError(f"{path} holds no pairs")
    lemmas = [(LEMMA.fullmatch(a), LEMMA.fullmatch(b), score) for a, b, score in pairs]
    cut = [(a[1], b[1], score) for a, b, score in lemmas if a and b]
    return PairSet(name, tuple(cut if len(cut) == len(pairs) else pairs))


def parse_categories(path: Path, name: str, *, encoding: str = UTF8) -> CategorySet:
    """Words with the category of each.

    - A table of two columns, between tabs, commas or spaces, with or without row numbers: the
      header says which holds the categories, or else it is the one with fewer different values. A
      row without a word is passed over.
    - A folder or an archive: each file is a category, each line of it a word.

    Raises EvaluationError, with file and line, on anything else.
    """
    with open_dataset(path, encoding) as root:
        if root.is_folder:
            words = [
                (word, source.stem)
                for source, _ in iter_text_files(root)
                for _, word in source.lines()
            ]
        else:
            words = _categorised(root)
    if not words:
        raise EvaluationError(f"{path} holds no words")
    return CategorySet(name, tuple(words))


def parse_outliers(path: Path, name: str, *, encoding: str = UTF8) -> OutlierSet:
    """Groups of words with outliers to each (Camacho-Collados & Navigli 2016).

    - A file holds the members of a group, a word a line, an empty line, and the outliers. In a
      folder or an archive of such files each is a group.
    - A table with row numbers, the columns `outliers` and `words` with lists as Python writes them.

    Raises EvaluationError, with file and line, on anything else.
    """
    with open_dataset(path, encoding) as root:
        if root.is_folder:
            groups = [_group(source, source.stem) for source, _ in iter_text_files(root)]
        elif (table := parse_table(root)).has_row_numbers:
            groups = _tabled_groups(root, table.rows)
        else:
            groups = [_group(root, name)]
    if not groups:
        raise EvaluationError(f"{path} holds no groups of words")
    return OutlierSet(name, tuple(groups))


PARSERS: dict[str, Callable[[Path, str], Dataset]] = {
    "analogies": parse_analogies,
    "pairs": parse_pairs,
    "categories": parse_categories,
    "outliers": parse_outliers,
}
"""The reader of each task."""


def read_dictionary(path: str | Path, encoding: str = UTF8) -> tuple[tuple[str, str], ...]:
    """Words with their translations.

    Each line holds a word and one translation, between a tab or spaces; a word that has several
    stands on several lines. Empty lines and lines that begin with `#` are passed over. Raises
    EvaluationError, with file and line, on anything else.
    """
    path = Path(path)
    pairs: list[tuple[str, str]] = []
    source = DatasetFile(path, encoding)
    for number, line in source.lines():
        fields = line.split("\t") if "\t" in line else split_spaces(line)
        if len(fields) != 2 or not all(fields):
            raise source.bad_line(number, "a word and its translation", line)
        pairs.append((fields[0].strip(), fields[1].strip()))
    if not pairs:
        raise EvaluationError(f"{path} holds no words")
    return tuple(dict.fromkeys(pairs))


def _names_scores(fields: Sequence[str]) -> bool:
    """Whether these are the names of the columns of a table of pairs."""
    names = [word for field in fields[2:] for word in NAME_WORDS.findall(field.lower())]
    return not SCORE_HEADS.isdisjoint(names)


def _pairs(source: DatasetFile, rows: Sequence[Row], has_header: bool) -> list[Pair]:
    """The pairs of the rows below a header, where there is one."""
    widths = Counter(len(row) for *_, row in rows if len(row) > 2)
    width = max(widths, key=widths.__getitem__, default=3)
    score_at = min(
        (at for *_, row in rows for at in range(2, len(row)) if parse_number(row[at]) is not None),
        default=2,
    )
    pairs: list[Pair] = []
    bad: list[Row] = []
    for row in rows:
        fields = row[2]
        score = parse_number(fields[score_at]) if len(fields) == width > score_at else None
        if score is None or not fields[0] or not fields[1]:
            bad.append(row)
        else:
            pairs.append((fields[0], fields[1], score))
    if bad:
        may_be_header = bad[0] is rows[0] and not has_header
        number, line, _ = bad[1] if may_be_header and len(bad) > 1 else bad[0]
        hint = "; if this is a header, begin it with #" if may_be_header and len(bad) == 1 else ""
        raise source.bad_line(number, "two words and a number", line, hint)
    return pairs


def _sections(source: DatasetFile, name: str, kind: str | None) -> list[Section]:
    """The sections of one file that hold questions."""
    table = parse_table(source)
    if table.has_row_numbers:
        found = _tabled_questions(source, table.rows[1:])
    else:
        blocks: list[tuple[str, list[Line]]] = [(name, [])]
        for number, line, _ in table.rows:
            if line.startswith(":"):
                blocks.append((line[1:].strip(), []))
            else:
                blocks[-1][1].append((number, line))
        first = next((lines[0][1] for _, lines in blocks if lines), "")
        questions_of = _pair_questions if len(split_columns(first)) == 2 else _listed_questions
        found = [(title, questions_of(source, lines)) for title, lines in blocks if lines]
    return [
        Section(title, tuple(questions), kind or _kind_of_section(title))
        for title, questions in found
        if questions
    ]


def _listed_questions(source: DatasetFile, lines: Sequence[Line]) -> list[Question]:
    """Questions of four words a line."""
    questions: list[Question] = []
    for number, line in lines:
        words = split_spaces(line)
        if len(words) != 4:
            raise source.bad_line(number, "four words, or ': ' and the name of a section", line)
        questions.append((words[0], words[1], words[2], (words[3],)))
    return questions


def _pair_questions(source: DatasetFile, lines: Sequence[Line]) -> list[Question]:
    """The questions that the pairs of one relation make, each two in both orders."""
    if len(lines) > MOST_PAIRS:
        raise EvaluationError(
            f"{source}: {len(lines):,} pairs of a relation, at most {MOST_PAIRS:,}"
        )
    pairs: list[tuple[str, tuple[str, ...]]] = []
    for number, line in lines:
        columns = split_columns(line)
        parts = columns[1].split("/") if len(columns) == 2 else []
        targets = tuple(dict.fromkeys(filter(None, map(str.strip, parts))))
        if not targets or not columns[0]:
            raise source.bad_line(number, "a word and its target/target", line)
        pairs.append((columns[0], targets))
    return [
        (a, bs[0], c, ds)
        for i, (a, bs) in enumerate(pairs)
        for j, (c, ds) in enumerate(pairs)
        if i != j
    ]


def _tabled_questions(source: DatasetFile, rows: Sequence[Row]) -> list[tuple[str, list[Question]]]:
    """The questions of a table with row numbers, by section in the order of first appearance."""
    sections: dict[str, list[Question]] = {}
    for number, line, fields in rows:
        if len(fields) != 5 or not all(fields):
            raise source.bad_line(number, "a section and four words", line)
        section, a, b, c, d = fields
        sections.setdefault(section, []).append((a, b, c, (d,)))
    return list(sections.items())


def _kind_of_section(title: str) -> str:
    return "syntactic" if title.startswith(SYNTACTIC) else "semantic"


def _kind_of_folder(folder: str) -> str:
    return next((kind for kind in BATS_KINDS if kind in folder.lower()), folder)


def _categorised(source: DatasetFile) -> list[tuple[str, str]]:
    """The words of a table with the category of each."""
    table = parse_table(source)
    rows = table.rows
    for number, line, fields in rows:
        if len(fields) != 2:
            raise source.bad_line(number, "a word and its category", line)
    if not rows:
        return []
    head = [field.lower() for field in table.first]
    if set(head) & WORD_HEADS and set(head) & CATEGORY_HEADS:
        category_at = 0 if head[0] in CATEGORY_HEADS else 1
        rows = rows[1:]
    else:
        rows = rows[table.has_row_numbers :]
        n_first, n_second = (len({fields[at] for *_, fields in rows}) for at in (0, 1))
        category_at = 0 if n_first < n_second else 1
    for number, line, fields in rows:
        if not fields[category_at]:
            raise source.bad_line(number, "a word and its category", line)
    word_at = 1 - category_at
    return [(fields[word_at], fields[category_at]) for *_, fields in rows if fields[word_at]]


def _group(source: DatasetFile, name: str) -> OutlierGroup:
    """The members, an empty line, the outliers."""
    words = [line for _, line in source.all_lines()]
    while words and not words[0]:
        del words[0]
    split = words.index("") if "" in words else len(words)
    outliers = tuple(filter(None, words[split:]))
    if split < 2 or not outliers:
        raise EvaluationError(
            f"{source}: expected at least two words, a line each, an empty line and the words that "
            "do not belong to them"
        )
    return OutlierGroup(name, tuple(words[:split]), outliers)


def _tabled_groups(source: DatasetFile, rows: Sequence[Row]) -> list[OutlierGroup]:
    """The groups of a table with the columns `outliers` and `words`."""
    number, line, head = rows[0]
    if "outliers" not in head or "words" not in head or len(head) < 3:
        raise source.bad_line(number, "the columns category, outliers and words", line)
    outliers_at, words_at = head.index("outliers"), head.index("words")
    groups = []
    for number, line, fields in rows[1:]:
        outliers, words = (_words_of(fields, at) for at in (outliers_at, words_at))
        if len(fields) != len(head) or not outliers or len(words) < 2:
            raise source.bad_line(number, "a list of outliers and a list of words", line)
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
