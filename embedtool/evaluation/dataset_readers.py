"""Readers of word pairs, categories, outlier groups and bilingual dictionaries.

Each reads a file, a folder of files or a zip archive of them.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError
from embedtool.evaluation.analogy_reader import parse_analogies
from embedtool.evaluation.dataset_lines import (
    DatasetFile,
    Row,
    iter_text_files,
    open_dataset,
    parse_number,
    parse_table,
)
from embedtool.evaluation.tasks import (
    CategorySet,
    Dataset,
    OutlierGroup,
    OutlierSet,
    Pair,
    PairSet,
)
from embedtool.io.encodings import UTF8

WORD_HEADERS = {"word", "words", "concept", "term", "noun", "verb", "item"}
CATEGORY_HEADERS = {"category", "categories", "class", "cluster", "group", "label", "type"}
"""Headers of the columns of a table of words and categories, in lower case."""
SCORE_HEADERS = {
    "average", "gold", "human", "judgement", "judgment", "mean", "rating", "ratings", "relatedness",
    "score", "scores", "sim", "similarity", "simlex",
}  # fmt: skip
"""The header of the scores in a table of pairs contains one of these words."""
WORD_PATTERN = re.compile(r"[^\W\d_]+")

LEMMA = re.compile(r"(.+)[-_][njvar]")
"""A word with its part of speech, as in MEN's lemma form: `sun-n`."""


def parse_pairs(path: Path, name: str, *, encoding: str = UTF8) -> PairSet:
    """Read pairs of words with a score.

    A line holds two words and then the score, in the first column that has a number in any line,
    separated by tabs, commas or spaces; all lines have the same columns. The first line may be a
    header: it has row numbers below it, or a column of SCORE_HEADERS. If every word ends in its
    part of speech, such as `-n`, that is removed.

    Raises
    ------
    EvaluationError
        If the file does not have this format; the message has file and line.
    """
    with open_dataset(path, encoding) as source:
        table = parse_table(source)
        has_header = table.has_row_numbers or _is_score_header(table.first)
        pairs = _pairs(source, table.rows[has_header:], has_header)
    if not pairs:
        raise EvaluationError(f"{path} holds no pairs")
    lemmas = [(LEMMA.fullmatch(a), LEMMA.fullmatch(b), score) for a, b, score in pairs]
    stripped = [(a[1], b[1], score) for a, b, score in lemmas if a and b]
    return PairSet(name, tuple(stripped if len(stripped) == len(pairs) else pairs))


def parse_categories(path: Path, name: str, *, encoding: str = UTF8) -> CategorySet:
    """Read words with the category of each, in one of two formats.

    - A table of two columns, separated by tabs, commas or spaces, with or without row numbers. The
      header says which column holds the categories; without a header it is the one with fewer
      different values. A row without a word is skipped.
    - A folder or an archive: each file is a category, each line of it a word.

    Parameters
    ----------
    path : Path
        A file, a folder or a zip archive.

    Raises
    ------
    EvaluationError
        If the file does not have this format; the message has file and line.
    """
    with open_dataset(path, encoding) as root:
        if root.is_folder:
            words = [
                (word, source.stem)
                for source, _ in iter_text_files(root)
                for _, word in source.lines()
            ]
        else:
            words = _categorised_words(root)
    if not words:
        raise EvaluationError(f"{path} holds no words")
    return CategorySet(name, tuple(words))


