"""The server of the JSON API: its limits, names, queue of requests, index and OpenAPI document."""

import asyncio
import json
import os
from collections.abc import Iterator
from threading import Event

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import positive_data_acceptance
from starlette.exceptions import HTTPException
from starlette.testclient import TestClient

from embedtool.errors import QueryError
from embedtool.model.suggestions import SpellingIndex
from embedtool.model.vectors import VectorTable
from embedtool.search.ann import build, open_index
from embedtool.search.query import similar
from embedtool.serving import http_api, limits
from embedtool.serving.endpoints import ServedModel, endpoints, searches_index
from embedtool.serving.http_api import RequestQueue, application, encoded
from embedtool.serving.openapi import PAGES, document, path_of
from embedtool.serving.schemas import check_value
from tests.unit.api_client import JSON, as_json, post, random_vectors, refused, until_ready

EXAMPLES = int(os.environ.get("EXAMPLES", 25))


@pytest.fixture(scope="module")
def vectors() -> VectorTable:
    return random_vectors()


@pytest.fixture(scope="module")
def client(vectors: VectorTable) -> Iterator[TestClient]:
    with TestClient(application(ServedModel(vectors))) as client:
        yield client


@pytest.fixture(scope="module")
def indexed(vectors: VectorTable, tmp_path_factory: pytest.TempPathFactory) -> ServedModel:
    folder = tmp_path_factory.mktemp("index")
    build(vectors, folder, 0.95)
    return ServedModel(vectors, open_index(vectors, folder))


