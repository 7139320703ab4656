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
from embedtool.io.blocks import slices
from embedtool.io.json_file import parse_json
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

WARM_UP_ROWS = 2**14
"""Rows read at a time before the model is ready."""
WARM_UP_SEARCHES = 1000
"""Number of searches in the index before the model is ready: they visit most of it."""
MAX_DETAIL_LENGTH = 2000
"""Maximum characters of an error message, which may repeat a parameter's name of any length."""


class RequestQueue:
    """The queue of requests to a model.

    Index searches and look-ups have one thread, exact searches another: the index must not be
    searched by two threads concurrently, an exact search uses all cores by itself, and neither kind
    should wait for the other. A request of many items is queued again after every few items, so
    that other requests are served in between.

    Attributes
    ----------
    ready : bool
        Whether the model is in memory.
    reload : asyncio.Event
        Set it to reopen the model.
    waiting : int
        Number of pending requests.
    """

    def __init__(self, served: ServedModel, source: ModelSource | None = None) -> None:
        self.served = served
        self.source = source
        self.ready = False
        self.reload = asyncio.Event()
        self.waiting = 0
        self.fast = ThreadPoolExecutor(1, "fast")
        self.exact = ThreadPoolExecutor(1, "exact")

    async def answer(
        self,
        endpoint: Endpoint,
        items: Sequence[Any],
        options: Mapping[str, Any],
        allow_missing: bool = False,
    ) -> list[bytes]:
        """Return the answer to each item, as JSON.

        Parameters
        ----------
        allow_missing : bool
            Answer null for an item without an answer, and the other items as usual.

        Raises
        ------
        EmbedtoolError
            If the request cannot be answered.
        HTTPException
            With 503, if too many requests wait, or there was no answer in time.
        """
        if self.waiting >= MAX_WAITING:
            raise busy(f"{MAX_WAITING} requests are waiting")
        thread, batch, served = self.fast, 1, self.served  # one model answers all items
        if "approximate" in options and not searches_index(served, options):
            thread, batch = self.exact, EXACT_BATCH

        def work(some: Sequence[Any]) -> list[bytes]:
            answer = endpoint.answer_each if allow_missing else endpoint.answer
            return [encoded(each) for each in answer(served, some, options)]

        answers: list[bytes] = []
        self.waiting += 1
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                for first in range(0, len(items), batch):
                    answers += await in_thread(thread, work, items[first : first + batch])
        except TimeoutError:
            raise busy(f"no answer within {ANSWER_SECONDS:g} s") from None
        finally:
            self.waiting -= 1
        return answers

    async def run(self) -> None:
        """Read the model into memory, then replace it whenever its files are replaced.

        A broken replacement is logged, and the previous model continues to answer.
        """
        await self.warm_up(self.served)
        self.ready = True
        while self.source is not None:
            before = self.source.identity()
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await self.reload.wait()
            # files that are still being copied change between two checks
            is_complete = self.source.is_replaced() and self.source.identity() == before
            if is_complete or self.reload.is_set():
                self.reload.clear()
                await self._replace(self.source)

    async def _replace(self, source: ModelSource) -> None:
        with log_failed_reload():
            served = await asyncio.to_thread(source.open_replacement)
            await self.warm_up(served)
            self.served = served
            log.info("%s", source.summary(served))

    async def warm_up(self, served: ServedModel) -> None:
        """Read all data that answers need, and search the index for some words."""
        vectors, index = served.vectors, served.index
        for rows in slices(vectors.n_words, WARM_UP_ROWS):
            await in_thread(self.exact, lambda rows: vectors.rows[rows].max(initial=0), rows)
        await in_thread(self.fast, lambda word: vectors.spelling_index.nearest(word, 1), "")
        if index is not None:
            for row in np.random.default_rng(0).choice(vectors.n_words, WARM_UP_SEARCHES):
                units = unit_rows(vectors.rows[row : row + 1])
                await in_thread(self.fast, lambda units: index.nearest(units, 10), units)


async def in_thread(thread: ThreadPoolExecutor, work: Callable[[Any], Any], item: Any) -> Any:
    """Return the result of a function of one item, called in a thread."""
    return await asyncio.get_running_loop().run_in_executor(thread, work, item)


def busy(why: str) -> HTTPException:
    """Return the answer to a request that cannot be answered now."""
    return HTTPException(503, f"{why}; ask again later", {"Retry-After": "1"})


