"""All limits of a server: how much it takes from one request, and from all of them together."""

KiB = 2**10

MAX_WORDS = 100
"""Default limit of items in one request: words, expressions, pairs or groups."""
MAX_N = 100
"""Default limit of answers to each item: ten times what a command prints by default."""
MAX_WORD_LENGTH = 1000
"""Characters. Vocabularies from the web have URLs of a few hundred."""
MAX_EXPRESSION_LENGTH = 1000
"""Characters. Parsing takes time that is quadratic in the number of consecutive digits."""
MAX_TERMS = 32
"""Words of an expression: 3CosMul compares each of them with the whole vocabulary."""
MAX_INTEGER = 2**53 - 1
"""The largest integer that every JSON reader represents exactly."""
BODY_BYTES = 1024 * KiB
HEADER_BYTES = 32 * KiB
"""The longest word, twelve bytes for each character in a URL, fits twice."""
HEAD_SECONDS = 10.0
"""For the head of a request to arrive, from the beginning of a connection or from the first byte: a
client sends it at once."""
BODY_SECONDS = 10.0
"""For the body of a request to arrive."""
IDLE_SECONDS = 15.0
"""For which a connection stays open between two requests."""
STALL_SECONDS = 20.0
"""Within which a client must read some of the answer that waits for it."""
ANSWER_SECONDS = 30.0
"""For a request to be answered, the time in the queue included."""
MAX_WAITING = 250
"""Requests in hand: half a second of them, at the rate the server is designed for."""
MAX_CONNECTIONS = 1000
"""Open connections; beyond, the one that has been idle longest is closed."""
SPARE_FILES = 128
"""Open files left for everything but connections, and for connections that are accepted before
others are closed; most systems give a process 1,024."""
ACCEPT_BATCH = 16
"""Connections accepted in one iteration of the event loop: the next one closes as many."""
STOP_SECONDS = 15
"""For requests in hand to be answered after a signal to stop; orchestrators kill after 30."""
POLL_SECONDS = 2.0
"""Between two checks whether the model has been replaced."""
EXACT_BATCH = 16
"""Queries compared with the vocabulary at a time: the next request waits no longer than that."""