def test_requests_have_limits(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    large = client.post("/similar", content=b" " * (limits.BODY_BYTES + 1), headers=JSON)
    assert refused(large, 413) == "the body exceeds 1,048,576 bytes"
    form = client.post("/similar", data={"words": "king"})
    assert refused(form, 415) == "expected Content-Type: application/json"
    bad = client.get("/similar?word=%FF")
    assert refused(bad, 400) == "the parameters are not UTF-8"
    assert refused(client.get("/secret"), 404) == (
        "no /secret here; /openapi.json lists what there is"
    )
    assert refused(client.get("/similar/"), 404)
    wrong = client.delete("/similar")
    assert refused(wrong, 405) == "Method Not Allowed"
    assert set(wrong.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}
    monkeypatch.setattr(http_api, "MAX_WAITING", 0)
    full = client.get("/similar?word=king")
    assert refused(full, 503) == "0 requests are waiting; ask again later"
    assert full.headers["retry-after"] == "1"
    assert client.get("/health").status_code == 200


def test_a_server_has_its_own_limits(vectors: VectorTable) -> None:
    with TestClient(application(ServedModel(vectors, max_words=2, max_n=5))) as client:
        assert len(client.get("/similar?word=king").json()["answers"]) == 5
        assert refused(client.get("/similar?word=king&n=6"), 422) == "n must be 1 to 5"
        many = post(client, "/vector", {"words": ["king"] * 3})
        assert refused(many, 422) == "words must hold 1 to 2, not 3"
        assert client.get("/odd-one-out?word=king&word=man&word=queen").status_code == 200


def test_an_internal_error_is_logged_and_not_shown(
    vectors: VectorTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*arguments: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("embedtool.serving.endpoints.lookup", fault)
    with TestClient(application(ServedModel(vectors)), raise_server_exceptions=False) as client:
        detail = refused(client.get("/vector?word=king"), 500)
    assert detail == "internal error in embedtool; see its log"


def test_only_names_of_the_server_are_served(vectors: VectorTable) -> None:
    names = {"localhost", "127.0.0.1", "::1"}
    with TestClient(application(ServedModel(vectors), names)) as client:
        for host in ("localhost", "LOCALHOST:80", "127.0.0.1:8000", "[::1]:8000"):
            assert client.get("/health", headers={"host": host}).status_code == 200
        evil = client.get("/health", headers={"host": "evil.example:8000"})
        assert refused(evil, 400) == (
            "the host 'evil.example:8000' is not served here; "
            "`embedtool serve` allows it by its option allow_host"
        )
        for host in ("", "[::1"):
            none = client.get("/health", headers={"host": host})
            assert refused(none, 400) == f"the host {host!r} is not served here"
        for host in ("localhost.evil.example", "user@evil.example"):
            refused(client.get("/health", headers={"host": host}), 400)


def test_other_sites_read_answers_only_if_allowed(client: TestClient, vectors: VectorTable) -> None:
    site = {"origin": "https://example.org"}
    assert "access-control-allow-origin" not in client.get("/health", headers=site).headers
    with TestClient(application(ServedModel(vectors), origins=["https://example.org"])) as allowing:
        answer = allowing.get("/health", headers=site)
        assert answer.headers["access-control-allow-origin"] == "https://example.org"
        other = allowing.get("/health", headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers
        asked = site | {
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type",
        }
        assert allowing.options("/similar", headers=asked).status_code == 200


def test_it_is_ready_when_the_model_has_been_read(
    vectors: VectorTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Event()
    with monkeypatch.context() as patched:
        patched.setattr(SpellingIndex, "nearest", lambda *given: read.wait(30))
        with TestClient(application(ServedModel(vectors))) as client:
            assert client.get("/health").json()["status"] == "ok"
            waiting = client.get("/ready")
            assert refused(waiting, 503) == "the model is being read; ask again later"
            read.set()
            expected = {"status": "ready", "words": 200, "vector_size": 8, "approximate": False}
            assert until_ready(client) == expected


def test_an_index_answers_where_it_can(indexed: ServedModel, vectors: VectorTable) -> None:
    with TestClient(application(indexed)) as client:
        by_index = client.get("/similar?word=king").json()
        exact = client.get("/similar?word=king&approximate=false").json()
        assert (by_index["approximate"], exact["approximate"]) == (True, False)
        assert exact["answers"] == as_json(similar(vectors, "king"))
        true = {each["word"] for each in exact["answers"]}
        assert len(true & {each["word"] for each in by_index["answers"]}) >= 8
        for limited in ("/similar?word=king&restrict_vocab=50", "/similar?word=king&min_count=9",
                        "/analogy?expression=man+king+woman&method=3cosmul"):  # fmt: skip
            assert client.get(limited).json()["approximate"] is False
            refused(client.get(f"{limited}&approximate=true"), 422)
        assert until_ready(client)["approximate"] is True


def test_a_request_of_many_items_lets_others_come_between(
    vectors: VectorTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = RequestQueue(ServedModel(vectors))
    order: list[str] = []

    def answer(served: ServedModel, items: list[str], options: object) -> list[dict[str, str]]:
        order.extend(items)
        return [{"word": word} for word in items]

    vector = next(each for each in endpoints(queue.served) if each.name == "vector")
    object.__setattr__(vector, "answer", answer)

    async def ask() -> None:
        many = asyncio.create_task(queue.answer(vector, ["a", "b", "c", "d"], {}))
        await asyncio.sleep(0)
        one = asyncio.create_task(queue.answer(vector, ["z"], {}))
        assert await one == [b'{"word":"z"}']
        assert len(await many) == 4

    asyncio.run(ask())
    assert order.index("z") < order.index("d")


def test_a_request_times_out(vectors: VectorTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_api, "ANSWER_SECONDS", 0.01)
    queue, release = RequestQueue(ServedModel(vectors)), Event()
    vector = next(each for each in endpoints(queue.served) if each.name == "vector")
    object.__setattr__(vector, "answer", lambda *given: release.wait(30) and [])

    async def ask() -> None:
        with pytest.raises(HTTPException) as raised:
            await queue.answer(vector, ["king"], {})
        release.set()
        assert raised.value.status_code == 503
        assert raised.value.detail == "no answer within 0.01 s; ask again later"

    asyncio.run(ask())
    assert queue.waiting == 0


def test_json_is_strict() -> None:
    assert encoded({"a": "é\ud800"}) == '{"a":"é\\ud800"}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        encoded(float("nan"))


def test_whole_numbers_are_those_of_json_schema() -> None:
    schema = {"type": "integer", "minimum": 1, "maximum": 5}
    assert check_value("n", 2.0, schema) == 2
    for value in (2.5, True, "2", float("inf"), float("nan"), None):
        with pytest.raises(QueryError, match="n must be a whole number"):
            check_value("n", value, schema)


def test_the_index_is_searched_unless_the_options_forbid(indexed: ServedModel) -> None:
    plain = {"approximate": None, "restrict_vocab": None, "min_count": None}
    assert searches_index(indexed, plain)
    assert not searches_index(indexed, plain | {"approximate": False})
    assert not searches_index(indexed, plain | {"min_count": 5})
    assert not searches_index(ServedModel(indexed.vectors), plain)


def test_the_document_describes_every_route_and_no_other(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert described == json.loads(encoded(document(endpoints(ServedModel(random_vectors())))))
    served = {
        (route.path, method.lower()) for route in client.app.routes for method in route.methods
    }
    paths = {(path, method) for path, of in described["paths"].items() for method in of}
    assert served - {(path, "head") for path, _ in served} == paths
    assert len(paths) == len(PAGES) + 2 * len(endpoints(ServedModel(random_vectors())))
    assert path_of(endpoints(ServedModel(random_vectors()))[3]) == "/odd-one-out"


load_all_checks()
schema = schemathesis.openapi.from_asgi("/openapi.json", application(ServedModel(random_vectors())))
SEARCHES = ("/similar", "/analogy")
"""What their schemas allow may have no answer: an expression of one word, an index that is not
there."""


@schema.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
def test_the_server_is_what_its_document_says(case: schemathesis.Case) -> None:
    unmet = [positive_data_acceptance] if case.path in SEARCHES else []
    case.call_and_validate(excluded_checks=unmet)
