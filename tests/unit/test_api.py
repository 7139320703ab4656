"""The JSON API answers what the commands answer, and refuses what it should."""

import json
from collections.abc import Iterator
from difflib import get_close_matches

import numpy as np
import pytest
from starlette.testclient import TestClient

from embedtool.model.subwords import Subwords
from embedtool.model.suggestions import SpellingIndex
from embedtool.model.vectors import VectorTable
from embedtool.search.query import analogy, odd_one_out, similar, similarity
from embedtool.serving.endpoints import ServedModel
from embedtool.serving.http_api import application
from tests.unit.api_client import JSON, WORDS, as_json, post, random_vectors, refused


@pytest.fixture(scope="module")
def vectors() -> VectorTable:
    return random_vectors()


@pytest.fixture(scope="module")
def client(vectors: VectorTable) -> Iterator[TestClient]:
    with TestClient(application(ServedModel(vectors))) as client:
        yield client


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_any_script_has_its_neighbours(
    client: TestClient, vectors: VectorTable, word: str
) -> None:
    answer = client.get("/similar", params={"word": word, "n": 3})
    assert answer.headers["content-type"] == "application/json"
    expected = as_json(similar(vectors, word, 3))
    assert answer.json() == {"query": word, "approximate": False, "answers": expected}
    assert word.encode() in answer.content


def test_many_words_are_answered_in_their_order(client: TestClient, vectors: VectorTable) -> None:
    words = list(vectors.words[:100])
    answer = post(client, "/similar", {"words": words, "n": 2})
    assert [each["query"] for each in answer.json()["results"]] == words
    one = [client.get("/similar", params={"word": word, "n": 2}).json() for word in words[:3]]
    assert answer.json()["results"][:3] == one


@pytest.mark.parametrize("method", ["3cosadd", "3cosmul"])
def test_an_analogy_is_that_of_the_command(
    client: TestClient, vectors: VectorTable, method: str
) -> None:
    text = "king - man + woman"
    expected = as_json(analogy(vectors, text, 10, method=method))
    answer = client.get("/analogy", params={"expression": text, "method": method})
    assert answer.json()["answers"] == expected
    many = post(client, "/analogy", {"expressions": [text], "method": method})
    assert many.json()["results"] == [answer.json()]


def test_similarity_the_odd_one_and_vectors(client: TestClient, vectors: VectorTable) -> None:
    pair = {"word": "king", "other": "王"}
    expected = pair | {"similarity": similarity(vectors, "king", "王")}
    assert client.get("/similarity", params=pair).json() == expected
    many = post(client, "/similarity", {"pairs": [["king", "王"]]})
    assert many.json() == {"results": [expected]}

    group = ["king", "queen", "man", "ключ"]
    odd = {"query": group, "answers": as_json(odd_one_out(vectors, group))}
    assert client.get("/odd-one-out", params={"word": group}).json() == odd
    assert post(client, "/odd-one-out", {"groups": [group]}).json() == {"results": [odd]}

    row = {"word": "..", "vector": vectors.vector("..").tolist()}
    assert client.get("/vector", params={"word": ".."}).json() == row
    assert post(client, "/vector", {"words": [".."]}).json() == {"results": [row]}


def test_the_options_are_those_of_the_commands(client: TestClient, vectors: VectorTable) -> None:
    def answers(**options: object) -> list[str]:
        found = client.get("/similar", params={"word": "king", "n": 100, **options})
        assert found.status_code == 200, found.text
        return [each["word"] for each in found.json()["answers"]]

    assert set(answers(restrict_vocab=5)) == set(WORDS[1:5])
    assert set(answers(min_count=198)) == set(WORDS[1:3])
    assert answers(include_query_words="true")[0] == "king"
    assert len(answers(include_query_words="false")) == 100
    many = post(client, "/similar", {"words": ["king"], "n": 3.0, "include_query_words": True})
    assert many.json()["results"][0]["answers"][0]["word"] == "king"


def test_an_unknown_word_gets_spellings(client: TestClient) -> None:
    answer = client.get("/similar?word=quee")
    detail = "'quee' is not in the vocabulary; nearest spellings: queen"
    assert refused(answer, 404) == detail
    assert answer.json() == {
        "title": "Not Found", "status": 404, "detail": detail, "word": "quee",
        "suggestions": ["queen"],
    }  # fmt: skip
    half = post(client, "/vector", {"words": ["\ud800"]})
    assert half.status_code == 200
    [result] = half.json()["results"]
    assert result["word"] == "\ud800"
    assert result["reason"] == "'\\ud800' is not in the vocabulary"


