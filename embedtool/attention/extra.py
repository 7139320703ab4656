"""PyTorch, for all modules of this room that need it.

In: nothing. Out: its packages, or the pip line of the extra that brings them.
"""

import os

from embedtool.errors import MissingExtraError

EXTRA = "attention"

# Its threads otherwise spin while they wait for each other: with another program on one of two
# cores a step then takes five to seven times as long (measured), here no longer than alone.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    raise MissingExtraError("a contextual encoder", EXTRA) from None

__all__ = ["EXTRA", "functional", "nn", "torch"]
