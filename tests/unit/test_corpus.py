"""Text from any mix of sources as blocks and as sentences, whatever its bytes."""

import bz2
import gzip
import io
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.text_blocks import byte_blocks
from embedtool.errors import CorpusError
from embedtool.io.progress import Progress
from tests.factories import read_sentences, write

BOM = b"\xef\xbb\xbf"
SPACES = b" \t\r\v\f\0"
BLOCK_BYTES = "embedtool.corpus.text_blocks.BLOCK_BYTES"
SMALL_BLOCKS = [16, 17, 64, 2**20]


def naive_sentences(text: str) -> list[list[str]]:
    for space in SPACES.decode():
        text = text.replace(space, " ")
    lines = [[token for token in line.split(" ") if token] for line in text.split("\n")]
    return [line for line in lines if line]


@pytest.fixture(params=SMALL_BLOCKS)
def block_bytes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(BLOCK_BYTES, request.param)
    return int(request.param)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("", []),
        ("\n\n\n", []),
        (" \t\n\r\n\0", []),
        ("a", [["a"]]),
        ("a b\nc", [["a", "b"], ["c"]]),
        ("a b\r\nc\r\n", [["a", "b"], ["c"]]),
        ("\ufeffa\n\ufeffb", [["a"], ["\ufeffb"]]),
        ("\ufeff", []),
        ("a\0b\0\0c", [["a", "b", "c"]]),
        ("a\xa0b\u2028c\x85d\u2009e f\x1cg", [["a\xa0b\u2028c\x85d\u2009e", "f\x1cg"]]),
        ("a\rb\vc\fd", [["a", "b", "c", "d"]]),
        ("</s> <unk>\n", [["</s>", "<unk>"]]),
        ("e\u0301 é", [["e\u0301", "é"]]),
    ],
)
@pytest.mark.usefixtures("block_bytes")
def test_lines_are_sentences(data: str, expected: list[list[str]], tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a.txt", data) == expected


PIECES = st.lists(
    st.tuples(
        st.binary(max_size=6) | st.text("aé我\U0001f600\xa0\u2028", max_size=3).map(str.encode),
        st.sampled_from([*(bytes([space]) for space in SPACES), b"\n", b"\r\n", b"\n\n"]),
    )
)
"""Tokens shorter than the smallest block, any bytes in them, and what separates them."""


@settings(deadline=None)
@given(pieces=PIECES, block=st.integers(16, 40), marked=st.booleans(), compressed=st.booleans())
def test_blocks_of_any_size_give_the_tokens_of_the_whole(
    pieces: list[tuple[bytes, bytes]], block: int, marked: bool, compressed: bool
) -> None:
    data = b"".join(map(b"".join, pieces))
    written = BOM + data if marked else b" " + data
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCK_BYTES, block)
        path = write(Path(folder) / "a", gzip.compress(written) if compressed else written)
        for errors, name in (("replace", "replace"), ("skip", "ignore")):
            corpus = Corpus([path], TextConfig(encoding_errors=errors))  # type: ignore[arg-type]
            assert list(corpus.sentences()) == naive_sentences(data.decode(errors=name))
            bad = data.decode(errors="replace").count("\ufffd")
            assert corpus.n_invalid == bad - data.count("\ufffd".encode())
        corpus = Corpus([path], TextConfig())
        try:
            expected = naive_sentences(data.decode())
        except UnicodeDecodeError as error:
            offset = error.start + len(written) - len(data)
            with pytest.raises(CorpusError, match=rf"a, byte {offset:,}: invalid UTF-8 \(0x"):
                list(corpus.sentences())
        else:
            assert list(corpus.sentences()) == expected
            assert corpus.n_invalid == 0


@settings(deadline=None)
@given(data=st.binary(max_size=200), block=st.integers(16, 40))
def test_byte_blocks_are_the_stream_in_order_and_bounded(data: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCK_BYTES, block)
        blocks = list(byte_blocks(io.BytesIO(data)))
    start = len(BOM) if data.startswith(BOM) else 0
    for offset, each in blocks:
        assert offset == start
        assert 0 < len(each) <= 2 * block + len(BOM)
        start += len(each)
    assert b"".join(each for _, each in blocks) == data.removeprefix(BOM)


