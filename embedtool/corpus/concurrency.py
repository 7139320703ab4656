"""Work on several threads with results in order, as if by one thread."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOKAHEAD = 2
"""Number of items queued beyond one per worker, so that no worker is idle."""


def ordered_map(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    finish: Callable[[Result], None],
    workers: int,
) -> None:
    """Map items on several threads, and process the results in order on one more.

    Items are iterated on the calling thread, few ahead of the last finished result. An error of any
    of the three, or an interrupt, is raised after all threads have ended.

    Parameters
    ----------
    items : iterable
        The items.
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
