"""The exit codes of the program."""

import signal

FAILURE = 1
"""Something failed."""
USAGE_ERROR = 2
"""The command line is wrong."""
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + 13
"""The reader of standard output has closed it: SIGPIPE, which Windows does not have."""