def parse_outliers(path: Path, name: str, *, encoding: str = UTF8) -> OutlierSet:
    """Read groups of words with outliers (Camacho-Collados & Navigli 2016), in one of two formats.

    - A file holds the members of a group, a word a line, an empty line, and the outliers. In a
      folder or an archive of such files each is a group.
    - A table with row numbers and the columns `outliers` and `words`, which hold Python lists.

    Parameters
    ----------
    path : Path
        A file, a folder or a zip archive.

    Raises
    ------
    EvaluationError
        If the file does not have this format; the message has file and line.
    """
    with open_dataset(path, encoding) as root:
        if root.is_folder:
            groups = [_group(source, source.stem) for source, _ in iter_text_files(root)]
        elif (table := parse_table(root)).has_row_numbers:
            groups = _groups_in_table(root, table.rows)
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
    """Read words with their translations.

    Each line holds a word and one translation, separated by a tab or spaces; a word that has
    several translations stands on several lines. Empty lines and comments, which begin with `#`,
    are skipped.

    Returns
    -------
    tuple of (word, translation)
        Each once, in the order of the file.

    Raises
    ------
    EvaluationError
        If the file does not have this format; the message has file and line.
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


def _is_score_header(fields: Sequence[str]) -> bool:
    """Return whether these are the column names of a table of pairs."""
    words = [word for field in fields[2:] for word in WORD_PATTERN.findall(field.lower())]
    return not SCORE_HEADERS.isdisjoint(words)


def _pairs(source: DatasetFile, rows: Sequence[Row], has_header: bool) -> list[Pair]:
    """Return the pairs of the rows below the header.

    Parameters
    ----------
    source : DatasetFile
        For errors.
    rows : sequence of Row
        Without the header.
    has_header : bool
        Whether there was one.
    """
    widths = Counter(len(row) for *_, row in rows if len(row) > 2)
    width = max(widths, key=widths.__getitem__, default=3)
    score_column = min(
        (
            column
            for *_, row in rows
            for column in range(2, len(row))
            if parse_number(row[column]) is not None
        ),
        default=2,
    )
    pairs: list[Pair] = []
    bad: list[Row] = []
    for row in rows:
        fields = row[2]
        score = parse_number(fields[score_column]) if len(fields) == width > score_column else None
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


def _categorised_words(source: DatasetFile) -> list[tuple[str, str]]:
    """Return the words of a table with the category of each."""
    table = parse_table(source)
    rows = table.rows
    for number, line, fields in rows:
        if len(fields) != 2:
            raise source.bad_line(number, "a word and its category", line)
    if not rows:
        return []
    header = [field.lower() for field in table.first]
    if set(header) & WORD_HEADERS and set(header) & CATEGORY_HEADERS:
        category_column = 0 if header[0] in CATEGORY_HEADERS else 1
        rows = rows[1:]
    else:
        rows = rows[table.has_row_numbers :]
        n_first, n_second = (len({fields[column] for *_, fields in rows}) for column in (0, 1))
        category_column = 0 if n_first < n_second else 1
    for number, line, fields in rows:
        if not fields[category_column]:
            raise source.bad_line(number, "a word and its category", line)
    word_column = 1 - category_column
    return [
        (fields[word_column], fields[category_column]) for *_, fields in rows if fields[word_column]
    ]


def _group(source: DatasetFile, name: str) -> OutlierGroup:
    """Return the group of a file: the members, an empty line, the outliers."""
    words = [line for _, line in source.all_lines()]
    while words and not words[0]:
        del words[0]
    end = words.index("") if "" in words else len(words)
    outliers = tuple(filter(None, words[end:]))
    if end < 2 or not outliers:
        raise EvaluationError(
            f"{source}: expected at least two words, a line each, an empty line and the words that "
            "do not belong to them"
        )
    return OutlierGroup(name, tuple(words[:end]), outliers)


def _groups_in_table(source: DatasetFile, rows: Sequence[Row]) -> list[OutlierGroup]:
    """Return the groups of a table with the columns `outliers` and `words`."""
    number, line, header = rows[0]
    if "outliers" not in header or "words" not in header or len(header) < 3:
        raise source.bad_line(number, "the columns category, outliers and words", line)
    columns = header.index("outliers"), header.index("words")
    groups = []
    for number, line, fields in rows[1:]:
        outliers, words = (_word_list(fields, column) for column in columns)
        if len(fields) != len(header) or not outliers or len(words) < 2:
            raise source.bad_line(number, "a list of outliers and a list of words", line)
        groups.append(OutlierGroup(fields[0], words, outliers))
    return groups


def _word_list(fields: Sequence[str], column: int) -> tuple[str, ...]:
    """Return the non-empty words of a Python list literal; nothing if a field is not one."""
    try:
        value = ast.literal_eval(fields[column]) if column < len(fields) else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return ()
    words = value if isinstance(value, list) else []
    return tuple(word for word in words if isinstance(word, str) and word)
