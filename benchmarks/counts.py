"""Whether co-occurrence counts equal those of Stanford's `cooccur`.

    python -m benchmarks.counts TEXT VOCAB COUNTS [--window 10]

TEXT is what `vocab_count -min-count 5` and `cooccur -window-size 10` (symmetric) were given, VOCAB
the first one's output, COUNTS the second one's as text: row, column (from 1) and count, separated
by tabs. Each may be compressed.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from embedtool.config.text import TextConfig
from embedtool.config.training import GloveConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import encode
from embedtool.corpus.pair_counting import count_cooccurrence
from embedtool.corpus.scanning import scan
from embedtool.corpus.vocabulary import build_vocabulary

TOLERANCE = 1e-5
PLAIN = TextConfig(input_format="text")


def our_counts(text: str, words: list[str], window: int) -> dict[tuple[str, str], float]:
    """Return the count of each pair of words."""
    config = GloveConfig(window=window, min_count=1)
    with TemporaryDirectory() as name:
        folder = Path(name)
        scanned = scan(Corpus([text], PLAIN), folder)
        vocabulary, source_rows = build_vocabulary(scanned.words, scanned.counts, config, words)
        pairs = count_cooccurrence(encode(scanned, vocabulary, source_rows, folder), config, folder)
        return {
            (vocabulary.words[row], vocabulary.words[column]): float(count)
            for row_block in range(pairs.n_blocks)
            for column_block in range(pairs.n_blocks)
            for row, column, count in zip(*pairs.cell(row_block, column_block), strict=True)
        }


def main() -> None:
    """Read the command line, count, and print where the counts differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("text")
    parser.add_argument("vocab")
    parser.add_argument("counts")
    parser.add_argument("--window", type=int, default=10)
    arguments = parser.parse_args()
    words = [line[0] for line in Corpus([arguments.vocab], PLAIN).sentences()]
    ours = our_counts(arguments.text, words, arguments.window)
    theirs = {
        (words[int(row) - 1], words[int(column) - 1]): float(count)
        for row, column, count in Corpus([arguments.counts], PLAIN).sentences()
    }
    print(f"pairs: ours {len(ours):,}, Stanford's {len(theirs):,}, in both "
          f"{len(ours.keys() & theirs.keys()):,}")  # fmt: skip
    different = {
        pair: (ours.get(pair, 0.0), count)
        for pair, count in theirs.items()
        if abs(ours.get(pair, 0.0) - count) > TOLERANCE * count
    }
    print(f"differing by more than {TOLERANCE:g} relative: {len(different)}")
    for (row, column), (our, their) in list(different.items())[:10]:
        print(f"  {row} {column}: ours {our:.6f}, Stanford's {their:.6f}")


if __name__ == "__main__":
    main()
