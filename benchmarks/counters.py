"""Instructions and cache misses of training, for each token that subsampling keeps.

    python -m benchmarks.counters TEXT [--only skipgram ...] [--size 100] [--tokens 260000]

By `perf stat` where the processor's counters are available, otherwise by valgrind's callgrind,
which simulates the level-1 and level-2 caches; it knows no AVX-512, so the kernels are compiled for
AVX2, with twice as many instructions on vectors. One epoch is counted, without what comes before
and after it, and divided by the tokens that subsampling keeps (GloVe: by the pairs). The text is
read in as many streams as a long one.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import machine
from benchmarks.roofline import first_tokens, glove_config, word2vec_config
from benchmarks.tasks import TASKS
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.pair_counting import count_cooccurrence
from embedtool.io.progress import Progress, silent
from embedtool.trainers import TRAINERS, glove, word2vec
from embedtool.trainers.count_tables import keep_probabilities
from embedtool.trainers.local_backend import encode_text, read_text

PERF_EVENTS = ("instructions", "cycles", "L1-dcache-load-misses", "cache-misses")
CALLGRIND_EVENTS = ("Ir", "Dr", "Dw", "D1mr", "D1mw", "DLmr", "DLmw")
CALLGRIND_NAMES = ("instructions", "reads", "writes", "L1 misses", "", "L2 misses", "")
"""What callgrind's events are called in the table; those without a name are added to the last."""
VALGRIND = (
    "valgrind", "--tool=callgrind", "--instr-atstart=no", "--cache-sim=yes", "--D1=49152,12,64",
    "--LL=1048576,16,64",
)  # fmt: skip
"""The sizes, ways and lines of the caches are those of AMD's Zen 5."""
AVX2 = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": ""}
N_STREAMS = 16


class Perf:
    """Counts what this process does between `start` and `stop`, by the processor's counters."""

    command = ("perf", "stat", "-x,", "-e", ",".join(PERF_EVENTS))
    counts: dict[str, int]

    def start(self) -> None:
        """Begin."""
        command = [*self.command, "-p", str(os.getpid())]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def stop(self) -> None:
        """End, and set `counts`."""
        self.process.send_signal(signal.SIGINT)
        rows = [line.split(",") for line in self.process.communicate()[1].splitlines()]
        self.counts = {row[2].partition(":")[0]: int(row[0]) for row in rows if len(row) > 2}

    @classmethod
    def is_available(cls) -> bool:
        """Whether there are counters."""
        if not shutil.which("perf"):
            return False
        done = subprocess.run([*cls.command, "true"], capture_output=True, text=True, check=False)
        return done.returncode == 0 and "<not " not in done.stderr


class Callgrind:
    """The same by callgrind, in which this process runs; its files go to a folder."""

    counts: dict[str, int]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def start(self) -> None:
        """Begin."""
        self._control("--instr=on")
        self._control("--zero")

    def stop(self) -> None:
        """End, and set `counts`."""
        self._control("--dump")
        self._control("--instr=off")
        newest = max(self.folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))
        text = newest.read_text("utf-8", "replace")
        found = dict(re.findall(r"^(events|totals): (.*)", text, re.MULTILINE))
        counted = dict(zip(found["events"].split(), found["totals"].split(), strict=True))
        self.counts, last = {}, ""
        for event, name in zip(CALLGRIND_EVENTS, CALLGRIND_NAMES, strict=True):
            last = name or last
            self.counts[last] = self.counts.get(last, 0) + int(counted[event])

    def _control(self, option: str) -> None:
        command = ["callgrind_control", option, str(os.getpid())]
        subprocess.run(command, capture_output=True, check=True)


def train(name: str, size: int, corpus: EncodedCorpus, counter: Perf | Callgrind | None) -> int:
    """Train an epoch and count; return its units: tokens that subsampling keeps, or pairs."""

    def report(progress: Progress) -> None:
        if counter and progress.stage == "training" and progress.begins:
            counter.start()
        if counter and progress.epoch_ended:
            counter.stop()

    if name == "glove":
        config = glove_config(size)
        with TemporaryDirectory() as folder:
            pairs = count_cooccurrence(corpus, config, Path(folder))
            state = glove.init_state(config, corpus.vocabulary)
            report(glove.start_message(config, state, pairs.n_blocks, len(pairs), pairs.cell_size))
            glove.run_epoch(config, pairs, state, report)
            return len(pairs)
    word2vec.n_streams_for = lambda *_: N_STREAMS  # type: ignore[attr-defined]
    options = word2vec_config(TASKS[name], size)
    TRAINERS[TASKS[name].algorithm].train(options, corpus, Path(), report)
    return int(keep_probabilities(corpus.vocabulary.counts, options.sample)[corpus.ids].sum())


def print_counts(options: argparse.Namespace, counter: Perf | Callgrind | None) -> None:
    """Train in each mode; print a line of counts, if there is a counter."""
    with TemporaryDirectory() as name:
        scanned = read_text(Corpus([str(options.text)]), Path(name), 1, None, silent)
        whole = encode_text(scanned, word2vec_config(TASKS["skipgram"], 1), Path(name))
        corpus = first_tokens(whole, options.tokens)
        for task in options.only:
            units = train(task, options.size, corpus, counter)
            if counter:
                counts = "".join(f"{n / units:24,.1f}" for n in counter.counts.values())
                print(f"{task:14}{counts}", flush=True)


def main() -> None:
    """Read the command line; count in processes of their own."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.counters", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument("--size", type=int, default=100)
    parser.add_argument("--tokens", type=int, default=260_000)
    parser.add_argument("--child", help=argparse.SUPPRESS)  # perf, none, or callgrind's folder
    options = parser.parse_args()
    if options.child:
        known = {"perf": Perf, "none": lambda: None}
        print_counts(options, known.get(options.child, lambda: Callgrind(Path(options.child)))())
        return
    child = [sys.executable, "-m", "benchmarks.counters", *sys.argv[1:], "--child"]
    perf = Perf.is_available()
    environment = os.environ | ({} if perf else AVX2)
    names = PERF_EVENTS if perf else [name for name in CALLGRIND_NAMES if name]
    print(f"{machine()}; {'perf' if perf else 'callgrind, code for AVX2'}; size {options.size}")
    print(f"{'':14}" + "".join(f"{name:>24}" for name in names), flush=True)
    subprocess.run([*child, "none"], env=environment, check=True)  # compiles the kernels
    with TemporaryDirectory() as folder:
        tool = [] if perf else [*VALGRIND, f"--callgrind-out-file={folder}/out"]
        counted = [*tool, *child, "perf" if perf else folder]
        subprocess.run(counted, env=environment, check=True, stderr=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
