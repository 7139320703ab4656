"""Coverage of confidence intervals on simulated data, of which the true values are known.

    python -m benchmarks.confidence_intervals [--repetitions 2000]

Prints the tables of docs/evaluation.md. A cell is the fraction of the intervals that hold the true
value, nominally 0.95, and their mean width. The accuracies of relations are beta variates; in one
relation both pairs of a question have an effect on its log odds; pairs with scores are from a
normal distribution. CV3 is used for differences; the bootstrap-t is what it was chosen over.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import machine
from embedtool.evaluation import resampling, statistics
from embedtool.evaluation.resampling import bootstrap_weights
from embedtool.evaluation.statistics import (
    Interval,
    compare_correlations,
    compare_proportions,
    correlation_interval,
    proportion_interval,
)

GOOGLE = (506, 4524, 866, 2467, 506, 992, 812, 1332, 1122, 1056, 1599, 1560, 1332, 870)
"""Questions in the relations of Google's set."""
SIZES = ("equal", "unequal", "a quarter")
N_RESAMPLES = 1000
"""Enough for the coverage of thousands of intervals; reports have more."""
TRUE_ACCURACIES = (0.1, 0.5, 0.8, 0.98)
GAIN = 0.1
CORRELATIONS = (0.0, 0.6, 0.9)
N_NODES = 61
"""Nodes of the quadrature over a normal distribution."""

Generator = np.random.Generator
Floats = NDArray[np.float64]
Simulated = tuple[Interval | None, float]


def sizes(rng: Generator, n: int, kind: str) -> NDArray[np.int64]:
    """Return the questions of n relations: 100 each, a tenth of Google's, or one has a quarter."""
    if kind == "unequal":
        return rng.choice(GOOGLE, n) // 10
    found = np.full(n, 100)
    if kind == "a quarter":
        found[0] = max(100, 100 * (n - 1) // 3)
    return found


def beta(rng: Generator, mean: float, alike: float, n: int) -> Floats:
    """Draw accuracies of n relations; `alike` is the correlation of two answers of a relation."""
    total = 1 / alike - 1
    return rng.beta(mean * total, (1 - mean) * total, n)


def accuracy(rng: Generator, n: int, kind: str, mean: float, alike: float) -> Simulated:
    """Simulate the fraction of right answers in n relations."""
    groups = np.repeat(np.arange(n), sizes(rng, n, kind))
    chances = beta(rng, mean, alike, n)
    return proportion_interval(rng.random(len(groups)) < chances[groups], groups), mean


def pairs_of(n: int) -> NDArray[np.int64]:
    """Return all questions that can be made of n pairs."""
    return np.column_stack(np.nonzero(~np.eye(n, dtype=bool)))


def log_odds(mean: float, deviation: float) -> float:
    """Return the mean of normal log odds whose mean probability is given."""
    from scipy.optimize import brentq
    from scipy.special import expit

    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    weights = weights / weights.sum()
    return float(brentq(lambda m: weights @ expit(m + deviation * nodes) - mean, -30, 30))


def one_relation(rng: Generator, n: int, centre: float, mean: float, effects: float) -> Simulated:
    """Simulate the accuracy in one relation of n pairs, each with an effect in each role."""
    pairs = pairs_of(n)
    first, second = effects * rng.standard_normal((2, n))
    odds = centre + first[pairs[:, 0]] + second[pairs[:, 1]]
    return proportion_interval(rng.random(len(pairs)) < 1 / (1 + np.exp(-odds)), pairs), mean


def answers_of_two(
    rng: Generator, n: int, kind: str, gains: str
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.int64]]:
    """Simulate the answers of two models in n relations, the second better by GAIN on average.

    Parameters
    ----------
    rng
        Random numbers.
    n, kind
        How many relations, and their sizes.
    gains
        How relations differ in the gain: normally, or most a little less and few much more.
    """
    away = rng.standard_normal(n) if gains == "normal" else rng.exponential(size=n) - 1
    chance, gain = rng.uniform(0.3, 0.5, n), GAIN * (1 + away)
    groups = np.repeat(np.arange(n), sizes(rng, n, kind))
    drawn = rng.random((2, len(groups)))
    same = rng.random(len(groups)) < 0.5  # models often fail on the same questions
    drawn[1, same] = drawn[0, same]
    return drawn[0] < chance[groups], drawn[1] < (chance + gain)[groups], groups


def bootstrap_t(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.int64]
) -> Interval:
    """Return the symmetric bootstrap-t interval of a difference, with relations resampled.

    References
    ----------
    Efron and Tibshirani 1993, section 12.5; Hall 1988.
    """
    n = int(groups.max()) + 1
    gain = np.bincount(groups, second.astype(np.float64) - first, n)
    questions = np.bincount(groups, minlength=n).astype(np.float64)

    def measured(weights: Floats) -> tuple[Floats, Floats]:
        totals = weights @ questions
        means = weights @ gain / totals
        squares = (weights * (gain - means[:, None] * questions) ** 2).sum(axis=1)
        return means, np.sqrt(n / (n - 1) * squares) / totals

    (mean,), (error,) = measured(np.ones((1, n)))
    means, errors = measured(next(bootstrap_weights(n)))
    away = np.abs(means - mean)
    distances = np.divide(away, errors, out=np.where(away > 0, np.inf, 0.0), where=errors > 0)
    half_width = np.quantile(distances, 0.95, method="higher") * error
    return Interval(max(-1.0, mean - half_width), min(1.0, mean + half_width))


def by_cv3(rng: Generator, n: int, kind: str, gains: str) -> Simulated:
    """Simulate the difference of two models as embedtool gives it."""
    found = compare_proportions(*answers_of_two(rng, n, kind, gains))
    return found.interval if found else None, GAIN


