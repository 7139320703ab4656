"""Counter-based random numbers: a function of a key, not of how many were drawn before.

A key made of seed, epoch and position gives the same number in whatever order, on whatever thread.
"""

import numpy as np

from embedtool.kernels.jit import jit

INCREMENT = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIER_1 = np.uint64(0xBF58476D1CE4E5B9)
MULTIPLIER_2 = np.uint64(0x94D049BB133111EB)
"""SplitMix64's constants (Steele, Lea & Flood 2014, figure 16)."""

FLOAT64_STEP = 2.0**-53
"""A float64 has 53 bits of precision."""


@jit
def splitmix64(key: np.uint64) -> np.uint64:
    """Return 64 random bits for a key: SplitMix64's output function of the next state."""
    bits = np.uint64(key) + INCREMENT
    bits = (bits ^ (bits >> np.uint64(30))) * MULTIPLIER_1
    bits = (bits ^ (bits >> np.uint64(27))) * MULTIPLIER_2
    return bits ^ (bits >> np.uint64(31))


@jit
def uniform01(bits: np.uint64) -> float:
    """Return 64 random bits as a number in [0, 1)."""
    return np.float64(bits >> np.uint64(11)) * FLOAT64_STEP
