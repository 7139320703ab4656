"""How much a server takes from one request, and from all of them together.

In: nothing. Out: bounds, each with its reason.
"""

KiB = 2**10

MAX_WORDS = 100
"""Words, expressions, pairs or groups of one request, where the server is not told another
number."""
MAX_N = 100
"""Answers to each of them, likewise: ten times what a command gives by itself."""
MAX_WORD_LENGTH = 1000
"""Characters. Vocabularies from the web hold addresses of some hundred."""
MAX_EXPRESSION_LENGTH = 1000
"""Characters: what reads an expression takes time with the square of its digits in a row."""
MAX_TERMS = 32
"""Words of an expression: 3CosMul compares each of them with the whole vocabulary."""
MAX_INTEGER = 2**53 - 1
"""The largest whole number that every reader of JSON has exactly."""
BODY_BYTES = 1024 * KiB
HEADER_BYTES = 32 * KiB
"""The longest word, each character twelve bytes in a URL, fits twice."""
HEAD_SECONDS = 10.0
"""For the head of a request to arrive, counted from a new connection's beginning or from the first
byte: a client writes it in one go."""
BODY_SECONDS = 10.0
"""For the body of a request to arrive."""
IDLE_SECONDS = 15.0
"""For which a connection stays open between two requests."""
STALL_SECONDS = 20.0
"""In which a client must take some of the answer that waits for it."""
ANSWER_SECONDS = 30.0
"""For a request to be answered, its waiting included."""
MAX_WAITING = 250
"""Requests in hand at once: half a second of them, at the rate the server is built for."""
MAX_CONNECTIONS = 1000
"""Connections that are open at once; of more, the one that has been idle longest is closed."""
SPARE_FILES = 128
"""Open files left for all but connections, and for those that are accepted before others are
closed; most systems give a process 1,024."""
ACCEPT_BATCH = 16
"""Connections accepted in one turn of the event loop: the next turn closes as many."""
STOP_SECONDS = 15
"""For requests in hand to be answered after a signal to stop; orchestrators kill after 30."""
POLL_SECONDS = 2.0
"""Between two looks whether the model has been replaced."""
EXACT_BATCH = 16
"""Queries compared with the vocabulary in one go: the next request waits no longer than that."""
