"""Work on several threads whose results are taken in order, as if one thread had done it."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOKAHEAD = 2
"""Items taken beyond one per worker, so that no worker waits for the next."""


def ordered_map(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    finish: Callable[[Result], None],
    workers: int,
) -> None:
    """Map items on several threads, and take the results in order on one more.

    Items are taken on the calling thread, few ahead of the last result that is finished. An error
    of any of the three, or an interrupt, is raised when no thread is left.

    Parameters
    ----------
    items : iterable
        What to work on.
    work : callable
        Applied to each item, on any of the workers.
    finish : callable
        Applied to each result, in the order of the items.
    workers : int
        Number of threads.
    """
    waiting: deque[Future[None]] = deque()
    working, finishing = ThreadPoolExecutor(workers), ThreadPoolExecutor(1)
    try:
        for item in items:
            result = working.submit(work, item)
            waiting.append(finishing.submit(_finish, finish, result))
            if len(waiting) > workers + LOOKAHEAD:
                waiting.popleft().result()
        while waiting:
            waiting.popleft().result()
    finally:
        working.shutdown(cancel_futures=True)
        finishing.shutdown(cancel_futures=True)


def _finish(finish: Callable[[Result], None], result: Future[Result]) -> None:
    finish(result.result())
