"""Public datasets are found and read in full; files like them are read, or refused by line."""

import math

import pytest

from embedtool.errors import EvaluationError
from embedtool.evaluation.datasets import DATASETS, read_analogies, read_pairs


def test_google_analogies():
    google = read_analogies("google")
    assert google.name == "google"
    assert len(google.sections) == 14
    assert len(google.questions) == 19_544
    assert google.sections[0].name == "capital-common-countries"
    assert google.questions[0] == ("Athens", "Greece", "Baghdad", "Iraq")


@pytest.mark.parametrize("name, n_pairs", [("wordsim353", 353), ("simlex999", 999)])
def test_pairs(name, n_pairs):
    found = read_pairs(name)
    assert found.name == name
    assert len(found.pairs) == n_pairs
    assert all(0 <= score <= 10 for _, _, score in found.pairs)


def test_each_dataset_tells_its_source():
    for dataset in DATASETS.values():
        assert dataset.source and dataset.licence


def test_a_file_of_analogies(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text(
        "\ufeff# a comment\r\na b c d\r\n: capitals\r\nParis France New\u00a0York  USA\r\n\r\n"
        ":gram-plural\n: empty\n",
        encoding="utf-8",
    )
    found = read_analogies(path)
    assert [(s.name, s.questions) for s in found.sections] == [
        ("mine", (("a", "b", "c", "d"),)),
        ("capitals", (("Paris", "France", "New\u00a0York", "USA"),)),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "tiger\tcat\t7.35\nlove\tsex\t6\n",
        "tiger,cat,7.35\nlove, sex, 6",
        "tiger cat 7.35\nlove   sex 6\n",
        "# Word 1\tWord 2\n\nWord 1,Word 2,Human (mean)\ntiger,cat,7.35\nlove\tsex\t6",
    ],
)
def test_a_file_of_pairs(tmp_path, text):
    path = tmp_path / "mine.csv"
    path.write_text(text)
    assert read_pairs(str(path)).pairs == (("tiger", "cat", 7.35), ("love", "sex", 6.0))


@pytest.mark.parametrize(
    "text, line",
    [
        ("a b c\n", 1),
        (": s\na b c d\n\na b c d e\n", 4),
        (": s\n" + "long " * 1000, 2),
    ],
)
def test_bad_questions_are_named_by_line(tmp_path, text, line):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=rf"bad\.txt, line {line}: expected four words") as e:
        read_analogies(path)
    assert len(str(e.value)) < 250


@pytest.mark.parametrize(
    "text, line",
    [
        ("a\tb\n", 1),
        ("a b c d\n", 1),
        ("a b 1\na b x\n", 2),
        ("word1 word2 score\nword1 word2 score\n", 2),
        ("a b 1\na\t\t2\n", 2),
        ("a b 1\na b nan\n", 2),
        ("a b 1\na,b,inf\n", 2),
    ],
)
def test_bad_pairs_are_named_by_line(tmp_path, text, line):
    path = tmp_path / "bad.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match=rf"bad\.txt, line {line}: expected two words and a"):
        read_pairs(path)


@pytest.mark.parametrize("text", ["", "\n\n# only this\n", ": section\n"])
def test_empty_files_are_refused(tmp_path, text):
    path = tmp_path / "empty.txt"
    path.write_text(text)
    with pytest.raises(EvaluationError, match="holds no questions"):
        read_analogies(path)


def test_a_header_alone_holds_no_pairs(tmp_path):
    path = tmp_path / "empty.txt"
    path.write_text("word1 word2 score\n")
    with pytest.raises(EvaluationError, match="holds no pairs"):
        read_pairs(path)


def test_what_is_no_text_is_refused(tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(b"a b c d\n\xff\xfe\n")
    with pytest.raises(EvaluationError, match="line 2: not UTF-8"):
        read_analogies(path)
    with pytest.raises(EvaluationError, match="cannot be read"):
        read_pairs(tmp_path)


def test_unknown_names_list_the_known():
    with pytest.raises(EvaluationError, match=r"nor a dataset of pairs \(wordsim353, simlex999\)"):
        read_pairs("wordsim")
    with pytest.raises(EvaluationError, match=r"nor a dataset of analogies \(google\)"):
        read_analogies("gogle")
    with pytest.raises(EvaluationError, match="google is a dataset of analogies, not of pairs"):
        read_pairs("google")


def test_scores_are_finite():
    assert all(math.isfinite(score) for _, _, score in read_pairs("wordsim353").pairs)
