"""Optimisation of an encoder: one AdamW step per batch, and perplexity on held-out batches."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from embedtool.config.tasks import ContextualConfig
from embedtool.contextual.batches import Batch
from embedtool.contextual.encoder import WORD_TABLE, Encoder, sampling_probabilities
from embedtool.model.vectors import VectorTable

BETAS = (0.9, 0.98)
"""Decay rates of AdamW's moments. The second is that of Vaswani et al. 2017 (section 5.3), with a
shorter memory than the usual .999."""
EXP_AVG, EXP_AVG_SQ, STEP = "exp_avg/", "exp_avg_sq/", "step"
"""Names in a checkpoint: prefixes of AdamW's two moments of each parameter, and the number of
steps."""


@contextmanager
def isolated_torch(workers: int | None) -> Iterator[None]:
    """Use `workers` threads in PyTorch; restore its random state and number of threads at the end.

    Parameters
    ----------
    workers : int or None
        None leaves the number of threads unchanged.
    """
    n_threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.set_num_threads(workers or n_threads)
        try:
            yield
        finally:
            torch.set_num_threads(n_threads)


class EncoderLearner:
    """An encoder and its optimiser.

    The tables of its state are the memory of the parameters and moments themselves: a checkpoint
    written from them holds the current training.

    Parameters
    ----------
    vectors : VectorTable
        The vectors of the static model, not quantized.
    counts : ndarray of int64, shape (n_words + 1,)
        How often each word, and the end of a sentence, is a target.
    """

    def __init__(
        self, config: ContextualConfig, vectors: VectorTable, counts: NDArray[np.int64]
    ) -> None:
        self.config, self.vectors, self.counts = config, vectors, counts

    def init_state(self) -> dict[str, NDArray[Any]]:
        """Initialise encoder and optimiser, and return the tables of the state."""
        torch.manual_seed(self.config.seed)
        static = self.vectors.rows[:]
        if self.config.vectors == "random":
            rng = np.random.default_rng((self.config.seed, 2))
            static = rng.standard_normal(static.shape, np.float32)
        self.network = Encoder(self.config, *static.shape)
        self.network.init_from_static(np.array(static), self.counts)
        self.probabilities = sampling_probabilities(self.counts)
        named = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        without_decay = {
            name: parameter.ndim < 2 or name in (WORD_TABLE, "special_tokens", "positions.weight")
            for name, parameter in named
        }
        self.optimizer = torch.optim.AdamW(
            [
                {"params": [p for n, p in named if not without_decay[n]]},
                {"params": [p for n, p in named if without_decay[n]], "weight_decay": 0.0},
            ],
            betas=BETAS, weight_decay=self.config.weight_decay, fused=True,
        )  # fmt: skip
        self.n_steps = np.zeros(1, np.int64)
        tables: dict[str, NDArray[Any]] = {STEP: self.n_steps}
        for name, parameter in named:
            moments = {"step": torch.tensor(0.0)}
            for key, prefix in (("exp_avg", EXP_AVG), ("exp_avg_sq", EXP_AVG_SQ)):
                moments[key] = torch.zeros_like(parameter)
                tables[prefix + name] = moments[key].numpy()
            self.optimizer.state[parameter] = moments
            tables[name] = parameter.detach().numpy()
        return tables

    def load_state(self, tables: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Continue from the tables of a checkpoint; return the tables that training changes."""
        own = self.init_state()
        for name, table in own.items():
            np.copyto(table, tables[name])
        for moments in self.optimizer.state.values():
            moments["step"].fill_(float(self.n_steps[0]))
        return own

    def train_batch(self, batch: Batch, learning_rate: float, seed: int) -> float:
        """Make one optimiser step, and return the mean loss of the batch's targets."""
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.network.train()
        self.optimizer.zero_grad()
        loss = self.network.loss(batch, self.probabilities, generator)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient)
        self.optimizer.step()
        self.n_steps += 1
        return float(loss.detach())

    def perplexity(self, batches: Iterable[Batch]) -> float | None:
        """Return exp of the mean negative log-likelihood of all targets, over all words.

        The targets of a masked encoder are the masked words (pseudo-perplexity). None if there are
        no targets.
        """
        self.network.eval()
        total, n = 0.0, 0
        with torch.inference_mode():
            for batch in batches:
                total += float(self.network.loss(batch)) * batch.n_targets
                n += batch.n_targets
        return math.exp(total / n) if n else None

    def result(self) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
        """Return the word vectors at the static model's scale, and all other tensors by name."""
        tables = {name: each.numpy() for name, each in self.network.state_dict().items()}
        return tables.pop(WORD_TABLE) / tables["scale"], tables
