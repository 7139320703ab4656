"""Hard-wrapped text: told from verses and sentences, warned of, and joined."""

import io
import json
import random
import textwrap
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.config.text import TextConfig
from embedtool.corpus.cleaning import gutenberg
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.paragraphs import paragraphs, wrapped_at
from tests.conftest import Run
from tests.factories import read_sentences

TEXT = (
    "the king of a small country rules his people well while her sister the queen "
    "crosses wide seas with ships of war and merchants come home again bringing "
    "silver salt wool amber from far northern towns where nobody knows what happened"
)
WORDS = TEXT.split()


def prose(n_words: int, seed: int = 1) -> str:
    """Words in an order that does not come again."""
    return " ".join(random.Random(seed).choices(WORDS, k=n_words))


def wrapped(width: int, n_paragraphs: int = 30) -> str:
    texts = (prose(40 + 7 * i % 90, i) for i in range(n_paragraphs))
    return "\n\n".join(textwrap.fill(text, width) for text in texts)


@pytest.mark.parametrize("width", [60, 63, 66, 70, 72, 75, 78, 80])
@pytest.mark.parametrize("indent", ["", "    "])
def test_wrapped_lines_are_told(width: int, indent: str) -> None:
    lines = textwrap.indent(wrapped(width - len(indent)), indent).split("\n")
    assert width - 2 <= (wrapped_at(lines) or 0) <= width
    without_empty = [line for line in lines if line]
    assert wrapped_at(without_empty)


def verses(mean: float, deviation: float) -> list[str]:
    rng = random.Random(3)
    lines = []
    for _ in range(600):
        line, length = rng.choice(WORDS), rng.gauss(mean, deviation)
        while len(line) < length:
            line += " " + rng.choice(WORDS)
        lines.append(line)
    return lines


@pytest.mark.parametrize(
    "lines",
    [
        *(verses(mean, deviation) for mean in (40, 50, 58, 64, 70) for deviation in (4, 6, 10, 30)),
        [prose(n, n) for n in range(1, 80)],
        [f"{line}." for line in wrapped(72).split("\n") if line],
        ["the king rules the land and the queen rules the sea until they die"] * 500,
        ["word"] * 500,
        wrapped(140).split("\n"),
        wrapped(40).split("\n"),
        wrapped(72).split("\n")[:15],
        ["acgt" * 18] * 30 + ["ccgt" * 18, "tcgt" * 18] * 30,
        [],
        ["", " ", ""],
    ],
)
def test_what_is_not_wrapped_is_not_told(lines: list[str]) -> None:
    """Verses, sentences a line, with and without full stops, one line, few lines, sequences."""
    assert wrapped_at(lines) is None


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("a b\nc d\n\ne\n", "a b c d\ne "),
        ("a\r\nb\r\n\r\nc", "a b\nc"),
        ("a\n \t\n\n\nb", "a\nb"),
        ("\n\na", "\na"),
        ("know-\nledge", "knowledge"),
        ("know- \n  ledge", "knowledge"),
        ("Know\u00ad\nLedge know\u2010\nledge", "KnowLedge knowledge"),
        ("größ-\nte Maß-\nnahme", "größte Maßnahme"),
        ("Jean-\nPaul", "Jean-Paul"),
        ("1914-\n1918 20-\nyear", "1914-1918 20-year"),
        ("wait--\nwhat wait -\nwhat", "wait-- what wait - what"),
        ("end-\n\nnext", "end-\nnext"),
        ("a-", "a-"),
        ("-\na", "- a"),
        ("well-known", "well-known"),
        ("", ""),
    ],
)
def test_lines_are_joined_up_to_an_empty_one(text: str, joined: str) -> None:
    assert "".join(paragraphs([text])) == joined
    assert "".join(paragraphs(text)) == joined


def test_hyphens_may_stay() -> None:
    assert "".join(paragraphs(["drawing-\nroom"], mend_hyphens=False)) == "drawing- room"


@given(
    st.lists(st.sampled_from(["a", "b-", "-", "\u00ad", " ", "\n", "\r\n", "Z", "1", "\0"])),
    st.integers(1, 5),
)
def test_pieces_may_end_anywhere(parts: list[str], size: int) -> None:
    text = "".join(parts)
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    assert "".join(paragraphs(pieces)) == "".join(paragraphs([text]))


