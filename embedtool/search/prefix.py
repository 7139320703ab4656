"""Words by how they begin.

In: a vocabulary and the beginning of a word. Out: the ids of the words that begin so, most frequent
first; the words themselves are not read.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.string_table import StringTable
from embedtool.errors import ModelError
from embedtool.io.encodings import SURROGATE_ERRORS

BLOCK_WORDS = 2**16
"""Words looked at in one go: a frequent beginning is found often enough in the first."""


def with_prefix(words: StringTable, prefix: str, n: int) -> NDArray[np.int64]:
    """The ids of the n most frequent words that begin with `prefix`, ascending. int64.

    There is no index to be made: of a vocabulary on disk, bytes are compared where they lie, and
    of each byte of the prefix only in words that have all before it.

    Raises ModelError where the words are damaged.
    """
    wanted = prefix.encode("utf-8", SURROGATE_ERRORS)
    found = [np.empty(0, np.int64)]
    n_found = 0
    for first in range(0, len(words), BLOCK_WORDS):
        ends = words.ends[first : first + BLOCK_WORDS]
        starts = np.empty_like(ends)
        starts[0] = words.ends[first - 1] if first else 0
        starts[1:] = ends[:-1]
        ids = np.flatnonzero(ends - starts >= len(wanted))
        try:
            for place, byte in enumerate(wanted):
                ids = ids[words.text[starts[ids] + place] == byte]
        except IndexError:
            raise ModelError("broken model: words end beyond their text") from None
        found.append(ids[: n - n_found] + first)
        n_found += len(found[-1])
        if n_found == n:
            break
    return np.concatenate(found)
