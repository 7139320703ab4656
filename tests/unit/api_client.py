"""What tests of the JSON API share: word vectors, a client's requests, and checks of answers."""

import json
import time

import numpy as np
from starlette.testclient import TestClient

from embedtool.model.vectors import VectorTable
from tests.factories import numbered_words, word_vectors

WORDS = ["king", "queen", "man", "woman", "ключ", "王", "a/b", "..", "+", "1*x", "New York", "NaN"]
JSON = {"content-type": "application/json"}
READY_SECONDS = 60.0


def random_vectors(n_words: int = 200) -> VectorTable:
    """Random vectors of words in several scripts, and w0, w1, ..."""
    words = [*WORDS, *numbered_words(n_words - len(WORDS))]
    return word_vectors(words, 8, counts=np.arange(n_words, 0, -1))


def as_json(answers: object) -> list[dict[str, object]]:
    return [{"word": each.word, "score": each.score} for each in answers]


def post(client: TestClient, path: str, body: object, **headers: str) -> object:
    return client.post(path, content=json.dumps(body), headers=JSON | headers)


def refused(answer: object, status: int) -> str:
    """The detail of an answer that is an error, checked to be one."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    return problem["detail"]


def until_ready(client: TestClient) -> dict[str, object]:
    deadline = time.monotonic() + READY_SECONDS
    while (answer := client.get("/ready")).status_code == 503:
        assert time.monotonic() < deadline, "not ready in time"
        time.sleep(0.01)
    return answer.json()
