"""Words by how they begin."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.corpus.string_table import StringTable
from embedtool.errors import ModelError
from embedtool.search import candidates
from embedtool.search.candidates import with_prefix

LETTERS = st.text(alphabet="abé語\ud800", max_size=4)


@given(st.lists(LETTERS, max_size=12), LETTERS, st.integers(0, 5), st.integers(1, 4))
def test_it_finds_what_looking_at_each_word_finds(
    words: list[str], begun: str, n: int, block_words: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(candidates, "BLOCK_WORDS", block_words)
        found = with_prefix(StringTable.from_words(words), begun, n)
    assert found.tolist() == [i for i, word in enumerate(words) if word.startswith(begun)][:n]
    assert found.dtype == np.int64


def test_words_that_end_beyond_their_text_are_a_broken_model() -> None:
    words = StringTable(np.frombuffer(b"king", np.uint8), np.array([2, 9, 4]))
    with pytest.raises(ModelError, match=r"^broken model: words end beyond their text$"):
        with_prefix(words, "ngrams", 1)