def encoded(value: Any) -> bytes:
    """Return a value as JSON in UTF-8; lone surrogates become escapes."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def problem(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> Response:
    """Return an error as problem details (RFC 9457)."""
    title = HTTPStatus(status).phrase
    content = encoded(
        {"title": title, "status": status, "detail": detail[:MAX_DETAIL_LENGTH], **more}
    )
    return Response(content, status, headers, "application/problem+json")


async def _on_http_error(request: Request, error: Any) -> Response:
    if error.detail == HTTPStatus.NOT_FOUND.phrase:
        error.detail = f"no {request.url.path} here; {DOCUMENT.path} lists what there is"
    return problem(error.status_code, error.detail, error.headers)


async def _on_error(request: Request, error: Any) -> Response:
    if isinstance(error, UnknownWordError):
        return problem(404, str(error), word=error.word, suggestions=error.suggestions)
    return problem(422 if isinstance(error, QueryError) else 500, str(error))


async def _on_fault(request: Request, error: Exception) -> Response:
    return problem(500, "internal error in embedtool; see its log")


async def _on_disconnect(request: Request, error: Exception) -> Response:
    return problem(400, "the request is incomplete")


class HostCheck:
    """Middleware that refuses requests whose Host is not one of the server's names.

    A page of another site can make its own name resolve to this machine (DNS rebinding); its
    requests then have that name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        self.app = app
        self.hosts = {host.lower() for host in hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with status 400."""
        if scope["type"] == "http":
            given = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            try:
                host = urlsplit(f"//{given}").hostname
            except ValueError:
                host = None
            if host not in self.hosts:
                advice = "; `embedtool serve` allows it by its option allow_host" if host else ""
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
    """Return the application that serves a model; setting `state.reload` reopens the model.

    Parameters
    ----------
    hosts : collection of str
        Names that a request may have as its Host, without a port; None for any.
    origins : collection of str
        Sites whose pages may read answers (CORS), such as https://example.org; "*" for all.
    source : ModelSource
        The model on disk, to reopen it when it is replaced; None for never.
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
    served = endpoints(queue.served)
    described = encoded(document(served))

    async def health(request: Request) -> Response:
        return _json(encoded({"status": "ok", "version": __version__, "model": queue.served.about}))

    async def ready(request: Request) -> Response:
        if not queue.ready:
            raise busy("the model is being read")
        served = queue.served
        status = {
            "status": "ready",
            "words": served.vectors.n_words,
            "vector_size": served.vectors.vector_size,
            "approximate": served.index is not None,
        }
        return _json(encoded(status))

    async def openapi(request: Request) -> Response:
        return _json(described)

    pages = ((HEALTH, health), (READY, ready), (DOCUMENT, openapi))
    return [
        *(Route(page.path, endpoint, methods=["GET"]) for page, endpoint in pages),
        *(Route(path_of(each), _handler(queue, each), methods=["GET", "POST"]) for each in served),
    ]


def _handler(queue: RequestQueue, endpoint: Endpoint) -> Callable[[Request], Any]:
    async def handle(request: Request) -> Response:
        if request.method == "POST":
            items, options = endpoint.parse_json(await _body(request))
            answers = await queue.answer(endpoint, items, options, allow_missing=True)
            return _json(b'{"results":[' + b",".join(answers) + b"]}")
        item, options = endpoint.parse_query(_query(request))
        try:
            [answer] = await queue.answer(endpoint, [item], options)
        except QueryError as error:
            if b"+" in request.scope["query_string"] and not isinstance(error, NoAnswerError):
                raise QueryError(f"{error}; in a URL + stands for a space, and %2B for +") from None
            raise
        return _json(answer)

    return handle


def _json(content: bytes) -> Response:
    return Response(content, media_type="application/json")


def _query(request: Request) -> dict[str, list[str]]:
    """Return the parameters of a URL, each with its values."""
    try:
        text = request.scope["query_string"].decode()
        return parse_qs(text, keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise HTTPException(400, "the parameters are not UTF-8") from None


async def _body(request: Request) -> Any:
    """Return the JSON body of a request."""
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
        return parse_json(body.decode("utf-8-sig"), allow_nan=False)
    except UnicodeDecodeError:
        raise HTTPException(400, "the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise HTTPException(400, f"the body is not JSON: {error.msg}, {where}") from None
    except ValueError as error:
        raise HTTPException(400, f"the body is not JSON: {error}") from None
