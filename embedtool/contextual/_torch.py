"""Preparations for the import of PyTorch, which only encoders need."""

import os

from embedtool.errors import MissingExtraError

EXTRA = "attention"
SPIN_COUNT = "1000"
"""GOMP_SPINCOUNT: how long OpenMP's threads spin while they wait for each other. By default they
spin for long: with another program on one of two cores a step takes seven times as long. Without
spinning, a step takes a quarter longer on an idle machine. This value costs little in both
cases."""


def require_torch() -> None:
    """Prepare the first import of PyTorch.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN_COUNT)
    try:
        import torch  # noqa: F401
    except ImportError:
        raise MissingExtraError("a contextual encoder", EXTRA) from None
