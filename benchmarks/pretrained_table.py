"""Score models that others trained, and print the table of docs/pretrained.md.

    python -m benchmarks.pretrained_table NAME ... [--datasets google wordsim353 simlex999]
                                          [--limit 300000]

NAME is the name of a model that `embedtool models get` has installed, or the folder of a model. A
cell has the score over the questions whose words the model has, its 95 % confidence interval, and
the fraction of the questions that have a score. --limit 0: the whole vocabulary.
"""

import argparse
import logging
from collections.abc import Iterator, Sequence

import embedtool
from embedtool.evaluation.results import Metric
from embedtool.evaluation.statistics import format_interval

DATASETS = ("google", "wordsim353", "simlex999")
LIMIT = 300_000
"""Most frequent words that are known: that of `embedtool evaluate`, and of gensim."""


def cell(metric: Metric) -> str:
    """Return a score as the table shows it."""
    if metric.score is None:
        return f"none ({metric.found:,} of {metric.total:,})"
    interval = format_interval(metric.interval)
    score = f"{metric.score:.3f}" if interval is None else f"{metric.score:.3f} ({interval})"
    return f"{score}, {metric.found / metric.total:.0%}"


def table(names: Sequence[str], datasets: Sequence[str], limit: int | None) -> Iterator[str]:
    """Yield the lines of a table in Markdown, a model a line."""
    titles = {each.name: each.title.partition(":")[0] for each in embedtool.list_datasets()}
    head = ["model", "words", "dimensions", *(titles.get(each, each) for each in datasets)]
    yield f"| {' | '.join(head)} |"
    yield f"| {' | '.join('---' for _ in head)} |"
    for name in names:
        vectors = embedtool.load(name).wv
        scores = [
            cell(vectors.evaluate(dataset, restrict_vocab=limit).primary_metric)
            for dataset in datasets
        ]
        sizes = f"{vectors.n_words:,}", f"{vectors.vector_size:,}"
        yield f"| {' | '.join([f'`{name}`', *sizes, *scores])} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--datasets", nargs="+", default=DATASETS)
    parser.add_argument("--limit", type=int, default=LIMIT)
    options = parser.parse_args()
    logging.basicConfig(format="%(levelname)s: %(message)s")
    for line in table(options.names, options.datasets, options.limit or None):
        print(line, flush=True)
    limit = f"the {options.limit:,} most frequent words" if options.limit else "all words"
    print(f"\n{limit}, case folded, embedtool {embedtool.__version__}")


if __name__ == "__main__":
    main()