def test_what_is_kept_between_pieces_does_not_grow() -> None:
    assert sum(map(len, paragraphs("\n" for _ in range(10_000)))) == 1


@pytest.mark.parametrize("block_bytes", [16, 64, 2**20])
def test_paragraphs_are_sentences(
    block_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.corpus.text_blocks.BLOCK_BYTES", block_bytes)
    read = read_sentences(
        tmp_path / "a.txt", "one two\nthree fo-\nur\n\nfive\nsix", paragraphs=True
    )
    assert read == [["one", "two", "three", "four"], ["five", "six"]]
    text = wrapped(72)
    expected = [paragraph.split() for paragraph in text.split("\n\n")]
    assert read_sentences(tmp_path / "b.txt", text, paragraphs=True) == expected
    assert read_sentences(tmp_path / "c.txt", "one\ntwo\n" * 50, paragraphs=True) == [
        ["one", "two"] * 50
    ]


def test_paragraphs_end_with_their_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one\ntwo")
    (tmp_path / "b").write_text("three\nfour")
    corpus = Corpus(tmp_path, TextConfig(paragraphs=True))
    assert list(corpus.sentences()) == [["one", "two"], ["three", "four"]]


def test_texts_in_records_are_joined_each_by_itself(tmp_path: Path) -> None:
    data = '{"text": "a\\nb-\\nc\\n\\nd"}\n{"text": "e"}\n{"text": ["f\\tg"]}\n'
    expected = [["a", "bc"], ["d"], ["e"], ["f\tg"]]
    assert read_sentences(tmp_path / "a.jsonl", data, paragraphs=True) == expected


def test_gutenberg_has_the_same_paragraphs() -> None:
    book = (
        b"*** START OF THE PROJECT GUTENBERG EBOOK X\nAND MORE ***\n\none\ntwo drawing-\nroom\n"
        b"\nthree\n*** END OF THE PROJECT GUTENBERG EBOOK X ***\n"
    )
    assert b"".join(gutenberg(io.BytesIO(book))) == b"one two drawing room\nthree\n"


WARNING = (
    "Warning: the lines of {name} seem to be wrapped at 72 characters; contexts end at line "
    "ends; --paragraphs joins the lines of a paragraph\n"
)


def test_wrapped_lines_are_warned_of(run: Run, tmp_path: Path) -> None:
    text, model = tmp_path / "text.txt", tmp_path / "model"
    text.write_text(wrapped(72))
    warning = WARNING.format(name=text)
    options = ["--vector-size", "5", "--workers", "1", "--overwrite", "-o", model]
    cached = ["--cache", tmp_path / "cache"]
    for more in ([], cached, cached):
        assert warning in run("train", "glove", text, *options, *more).stderr
    assert warning in run("vocab", text).stderr
    assert warning in run("phrases", text).stderr
    standard_input = run("vocab", "-", input=text.read_text()).stderr
    assert WARNING.format(name="standard input") in standard_input
    for command in (["train", "glove", *options], ["vocab"], ["phrases"]):
        result = run(*command, text, "--paragraphs")
        assert result.exit_code == 0
        assert "seem to be" not in result.stderr


def test_wrapped_texts_in_records_are_warned_of(run: Run, tmp_path: Path) -> None:
    whole, short = tmp_path / "whole.jsonl", tmp_path / "short.jsonl"
    records = [wrapped(72, 5 + i) for i in range(9)]
    whole.write_text("".join(json.dumps({"text": text}) + "\n" for text in records))
    short.write_text("".join(json.dumps({"text": text}) + "\n" for text in wrapped(72).split("\n")))
    assert WARNING.format(name=whole) in run("vocab", whole).stderr
    assert "seem to be" not in run("vocab", whole, "--paragraphs").stderr
    assert "seem to be" not in run("vocab", short).stderr


def test_few_wrapped_files_among_many_are_not_warned_of(run: Run, tmp_path: Path) -> None:
    for i in range(9):
        (tmp_path / f"{i}.txt").write_text("the king rules\nthe queen rules the sea\n" * 20)
    (tmp_path / "readme.txt").write_text(wrapped(72))
    assert "seem to be" not in run("vocab", tmp_path).stderr
    assert "seem to be" in run("vocab", tmp_path / "[12].txt", tmp_path / "readme.txt").stderr
