"""All limits of a server: for one request, and for all of them together."""

KiB = 2**10

MAX_WORDS = 100
"""Default limit of items in one request: words, expressions, pairs or groups."""
MAX_N = 100
"""Default limit of answers to each item: ten times the default of commands."""
MAX_WORD_LENGTH = 1000
"""Maximum characters of a word. Vocabularies from the web have URLs of a few hundred."""
MAX_EXPRESSION_LENGTH = 1000
"""Maximum characters of an expression. Parsing time is quadratic in the number of consecutive
digits."""
MAX_TERMS = 32
"""Maximum words of an expression: 3CosMul compares each of them with the whole vocabulary."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader represents exactly."""
BODY_BYTES = 1024 * KiB
HEADER_BYTES = 32 * KiB
"""Maximum bytes of the head of a request: the longest word, twelve bytes per character in a URL,
fits twice."""
HEAD_SECONDS = 10.0
"""Timeout of the head of a request, from the start of the connection or from the first byte."""
BODY_SECONDS = 10.0
"""Timeout of the body of a request."""
IDLE_SECONDS = 15.0
"""Time for which a connection stays open between two requests."""
STALL_SECONDS = 20.0
"""Time within which a client must read some of a pending answer."""
ANSWER_SECONDS = 30.0
"""Timeout of a request, including the time in the queue."""
MAX_WAITING = 250
"""Maximum pending requests: half a second's worth at the rate the server is designed for."""
MAX_CONNECTIONS = 1000
"""Maximum open connections; beyond, the one that has been idle longest is closed."""
SPARE_FILES = 128
"""Open files reserved for everything except connections, and for connections accepted before others
are closed; most systems allow 1,024 per process."""
ACCEPT_BATCH = 16
"""Connections accepted in one iteration of the event loop; the next one closes as many."""
STOP_SECONDS = 15
"""Time to answer pending requests after a signal to stop; orchestrators kill after 30."""
POLL_SECONDS = 2.0
"""Interval between checks whether the model has been replaced."""
EXACT_BATCH = 16
"""Queries compared with the vocabulary at a time, the longest wait of the next request."""
