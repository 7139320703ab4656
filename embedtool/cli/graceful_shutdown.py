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
    from embedtool.trainers.checkpoint import Checkpointer
    from embedtool.trainers.training_dir import TrainingDir


@contextmanager
def stoppable(training_dir: "TrainingDir", checkpointer: "Checkpointer") -> Iterator[None]:
    """Have SIGINT, SIGTERM and SIGHUP stop a training that leaves what it can go on with.

    The first signal has it finish its round and be saved, the second, or one before rounds have
    begun, ends it at once. SIGHUP, which a closed terminal sends twice, is never a second one.
    Raises StoppedError.
    """

    def take(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and checkpointer.stop:
            return
        again = checkpointer.stop not in (0, signal.SIGHUP)
        checkpointer.stop = checkpointer.stop if again else number
        if again or not checkpointer.running:
            raise KeyboardInterrupt
        echo_err("The training is being saved, then it stops; once more leaves at once.")

    before = {number: signal.signal(number, take) for number in heeded()}
    try:
        yield
    except (KeyboardInterrupt, StoppedError):
        number = checkpointer.stop or signal.SIGINT
        if training_dir.is_resumable:
            raise StoppedError(
                f"interrupted; go on with: embedtool resume {training_dir.output}", number
            ) from None
        training_dir.clear()
        raise StoppedError("interrupted; nothing was written", number) from None
    except (ClusterError, OutputError, OSError) as error:
        fault = str(error)
        if isinstance(error, OSError):
            fault = f"{error.filename or training_dir.folder}: {error.strerror or error}"
        if training_dir.is_resumable:
            fault += "; the training is kept: when that is mended, embedtool resume "
            fault += str(training_dir.output)
        else:
            training_dir.clear()
        kind = ClusterError if isinstance(error, ClusterError) else OutputError
        raise kind(fault) from None
    except BaseException:
        if not training_dir.has_checkpoint:
            training_dir.clear()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
