"""The `serve` command: a model behind a JSON API, or as tools for programs that speak MCP."""

import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.given import given_options, reject_options
from embedtool.cli.options.shared import IntRange, model_argument, port_option
from embedtool.cli.output.console import echo_err
from embedtool.cli.signals import HANGUP, handled_signals
from embedtool.errors import EmbedtoolError, MissingExtraError
from embedtool.serving.limits import (
    ACCEPT_BATCH,
    HEADER_BYTES,
    IDLE_SECONDS,
    MAX_CONNECTIONS,
    MAX_N,
    MAX_WORDS,
    STOP_SECONDS,
)

if TYPE_CHECKING:
    from embedtool.serving.endpoints import ServedModel
    from embedtool.serving.source import ModelSource

LOOPBACK = "127.0.0.1"
PORT = 8000
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
SWITCH_SECONDS = 0.0005
"""Python's thread switch interval, a tenth of the default: a request is answered in several steps,
each of which may wait for a search in another thread."""
ORIGIN = re.compile(r"\*|https?://[^/\s]+")
MCP_OPTIONS = ("model", "approximate", "max_words", "max_n", "mcp")
"""Options that also apply to --mcp."""


@click.command()
@model_argument
@click.option("--host", default=LOOPBACK, show_default=True, help="Address to listen on.")
@port_option(PORT)
@click.option(
    "--approximate",
    is_flag=True,
    help="Search the index of `embedtool index` where a request allows it.",
)
@click.option(
    "--max-words",
    "max_words",
    type=IntRange(min=1),
    default=MAX_WORDS,
    show_default=True,
    metavar="N",
    help="Maximum number of words, expressions, pairs or groups in one request.",
)
@click.option(
    "--max-n",
    "max_n",
    type=IntRange(min=1),
    default=MAX_N,
    show_default=True,
    metavar="N",
    help="Maximum number of answers to each of them.",
)
@click.option(
    "--allow-host",
    "hosts",
    multiple=True,
    metavar="NAME",
    help="Also answer requests to this host name, as passed on by a proxy; may be repeated.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of this site, such as https://example.org, read answers; *: of any site.",
)
@click.option("--access-log", is_flag=True, help="Write a line per request to standard error.")
@click.option("--mcp", is_flag=True, help="Speak MCP on standard input and output, not HTTP.")
@click.pass_context
def serve(
    context: click.Context,
    model: Path,
    host: str,
    port: int,
    approximate: bool,
    max_words: int,
    max_n: int,
    hosts: tuple[str, ...],
    origins: tuple[str, ...],
    access_log: bool,
    mcp: bool,
) -> None:
    """Serve queries to MODEL over HTTP, in JSON, until stopped.

    GET /similar?word=king, /analogy, /similarity, /odd-one-out and /vector answer one query, POST
    many at once; /openapi.json describes them all, /health and /ready report the server's status.
    The address is printed once the server listens. If MODEL is replaced, the new model is opened
    when its files are complete, immediately on SIGHUP, and not at all if it is broken. On Ctrl-C or
    SIGTERM the server finishes the open requests, and ends with exit code 0.
    """
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise click.BadParameter(
                f"{origin!r} is not an origin such as https://example.org",
                param_hint="--allow-origin",
            )
    if mcp:
        reject_options(given_options().keys() - MCP_OPTIONS, "is of HTTP; leave it out, or --mcp")

    from embedtool.serving.source import ModelSource

    source = ModelSource(model, approximate, max_words, max_n)
    served = source.open()
    if mcp:
        _serve_tools(served, source)
        return
    with _listening(host, port) as listener:
        names = _host_names(listener, host, hosts)
        server = _server(served, names, origins, access_log, source)
        with _signals(server), _cores(approximate):
            click.echo(_url(listener))
            echo_err(source.summary(served))
            server.run(sockets=[listener])
    echo_err("stopped")


def _serve_tools(served: "ServedModel", source: "ModelSource") -> None:
    try:
        import mcp.server  # noqa: F401
    except ImportError:
        raise MissingExtraError("serving tools", "mcp") from None
    from embedtool.serving.mcp_server import serve_tools

    echo_err(f"{source.summary(served)}; MCP on standard input and output")
    for (
        number
    ) in handled_signals():  # at once: nothing wakes the thread that waits for standard input
        signal.signal(number, signal.SIG_DFL)
    serve_tools(served, source)


