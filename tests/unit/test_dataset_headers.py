"""First lines: a header and row numbers are no questions, and a question is no header."""

import pytest

from embedtool.errors import EvaluationError
from embedtool.evaluation.datasets import (
    read_analogies,
    read_analogies_or_pairs,
    read_categories,
    read_outliers,
    read_pairs,
)
from tests.unit.test_evaluation_datasets import CATEGORIES

HEADERS = [
    "word1\tword2\tscore", "Word 1,Word 2,Human (mean)", "w1 w2 sim", "word 1\tword 2\tRating",
    "first,second,Mean similarity", "a\tb\tGOLD", "word1;x word2 SimLex999",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_a_header_names_the_scores(tmp_path, header):
    path = tmp_path / "pairs.txt"
    path.write_text(f"{header}\nold\tnew\t1.58\nsmart\tdumb\t0.55\n")
    assert read_pairs(path).pairs == (("old", "new", 1.58), ("smart", "dumb", 0.55))


@pytest.mark.parametrize(
    "first",
    [
        "king\tqueen\tnine", "king\tqueen\t9,5", "king\tqueen\tnan", "king\tqueen\t",
        "king\t\t9", "king\tqueen\t1O", "king queen", "mot1\tmot2\tnote", "king\tqueen\t-",
        "king\tqueen\tinf", "king,queen,", "king\tqueen\t9\t1", "king\tqueen\t1_0",
    ],
)  # fmt: skip
def test_a_first_line_that_is_no_pair_is_not_taken_for_a_header(tmp_path, first):
    path = tmp_path / "pairs.txt"
    path.write_text(f"{first}\nking\tprince\t7\nqueen\tpalace\t6\n")
    with pytest.raises(EvaluationError) as error:
        read_pairs(path)
    assert str(error.value) == (
        f"{path}, line 1: expected two words and a number, found {first.strip()!r}; if this is a "
        "header, begin it with #"
    )


def test_a_header_of_other_names_begins_with_a_mark(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("# mot1\tmot2\tnote\nroi\treine\t9\n")
    assert read_pairs(path).pairs == (("roi", "reine", 9.0),)


def test_a_bad_score_in_the_first_line_does_not_choose_another_column(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("old\tnew\tA\tx\t2.72\nsmart\tdumb\tA\t0.55\t1.75\n")
    with pytest.raises(EvaluationError, match="line 1: expected two words and a number"):
        read_pairs(path)


NUMBERED = [
    ",word1,word2,score\n0,old,new,1.58\n1,smart,dumb,0.55\n",
    ",0,1,2\n0,old,new,1.58\n1,smart,dumb,0.55\n",
    "\tword1\tword2\tscore\n0\told\tnew\t1.58\n1\tsmart\tdumb\t0.55\n",
    "ID,word 1,word 2,Average\n1,old,new,1.58\n2,smart,dumb,0.55\n",
    "index\ta\tb\tc\n0\told\tnew\t1.58\n1\tsmart\tdumb\t0.55\n",
]


@pytest.mark.parametrize("text", NUMBERED)
def test_row_numbers_are_no_words(tmp_path, text):
    """As pandas writes them, between commas and tabs, and R, and tables with a column of ids."""
    path = tmp_path / "pairs.txt"
    path.write_text(text)
    assert read_pairs(path).pairs == (("old", "new", 1.58), ("smart", "dumb", 0.55))


@pytest.mark.parametrize(
    "read, text, line",
    [
        (read_pairs, ",queen,9,1\nking,queen,8,2\n", 2),
        (read_pairs, ",a,b,c\n0,old,new,1.58\nsmart,dumb,0.55,1\n", 3),
        (read_categories, ",fish\ncod,fish\n", 2),
        (read_analogies, ",b,c,d,e,f\na,b,c,d,e,f\n", 2),
        (read_outliers, ",outliers,words\ncats,['dog'],['lion', 'puma']\n", 2),
    ],
)
def test_a_line_without_its_first_word_does_not_cost_the_others_theirs(tmp_path, read, text, line):
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(
        EvaluationError, match=rf"csv, line {line}: expected a row number, because the"
    ):
        read(path)


def test_a_header_of_categories_in_numbers_is_none_of_the_words(tmp_path):
    path = tmp_path / "nouns.csv"
    path.write_text(",0,1\n0,cod,fish\n1,eel,fish\n2,ox,mammal\n")
    assert read_categories(path).words == CATEGORIES
    path.write_text("item\tgroup\ncod\tfish\neel\tfish\nox\tmammal\n")
    assert read_categories(path).words == CATEGORIES


def test_what_is_neither_pairs_nor_analogies_is_told_of_both(tmp_path):
    path = tmp_path / "held-out.txt"
    path.write_text("king queen nine\nking prince 7\n")
    with pytest.raises(EvaluationError) as error:
        read_analogies_or_pairs(path)
    assert str(error.value) == (
        f"{path}, line 1: expected two words and a number, found 'king queen nine'; if this is a "
        f"header, begin it with #; or, if these are analogies, {path}, line 1: expected four "
        "words, or ': ' and the name of a section, found 'king queen nine'"
    )
