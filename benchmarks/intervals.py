"""How often intervals hold the truth, on simulated data whose truth is known.

    python -m benchmarks.intervals [--rounds 2000]

Relations are of the sizes of Google's and answered with chances of their own; pairs are from a
normal distribution. Of each kind of interval the share that holds the truth is printed; 0.95 is
promised.
"""

import argparse
from collections.abc import Callable

import numpy as np

from benchmarks.measure import machine
from embedtool.evaluation import statistics
from embedtool.evaluation.statistics import (
    Interval,
    compare_correlations,
    compare_shares,
    correlation_interval,
    share_interval,
)

SIZES = (506, 4524, 866, 2467, 506, 992, 812, 1332, 1122, 1056, 1599, 1560, 1332, 870)
N_DRAWS = 1000
"""Enough for a share of thousands of intervals; reports have more."""
CORRELATION = 0.6

Simulated = tuple[Interval | None, float]


def relations(rng: np.random.Generator, n: int, *chances: np.ndarray) -> list[np.ndarray]:
    """Each question's relation, and whether it was answered right with its relation's chances."""
    groups = np.repeat(np.arange(n), rng.choice(SIZES, n) // 10)
    return [groups, *(rng.random(len(groups)) < chance[groups] for chance in chances)]


def share(rng: np.random.Generator, n: int) -> Simulated:
    """The share of right answers in n relations."""
    groups, correct = relations(rng, n, rng.beta(1.5, 2.5, n))
    return share_interval(correct, groups), 1.5 / 4


def share_difference(rng: np.random.Generator, n: int) -> Simulated:
    """The difference of two models in n relations, the second better by a tenth on average."""
    chance, gain = rng.uniform(0.2, 0.6, n), rng.uniform(-0.15, 0.35, n)
    groups, first, second = relations(rng, n, chance, chance + gain)
    found = compare_shares(first, second, groups)
    return found and found.interval, 0.1


def correlation(rng: np.random.Generator, n: int) -> Simulated:
    """Spearman's correlation of n pairs."""
    x, noise = rng.standard_normal((2, n))
    y = CORRELATION * x + np.sqrt(1 - CORRELATION**2) * noise
    return correlation_interval(x, y, "spearman"), 6 / np.pi * np.arcsin(CORRELATION / 2)


def correlation_difference(rng: np.random.Generator, n: int) -> Simulated:
    """The difference of two models of which neither is better, of n pairs."""
    people, common, first, second = rng.standard_normal((4, n))
    models = people + common + first, people + common + second
    found = compare_correlations(people, *models, "spearman")
    return found and found.interval, 0.0


KINDS: list[tuple[str, Callable[[np.random.Generator, int], Simulated], tuple[int, ...]]] = [
    ("accuracy, relations", share, (5, 9, 14, 40)),
    ("difference of accuracies, relations", share_difference, (5, 9, 14, 40)),
    ("Spearman, pairs", correlation, (30, 65, 203, 353)),
    ("difference of Spearman's, pairs", correlation_difference, (30, 65, 203, 353)),
]


def main() -> None:
    """Read the command line, simulate, print a line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=2000)
    rounds = parser.parse_args().rounds
    statistics.N_DRAWS = N_DRAWS
    print(f"{machine()}; {rounds:,} rounds, {N_DRAWS:,} draws each")
    for name, simulate, sizes in KINDS:
        rng = np.random.default_rng(1)
        shares = []
        for n in sizes:
            held = 0
            for _ in range(rounds):
                interval, truth = simulate(rng, n)
                held += interval is not None and interval.low <= truth <= interval.high
            shares.append(f"{n}: {held / rounds:.3f}")
        print(f"{name:38}{'   '.join(shares)}", flush=True)


if __name__ == "__main__":
    main()