QUEE = {
    "reason": "'quee' is not in the vocabulary; nearest spellings: queen",
    "unknown": {"quee": ["queen"]},
}


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("/similar", {"words": ["king", "quee", "man"]},
         {"query": "quee", "answers": None, **QUEE}),
        ("/analogy", {"expressions": ["king - man", "king - quee", "man + king"]},
         {"query": "king - quee", "answers": None, **QUEE}),
        ("/analogy", {"expressions": ["king - man", "king - king", "man + king"]},
         {"query": "king - king", "answers": None,
          "reason": "king - king is zero: the words cancel out"}),
        ("/similarity", {"pairs": [["king", "man"], ["king", "quee"], ["man", "man"]]},
         {"word": "king", "other": "quee", "similarity": None, **QUEE}),
        ("/odd-one-out", {"groups": [["king", "man", "王"], ["king", "quee", "q"], WORDS]},
         {"query": ["king", "quee", "q"], "answers": None,
          "reason": QUEE["reason"] + "; 'q' is not in the vocabulary",
          "unknown": {"quee": ["queen"], "q": []}}),
        ("/vector", {"words": ["king", "quee", "man"]}, {"word": "quee", "vector": None, **QUEE}),
    ],
)  # fmt: skip
def test_what_has_no_answer_is_null_with_its_reason_among_others(
    client: TestClient, path: str, body: dict[str, object], expected: object
) -> None:
    answer = post(client, path, body)
    assert answer.status_code == 200, answer.text
    [name] = body
    first, second, third = answer.json()["results"]
    assert second == expected
    alone = [post(client, path, {name: [body[name][i]]}).json()["results"][0] for i in (0, 2)]
    assert [first, third] == alone
    assert all(list(each.values())[-1] is not None for each in (first, third))


def test_vectors_without_direction_are_reported(vectors: VectorTable) -> None:
    rows = vectors.rows.copy()
    rows[3] = 0
    with TestClient(application(ServedModel(VectorTable(vectors.words, rows)))) as client:
        for url in ("/similar?word=woman", "/similarity?word=king&other=woman",
                    "/analogy?expression=king%20%2B%20woman&method=3cosmul",
                    "/odd-one-out?word=king&word=man&word=woman"):  # fmt: skip
            detail = refused(client.get(url), 422)
            assert detail == "the vector of 'woman' is all zeros: it has no direction"
        assert client.get("/vector?word=woman").json()["vector"] == [0] * 8
        url = "/analogy?expression=king+-+king"
        detail = "king - king is zero: the words cancel out"
        assert refused(client.get(url), 422) == detail
        assert refused(client.get(f"{url}&method=3cosmul"), 422) == detail


def test_a_byte_order_mark_before_a_body_is_skipped(client: TestClient) -> None:
    body = b"\xef\xbb\xbf" + json.dumps({"words": ["king"]}).encode()
    assert client.post("/vector", content=body, headers=JSON).status_code == 200


def test_a_new_word_has_a_vector_from_its_subwords() -> None:
    plain = random_vectors()
    subwords = Subwords(1, 2, 50, plain.rows, np.arange(50), plain.rows[:50])
    vectors = VectorTable(plain.words, plain.rows, subwords=subwords)
    with TestClient(application(ServedModel(vectors))) as client:

        def from_ngrams(path: str) -> object:
            answer = client.get(path).json()
            return answer.get("from_ngrams")

        answer = client.get("/vector?word=kingly")
        assert from_ngrams("/similar?word=kingly") == ["kingly"]
        assert from_ngrams("/similarity?word=king&other=kingly") == ["kingly"]
        assert from_ngrams("/analogy?expression=kingly%20-%20man%20%2B%20Man") == ["kingly", "Man"]
        assert from_ngrams("/odd-one-out?word=man&word=kingly&word=king") == ["kingly"]
        assert from_ngrams("/similar?word=king") is None
        many = post(client, "/similar", {"words": ["king", "king,queen"]}).json()["results"]
    assert [each.get("from_ngrams") for each in many] == [None, ["king,queen"]]
    assert answer.json() == {
        "word": "kingly", "vector": vectors.vector("kingly").tolist(), "from_ngrams": ["kingly"],
    }  # fmt: skip


