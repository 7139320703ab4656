"""How much a server takes from one request, and from all of them together.

In: nothing. Out: bounds, each with its reason.
"""

KiB = 2**10

MOST_WORDS = 100
"""Words, expressions, pairs or groups of one request, where the server is not told another
number."""
MOST_ANSWERS = 100
"""Answers to each of them, likewise: ten times what a command gives by itself."""
LONGEST_WORD = 1000
"""Characters. Vocabularies from the web hold addresses of some hundred."""
LONGEST_EXPRESSION = 1000
"""Characters: what reads an expression takes time with the square of its digits in a row."""
MOST_TERMS = 32
"""Words of an expression: 3CosMul compares each of them with the whole vocabulary."""
LARGEST_NUMBER = 2**53 - 1
"""The largest whole number that every reader of JSON has exactly."""
BODY_BYTES = 1024 * KiB
HEADER_BYTES = 32 * KiB
"""The longest word, each character twelve bytes in a URL, fits twice."""
BODY_SECONDS = 10.0
"""For a request to arrive whole: who sends more slowly holds a connection and nothing else."""
ANSWER_SECONDS = 30.0
"""For a request to be answered, its waiting included."""
MOST_WAITING = 250
"""Requests in hand at once: half a second of them, at the rate the server is built for."""
MOST_CONNECTIONS = 1000
"""Most systems give a process 1,024 open files."""
STOP_SECONDS = 15
"""For requests in hand to be answered after a signal to stop; orchestrators kill after 30."""
EXACT_AT_ONCE = 16
"""Queries compared with the vocabulary in one go: the next request waits no longer than that."""
