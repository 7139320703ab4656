"""Collocations: found, scored, joined, kept in a table."""

import io
import math
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedtool.config.text import PhrasesConfig, TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.phrases import (
    Pair,
    Phrases,
    read_table,
    rereadable,
    write_table,
)
from embedtool.errors import CorpusError, OutputError
from tests.conftest import Run

TEXT = "new york is big\n" * 6 + "new car\n" * 4 + "old york\n" * 2
"""Counts: new 10, york 8, is 6, big 6, car 4, old 2; 36 tokens; new york 6, york is 6, is big 6."""


def learned(path: Path, text: str, **options: object) -> dict[Pair, float]:
    path.write_text(text, encoding="utf-8")
    phrases = Phrases(PhrasesConfig(**options))  # type: ignore[arg-type]
    phrases.learn(Corpus([str(path)]))
    return phrases.scores


def test_word2phrase_scores(tmp_path: Path) -> None:
    scores = learned(tmp_path / "a", TEXT, min_count=2, threshold=0.1)
    assert scores == pytest.approx(
        {
            ("new", "york"): (6 - 2) / (10 * 8) * 36,
            ("york", "is"): (6 - 2) / (8 * 6) * 36,
            ("is", "big"): (6 - 2) / (6 * 6) * 36,
            ("new", "car"): (4 - 2) / (10 * 4) * 36,
        }
    )


def test_npmi_scores(tmp_path: Path) -> None:
    def npmi(pair: int, first: int, second: int) -> float:
        together, one, other = pair / 36, first / 36, second / 36
        return math.log(together / (one * other)) / -math.log(together)

    scores = learned(tmp_path / "a", TEXT, scoring="npmi", min_count=2, threshold=-1)
    assert scores == pytest.approx(
        {
            ("new", "york"): npmi(6, 10, 8),
            ("york", "is"): npmi(6, 8, 6),
            ("is", "big"): 1,
            ("new", "car"): npmi(4, 10, 4),
            ("old", "york"): npmi(2, 2, 8),
        }
    )


def test_only_scores_above_the_threshold_are_taken(tmp_path: Path) -> None:
    score = (6 - 2) / (10 * 8) * 36
    options = {"min_count": 2}
    at = learned(tmp_path / "a", TEXT, threshold=score, **options)
    assert ("new", "york") not in at
    assert ("york", "is") in at
    below = learned(tmp_path / "a", TEXT, threshold=math.nextafter(score, 0), **options)
    assert ("new", "york") in below


@pytest.mark.parametrize("scoring", ["word2phrase", "npmi"])
def test_pairs_below_min_count_are_left_out(scoring: str, tmp_path: Path) -> None:
    scores = learned(tmp_path / "a", TEXT, scoring=scoring, min_count=5, threshold=-1)
    assert scores.keys() == {("new", "york"), ("york", "is"), ("is", "big")}


def test_pairs_do_not_reach_over_line_ends(tmp_path: Path) -> None:
    assert learned(tmp_path / "a", "a\nb\n" * 50, min_count=1, threshold=0.01) == {}


def test_words_that_hold_the_delimiter_are_words(tmp_path: Path) -> None:
    """new_york of the text is one word, and no pair of new and york."""
    text = "new_york rules\n" * 20 + "new york\n" * 2 + "New\xa0York x\u2028y\n" * 9
    scores = learned(tmp_path / "a", text, min_count=3, threshold=0.01)
    assert scores.keys() == {("new_york", "rules"), ("New\xa0York", "x\u2028y")}


@pytest.mark.parametrize("text", ["", "\n\n", "word\n", "a b c\n"])
def test_nothing_to_find(text: str, tmp_path: Path) -> None:
    assert learned(tmp_path / "a", text) == {}


@pytest.mark.parametrize(
    ("pairs", "sentence", "joined"),
    [
        ([], "a b", "a b"),
        (["a b"], "a b", "a_b"),
        (["a b"], "x a b y a b", "x a_b y a_b"),
        (["a b", "b c"], "a b c", "a_b c"),
        (["a b", "b c"], "a a b c", "a a_b c"),
        (["a b", "c d"], "a b c d", "a_b c_d"),
        (["b c"], "a b c", "a b_c"),
        (["a a"], "a a a", "a_a a"),
        (["a a"], "a a a a", "a_a a_a"),
        (["a b"], "b a", "b a"),
        (["a b"], "a", "a"),
        (["a b"], "", ""),
    ],
)
def test_pairs_are_joined_from_left_to_right_and_never_twice(
    pairs: list[str], sentence: str, joined: str
) -> None:
    scores = {(pair.split()[0], pair.split()[1]): 1.0 for pair in pairs}
    phrases = Phrases(PhrasesConfig(), scores)
    words = sentence.split()
    assert phrases.join(words) == joined.split()
    assert phrases.n_joined == joined.count("_")
    assert words == sentence.split()


