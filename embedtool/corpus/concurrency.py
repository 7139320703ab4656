"""Work on many threads whose results are taken in order.

In: items, and what is to be done to each. Out: what the work leaves behind, as if one thread had
done it.
"""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOOKAHEAD = 2
"""Items taken beyond one a worker, so that none waits for the next."""


def ordered_map(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    finish: Callable[[Result], None],
    workers: int,
) -> None:
    """Work on items on `workers` threads, and finish the results in order on one more.

    Items are taken on the thread that calls, few ahead of the last result that is finished. An
    error of any of the three, or an interrupt, is raised here when no thread is left.
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