@settings(deadline=None)
@given(text=st.text("aé我\U0001f600", min_size=40), block=st.integers(16, 40))
def test_a_token_longer_than_a_block_is_cut_between_characters(text: str, block: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(BLOCK_BYTES, block)
        (read,) = read_sentences(Path(folder) / "a", f"x {text} y\nz")[:1]
    assert read[0] == "x"
    assert read[-1] == "y"
    assert "".join(read[1:-1]) == text
    assert max(len(piece.encode()) for piece in read) <= 2 * block


@pytest.mark.parametrize("space", SPACES.decode())
def test_a_long_line_is_cut_at_any_white_space_and_nowhere_else(
    space: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BLOCK_BYTES, 64)
    words = [chr(ord("a") + i % 26) * (i % 60 + 1) for i in range(500)]
    assert read_sentences(tmp_path / "a", space.join(words)) == [words]


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_line_of_20_000_tokens_is_one_sentence(end: str, tmp_path: Path) -> None:
    words = [f"word{i % 700}" for i in range(20_000)]
    assert read_sentences(tmp_path / "a", "first\n" + " ".join(words) + end) == [["first"], words]


@pytest.mark.parametrize(
    ("data", "offset", "value"),
    [
        (b"\xff", 0, "ff"),
        (b"ab\n\xc3(", 3, "c3"),
        (b"a" * 1234 + b"\x80", 1234, "80"),
        (b"word " * 1000 + b"\xe2\x82", 5000, "e2"),
        (BOM + b"word\n" * 1000 + b"\xf0\x9f\x98", 5003, "f0"),
        ("é\n".encode() * 999 + b"\xed\xa0\x80", 2997, "ed"),
        ("text".encode("utf-16"), 0, "ff"),
    ],
)
@pytest.mark.usefixtures("block_bytes")
def test_invalid_utf8_is_named_by_its_byte(
    data: bytes, offset: int, value: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError, match=rf"a\.txt, byte {offset:,}: .* \(0x{value}\); convert"):
        read_sentences(tmp_path / "a.txt", data)


@pytest.mark.usefixtures("block_bytes")
def test_replaced_and_skipped_sequences_are_counted(tmp_path: Path) -> None:
    data = b"ok\n" * 30 + b"a\xffb \xc3( \xe2\x82 " + "\ufffd".encode() + b"\nc\xf0"
    path = write(tmp_path / "a", data)
    for errors, tail in (
        ("replace", [["a\ufffdb", "\ufffd(", "\ufffd", "\ufffd"], ["c\ufffd"]]),
        ("skip", [["ab", "(", "\ufffd"], ["c"]]),
    ):
        corpus = Corpus([path], TextConfig(encoding_errors=errors))  # type: ignore[arg-type]
        assert list(corpus.sentences()) == [["ok"]] * 30 + tail
        assert corpus.n_invalid == 4


@pytest.mark.usefixtures("block_bytes")
def test_a_mix_of_files_folders_patterns_and_standard_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "folder" / "b.jsonl", '{"text": "from jsonl"}')
    write(tmp_path / "folder" / "deep" / "c", gzip.compress(b"from gzip"))
    write(tmp_path / "folder" / "a.csv", "text\nfrom csv")
    write(tmp_path / "x1.txt", "\ufefffrom x1")
    write(tmp_path / "x2.txt", "\ufefffrom x2")
    file = write(tmp_path / "last.gz", bz2.compress(b"from bzip2"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"from stdin")))
    inputs = (each for each in [f"{tmp_path}/x?.txt", "-", str(tmp_path / "folder"), file])
    read = list(Corpus(inputs).sentences())
    names = ["x1", "x2", "stdin", "csv", "jsonl", "gzip", "bzip2"]
    assert read == [["from", name] for name in names]


def test_the_format_can_be_given_for_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b'{"text": "a b"}\n'))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert list(Corpus(["-"], TextConfig(input_format="jsonl")).sentences()) == [["a", "b"]]


