"""Scans in a cache: found again for the same files and options, and for nothing else."""

import os
from pathlib import Path

import pytest

from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import cached_scan, scan
from embedtool.errors import CorpusError, EmbedtoolError
from tests.factories import scanned_text, write


@pytest.fixture
def text(tmp_path: Path) -> Path:
    return write(tmp_path / "text.txt", "one two\nthree\n")


def cached_words(text: Path, cache: Path, **options: object) -> list[str]:
    return cached_scan(Corpus([str(text)], TextConfig(**options)), cache).words  # type: ignore[arg-type]


def replace_unseen(text: Path, content: str) -> None:
    """Write other content of the same size, with the same time of change."""
    before = text.stat()
    assert len(content) == before.st_size
    text.write_text(content)
    os.utime(text, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_a_second_run_does_not_read_the_text(text: Path, tmp_path: Path) -> None:
    cache = tmp_path / "deep" / "cache"
    assert cached_words(text, cache) == ["one", "two", "three"]
    replace_unseen(text, "uno due\nthree\n")
    assert cached_words(text, cache) == ["one", "two", "three"]


def test_the_same_file_by_another_path_is_the_same(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached_words(text, tmp_path / "cache")
    replace_unseen(text, "uno due\nthree\n")
    monkeypatch.chdir(tmp_path)
    assert cached_words(Path("text.txt"), Path("cache")) == ["one", "two", "three"]


def test_a_changed_file_is_read_again(text: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cached_words(text, cache)
    replace_unseen(text, "uno due\nthree\n")
    times = text.stat()
    os.utime(text, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert cached_words(text, cache) == ["uno", "due", "three"]
    text.write_text("longer than before\n")
    os.utime(text, ns=(times.st_atime_ns, times.st_mtime_ns + 1))
    assert cached_words(text, cache) == ["longer", "than", "before"]


def test_other_options_and_other_files_are_read_anew(text: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cached_words(text, cache)
    replace_unseen(text, "UNO due\nthree\n")
    assert cached_words(text, cache, lowercase=True) == ["uno", "due", "three"]
    both = Corpus([str(text), str(text)])
    assert cached_scan(both, cache).words == ["UNO", "due", "three"]
    assert cached_words(text, cache) == ["one", "two", "three"]
    assert len(list(cache.iterdir())) == 3


def test_the_cached_scan_equals_the_scan(text: Path, tmp_path: Path) -> None:
    fresh = scanned_text(tmp_path, text.read_bytes())
    for _ in range(2):
        cached = cached_scan(Corpus([str(text)]), tmp_path / "cache")
        assert cached.fingerprint == fresh.fingerprint
        assert cached.counts.tolist() == fresh.counts.tolist()


def test_a_scan_that_fails_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    text = write(tmp_path / "text", b"word\n" * 100 + b"\xff")
    for _ in range(2):
        with pytest.raises(CorpusError, match="text, byte 500: invalid UTF-8"):
            cached_scan(Corpus([str(text)]), tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_invalid_sequences_are_reported_from_the_cache_too(tmp_path: Path) -> None:
    """A model's description tells how many there were, whether the text was read or not."""
    text = write(tmp_path / "text", b"a \xff b \xff\n")
    corpora = [Corpus([str(text)], TextConfig(encoding_errors="replace")) for _ in range(2)]
    scans = [cached_scan(corpus, tmp_path / "cache") for corpus in corpora]
    assert [scan.n_invalid for scan in scans] == [2, 2]
    assert [corpus.n_invalid for corpus in corpora] == [2, 0]


def test_invalid_sequences_are_those_of_one_reading(tmp_path: Path) -> None:
    text = write(tmp_path / "text", b"a \xff b \xff\n")
    corpus = Corpus([str(text)], TextConfig(encoding_errors="skip"))
    assert [scan(corpus, tmp_path).n_invalid for _ in range(2)] == [2, 2]


@pytest.mark.parametrize("source", ["-", "https://host/a.txt"])
def test_what_cannot_be_known_again_is_not_cached(source: str, text: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"{source}: cache works with files only; leave it out"):
        cached_scan(Corpus([str(text), source]), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_pipe_is_not_cached(tmp_path: Path) -> None:
    """Its size and time say nothing of what is in it: `--cache DIR <(zcat a.gz)`."""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb"):
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(b"a b\n")
        with pytest.raises(CorpusError, match="cache works with files"):
            cached_scan(Corpus([f"/dev/fd/{reading}"]), tmp_path / "cache")


def test_a_file_in_the_place_of_the_cache_is_an_error_in_one_line(
    text: Path, tmp_path: Path
) -> None:
    with pytest.raises(EmbedtoolError, match="in-the-way"):
        cached_scan(Corpus([str(text)]), write(tmp_path / "in-the-way", b""))
