"""Throughput and latency of the server.

    python -m benchmarks.serving [--words 400000] [--size 300] [--rate 500] [--seconds 30]
                                 [--connections 8] [--model FOLDER] [--exact] [--noise]

Vectors are random around random centres, so that words have neighbours. --model keeps them and the
index, and takes them where they are. The server is the installed program, in a process of its own;
this process asks it for the neighbours of random words, over connections that stay open. First one
client asks for one word after another, as a program does that waits for each answer. Then several
ask at times that are set beforehand: an answer's time is counted from when it was due to be asked
for, so that a server that falls behind is seen to. They are few, so that none rests between two
requests: on connections that rest, the system acknowledges at once, and delays go unseen. --noise
adds what another client may do at the same time, without a pause: ask for a word that is unknown,
for 100 words with 100 answers each, or for an exact search.
"""

import argparse
import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import numpy as np

from benchmarks.measure import machine
from benchmarks.tasks import EMBEDTOOL
from embedtool.model import store
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.search.ann import build, describe

ZIPF_LAW = 10**9
"""The count of the first word; the n-th has an n-th of it."""
WORDS_PER_CENTRE = 100
SPREAD = 1.0
"""Length of what is added to a centre of length 1: cosines with neighbours are about a half."""
RECALL = 0.95
ONE_BY_ONE = 2000
"""Requests of the client that waits for each answer."""
WARM_SECONDS = 3.0
"""Requests of the first seconds are not counted."""
LONGEST_WAIT = 60.0
"""Seconds for a server to be ready."""
NOISE: dict[str, tuple[str, object]] = {
    "unknown": ("/similar?word=wrod12345x", None),
    "many": ("/similar", {"words": [f"word{i}" for i in range(100)], "n": 100}),
    "exact": ("/similar?word=word7&approximate=false", None),
}


