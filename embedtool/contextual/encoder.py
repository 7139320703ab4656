"""The encoder network: a Transformer over word vectors that is trained to predict words.

It uses PyTorch's nn.TransformerEncoder: multi-head attention, residual connections and feed-forward
networks (Vaswani et al. 2017, section 3), with layer normalisation before each of them (Xiong et
al. 2020).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from embedtool.config.tasks import ContextualConfig
from embedtool.contextual.batches import Batch

WORD_TABLE = "words.weight"
"""The name of the word vectors among the parameters."""
N_SPECIAL = 2
"""Special tokens, whose ids follow those of the words: the sentence boundary and the mask."""
BOUNDARY_NAME = "<s>"
EARLIER_NAMES = {
    "inward": "input_proj", "before": "input_norm", "body": "transformer",
    "marks": "special_tokens", "outward": "output_proj",
}  # fmt: skip
"""Old names of modules in encoder.safetensors of earlier versions, and the current ones."""
POSITION_AMPLITUDE = 0.1
"""Amplitude of the initial position vectors, relative to a standard deviation of about 1 of the
components of word vectors: attention depends on words first, and learns to use positions. With an
amplitude of 1, positions dominate and word senses are lost."""
MIN_LOG2_SLOPE = -8.0
"""The slopes of the attention heads are a geometric series that ends with 2 to this power
(ALiBi)."""
WAVELENGTH_RATIO = 10_000.0
"""Ratio of the longest to the shortest wavelength of the position vectors (Vaswani et al. 2017)."""
SAMPLING_EXPONENT = 0.75
"""Words are sampled with probabilities proportional to their counts to this power, as negative
samples are (Mikolov et al. 2013)."""
CLUSTERS = (10, 3)
"""Clusters of the adaptive softmax: the most frequent 1/10 of the words, those from there to the
most frequent third, and all others."""
CLUSTER_DIVISOR = 4.0
"""Factor by which the hidden size decreases from cluster to cluster (Grave et al. 2017)."""


class Encoder(nn.Module):  # type: ignore[misc]
    """Tokens in their sentences.

    Ids below n_words are words, n_words is the boundary of a sentence, n_words + 1 the mask. Ids
    from `first_oov` on are words outside the vocabulary that have a vector (FastText).

    Parameters
    ----------
    n_words, static_size : int
        Shape of the static model's matrix.
    """

    def __init__(self, config: ContextualConfig, n_words: int, static_size: int) -> None:
        super().__init__()
        # PyTorch's fast path for evaluation takes only attention masks of 0 and -inf
        torch.backends.mha.set_fastpath_enabled(False)
        size = config.hidden_size
        self.n_words, self.first_oov = n_words, n_words + N_SPECIAL
        self.is_causal = config.objective == "causal"
        self.max_length = config.max_length
        self.register_buffer("scale", torch.ones(1))
        self.words = nn.Embedding(n_words, static_size)
        self.words.weight.requires_grad_(not config.freeze)
        self.special_tokens = nn.Parameter(
            torch.randn(N_SPECIAL, static_size) / math.sqrt(static_size)
        )
        self.input_proj = nn.Linear(static_size, size)
        self.positions = nn.Embedding(config.max_length + 1, size)
        self.input_norm = nn.LayerNorm(size)
        self.dropout = nn.Dropout(config.dropout)
        self.transformer = nn.TransformerEncoder(
            nn.TransformerEncoderLayer(
                size, config.heads, config.feed_forward_size, config.dropout, "gelu",
                batch_first=True, norm_first=True,
            ),
            config.layers, nn.LayerNorm(size), enable_nested_tensor=False,
        )  # fmt: skip
        for layer in self.transformer.layers:
            # Dropout only on the output that a layer adds to the residual stream: attention without
            # dropout on its weights uses PyTorch's fast kernel.
            layer.self_attn.dropout = layer.dropout.p = 0.0
        nn.init.normal_(self.input_proj.weight)
        with torch.no_grad():
            positions = POSITION_AMPLITUDE * sinusoidal_positions(config.max_length + 1, size)
            self.positions.weight.copy_(torch.from_numpy(positions))
        n_classes = n_words + (1 if self.is_causal else 0)
        if config.softmax == "sampled":
            self.output: Any = TiedOutput(self, size, static_size, n_classes, config.samples)
        else:
            self.output = AdaptiveOutput(size, n_classes)

    def init_from_static(self, static: NDArray[np.float32], counts: NDArray[np.int64]) -> None:
        """Initialise the word vectors, and the output biases by word frequency.

        Parameters
        ----------
        static : ndarray of float32, shape (n_words, static_size)
        counts : ndarray of int64, shape (n_words + 1,)
            How often each word, and the boundary, is a target.
        """
        with torch.no_grad():
            self.scale.fill_(pow2_scale(static))
            self.words.weight.copy_(torch.from_numpy(static) * self.scale)
            if isinstance(self.output, TiedOutput):
                logs = np.log((counts + 1) / (counts.sum() + len(counts)), dtype=np.float32)
                self.output.bias.copy_(torch.from_numpy(logs)[: self.output.n_classes])

    def embed(self, ids: Any, oov: Any = None) -> Any:
        """Return the input vectors of ids.

        Parameters
        ----------
        ids : tensor of int64, any shape
        oov : tensor of float32, shape (n_oov, static_size)
            The static vectors of the words from `first_oov` on.

        Returns
        -------
        tensor of float32, shape (*ids.shape, static_size)
        """
        others = self.special_tokens
        if oov is not None:
            others = torch.cat([others, oov * self.scale])
        words = self.words(ids.clamp(max=self.n_words - 1))
        others = others[(ids - self.n_words).clamp(min=0)]
        return torch.where((ids < self.n_words)[..., None], words, others)

    def forward(self, vectors: Any, lengths: Any) -> Any:
        """Return the output of the last layer, float32 (n_rows, width, hidden_size).

        Parameters
        ----------
        vectors : tensor of float32, shape (n_rows, width, static_size)
            From `embed`.
        lengths : tensor of int64, shape (n_rows,)
            Positions of each row that are not padding.
        """
        state, bias = self.embed_input(vectors), self.attention_bias(vectors.shape[1], lengths)
        for layer in self.transformer.layers:
            state = layer(state, src_mask=bias)
        return self.transformer.norm(state)

    def contextual_states(self, vectors: Any, lengths: Any) -> Any:
        """Return the sum of the attention outputs of the middle layers.

        These are the layers between the first and the last, or the last of two. The residual stream
        itself is dominated by the identity of the token, which it is trained to predict regardless
        of sense; so are the feed-forward networks and the attention of the last layer. The
        attention of the first layer depends more on positions than on words. See the comparison in
        docs/contextual.md.

        Parameters
        ----------
        vectors, lengths : tensor
            As for `forward`.

        Returns
        -------
        tensor of float32, shape (n_rows, width, hidden_size)
        """
        layers = self.transformer.layers
        middle = range(1, len(layers) - 1) or range(len(layers) - 1, len(layers))
        state, bias = self.embed_input(vectors), self.attention_bias(vectors.shape[1], lengths)
        total = torch.zeros_like(state)
        for i, layer in enumerate(layers[: middle.stop]):
            if i in middle:
                inner = layer.norm1(state)
                total += layer.self_attn(inner, inner, inner, attn_mask=bias, need_weights=False)[0]
            state = layer(state, src_mask=bias)
        return total

    def embed_input(self, vectors: Any) -> Any:
        """Return the input of the first layer: projected vectors plus position vectors."""
        positions = self.positions(torch.arange(vectors.shape[1]))
        return self.dropout(self.input_norm(self.input_proj(vectors) + positions))

    def attention_bias(self, width: int, lengths: Any) -> Any:
        """Return the bias of the attention scores, float32 (n_rows * n_heads, width, width).

        It is -inf for padding and, in a causal encoder, for later positions; otherwise the distance
        times a slope of each head (Press, Smith & Lewis 2022, ALiBi, section 3): the first head
        attends to the neighbourhood, the last to the whole sentence. The boundary has distance 0.
        """
        excluded = (torch.arange(width) >= lengths[:, None])[:, None, None, :]
        if self.is_causal:
            excluded = excluded | ~torch.tril(torch.ones(width, width, dtype=torch.bool))
        positions = torch.arange(width)
        distances = (positions[:, None] - positions).abs()
        distances[:, 0] = 0
        n_heads = self.transformer.layers[0].self_attn.num_heads
        slopes = 2.0 ** (MIN_LOG2_SLOPE * torch.arange(1, n_heads + 1) / n_heads)
        bias = (-slopes[:, None, None] * distances).expand(len(lengths), -1, -1, -1)
        return bias.masked_fill(excluded, -math.inf).flatten(0, 1)

    def attention_weights(self, vectors: Any) -> Any:
        """Return the attention weights of one sentence in each layer and head.

        Parameters
        ----------
        vectors : tensor of float32, shape (1, n, static_size)

        Returns
        -------
        tensor of float32, shape (n_layers, n_heads, n, n)
            Rows attend to columns and sum to 1.
        """
        bias = self.attention_bias(vectors.shape[1], torch.tensor([vectors.shape[1]]))
        state, all_weights = self.embed_input(vectors), []
        for layer in self.transformer.layers:
            inner = layer.norm1(state)
            _, weights = layer.self_attn(
                inner, inner, inner, attn_mask=bias, need_weights=True, average_attn_weights=False
            )
            all_weights.append(weights[0])
            state = layer(state, src_mask=bias)
        return torch.stack(all_weights)

    def loss(self, batch: Batch, probabilities: Any = None, generator: Any = None) -> Any:
        """Return the mean negative log-likelihood of the batch's targets.

        Parameters
        ----------
        probabilities : tensor of float32, shape (n_words + 1,)
            Sampling probabilities of a sampled softmax, from `sampling_probabilities`; None for the
            exact softmax over all words.
        generator : torch.Generator
            Draws the samples.
        """
        ids, lengths = torch.from_numpy(batch.ids), torch.from_numpy(batch.lengths)
        targets = torch.from_numpy(batch.targets)
        is_target = targets >= 0
        hidden = self(self.embed(ids), lengths)[is_target]
        return self.output.loss(hidden, targets[is_target], probabilities, generator)


class TiedOutput(nn.Module):  # type: ignore[misc]
    """A softmax whose output vectors are the input vectors of the words (Press & Wolf 2017).

    The score of a word is the dot product of its vector with the hidden state, projected to its
    size, plus a bias.
    """

    def __init__(
        self, encoder: Encoder, size: int, static_size: int, n_classes: int, n_samples: int
    ) -> None:
        super().__init__()
        self.n_classes, self.n_samples = n_classes, n_samples
        # a function, because the tables are parameters of the encoder, not of this module
        self.input_tables: Callable[[], tuple[Any, Any]] = lambda: (
            encoder.words.weight,
            encoder.special_tokens,
        )
        self.output_proj = nn.Linear(size, static_size)
        self.norm = nn.LayerNorm(static_size)
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def scores(self, hidden: Any) -> Any:
        """Return the score of each class, float32 (n, n_classes)."""
        words, special_tokens = self.input_tables()
        projected = self.norm(self.output_proj(hidden))
        scores = projected @ words.T
        if self.n_classes > len(words):
            scores = torch.cat([scores, projected @ special_tokens[:1].T], dim=1)
        return scores + self.bias

    def log_probabilities(self, hidden: Any) -> Any:
        """Return the log-probability of each class, float32 (n, n_classes)."""
        return functional.log_softmax(self.scores(hidden), dim=1)

    def loss(self, hidden: Any, targets: Any, probabilities: Any, generator: Any) -> Any:
        """Return the mean negative log-likelihood, exact without sampling probabilities.

        With them, the softmax's sum over all classes is estimated from a sample: each class that
        occurs among n draws is weighted by 1 over the probability of that, 1 - (1 - p)^n (Horvitz &
        Thompson 1952; Jean et al. 2015, section 3). The target itself is always included.
        """
        if probabilities is None or self.n_classes <= self.n_samples:
            return functional.cross_entropy(self.scores(hidden), targets)
        p = probabilities[: self.n_classes] / probabilities[: self.n_classes].sum()
        sample = torch.multinomial(p, self.n_samples, replacement=True, generator=generator)
        sample = torch.unique(sample)
        inclusion = -torch.expm1(self.n_samples * torch.log1p(-p[sample]))
        projected = self.norm(self.output_proj(hidden))
        others = projected @ self._output_rows(sample).T + self.bias[sample] - torch.log(inclusion)
        others = others.masked_fill(sample == targets[:, None], -math.inf)
        own = (projected * self._output_rows(targets)).sum(dim=1) + self.bias[targets]
        scores = torch.cat([own[:, None], others], dim=1)
        return (torch.logsumexp(scores, dim=1) - own).mean()

    def _output_rows(self, ids: Any) -> Any:
        words, special_tokens = self.input_tables()
        rows = words[ids.clamp(max=len(words) - 1)]
        return torch.where((ids < len(words))[:, None], rows, special_tokens[0])


class AdaptiveOutput(nn.Module):  # type: ignore[misc]
    """The adaptive softmax: frequent words directly, rare ones through their cluster."""

    def __init__(self, size: int, n_classes: int) -> None:
        super().__init__()
        n_clusters = sum(size >= CLUSTER_DIVISOR ** (i + 1) for i in range(len(CLUSTERS)))
        firsts = {max(1, n_classes // divisor) for divisor in CLUSTERS[: max(n_clusters, 1)]}
        cutoffs = sorted(firsts - {n_classes})
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(size, n_classes, cutoffs, CLUSTER_DIVISOR)

    def log_probabilities(self, hidden: Any) -> Any:
        """Return the log-probability of each class, float32 (n, n_classes)."""
        return self.softmax.log_prob(hidden)

    def loss(self, hidden: Any, targets: Any, probabilities: Any, generator: Any) -> Any:
        """Return the mean negative log-likelihood, which is always exact."""
        return self.softmax(hidden, targets).loss


def current_name(parameter: str) -> str:
    """Return the current name of a parameter, given that in any version of encoder.safetensors."""
    return ".".join(EARLIER_NAMES.get(module, module) for module in parameter.split("."))


def sinusoidal_positions(n_positions: int, size: int) -> NDArray[np.float32]:
    """Return the initial position vectors: sines and cosines (Vaswani et al. 2017, section 3.5).

    They are then trained.

    Returns
    -------
    ndarray of float32, shape (n_positions, size)
    """
    angles = np.arange(n_positions)[:, None] / WAVELENGTH_RATIO ** (np.arange(0, size, 2) / size)
    pairs = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(n_positions, -1)
    return pairs[:, :size].astype(np.float32)


def pow2_scale(static: NDArray[np.float32]) -> float:
    """Return the power of two that scales vectors to a root-mean-square length of about 1.

    It is a power of two so that dividing by it restores the exact numbers.
    """
    length = float(np.sqrt(np.mean(np.einsum("ij,ij->i", static, static, dtype=np.float64))))
    return 2.0 ** -round(math.log2(length)) if length else 1.0


def sampling_probabilities(counts: NDArray[np.int64]) -> Any:
    """Return the probability of each class to be sampled for a sampled softmax, as a tensor."""
    weights = torch.from_numpy(counts + 1.0).to(torch.float32) ** SAMPLING_EXPONENT
    return weights / weights.sum()
