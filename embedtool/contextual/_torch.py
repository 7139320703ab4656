"""PyTorch, for all modules of this room that need it.

In: nothing. Out: its packages, or the pip line of the extra that brings them.
"""

import os

from embedtool.errors import MissingExtraError

EXTRA = "attention"

# Its threads spin while they wait for each other. With another program on one of two cores a step
# then takes seven times as long (measured); where they sleep at once, a quarter longer than need be
# on a quiet machine. After so short a spin it is as fast as sleeping there, and nearly so here.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    raise MissingExtraError("a contextual encoder", EXTRA) from None

__all__ = ["EXTRA", "functional", "nn", "torch"]
