"""Work on several threads: results in order, and no thread left on an error."""

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from threading import enumerate as living_threads

import pytest

from embedtool.corpus.concurrency import LOOKAHEAD, ordered_map
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import scan
from embedtool.errors import CorpusError
from embedtool.io.progress import Progress
from tests.factories import write


@pytest.mark.parametrize("workers", [1, 3])
def test_results_are_finished_in_order(workers: int) -> None:
    finished: list[int] = []
    ordered_map(range(100), lambda item: -item, finished.append, workers)
    assert finished == [-item for item in range(100)]


@pytest.mark.parametrize("workers", [1, 3])
def test_few_items_are_taken_ahead(workers: int) -> None:
    finished: list[int] = []
    ahead: list[int] = []

    def items() -> Iterator[int]:
        for item in range(50):
            ahead.append(item - len(finished))
            yield item

    ordered_map(items(), lambda item: item, finished.append, workers)
    assert max(ahead) <= workers + LOOKAHEAD


class Stopped(BaseException):
    """Like an interrupt, nothing that is caught as an error."""


@pytest.mark.parametrize("where", ["items", "work", "finish"])
@pytest.mark.parametrize("error", [OSError, Stopped])
def test_an_error_ends_all_threads(where: str, error: type[BaseException]) -> None:
    """Whoever raises it, and while the others are at work."""
    before = living_threads()
    begun = Event()
    taken: list[int] = []

    def fail(stage: str, item: int) -> None:
        if stage == where and item == 10:
            raise error(stage)

    def items() -> Iterator[int]:
        for item in range(1_000):
            fail("items", item)
            taken.append(item)
            yield item

    def work(item: int) -> int:
        begun.set()
        fail("work", item)
        return item

    with pytest.raises(error, match=where):
        ordered_map(items(), work, lambda item: fail("finish", item), 2)
    assert begun.is_set()
    assert len(taken) < 20
    assert living_threads() == before


def test_an_interrupt_while_reading_ends_the_scan(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.corpus.text_blocks.BLOCK_BYTES", 64)
    before = living_threads()
    text = write(tmp_path / "text", "one two three\n" * 1_000)

    def interrupt(progress: Progress) -> None:
        if progress.done > 7_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan(Corpus([str(text)]), tmp_path, interrupt)
    assert living_threads() == before


def test_invalid_utf8_in_the_middle_is_named_and_ends_all_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.corpus.text_blocks.BLOCK_BYTES", 64)
    before = living_threads()
    text = write(tmp_path / "text", b"word\n" * 1_000 + b"a \xff" + b"\nword" * 1_000)
    with pytest.raises(CorpusError, match=r"byte 5,002: invalid UTF-8 \(0xff\)"):
        scan(Corpus([str(text)]), tmp_path, workers=3)
    assert living_threads() == before
