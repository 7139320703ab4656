"""Files, folders, patterns, addresses and standard input, compressed or not."""

import bz2
import gzip
import io
import lzma
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from embedtool.corpus.sources import display_name, find_sources, open_source, total_size
from embedtool.errors import CorpusError
from embedtool.io.compression import zstd

TEXT = b"the king rules the land\n" * 40 + bytes(range(256)) * 2
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}
LONGEST_MAGIC = 10
"""Bytes after which each of the four kinds can be known (bzip2: BZh, a digit, six more)."""


@pytest.fixture(params=COMPRESSORS)
def compress(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    return COMPRESSORS[request.param]


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Some files, in a folder that is the current one."""
    for name in ("b.txt", "a.txt", "deep/c.txt", "deep/er/d.gz", ".hidden", "deep/.git/e.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text\n")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def content(source: Path | str) -> bytes:
    with open_source(str(source)) as (stream, _):
        return stream.read()


def feed_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        ([], []),
        (["b.txt", "a.txt"], ["b.txt", "a.txt"]),
        (["a.txt", "a.txt"], ["a.txt", "a.txt"]),
        (["."], ["a.txt", "b.txt", "deep/c.txt", "deep/er/d.gz"]),
        (["deep/", "-", "a.txt"], ["deep/c.txt", "deep/er/d.gz", "-", "a.txt"]),
        (["*.txt"], ["a.txt", "b.txt"]),
        (["[b-z].txt", "?.txt"], ["b.txt", "a.txt", "b.txt"]),
        (["**/*.txt"], ["a.txt", "b.txt", "deep/c.txt"]),
        (["**"], ["a.txt", "b.txt", "deep/c.txt", "deep/er/d.gz"]),
        (["https://host/*.txt", "https://host/a"], ["https://host/*.txt", "https://host/a"]),
    ],
)
@pytest.mark.usefixtures("tree")
def test_inputs_stand_for_files_in_the_order_given(inputs: list[str], found: list[str]) -> None:
    assert find_sources(inputs) == found


def test_absolute_folders_and_patterns(tree: Path) -> None:
    files = [str(tree / name) for name in ("a.txt", "b.txt")]
    assert find_sources([f"{tree}/*.txt"]) == files
    assert find_sources([str(tree)])[:2] == files


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (["a.txt", "none.txt"], "none.txt: no such file or folder"),
        (["empty"], "empty: the folder holds no files"),
        (["*.csv"], r"\*.csv: no file matches this pattern"),
        (["emp*"], r"emp\*: no file matches this pattern"),
        (["-", "a.txt", "-"], "standard input"),
        (["dangling"], "dangling: no such file or folder"),
    ],
)
def test_an_input_that_holds_no_file_is_named(inputs: list[str], message: str, tree: Path) -> None:
    (tree / "dangling").symlink_to(tree / "gone")
    with pytest.raises(CorpusError, match=message):
        find_sources(inputs)


def test_a_folder_of_hidden_files_only_holds_no_files(tree: Path) -> None:
    (tree / "empty" / ".hidden").write_text("x")
    with pytest.raises(CorpusError, match="the folder holds no files"):
        find_sources(["empty"])


def test_an_existing_file_whose_name_looks_like_a_pattern_is_taken_as_it_is(tree: Path) -> None:
    (tree / "a[1]*.txt").write_text("x")
    assert find_sources(["a[1]*.txt"]) == ["a[1]*.txt"]


@pytest.mark.usefixtures("tree")
def test_an_empty_name_is_not_the_current_folder() -> None:
    """`embedtool train ... "$FILE"` with FILE unset must not read all that lies around."""
    with pytest.raises(CorpusError):
        find_sources([""])


def test_a_name_too_long_for_the_system_is_an_error_of_the_corpus() -> None:
    with pytest.raises(CorpusError, match="xxx"):
        find_sources(["x" * 5000])


@pytest.mark.parametrize("name", ["plain.txt", "lies.gz", "lies.zst", "none"])
def test_compression_is_found_by_content_whatever_the_name(
    compress: Callable[[bytes], bytes], name: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(compress(TEXT))
    assert content(tmp_path / name) == TEXT


@pytest.mark.parametrize("name", ["a.txt", "a.gz", "a.bz2", "a.xz", "a.zst"])
@pytest.mark.parametrize("data", [b"", b"a", b"\x1f", b"BZ", b"plain text\n"])
def test_what_is_not_compressed_is_read_as_it_is(data: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert content(tmp_path / name) == data


@pytest.mark.parametrize("data", [b"BZhang and Li\n", b"BZh\n", b"BZh9 is a name\n"])
def test_text_that_begins_like_bzip2_is_text(data: bytes, tmp_path: Path) -> None:
    """A bzip2 file goes on with a digit and one of two six-byte marks."""
    (tmp_path / "a.txt").write_bytes(data)
    assert content(tmp_path / "a.txt") == data


def test_nothing_compressed_is_nothing(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(compress(b""))
    assert content(tmp_path / "a") == b""


def test_several_compressed_members_are_one_text(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(compress(b"one ") + compress(b"two ") + compress(TEXT))
    assert content(tmp_path / "a") == b"one two " + TEXT


def test_zstandard_with_a_skippable_frame_first_is_recognised(tmp_path: Path) -> None:
    """As pzstd writes it: magic 0x184D2A50, length 4, then the size of the frame that follows."""
    frame = zstd.compress(TEXT)
    skippable = b"\x50\x2a\x4d\x18\x04\0\0\0" + len(frame).to_bytes(4, "little")
    (tmp_path / "a.zst").write_bytes(skippable + frame)
    assert content(tmp_path / "a.zst") == TEXT


def test_a_compressed_file_cut_short_anywhere_is_named(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "cut.txt"
    data = compress(TEXT)
    for length in range(LONGEST_MAGIC, len(data)):
        path.write_bytes(data[:length])
        with pytest.raises(CorpusError, match=r"cut\.txt: the compressed data is damaged or cut"):
            content(path)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz"])
def test_a_changed_byte_in_compressed_data_is_named(kind: str, tmp_path: Path) -> None:
    """Zstandard is left out: it has a checksum only if asked."""
    data = bytearray(COMPRESSORS[kind](TEXT))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(CorpusError, match=r"a\.txt: "):
        content(tmp_path / "a.txt")


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="gone: cannot be read: No such file"):
        content(tmp_path / "gone")
    with pytest.raises(CorpusError, match="cannot be read: Is a directory"):
        content(tmp_path)


def test_an_error_of_reading_within_the_block_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with (
        pytest.raises(CorpusError, match="a: cannot be read: Input/output error"),
        open_source(str(tmp_path / "a")),
    ):
        raise OSError(5, os.strerror(5))


def test_standard_input_plain_and_compressed(
    compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for data in (TEXT, compress(TEXT)):
        feed_stdin(monkeypatch, data)
        assert content("-") == TEXT


def test_standard_input_cut_short_is_called_standard_input(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed_stdin(monkeypatch, gzip.compress(TEXT)[:-4])
    with pytest.raises(CorpusError, match=r"^standard input: the compressed data is"):
        content("-")


def test_a_pipe_by_name_is_read(compress: Callable[[bytes], bytes]) -> None:
    reading, writing = os.pipe()
    with open(reading, "rb"):  # noqa: PTH123 - a number, no path
        with open(writing, "wb") as pipe:  # noqa: PTH123
            pipe.write(compress(TEXT))
        source = f"/dev/fd/{reading}"
        assert find_sources([source]) == [source]
        assert total_size([source]) is None
        assert content(source) == TEXT


def test_an_address_is_read_by_smart_open(
    compress: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(compress(TEXT))
    assert content(f"file://{tmp_path}/a.txt") == TEXT


@pytest.mark.parametrize("address", ["nowhere://host/a", "file:///no/such/file"])
def test_an_address_that_cannot_be_read_is_named(address: str) -> None:
    with pytest.raises(CorpusError, match=f"{address}: cannot be read: "):
        content(address)


def test_sizes_are_summed_where_all_are_known(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"123")
    (tmp_path / "b").write_bytes(b"4567")
    files = [str(tmp_path / "a"), str(tmp_path / "b")]
    assert total_size(files) == 7
    assert total_size([]) == 0
    assert total_size([*files, "-"]) is None
    assert total_size([*files, "https://host/a"]) is None


def test_standard_input_has_a_name() -> None:
    assert display_name("-") == "standard input"
    assert display_name("a-") == "a-"
