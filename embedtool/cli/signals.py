"""Signals that end a command.

In: what the process does on SIGHUP. Out: the signals that a command takes for itself.
"""

import signal


def heeded() -> list[signal.Signals]:
    """SIGINT, SIGTERM, and SIGHUP unless it is ignored, as under nohup: there it stays so."""
    is_ignored = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    return [signal.SIGINT, signal.SIGTERM, *([] if is_ignored else [signal.SIGHUP])]