def clustered(n_words: int, size: int) -> VectorTable:
    """Random vectors around random centres."""
    rng = np.random.default_rng(1)
    n_centres = max(1, n_words // WORDS_PER_CENTRE)
    centres = unit_rows(rng.standard_normal((n_centres, size), dtype=np.float32))
    rows = rng.standard_normal((n_words, size), dtype=np.float32)
    rows *= np.float32(SPREAD / np.sqrt(size))
    rows += centres[rng.integers(n_centres, size=n_words)]
    words = [f"word{i}" for i in range(n_words)]
    return VectorTable(words, unit_rows(rows), ZIPF_LAW // np.arange(1, n_words + 1))


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Make the model and its index where they are not there."""
    if not store.is_model(folder):
        vectors = clustered(options.words, options.size)
        store.save(ModelRecord(vectors, {"algorithm": "random"}), folder)
    if not options.exact and describe(folder) is None:
        start = time.perf_counter()
        made = build(store.load(folder).vectors, folder, RECALL)
        seconds = time.perf_counter() - start
        print(f"index made in {seconds:.0f} s: recall@10 {made.recall:.3f}", flush=True)


@contextmanager
def serving(folder: Path, exact: bool) -> Iterator[tuple[str, int]]:
    """Start a server; yields its address and process id, and stops it."""
    command = [str(EMBEDTOOL), "serve", str(folder), "--port", "0"]
    with subprocess.Popen(
        [*command, *([] if exact else ["--approximate"])], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()
    print(f"stopped with exit code {process.returncode}")


class Client:
    """One connection, which stays open."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc
        self.streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, path: str, body: object = None) -> int:
        """Request a path, read the whole answer, and return its status."""
        if self.streams is None:
            host, _, port = self.host.partition(":")
            self.streams = await asyncio.open_connection(host, int(port))
        reader, writer = self.streams
        method, sent = ("GET", b"") if body is None else ("POST", json.dumps(body).encode())
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\n"
        )
        writer.write(f"{head}Content-Length: {len(sent)}\r\n\r\n".encode() + sent)
        answer = await reader.readuntil(b"\r\n\r\n")
        headers = answer.decode().lower().split("\r\n")
        length = next(line for line in headers if line.startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
        if "connection: close" in headers:
            writer.close()
            self.streams = None
        return int(headers[0].split()[1])


async def wait_until_ready(url: str) -> float:
    """Return the seconds until a server is ready."""
    start = time.perf_counter()
    client = Client(url)
    while await client.ask("/ready") != 200:
        if time.perf_counter() - start > LONGEST_WAIT:
            raise SystemExit("the server does not become ready")
        await asyncio.sleep(0.05)
    return time.perf_counter() - start


async def drive(
    url: str, paths: Sequence[str], rate: float, connections: int
) -> tuple[list[float], list[int], float]:
    """Request each path in its turn, `rate` per second.

    Returns seconds and status of each answer, and the seconds that all took.
    """
    seconds, statuses = [0.0] * len(paths), [0] * len(paths)
    turns = iter(range(len(paths)))
    start = time.perf_counter()

    async def ask() -> None:
        client = Client(url)
        for turn in turns:
            due = start + turn / rate
            if (early := due - time.perf_counter()) > 0:
                await asyncio.sleep(early)
            statuses[turn] = await client.ask(paths[turn])
            seconds[turn] = time.perf_counter() - due

    await asyncio.gather(*(ask() for _ in range(connections)))
    return seconds, statuses, time.perf_counter() - start


async def one_by_one(url: str, paths: Sequence[str]) -> list[float]:
    """Return the seconds of each answer to a client that waits for the one before."""
    client, seconds = Client(url), []
    for path in paths:
        start = time.perf_counter()
        if await client.ask(path) != 200:
            raise SystemExit(f"{path} has no answer")
        seconds.append(time.perf_counter() - start)
    return seconds


async def disturb(url: str, path: str, body: object) -> None:
    """Ask for the same again and again, until it is cancelled; then say how often."""
    client, n_asked = Client(url), 0
    try:
        while True:
            status = await client.ask(path, body)
            n_asked += 1
    finally:
        print(f"meanwhile {path} {n_asked:,} times, the last with status {status}")


async def measure(url: str, n_words: int, process: int, options: argparse.Namespace) -> None:
    """Drive a server and print what came of it."""
    print(f"ready after {await wait_until_ready(url):.1f} s", flush=True)
    rng = np.random.default_rng(2)
    warm, counted = (int(options.rate * each) for each in (WARM_SECONDS, options.seconds))
    paths = [f"/similar?word=word{i}" for i in rng.integers(n_words, size=warm + counted)]
    alone = await one_by_one(url, paths[:ONE_BY_ONE])
    p50, p99, maximum = np.percentile(alone, [50, 99, 100]) * 1000
    print(
        f"one by one: {len(alone) / sum(alone):,.1f} requests/s; ms: p50 {p50:.1f}, p99 {p99:.1f}, "
        f"maximum {maximum:.1f}",
        flush=True,
    )
    noise = [asyncio.create_task(disturb(url, *NOISE[name])) for name in options.noise]
    await drive(url, paths[:warm], options.rate, options.connections)
    before = cpu_seconds(process)
    latencies, statuses, elapsed = await drive(url, paths[warm:], options.rate, options.connections)
    used = cpu_seconds(process) - before
    for each in noise:
        each.cancel()
    await asyncio.gather(*noise, return_exceptions=True)
    p50, p90, p99, maximum = np.percentile(latencies, [50, 90, 99, 100]) * 1000
    failed = sum(status != 200 for status in statuses)
    print(
        f"{len(latencies) / elapsed:,.1f} requests/s of {options.rate:g} requested, "
        f"{failed:,} failed; "
        f"ms: p50 {p50:.1f}, p90 {p90:.1f}, p99 {p99:.1f}, maximum {maximum:.1f}; "
        f"server {used / elapsed:.2f} cores"
    )


def cpu_seconds(process: int) -> float:
    """Return the processor seconds of a process."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Read the command line, make the model, start the server and drive it."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.serving", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--words", type=int, default=400_000)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--rate", type=float, default=500)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--model", type=Path, help="where the model is, or is kept")
    parser.add_argument("--exact", action="store_true", help="compare all words")
    parser.add_argument("--noise", nargs="+", choices=NOISE, default=[], help="what others ask")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = options.model or Path(temporary) / "model"
        prepare(folder, options)
        vectors = store.load(folder).vectors
        print(f"{machine()}; {vectors.n_words:,} words x {vectors.vector_size}", flush=True)
        with serving(folder, options.exact) as (url, process):
            asyncio.run(measure(url, vectors.n_words, process, options))


if __name__ == "__main__":
    main()