def test_a_format_that_is_given_goes_before_the_name(tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a.csv", "a,b\n", input_format="text") == [["a,b"]]


def test_missing_inputs_are_found_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="gone: no such file or folder"):
        Corpus([write(tmp_path / "a", "text"), str(tmp_path / "gone")])


def test_a_file_that_vanishes_is_named(tmp_path: Path) -> None:
    corpus = Corpus([write(tmp_path / "a", "text")])
    (tmp_path / "a").unlink()
    with pytest.raises(CorpusError, match="a: cannot be read: No such file"):
        list(corpus.sentences())


def test_a_file_cut_short_is_named_with_what_was_read_before_it(tmp_path: Path) -> None:
    first = write(tmp_path / "first", "a b\n")
    second = write(tmp_path / "second.txt", gzip.compress(b"c d\n" * 100)[:-9])
    read = Corpus([first, second]).sentences()
    assert next(read) == ["a", "b"]
    with pytest.raises(CorpusError, match=r"second\.txt: the compressed data is damaged"):
        list(read)


@pytest.mark.usefixtures("block_bytes")
def test_text_is_cleaned_before_it_is_cut(tmp_path: Path) -> None:
    data = "New\xa0York ÉE\u0301 \ufb01n\nΟΔΟΣ ΟΔΟΣ"
    read = read_sentences(tmp_path / "a", data, normalize="nfkc", lowercase=True)
    assert read == [["new", "york", "éé", "fin"], ["οδος", "οδος"]]


@pytest.mark.usefixtures("block_bytes")
def test_the_tokenizer_is_the_one_asked_for(tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a", "It's, ok\n", tokenizer="words") == [["It", "s", "ok"]]
    assert read_sentences(tmp_path / "a", "我喜欢\n语言", tokenizer="icu") == [
        ["我", "喜欢"],
        ["语言"],
    ]


@pytest.mark.parametrize("tokenizer", ["whitespace", "words"])
@pytest.mark.usefixtures("block_bytes")
def test_spaced_blocks_hold_the_same_sentences(tokenizer: str, tmp_path: Path) -> None:
    write(tmp_path / "a" / "a", "one, two\n\n" + "x" * 40 + "-é y\r\n" * 30 + "three")
    write(tmp_path / "a" / "b.jsonl", '{"text": "four\\nfive"}\n' * 20)
    corpus = Corpus([str(tmp_path / "a")], TextConfig(tokenizer=tokenizer))  # type: ignore[arg-type]
    expected = list(corpus.sentences())
    joined = b" ".join(corpus.tokenized_blocks()).decode()
    assert naive_sentences(joined) == expected


def test_the_blocks_of_small_files_come_together(tmp_path: Path) -> None:
    for number in range(300):
        write(tmp_path / "a" / f"{number:03}", f"word{number}")
    (block,) = Corpus([str(tmp_path / "a")]).tokenized_blocks()
    assert naive_sentences(block.decode()) == [[f"word{number}"] for number in range(300)]


@pytest.mark.usefixtures("block_bytes")
def test_a_corpus_can_be_read_again(tmp_path: Path) -> None:
    corpus = Corpus([write(tmp_path / "a", "a b\nc\n" * 50)])
    assert list(corpus.sentences()) == list(corpus.sentences())


@pytest.mark.usefixtures("block_bytes")
def test_progress_only_grows_and_ends_at_the_size_on_disk(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "a", "word " * 500),
        write(tmp_path / "b", gzip.compress(b"text\n" * 500)),
        write(tmp_path / "c", ""),
        write(tmp_path / "d.csv", "text\n" + "x y\n" * 500),
    ]
    seen: list[Progress] = []
    list(Corpus(files).blocks(seen.append))
    done = [message.done for message in seen]
    assert done == sorted(done)
    total = sum(Path(file).stat().st_size for file in files)
    assert {message.total for message in seen} == {total} == {done[-1]}


def test_progress_of_a_pipe_is_not_guessed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b\n")))
    seen: list[Progress] = []
    corpus = Corpus([write(tmp_path / "a", "c\n"), "-"])
    assert list(corpus.sentences(seen.append)) == [["c"], ["a", "b"]]
    assert seen == []
