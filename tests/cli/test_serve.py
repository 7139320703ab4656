"""The server as a real process: started, asked, stopped; and its tools, called by an MCP client."""

import asyncio
import http.client
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters

from embedtool.cli.commands import serve as serving
from embedtool.model import store
from tests.conftest import Run, sends_signals

PROGRAM = [sys.executable, "-m", "embedtool"]
PING = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
WAIT = 60
"""Seconds for a process to end, before the test fails."""


@contextmanager
def served(*args: object) -> Iterator[tuple[subprocess.Popen[str], str, int]]:
    """A server on a free port: its process, host and port."""
    with subprocess.Popen(
        [*PROGRAM, "serve", *map(str, args), "--port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            address = urlsplit(process.stdout.readline().strip())
            yield process, address.hostname, address.port
        finally:
            process.kill()


def get(host: str, port: int, path: str, **headers: str) -> tuple[int, dict[str, object]]:
    connection = http.client.HTTPConnection(host, port, timeout=WAIT)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = json.loads(answer.read())
    connection.close()
    return answer.status, body


@sends_signals
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_answers_and_stops_with_exit_code_0(
    run: Run, models: dict[str, Path], number: signal.Signals
) -> None:
    model = models["word2vec"]
    with served(model) as (process, host, port):
        assert host == "127.0.0.1"
        assert get(host, port, "/health")[0] == 200
        status, answer = get(host, port, f"/analogy?expression={quote('king - man + woman')}&n=1")
        assert (status, answer["answers"][0]["word"]) == (200, "queen")
        printed = run("similar", model, "king", "--json").stdout
        found = get(host, port, "/similar?word=king")[1]
        assert found["answers"] == json.loads(printed)[0]["answers"]
        assert get(host, port, "/health", Host="evil.example")[0] == 400
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=WAIT)
    words = store.load(model).vectors.n_words
    assert process.returncode == 0
    assert stdout == ""
    assert stderr.splitlines() == [f"{model}: {words:,} words x 100, exact search", "stopped"]


def test_a_request_that_has_begun_is_answered_before_the_end(models: dict[str, Path]) -> None:
    body = json.dumps({"words": ["king"], "n": 1}).encode()
    with (
        served(models["glove"]) as (process, host, port),
        socket.create_connection((host, port), WAIT) as connection,
    ):
        connection.sendall(
            b"POST /similar HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % len(body)
        )
        assert connection.recv(1000).startswith(b"HTTP/1.1 100")  # it waits for the body now
        process.terminate()
        while True:  # until it listens no more
            try:
                socket.create_connection((host, port), WAIT).close()
            except OSError:
                break
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
        process.wait(WAIT)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["results"][0]["query"] == "king"
    assert process.returncode == 0


def test_a_crowd_that_says_nothing_shuts_nobody_out(models: dict[str, Path]) -> None:
    """Nor takes all files that the process may open, which it is told of by a thousand errors."""
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    files = 200
    with (
        subprocess.Popen(
            [*PROGRAM, "serve", str(models["glove"]), "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files)),
        ) as process,
        ExitStack() as crowd,
    ):  # fmt: skip
        try:
            address = urlsplit(process.stdout.readline().strip())
            host, port = address.hostname, address.port
            for number in range(2 * files):
                each = crowd.enter_context(socket.create_connection((host, port), WAIT))
                if number % 2:
                    with suppress(OSError):  # it may have been closed
                        each.sendall(b"GET /health HT")
            for _ in range(3):
                assert get(host, port, "/similar?word=king")[0] == 200
            process.terminate()
            stderr = process.communicate(timeout=WAIT)[1]
        finally:
            process.kill()
    assert process.returncode == 0
    assert len(stderr.splitlines()) == 2 and stderr.endswith("\nstopped\n")


def test_an_index_is_served(run: Run, models: dict[str, Path]) -> None:
    assert run("index", models["fasttext"]).exit_code == 0
    with served(models["fasttext"], "--approximate", "--access-log") as (process, host, port):
        assert get(host, port, "/similar?word=king")[1]["approximate"] is True
        process.terminate()
        stderr = process.communicate(timeout=WAIT)[1]
    assert process.returncode == 0
    assert '"GET /similar?word=king HTTP/1.1" 200' in stderr


def test_a_port_in_use_is_one_line(run: Run, models: dict[str, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", models["glove"], "--port", port)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert (
        result.stderr == f"Error: 127.0.0.1, port {port}: cannot listen: Address already in use\n"
    )


def test_a_host_without_an_address_is_one_line(run: Run, models: dict[str, Path]) -> None:
    for host in ("no.such.host.invalid", "a" * 64):
        result = run("serve", models["glove"], "--host", host)
        assert result.exit_code == 1
        assert result.stderr.startswith(f"Error: {host}, port 8000: cannot listen: ")
        assert result.stderr.count("\n") == 1


def test_what_is_not_loopback_is_warned_of(models: dict[str, Path]) -> None:
    with served(models["glove"], "--host", "0.0.0.0") as (process, _, port):
        assert get("127.0.0.1", port, "/health", Host="any.example")[0] == 200
        process.terminate()
        stderr = process.communicate(timeout=WAIT)[1]
    assert stderr.splitlines()[0] == (
        "Warning: 0.0.0.0 is not loopback: everybody who reaches it may ask, without password or "
        "TLS; put a proxy with both before it"
    )
    allowed = ["--host", "0.0.0.0", "--allow-host", "words.example"]
    with served(models["glove"], *allowed) as (_, _, port):
        assert get("127.0.0.1", port, "/health", Host="words.example")[0] == 200
        assert get("127.0.0.1", port, "/health", Host="any.example")[0] == 400


def test_wrong_usage_is_told(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    model = models["word2vec"]
    missing = run("serve", tmp_path / "none")
    assert missing.exit_code == 1
    assert missing.stderr == f"Error: {tmp_path / 'none'}: no such model\n"
    unindexed = run("serve", models["glove"], "--approximate")
    assert unindexed.exit_code == 1
    assert "has no index for approximate search" in unindexed.stderr
    origin = run("serve", model, "--allow-origin", "example.org")
    assert origin.exit_code == 2
    assert origin.stderr == (
        "Error: Invalid value for --allow-origin: 'example.org' is not an origin such as "
        "https://example.org (see cli serve --help)\n"
    )
    both = run("serve", model, "--mcp", "--port", "80")
    assert both.exit_code == 2
    assert both.stderr == (
        "Error: --port is of HTTP; leave it out, or --mcp (see cli serve --help)\n"
    )
    assert run("serve", model, "--port", "65536").exit_code == 2


@pytest.mark.parametrize(
    ("option", "module", "extra"), [("--port=0", "uvicorn", "serve"), ("--mcp", "mcp", "mcp")]
)
def test_without_its_extra_it_says_which(
    run: Run,
    models: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    module: str,
    extra: str,
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run("serve", models["glove"], option)
    assert result.exit_code == 1
    assert result.stderr.endswith(f" needs: pip install 'embedtool[{extra}]'\n")
    assert result.stderr.count("\n") == 1


def test_an_mcp_client_calls_its_tools(models: dict[str, Path]) -> None:
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "embedtool", "serve", str(models["word2vec"]), "--mcp"]
    )

    async def call() -> None:
        async with Client(started) as client:
            listed = (await client.list_tools()).tools
            names = ["similar", "analogy", "similarity", "odd_one_out", "vector"]
            assert [tool.name for tool in listed] == names
            assert all(tool.annotations.read_only_hint for tool in listed)

            queen = await client.call_tool(
                "analogy", {"expressions": ["king - man + woman"], "n": 1}
            )
            assert not queen.is_error
            answers = queen.structured_content["results"][0]["answers"]
            assert answers[0]["word"] == "queen"
            assert json.loads(queen.content[0].text) == queen.structured_content

            near = await client.call_tool("similar", {"words": ["king", "paris"], "n": 3})
            assert [len(each["answers"]) for each in near.structured_content["results"]] == [3, 3]
            odd = await client.call_tool("odd_one_out", {"groups": [["king", "queen", "taller"]]})
            assert odd.structured_content["results"][0]["answers"][0]["word"] == "taller"
            alike = await client.call_tool("similarity", {"pairs": [["king", "king"]]})
            assert alike.structured_content["results"][0]["similarity"] == pytest.approx(1)
            vector = await client.call_tool("vector", {"words": ["king"]})
            assert len(vector.structured_content["results"][0]["vector"]) == 100

            unknown = await client.call_tool("similar", {"words": ["qqq"]})
            assert unknown.is_error
            assert unknown.content[0].text == "'qqq' is not in the vocabulary"
            some = await client.call_tool("similar", {"words": ["qqq", "king"], "n": 1})
            assert not some.is_error
            assert some.structured_content["results"][0] == {
                "query": "qqq", "answers": None, "reason": "'qqq' is not in the vocabulary",
                "unknown": {"qqq": []},
            }  # fmt: skip
            assert len(some.structured_content["results"][1]["answers"]) == 1
            nothing = await client.call_tool("analogy", {"expressions": ["king - king"]})
            assert nothing.is_error
            assert nothing.content[0].text == ("king - king is zero: the words cancel out")
            wrong = await client.call_tool("similar", {"word": "king"})
            assert wrong.is_error
            assert wrong.content[0].text.startswith("no parameter 'word': expected words, n, ")
            with pytest.raises(MCPError, match="no tool 'train'"):
                await client.call_tool("train", {})

    asyncio.run(call())


def test_tools_end_with_their_input(models: dict[str, Path]) -> None:
    done = subprocess.run(
        [*PROGRAM, "serve", str(models["glove"]), "--mcp"],
        input=b"no JSON\n",
        capture_output=True,
        timeout=WAIT,
        check=True,
    )
    assert done.stdout == b""
    assert done.stderr.decode().splitlines()[0].endswith("; MCP on standard input and output")


def test_tools_that_wait_for_input_end_with_a_signal(models: dict[str, Path]) -> None:
    with subprocess.Popen(
        [*PROGRAM, "serve", str(models["glove"]), "--mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        process.stdin.write(PING)
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        process.terminate()
        assert process.wait(WAIT) == -signal.SIGTERM


def test_the_options_of_tools_are_options(run: Run) -> None:
    known = {parameter.name for parameter in serving.serve.params}
    assert set(serving.MCP_OPTIONS) <= known