@settings(deadline=None)
@given(
    sentence=st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    pairs=st.sets(st.tuples(st.sampled_from("abc"), st.sampled_from("abc"))),
)
def test_joining_keeps_every_word(sentence: list[str], pairs: set[Pair]) -> None:
    phrases = Phrases(PhrasesConfig(), dict.fromkeys(pairs, 1.0))
    joined = phrases.join(sentence)
    assert "_".join(joined).split("_") == sentence
    assert phrases.n_joined == len(sentence) - len(joined)
    for first, second in pairwise(joined):
        assert "_" in second or "_" in first or (first, second) not in pairs
    assert all(tuple(word.split("_")) in pairs for word in joined if "_" in word)


def test_joined_words_are_counted_over_all_sentences() -> None:
    phrases = Phrases(PhrasesConfig(), {("a", "b"): 1.0})
    for sentence in (["a", "b"], ["c"], ["a", "b", "a", "b"]):
        phrases.join(sentence)
    assert phrases.n_joined == 3


@pytest.mark.parametrize("delimiter", ["-", "::", "␣", "_"])
def test_the_delimiter_is_the_one_asked_for(delimiter: str) -> None:
    phrases = Phrases(PhrasesConfig(delimiter=delimiter), {("a", "b"): 1.0})
    assert phrases.join(["a", "b"]) == [f"a{delimiter}b"]


def test_what_was_learned_is_joined(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(TEXT)
    phrases = Phrases(PhrasesConfig(min_count=2, threshold=1.7))
    phrases.learn(Corpus([str(path)]))
    sentence = ["the", "new", "york", "is", "new", "car"]
    assert phrases.join(sentence) == ["the", "new_york", "is", "new_car"]


WORD = st.text(st.characters(exclude_characters=" \t\n\r\v\f\0", codec="utf-8"), min_size=1)


@settings(deadline=None)
@example({("\ufeff", "a"): 1.0})
@given(scores=st.dictionaries(st.tuples(WORD, WORD), st.floats(-1e9, 1e9)))
def test_a_table_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, scores: dict[Pair, float]
) -> None:
    path = tmp_path_factory.getbasetemp() / "table.tsv"
    write_table(scores, path)
    read = read_table(path)
    assert read == pytest.approx(scores, rel=1e-8, abs=0)
    assert [scores[pair] for pair in read] == sorted(scores.values(), reverse=True)


def test_a_table_is_three_columns_the_best_first(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    write_table({("a", "b"): 1.5, ("c", "é"): 1 / 3, ("e", "f"): 100.0}, path)
    assert path.read_text(encoding="utf-8") == "e\tf\t100\na\tb\t1.5\nc\té\t0.333333333\n"


def test_a_table_edited_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_bytes(b"a\tb\t1.5\r\n\nc\td\t2")
    assert read_table(path) == {("a", "b"): 1.5, ("c", "d"): 2.0}


@pytest.mark.parametrize("line", ["a b 1", "a\tb", "a\tb\tc", "a\tb\t1\t2", "a\t\t1", "\tb\t1"])
def test_a_line_of_a_table_that_is_something_else_is_named(line: str, tmp_path: Path) -> None:
    path = tmp_path / "table.tsv"
    path.write_text(f"a\tb\t1\n{line}\n")
    message = r"table\.tsv, line 2: not two words and a score, separated by tabs"
    with pytest.raises(CorpusError, match=message):
        read_table(path)


def test_a_table_that_cannot_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="gone: cannot be read: No such file"):
        read_table(tmp_path / "gone")
    (tmp_path / "bad").write_bytes(b"a\tb\xff\t1\n")
    with pytest.raises(CorpusError, match="bad, byte 3: invalid UTF-8"):
        read_table(tmp_path / "bad")
    with pytest.raises(OutputError, match="cannot be written"):
        write_table({}, tmp_path / "gone" / "table")


