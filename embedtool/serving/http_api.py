"""A JSON API over word vectors: the Starlette application.

It answers in JSON; errors are problem details (RFC 9457) with the messages of the commands.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from embedtool import __version__
from embedtool.errors import EmbedtoolError, NoAnswerError, QueryError, UnknownWordError
from embedtool.model.linalg import unit_rows
from embedtool.serving.endpoints import Endpoint, ServedModel, endpoints, searches_index
from embedtool.serving.limits import (
    ANSWER_SECONDS,
    BODY_BYTES,
    BODY_SECONDS,
    EXACT_BATCH,
    MAX_WAITING,
    POLL_SECONDS,
)
from embedtool.serving.openapi import DOCUMENT, HEALTH, READY, document, path_of
from embedtool.serving.source import ModelSource, log_failed_reload

log = logging.getLogger(__name__)

WARMING_ROWS = 2**14
"""Rows that are read at once before the model is ready."""
WARMING_SEARCHES = 1000
"""Words sought in the index before the model is ready: they lead through most of it."""
MAX_DETAIL_LENGTH = 2000
"""Characters of an error; the names of parameters are a client's, and may be of a megabyte."""


class RequestQueue:
    """Where questions to a model wait for their turn.

    Searches in the index and look-ups have one thread, exact searches another: the library's graph
    is not to be searched by two at once, exact searches take all cores as it is, and neither is to
    wait for the other. A request of many items takes its turn anew for every few of them, so that
    others come between.
    """

    def __init__(self, served: ServedModel, source: ModelSource | None = None) -> None:
        self.served = served
        self.source = source
        self.ready = False
        self.reload = asyncio.Event()
        self.waiting = 0
        self.quick = ThreadPoolExecutor(1, "quick")
        self.exact = ThreadPoolExecutor(1, "exact")

    async def answer(
        self,
        endpoint: Endpoint,
        items: Sequence[Any],
        options: Mapping[str, Any],
        many: bool = False,
    ) -> list[bytes]:
        """The answer to each item, as JSON.

        many : whether an item without an answer leaves the others theirs, and is null
        Raises EmbedtoolError; HTTPException 503 when busy.
        """
        if self.waiting >= MAX_WAITING:
            raise busy(f"{MAX_WAITING} requests wait already")
        thread, at_once, served = self.quick, 1, self.served  # one model answers all items
        if "approximate" in options and not searches_index(served, options):
            thread, at_once = self.exact, EXACT_BATCH

        def work(some: Sequence[Any]) -> list[bytes]:
            answer = endpoint.answer_each if many else endpoint.answer
            return [encoded(each) for each in answer(served, some, options)]

        answers: list[bytes] = []
        self.waiting += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                for first in range(0, len(items), at_once):
                    answers += await in_thread(thread, work, items[first : first + at_once])
        except TimeoutError:
            raise busy(f"no answer within {ANSWER_SECONDS:g} s") from None
        finally:
            self.waiting -= 1
        return answers

    async def run(self) -> None:
        """Make the model ready, and then each that takes its place; one that is broken does not."""
        await self.warm(self.served)
        self.ready = True
        while self.source is not None:
            before = self.source.identity()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self.reload.wait()
            # what is still being copied changes between two looks
            rests = self.source.is_replaced() and self.source.identity() == before
            if rests or self.reload.is_set():
                self.reload.clear()
                await self._replace(self.source)

    async def _replace(self, source: ModelSource) -> None:
        with log_failed_reload():
            served = await asyncio.to_thread(source.open_replacement)
            await self.warm(served)
            self.served = served
            log.info("%s", source.summary(served))

    async def warm(self, served: ServedModel) -> None:
        """Read what answers need once, and seek some words in the index."""
        vectors, index = served.vectors, served.index
        for first in range(0, vectors.n_words, WARMING_ROWS):
            rows = slice(first, first + WARMING_ROWS)
            await in_thread(self.exact, lambda rows: vectors.matrix[rows].max(initial=0), rows)
        await in_thread(self.quick, lambda word: vectors.spelling_index.nearest(word, 1), "")
        if index is not None:
            sought = np.random.default_rng(0).choice(vectors.n_words, WARMING_SEARCHES)
            for row in sought:
                units = unit_rows(vectors.matrix[row : row + 1])
                await in_thread(self.quick, lambda units: index.nearest(units, 10), units)


async def in_thread(thread: ThreadPoolExecutor, work: Callable[[Any], Any], item: Any) -> Any:
    """The result of work on an item, done by a thread."""
    return await asyncio.get_running_loop().run_in_executor(thread, work, item)


def busy(why: str) -> HTTPException:
    """What a request is told that cannot be answered now."""
    return HTTPException(503, f"{why}; ask again later", {"Retry-After": "1"})