MANY = "expected word, n, restrict_vocab, min_count, include_query_words, approximate"
SHAPE = (
    "is not an expression: expected words joined by + and - with spaces around them, as in "
    "'king - man + woman' or '0.5*king + queen', or three words, as in 'man king woman'"
)


@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("/similar", "word is missing"),
        ("/similar?word=", "word must be of 1 to 1000 characters, not 0"),
        ("/similar?word=" + "a" * 1001, "word must be of 1 to 1000 characters, not 1001"),
        ("/similar?word=king&word=man", "word is given 2 times; expected one"),
        ("/similar?word=king&limit=5", f"no parameter 'limit': {MANY}"),
        ("/similar?word=king&n=0", "n must be 1 to 100"),
        ("/similar?word=king&n=101", "n must be 1 to 100"),
        ("/similar?word=king&n=%D9%A3", "n must be a whole number"),
        ("/similar?word=king&n=", "n must be a whole number"),
        ("/similar?word=king&n=" + "9" * 5000, "n must be a whole number"),
        ("/similar?word=king&include_query_words=yes", "include_query_words must be true or false"),
        ("/similar?word=king&min_count=1000",
         "no candidate is left; relax restrict_vocab, min_count or among"),
        ("/similar?word=king&approximate=true",
         "the server has no index open (option approximate of `embedtool serve`)"),
        ("/analogy?expression=king&method=sum", "method must be 3cosadd or 3cosmul"),
        ("/analogy?expression=king", f"'king' {SHAPE}"),
        ("/analogy?expression=king+-+man+++woman",
         f"'king - man   woman' {SHAPE}; in a URL + stands for a space, and %2B for +"),
        ("/analogy?expression=" + "%20%2B%20".join(["king"] * 33),
         "an expression of 33 words; expected 32 or fewer"),
        ("/odd-one-out?word=king&word=man", "word must hold 3 to 100, not 2"),
    ],
)  # fmt: skip
def test_invalid_parameters_are_explained(client: TestClient, url: str, detail: str) -> None:
    assert refused(client.get(url), 422) == detail


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ([], 'expected a JSON object, as in {"words": [...]}'),
        ({}, "words is missing"),
        ({"words": "king"}, "words must be a list"),
        ({"words": []}, "words must hold 1 to 100, not 0"),
        ({"words": ["king"] * 101}, "words must hold 1 to 100, not 101"),
        ({"words": ["king", 1]}, "words[1] must be text"),
        ({"words": ["king"], "n": True}, "n must be a whole number"),
        ({"words": ["king"], "n": 1.5}, "n must be a whole number"),
        ({"words": ["king"], "n": 1e300}, "n must be 1 to 100"),
        ({"words": ["king"], "n": None}, "n must be a whole number"),
    ],
)
def test_invalid_bodies_are_explained(client: TestClient, body: object, detail: str) -> None:
    assert refused(post(client, "/similar", body), 422) == detail


def test_of_several_expressions_the_malformed_one_is_named(client: TestClient) -> None:
    several = post(client, "/analogy", {"expressions": ["king - man + woman", "king queen"]})
    assert refused(several, 422).startswith(f"expressions[1]: 'king queen' {SHAPE}"[:60])
    one = post(client, "/analogy", {"expressions": ["king queen"]})
    assert refused(one, 422).startswith("'king queen' is not an expression")


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"{", "the body is not JSON: Expecting property name enclosed in double quotes, line 1, "
               "column 2"),
        (b'{"words": ["\xff"]}', "the body is not UTF-8"),
        (b'{"words": ["king"], "n": NaN}', "the body is not JSON: NaN is not a JSON number"),
        (b"[" * 100_000, "the body is not JSON: nested too deep"),
    ],
)  # fmt: skip
def test_a_body_that_is_not_json_is_a_bad_request(
    client: TestClient, content: bytes, detail: str
) -> None:
    assert refused(client.post("/similar", content=content, headers=JSON), 400) == detail


def test_spellings_are_those_of_difflib() -> None:
    rng = np.random.default_rng(4)
    words = ["".join(rng.choice(list("abcdeé王"), rng.integers(1, 12))) for _ in range(3000)]
    words = list(dict.fromkeys(words))
    spellings = SpellingIndex(words)
    for word in [*words[:20], "abcabc", "éé王王ab", "x", "", "a" * 300]:
        near = [each for each in words if abs(len(each) - len(word)) <= 2]
        assert spellings.nearest(word, 3) == get_close_matches(word, near, 3, 0.7)
    assert SpellingIndex([]).nearest("king", 3) == []
