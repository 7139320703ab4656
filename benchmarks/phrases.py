"""Time and memory of joining phrases: embedtool, gensim and word2phrase.c, alternating.

    python -m benchmarks.phrases TEXT [--repeat 3] [--also="--connector-words english"]

Each program learns the phrases of a text and writes the text with its phrases joined, with a
minimum count of 5 and a threshold of 100, and gensim with the score of word2phrase.c. The last
columns tell how many distinct phrases it joined, and how many of them embedtool joined too:
word2phrase.c also counts the last word of a line with the first of the next, and cuts words and
pairs at 59 bytes. --also gives embedtool an option, in a row of its own. TEXT may be compressed.
"""

import argparse
import shlex
import statistics
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import word2vec_c
from benchmarks.measure import MODEL, TEXT, Cost, machine, plain_text, run

EMBEDTOOL = Path(sys.executable).with_name("embedtool")
GENSIM = """
import sys
from gensim.models.phrases import Phrases
from gensim.models.word2vec import LineSentence
def score(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
    if bigram_count < min_count:
        return float("-inf")
    return (bigram_count - min_count) / (worda_count * wordb_count) * corpus_word_count
text = LineSentence(sys.argv[1], max_sentence_length=10**9)
phrases = Phrases(text, min_count=5, threshold=100, scoring=score).freeze()
with open(sys.argv[2], "w", encoding="utf-8") as joined:
    joined.writelines(f"{' '.join(phrases[line])}\\n" for line in text)
"""


def commands(also: list[str]) -> dict[str, list[str]]:
    """Return the command of each program that is there, by name."""
    found = {"embedtool": [str(EMBEDTOOL), "phrases", TEXT, "-o", MODEL]}
    for options in also:
        found[f"embedtool {options}"] = [*found["embedtool"], *shlex.split(options)]
    found["gensim"] = [sys.executable, "-c", GENSIM, TEXT, MODEL]
    try:
        program = word2vec_c.compiled("word2phrase")
        found["word2phrase.c"] = [str(program), "-train", TEXT, "-output", MODEL]
    except word2vec_c.UnavailableError as error:
        print(f"word2phrase.c is left out: {error}", file=sys.stderr)
    return found


def joined_phrases(path: Path) -> set[bytes]:
    """Return the distinct phrases of a joined text."""
    with path.open("rb") as file:
        return {word for line in file for word in line.split() if b"_" in word}


def main() -> None:
    """Read the command line, run the programs in turn, print medians and their ratio."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.phrases", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--also", action="append", default=[], help="options of embedtool")
    options = parser.parse_args()
    programs = commands(options.also)
    costs: dict[str, list[Cost]] = {name: [] for name in programs}
    phrases: dict[str, set[bytes]] = {}
    with TemporaryDirectory() as temporary:
        text, n_tokens = plain_text(options.text, Path(temporary, "text"))
        text.rename(Path(temporary, text.name))
        folder = text.parent
        run(programs["embedtool"], folder)  # compiles and caches the kernels
        for _ in range(options.repeat):
            for name, command in programs.items():
                (folder / MODEL).unlink(missing_ok=True)
                costs[name].append(run(command, folder))
                phrases[name] = joined_phrases(folder / MODEL)
    print(f"{machine()}; {n_tokens:,} tokens, medians of {options.repeat}, in turn")
    print(f"{'':42}{'s':>8}{'ratio':>7}{'CPU s':>8}{'peak MiB':>10}{'phrases':>9}{'shared':>8}")
    ours = statistics.median(cost.seconds for cost in costs["embedtool"])
    for name, found in costs.items():
        seconds = statistics.median(cost.seconds for cost in found)
        cpu = statistics.median(cost.cpu_seconds for cost in found)
        peak = statistics.median(cost.peak_bytes for cost in found) / 2**20
        n_shared = len(phrases[name] & phrases["embedtool"])
        print(
            f"{name:42}{seconds:8.2f}{seconds / ours:7.2f}{cpu:8.2f}{peak:10,.0f}"
            f"{len(phrases[name]):9,}{n_shared:8,}"
        )


if __name__ == "__main__":
    main()
