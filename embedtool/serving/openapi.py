"""The OpenAPI 3.1 document of a server."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from embedtool import __version__
from embedtool.serving.endpoints import Endpoint
from embedtool.serving.schemas import Schema

PROBLEM: Schema = {
    "type": "object",
    "description": "The error (RFC 9457); word and suggestions if a word has no vector.",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "word": {"type": "string"},
        "suggestions": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["title", "status", "detail"],
}
PROBLEMS = {
    400: "not UTF-8, not JSON, or a Host that is not served",
    404: "a word has no vector",
    408: "the request took too long to arrive",
    413: "the request is too large",
    415: "the request is not application/json",
    422: "a parameter is missing, unknown or cannot have its value",
    503: "too many requests wait, or the answer took too long; ask again later",
}
GET_PROBLEMS = (400, 404, 422, 503)
POST_PROBLEMS = (400, 408, 413, 415, 422, 503)


@dataclass(frozen=True)
class Page:
    """A resource that describes the server itself.

    Attributes
    ----------
    problems : tuple of int
        Status codes of its errors.
    """

    path: str
    summary: str
    result: Schema
    problems: tuple[int, ...] = (400,)


def _status(**properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": {"status": {"type": "string"}, **properties},
        "required": ["status", *properties],
    }


ABOUT: Schema = {
    "type": "object",
    "description": "The model that answers: its folder's name, and the checksum in config.json.",
    "properties": {
        "name": {"type": "string"},
        "words": {"type": "integer"},
        "vector_size": {"type": "integer"},
        "checksum": {"type": "string"},
    },
    "required": ["name", "words", "vector_size", "checksum"],
}
HEALTH = Page(
    "/health",
    "Whether the server is alive, and which model answers.",
    _status(version={"type": "string"}, model=ABOUT),
)
READY = Page(
    "/ready",
    "Whether the model is in memory, and what is served.",
    _status(
        words={"type": "integer"},
        vector_size={"type": "integer"},
        approximate={"type": "boolean"},
    ),
    (400, 503),
)
DOCUMENT = Page("/openapi.json", "This document.", {"type": "object"})
PAGES = (HEALTH, READY, DOCUMENT)


def path_of(endpoint: Endpoint) -> str:
    """Return the URL path of an endpoint."""
    return "/" + endpoint.name.replace("_", "-")


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document, JSON-serialisable, of a server with these endpoints."""
    paths = {page.path: {"get": _page(page)} for page in PAGES}
    for endpoint in endpoints:
        paths[path_of(endpoint)] = {"get": _get(endpoint), "post": _post(endpoint)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "embedtool",
            "version": __version__,
            "description": "Queries to word vectors. GET takes one item, POST many; each result of "
            "POST has the form of GET's answer. An item without an answer, such as a word without "
            "a vector, is an error of GET; POST answers null, with the reason.",
        },
        "paths": paths,
        "components": {"schemas": {"Problem": PROBLEM}},
    }


def _page(page: Page) -> dict[str, Any]:
    operation = page.path.strip("/").partition(".")[0]
    return _operation(operation, page.summary, page.result, page.problems)


def _get(endpoint: Endpoint) -> dict[str, Any]:
    parameters = [
        {
            "name": name,
            "in": "query",
            "required": name in endpoint.item_parameters,
            "schema": schema,
        }
        for name, schema in (endpoint.item_parameters | endpoint.options).items()
    ]
    operation = _operation(endpoint.name, endpoint.summary, endpoint.result_schema, GET_PROBLEMS)
    return operation | {"parameters": parameters}


def _post(endpoint: Endpoint) -> dict[str, Any]:
    name, summary = f"{endpoint.name}_many", f"{endpoint.summary} Many at once."
    operation = _operation(name, summary, endpoint.response_schema, POST_PROBLEMS)
    body = {"required": True, "content": {"application/json": {"schema": endpoint.request_schema}}}
    return operation | {"requestBody": body}


def _operation(name: str, summary: str, result: Schema, problems: Sequence[int]) -> dict[str, Any]:
    responses: dict[str, Any] = {
        "200": {
            "description": "The answer.",
            "content": {"application/json": {"schema": result}},
        }
    }
    for status in problems:
        schema = {"$ref": "#/components/schemas/Problem"}
        responses[str(status)] = {
            "description": PROBLEMS[status],
            "content": {"application/problem+json": {"schema": schema}},
        }
    return {"operationId": name, "summary": summary, "responses": responses}
