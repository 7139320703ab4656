"""What the first and the second signal to stop do to a training.

In: signals. Out: a training that is saved and stops, or one that is left at once, and what is kept
of it.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from embedtool.cli.output.console import echo_err
from embedtool.cli.signals import heeded
from embedtool.errors import ClusterError, OutputError, StoppedError

if TYPE_CHECKING:
    from embedtool.trainers.checkpoint import Checkpoints
    from embedtool.trainers.training_dir import Workplace


@contextmanager
def stoppable(place: "Workplace", checkpoints: "Checkpoints") -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP stop a training that leaves what it can go on with.

    The first signal has it finish its round and be saved, the second, or one before rounds have
    begun, ends it at once. SIGHUP, which a closed terminal sends twice, is never a second one.
    Raises StoppedError.
    """

    def take(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and checkpoints.stop:
            return
        again = checkpoints.stop not in (0, signal.SIGHUP)
        checkpoints.stop = checkpoints.stop if again else number
        if again or not checkpoints.running:
            raise KeyboardInterrupt
        echo_err("The training is being saved, then it stops; once more leaves at once.")

    before = {number: signal.signal(number, take) for number in heeded()}
    try:
        yield
    except (KeyboardInterrupt, StoppedError):
        number = checkpoints.stop or signal.SIGINT
        if place.can_go_on:
            raise StoppedError(
                f"interrupted; go on with: embedtool resume {place.output}", number
            ) from None
        place.clear()
        raise StoppedError("interrupted; nothing was written", number) from None
    except (ClusterError, OutputError, OSError) as error:
        fault = str(error)
        if isinstance(error, OSError):
            fault = f"{error.filename or place.folder}: {error.strerror or error}"
        if place.can_go_on:
            fault += f"; the training is kept: when that is mended, embedtool resume {place.output}"
        else:
            place.clear()
        kind = ClusterError if isinstance(error, ClusterError) else OutputError
        raise kind(fault) from None
    except BaseException:
        if not place.has_state:
            place.clear()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
