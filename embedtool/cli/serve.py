"""embedtool serve: a model behind a JSON API, or as tools for programs that speak MCP."""

import logging
import os
import re
import signal
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from embedtool.cli.options import IntRange, model_argument, port_option
from embedtool.cli.output import note
from embedtool.cli.queries import index_of
from embedtool.errors import EmbedtoolError, MissingExtraError
from embedtool.explore.limits import (
    HEADER_BYTES,
    IDLE_SECONDS,
    MOST_ANSWERS,
    MOST_CONNECTIONS,
    MOST_WORDS,
    STOP_SECONDS,
)

if TYPE_CHECKING:
    from embedtool.explore.questions import Served

LOOPBACK = "127.0.0.1"
PORT = 8000
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
SWITCH_SECONDS = 0.0005
"""After which a thread lets another run Python, a tenth of what is usual: what answers a request
takes several turns, each of which may have to wait for a search in another thread."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)
ORIGIN = re.compile(r"\*|https?://[^/\s]+")
OF_BOTH = ("model", "approximate", "most_words", "most_answers", "mcp")
"""Options that tools have too."""


@click.command()
@model_argument
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@port_option(PORT)
@click.option(
    "--approximate",
    is_flag=True,
    help="Search in the index that `embedtool index` has made, where a request allows it.",
)
@click.option(
    "--max-words",
    "most_words",
    type=IntRange(min=1),
    default=MOST_WORDS,
    show_default=True,
    metavar="N",
    help="Words, expressions, pairs or groups of one request.",
)
@click.option(
    "--max-n",
    "most_answers",
    type=IntRange(min=1),
    default=MOST_ANSWERS,
    show_default=True,
    metavar="N",
    help="Answers to each of them.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Answer requests to this name too, as a proxy passes it on; may be repeated.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of this site, as in https://example.org, read answers; *: of any.",
)
@click.option("--access-log", is_flag=True, help="Write a line a request on standard error.")
@click.option("--mcp", is_flag=True, help="Speak MCP on standard input and output, not HTTP.")
@click.pass_context
def serve(
    context: click.Context,
    model: Path,
    host: str,
    port: int,
    approximate: bool,
    most_words: int,
    most_answers: int,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    access_log: bool,
    mcp: bool,
) -> None:
    """Answer questions to MODEL over HTTP, in JSON, until it is stopped.

    GET /similar?word=king, /analogy, /similarity, /odd-one-out and /vector ask one thing, POST many
    at once; /openapi.json describes them all, /health and /ready tell how the server is. Its
    address is printed when it listens. On Ctrl-C or SIGTERM it answers what it has begun, and ends
    with exit code 0.
    """
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise click.BadParameter(
                f"{origin!r} is no origin such as https://example.org", param_hint="--allow-origin"
            )
    if mcp:
        _refuse_http_options(context)

    from embedtool import store
    from embedtool.explore.questions import Served

    vectors = store.load(model).vectors
    index = index_of(model, vectors, approximate)
    served = Served(vectors, index, most_words, most_answers)
    search = "approximate" if approximate else "exact"
    told = f"{model}: {vectors.n_words:,} words x {vectors.vector_size}, {search} search"
    if mcp:
        _serve_tools(served, told)
        return
    with _listening(host, port) as listener:
        server = _server(served, _names(listener, host, hosts), origins, access_log)
        click.echo(_url(listener))
        note(told)
        _run(server, listener, approximate)
    note("stopped")


def _refuse_http_options(context: click.Context) -> None:
    """Raise UsageError where an option is given that says nothing to --mcp."""
    for parameter in context.command.params:
        name = str(parameter.name)
        given = context.get_parameter_source(name) is not ParameterSource.DEFAULT
        if given and name not in OF_BOTH:
            raise click.UsageError(f"{parameter.opts[0]} is of HTTP; leave it out, or --mcp")


def _serve_tools(served: "Served", told: str) -> None:
    try:
        import mcp.server  # noqa: F401
    except ImportError:
        raise MissingExtraError("serving tools", "mcp") from None
    from embedtool.explore.tools import serve_tools

    note(f"{told}; MCP on standard input and output")
    for number in SIGNALS:  # at once: nothing wakes the thread that waits for standard input
        signal.signal(number, signal.SIG_DFL)
    serve_tools(served)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises EmbedtoolError where it cannot."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listener = socket.create_server(address, family=family, backlog=MOST_CONNECTIONS)
        # its protocol is named, because asyncio sets TCP_NODELAY only where it is: without, each
        # answer on an open connection waits 40 ms for the client's delayed acknowledgement
        return socket.socket(family, kind, protocol, listener.detach())
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is no name of a host"
    except OSError as error:
        why = os.strerror(error.errno or 0)
    raise EmbedtoolError(f"{host}, port {port}: cannot listen: {why}")


def _names(listener: socket.socket, host: str, more: tuple[str, ...]) -> set[str] | None:
    """The names by which requests may ask, None for any; warns where others can reach the server.

    On loopback the names keep out pages of other sites. Where all may ask they keep out nobody, and
    the server does not know what it is called.
    """
    address = listener.getsockname()[0]
    if ip_address(address).is_loopback:
        return {*LOOPBACK_NAMES, host, address, *more}
    note(
        f"Warning: {address} is not loopback: all who reach it may ask, without password or TLS; "
        "put a proxy before it that has both"
    )
    return set(more) or None


def _url(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"


def _server(
    served: "Served", names: set[str] | None, origins: tuple[str, ...], access_log: bool
) -> Any:
    """The server of an application. Raises MissingExtraError."""
    try:
        import uvicorn
    except ImportError:
        raise MissingExtraError("serving a model", "serve") from None
    from embedtool.explore.api import application
    from embedtool.explore.connections import LimitedProtocol, most_connections

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    if access_log:
        logger, handler = logging.getLogger("uvicorn.access"), logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    return uvicorn.Server(
        uvicorn.Config(
            application(served, names, origins),
            http=LimitedProtocol,
            ws="none",
            log_config=None,
            access_log=access_log,
            server_header=False,
            limit_concurrency=most_connections() + 1,  # the first that is refused
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
    )


def _run(server: Any, listener: socket.socket, approximate: bool) -> None:
    """Serve until a signal says to stop, which is how a server ends, and no failure.

    The server raises the signal again when it has stopped; then nothing is left to be done by it.
    Beside an index an exact search has one core, so that it leaves others to those who use it.
    """
    from threadpoolctl import threadpool_limits

    sys.setswitchinterval(SWITCH_SECONDS)
    before = [signal.signal(number, server.handle_exit) for number in SIGNALS]
    try:
        with threadpool_limits(1 if approximate else None, "blas"):
            server.run(sockets=[listener])
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