def encoded(value: Any) -> bytes:
    """A value as JSON: Unicode as it is, but for halves of characters, which become escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """An error as problem details."""
    title = HTTPStatus(status).phrase
    content = encoded(
        {"title": title, "status": status, "detail": detail[:MAX_DETAIL_LENGTH], **more}
    )
    return Response(content, status, headers, "application/problem+json")


async def _on_http_error(request: Request, error: Any) -> Response:
    if error.detail == HTTPStatus.NOT_FOUND.phrase:
        error.detail = f"no {request.url.path} here; {DOCUMENT.path} tells what there is"
    return problem(error.status_code, error.detail, error.headers)


async def _on_error(request: Request, error: Any) -> Response:
    if isinstance(error, UnknownWordError):
        return problem(404, str(error), word=error.word, suggestions=error.suggestions)
    return problem(422 if isinstance(error, QueryError) else 500, str(error))


async def _on_fault(request: Request, error: Exception) -> Response:
    return problem(500, "embedtool has a fault; its log tells more")


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return problem(400, "the request ended before its end")


class HostCheck:
    """Refuses what is not asked by one of the server's names.

    A page of another site can make its own name lead to this machine (DNS rebinding); its requests
    carry that name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with an error."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            try:
                host = urlsplit(f"//{given}").hostname
            except ValueError:
                host = None
            if host not in self.hosts:
                advice = f"; it is with: serve --allow-host {host}" if host else ""
                refusal = problem(400, f"the host {given!r} is not served here{advice}")
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)


def application(
    served: ServedModel,
    hosts: Collection[str] | None = None,
    origins: Collection[str] = (),
    source: ModelSource | None = None,
) -> Starlette:
    """The application that answers questions to a model; setting `state.reload` opens it anew.

    hosts   : names that a request may give as its Host, without a port; None: any
    origins : sites whose pages may read answers (CORS), as in https://example.org; "*": all
    source  : where the model is, and others may take its place; None: it stays
    """
    queue = RequestQueue(served, source)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        running = asyncio.create_task(queue.run())
        yield
        running.cancel()

    middleware = [] if hosts is None else [Middleware(HostCheck, hosts=hosts)]
    if origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=list(origins),
                allow_methods=["GET", "POST"],
                allow_headers=["Content-Type"],
            )
        )
    app = Starlette(
        routes=_routes(queue),
        middleware=middleware,
        lifespan=lifespan,
        exception_handlers={
            HTTPException: _on_http_error,
            EmbedtoolError: _on_error,
            ClientDisconnect: _on_disconnect,
            Exception: _on_fault,
        },
    )
    app.router.redirect_slashes = False
    app.state.reload = queue.reload
    return app


def _routes(queue: RequestQueue) -> list[Route]:
    asked = endpoints(queue.served)
    described = encoded(document(asked))

    async def health(request: Request) -> Response:
        return _json(encoded({"status": "ok", "version": __version__, "model": queue.served.about}))

    async def ready(request: Request) -> Response:
        if not queue.ready:
            raise busy("the model is being read")
        served = queue.served
        told = {
            "status": "ready",
            "words": served.vectors.n_words,
            "vector_size": served.vectors.vector_size,
            "approximate": served.index is not None,
        }
        return _json(encoded(told))

    async def openapi(request: Request) -> Response:
        return _json(described)

    pages = ((HEALTH, health), (READY, ready), (DOCUMENT, openapi))
    return [
        *(Route(page.path, endpoint, methods=["GET"]) for page, endpoint in pages),
        *(Route(path_of(each), _asking(queue, each), methods=["GET", "POST"]) for each in asked),
    ]


def _asking(queue: RequestQueue, endpoint: Endpoint) -> Callable[[Request], Any]:
    async def ask(request: Request) -> Response:
        if request.method == "POST":
            items, options = endpoint.read_many(await _body(request))
            answers = await queue.answer(endpoint, items, options, many=True)
            return _json(b'{"results":[' + b",".join(answers) + b"]}")
        item, options = endpoint.read_one(_query(request))
        try:
            [answer] = await queue.answer(endpoint, [item], options)
        except QueryError as error:
            if b"+" in request.scope["query_string"] and not isinstance(error, NoAnswerError):
                raise QueryError(f"{error}; in a URL + stands for a space, and %2B for +") from None
            raise
        return _json(answer)

    return ask


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _query(request: Request) -> dict[str, list[str]]:
    """The parameters of a URL, each with its values."""
    try:
        text = request.scope["query_string"].decode()
        return parse_qs(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise HTTPException(400, "the parameters are not UTF-8") from None


async def _body(request: Request) -> Any:
    """The JSON that a request carries."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "expected Content-Type: application/json")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                body += part
                if len(body) > BODY_BYTES:
                    raise HTTPException(413, f"the body exceeds {BODY_BYTES:,} bytes")
    except TimeoutError:
        raise HTTPException(408, f"the body did not arrive in {BODY_SECONDS:g} s") from None
    try:
        return json.loads(body.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise HTTPException(400, "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise HTTPException(400, f"the body is no JSON: {error.msg}, {where}") from None
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, f"the body is no JSON that can be read: {error}") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
