"""Errors keep what they know when they are pickled, as processes hand them on."""

import copy
import pickle

import pytest

from embedtool.errors import (
    ConfigError,
    EmbedtoolError,
    MissingExtraError,
    NoAnswerError,
    StoppedError,
    UnknownWordError,
    joined,
)

ERRORS = [
    ConfigError("n must be 1 or more", parameters=("n",)),
    MissingExtraError("serving", "serve"),
    NoAnswerError("nothing"),
    StoppedError("interrupted"),
    UnknownWordError("nosuch", ["such"]),
    joined({0: UnknownWordError("a"), 2: UnknownWordError("b", ["c"])}),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_a_pickled_error_says_and_knows_the_same(error: EmbedtoolError) -> None:
    for other in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(other) is type(error)
        assert str(other) == str(error)
        assert {**vars(other), "failures": None} == {**vars(error), "failures": None}