class Listener(socket.socket):
    """A socket whose backlog is MAX_CONNECTIONS, whatever asyncio asks for.

    asyncio accepts as many connections at a time as the backlog that it asks for, which may exceed
    the limit of open files.
    """

    def listen(self, backlog: int = MAX_CONNECTIONS) -> None:
        super().listen(MAX_CONNECTIONS)


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens. Raises EmbedtoolError if it cannot."""
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = addresses[0]
        listener = socket.create_server(address, family=family, backlog=MAX_CONNECTIONS)
        # its protocol is named, because asyncio sets TCP_NODELAY only where it is: without, each
        # answer on an open connection waits 40 ms for the client's delayed acknowledgement
        return Listener(family, kind, protocol, listener.detach())
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is not the name of a host"
    except OSError as error:
        why = os.strerror(error.errno or 0)
    raise EmbedtoolError(f"{host}, port {port}: cannot listen: {why}")


def _host_names(listener: socket.socket, host: str, more: tuple[str, ...]) -> set[str] | None:
    """Return the Host names that requests may have, None for any; warn if other machines reach it.

    On loopback the names keep out pages of other sites. On other addresses they would protect
    nothing, and the server does not know its own names.
    """
    address = listener.getsockname()[0]
    if ip_address(address).is_loopback:
        return {*LOOPBACK_NAMES, host, address, *more}
    echo_err(
        f"Warning: {address} is not loopback: everybody who reaches it may ask, without password "
        "or TLS; put a proxy with both before it"
    )
    return set(more) or None


def _url(listener: socket.socket) -> str:
    address, port = listener.getsockname()[:2]
    return f"http://{f'[{address}]' if ':' in address else address}:{port}"


def _server(
    served: "ServedModel",
    names: set[str] | None,
    origins: tuple[str, ...],
    access_log: bool,
    source: "ModelSource | None" = None,
) -> Any:
    """Return the uvicorn server of a model. Raises MissingExtraError without uvicorn."""
    try:
        import uvicorn
    except ImportError:
        raise MissingExtraError("serving a model", "serve") from None
    from embedtool.serving.connections import LimitedProtocol, max_connections
    from embedtool.serving.http_api import application

    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    if access_log:
        logger, handler = logging.getLogger("uvicorn.access"), logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    return uvicorn.Server(
        uvicorn.Config(
            application(served, names, origins, source),
            http=LimitedProtocol,
            ws="none",
            log_config=None,
            access_log=access_log,
            server_header=False,
            limit_concurrency=max_connections() + 1,  # the first that is refused
            timeout_keep_alive=IDLE_SECONDS,
            backlog=ACCEPT_BATCH,
            timeout_graceful_shutdown=STOP_SECONDS,
            h11_max_incomplete_event_size=HEADER_BYTES,
        )
    )


@contextmanager
def _signals(server: Any) -> Iterator[None]:
    """Stop the server on SIGINT and SIGTERM, and reopen the model on SIGHUP.

    A closed terminal sends SIGHUP too; then the server stops. uvicorn raises a signal again after
    it has stopped; it is then ignored.
    """
    has_terminal = _has_terminal()

    def hang_up(number: int, frame: FrameType | None) -> None:
        if has_terminal and not _has_terminal():
            server.handle_exit(number, frame)
        else:
            server.config.app.state.reload.set()

    before: dict[int, Any] = {
        number: signal.signal(number, hang_up if number == HANGUP else server.handle_exit)
        for number in handled_signals()
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _has_terminal() -> bool:
    """Return whether the process has a controlling terminal."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY))
    except OSError:
        return False
    return True


@contextmanager
def _cores(approximate: bool) -> Iterator[None]:
    """Switch threads often, and with an index limit exact searches to one core."""
    from threadpoolctl import threadpool_limits

    sys.setswitchinterval(SWITCH_SECONDS)
    with threadpool_limits(1 if approximate else None, "blas"):
        yield