def by_bootstrap_t(rng: Generator, n: int, kind: str, gains: str) -> Simulated:
    """Simulate the difference of two models by the bootstrap-t."""
    return bootstrap_t(*answers_of_two(rng, n, kind, gains)), GAIN


def one_relation_of_two(rng: Generator, n: int, effects: float) -> Simulated:
    """Simulate the difference of two equally good models in one relation."""
    pairs = pairs_of(n)
    common = rng.standard_normal((2, n))
    answers = []
    for own in effects * rng.standard_normal((2, 2, n)):
        odds = sum((common + own)[role][pairs[:, role]] for role in range(2))
        answers.append(rng.random(len(pairs)) < 1 / (1 + np.exp(-odds)))
    found = compare_proportions(answers[0], answers[1], pairs)
    return found.interval if found else None, 0.0


def correlation(rng: Generator, n: int, r: float) -> Simulated:
    """Simulate Spearman's correlation of n pairs of which Pearson's is r."""
    x, noise = rng.standard_normal((2, n))
    y = r * x + np.sqrt(1 - r**2) * noise
    return correlation_interval(x, y, "spearman"), 6 / np.pi * np.arcsin(r / 2)


def correlation_difference(rng: Generator, n: int) -> Simulated:
    """Simulate the difference of two equally good models, on n pairs."""
    people, common, first, second = rng.standard_normal((4, n))
    models = people + common + first, people + common + second
    found = compare_correlations(people, *models, "spearman")
    return found.interval if found else None, 0.0


def cell(repetitions: int, simulate: Callable[[Generator], Simulated]) -> str:
    """Format the coverage and the mean width of intervals; - if none is given."""
    rng = np.random.default_rng(1)
    simulated = [simulate(rng) for _ in range(repetitions)]
    intervals = [(interval, truth) for interval, truth in simulated if interval is not None]
    if not intervals:
        return "-"
    n_covered = sum(interval.low <= truth <= interval.high for interval, truth in intervals)
    width = sum(interval.high - interval.low for interval, _ in intervals)
    n = len(intervals)
    return f"{n_covered / n:.3f} ({width / n:.2f})".replace("0.", ".")


def accuracies(repetitions: int) -> Iterator[Sequence[str]]:
    """Tabulate by the correlation within relations, and by their sizes and number."""
    yield "alike", "sizes", "relations", *map(str, TRUE_ACCURACIES)
    for alike in (0.02, 0.1, 0.25):
        for kind in SIZES[:2]:
            for n in (2, 3, 4, 9, 14):
                simulate = partial(accuracy, n=n, kind=kind, alike=alike)
                cells = [
                    cell(repetitions, partial(simulate, mean=chance)) for chance in TRUE_ACCURACIES
                ]
                yield str(alike), kind, str(n), *cells


def single_relations(repetitions: int) -> Iterator[Sequence[str]]:
    """Tabulate one relation by its pairs and their effects, and the difference of two models."""
    yield "effects", "pairs", *map(str, TRUE_ACCURACIES), "difference"
    for effects in (0.5, 1.0):
        for n in (2, 5, 10, 23, 50):
            simulate = partial(one_relation, n=n, effects=effects)
            cells = [
                cell(
                    repetitions, partial(simulate, mean=p, centre=log_odds(p, effects * np.sqrt(2)))
                )
                for p in TRUE_ACCURACIES
            ]
            two = partial(one_relation_of_two, n=n, effects=effects)
            yield str(effects), str(n), *cells, cell(repetitions, two)


def differences(repetitions: int) -> Iterator[Sequence[str]]:
    """Tabulate two intervals of the difference of accuracies, by relations and their sizes."""
    methods = {"CV3": by_cv3, "bootstrap-t": by_bootstrap_t}
    yield "gains", "relations", *(f"{method}, {kind}" for kind in SIZES for method in methods)
    for gains in ("normal", "skewed"):
        for n in (2, 3, 4, 5, 7, 9, 14):
            cells = [
                cell(repetitions, partial(method, n=n, kind=kind, gains=gains))
                for kind in SIZES
                for method in methods.values()
            ]
            yield gains, str(n), *cells


def correlations(repetitions: int) -> Iterator[Sequence[str]]:
    """Tabulate Spearman's correlation and the difference of two by pairs, few included."""
    statistics.MIN_BOOTSTRAP_PAIRS = statistics.MIN_PAIRS
    yield "pairs", *(f"{r:g}" for r in CORRELATIONS), "difference"
    for n in (4, 5, 6, 8, 10, 15, 30, 65):
        cells = [cell(repetitions, partial(correlation, n=n, r=r)) for r in CORRELATIONS]
        yield str(n), *cells, cell(repetitions, partial(correlation_difference, n=n))


TABLES = {
    "Accuracy over relations, by the true accuracy": accuracies,
    "One relation, by the true accuracy": single_relations,
    "Difference of accuracies over relations": differences,
    "Spearman's correlation, by Pearson's true one": correlations,
}


def main() -> None:
    """Read the command line, simulate, print a table for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--repetitions", type=int, default=2000)
    repetitions = parser.parse_args().repetitions
    resampling.N_RESAMPLES = N_RESAMPLES
    print(f"{machine()}; {repetitions:,} repetitions, {N_RESAMPLES:,} resamples each")
    for title, table in TABLES.items():
        print(f"\n{title}\n")
        for i, row in enumerate(table(repetitions)):
            print(f"| {' | '.join(row)} |", flush=True)
            if not i:
                print(f"|{' --- |' * len(row)}", flush=True)


if __name__ == "__main__":
    main()