def test_standard_input_can_be_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = "New\xa0York, IS\r\n\n" + "word " * 20_000 + "\nx\u2028y </s>"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode())))
    expected = [["new\xa0york,", "is"], ["word"] * 20_000, ["x\u2028y", "</s>"]]
    with rereadable(Corpus(["-"], TextConfig(lowercase=True))) as corpus:
        assert [list(corpus.sentences()) for _ in range(2)] == [expected, expected]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_standard_input_is_read_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a b\n")
    corpus = Corpus([str(tmp_path / "a")])
    with rereadable(corpus) as same:
        assert same is corpus


def test_the_kept_text_is_read_as_text_whatever_its_first_bytes_look_like(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"PAR1 is a gene\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    with rereadable(Corpus(["-"], TextConfig(input_format="text"))) as corpus:
        assert list(corpus.sentences()) == [["PAR1", "is", "a", "gene"]]


def test_connector_words_may_stand_within_a_phrase(tmp_path: Path) -> None:
    text = (
        "the bank of america pays\n" * 9 + "word of honour\nbank and america\n" * 3 + "x y\n" * 90
    )
    options = {"min_count": 2, "threshold": 5, "connector_words": "english"}
    scores = learned(tmp_path / "a", text, **options)
    phrase = ("bank", "of", "america")
    assert phrase in scores
    assert not any({"of", "the", "and"} & {pair[0], pair[-1]} for pair in scores)
    phrases = Phrases(PhrasesConfig(), scores)
    sentence = ["a", "bank", "of", "america", "and", "of", "bank", "of"]
    assert phrases.join(sentence) == ["a", "bank_of_america", "and", "of", "bank", "of"]
    write_table(scores, tmp_path / "table.tsv")
    assert "\nbank\tof america\t" in f"\n{(tmp_path / 'table.tsv').read_text()}"
    assert read_table(tmp_path / "table.tsv").keys() == scores.keys()
    assert phrase not in learned(tmp_path / "a", text, min_count=2, threshold=5)
    mine = learned(tmp_path / "a", text, **{**options, "connector_words": "and, of"})
    assert phrase in mine


def test_apply_takes_the_threshold(run: Run, tmp_path: Path) -> None:
    table, text = tmp_path / "table.tsv", tmp_path / "text.txt"
    write_table({("a", "b"): 50.0, ("c", "d"): 5.0}, table)
    text.write_text("a b c d\n")
    arguments = ["phrases", text, "--apply", table]
    assert run(*arguments).stdout == "a_b c_d\n"
    assert run(*arguments, "--threshold", "5").stdout == "a_b c d\n"
    result = run(*arguments, "--threshold", "50")
    assert result.stdout == "a b c d\n"
    assert result.stderr.endswith("0 phrases, 0 times\n")


@pytest.mark.parametrize(
    "option", [["--min-count", "3"], ["--scoring", "npmi"], ["--connector-words", "english"]]
)
def test_apply_refuses_options_of_learning(run: Run, option: list[str], tmp_path: Path) -> None:
    (tmp_path / "table.tsv").write_text("a\tb\t1\n")
    result = run("phrases", "-", "--apply", tmp_path / "table.tsv", *option, input="a b\n")
    assert result.exit_code == 2
    assert result.stderr == f"Error: {option[0]} goes without --apply (see cli phrases --help)\n"


def test_csv_has_its_delimiter_under_another_name(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id;text\n1;new york\n")
    (tmp_path / "table.tsv").write_text("new\tyork\t1\n")
    arguments = ["phrases", path, "--apply", tmp_path / "table.tsv", "--csv-delimiter", ";"]
    assert run(*arguments, "--delimiter", "+").stdout == "new+york\n"


CHINESE = "我们喜欢学习自然语言处理 因为它非常有意思而且有用\n" * 20


@pytest.mark.parametrize("command", ["vocab", "phrases"])
def test_what_the_reading_was_not_meant_for_is_said(run: Run, command: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(CHINESE.encode() + b"\xff\xfe bad \xff\n")
    for errors in ("replace", "skip"):
        for name, source in ((path, None), ("-", path.read_bytes())):
            result = run(command, name, "--encoding-errors", errors, input=source)
            assert result.exit_code == 0
            assert result.stderr.count(f"Warning: 3 invalid UTF-8 sequences: {errors}\n") == 1
            assert "Warning: much of the text is Chinese or Japanese" in result.stderr
    result = run(command, path, "--encoding-errors", "skip", "--tokenizer", "icu")
    assert "Chinese" not in result.stderr
