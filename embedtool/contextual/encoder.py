"""The encoder: a Transformer over word vectors, and how it predicts words.

In: ids of words, or vectors. Out: a vector for each token in its sentence, and losses.

The parts are PyTorch's: nn.TransformerEncoder with attention, residuals, layer norm before each
part (Xiong et al. 2020) and feed-forward networks (Vaswani et al. 2017, section 3).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import ContextualConfig
from embedtool.contextual._torch import functional, nn, torch
from embedtool.contextual.batches import Batch

WORD_TABLE = "words.weight"
"""The name of the table of word vectors among the parameters."""
N_SPECIAL = 2
"""Rows behind those of the words: the boundary of sentences, and the mask."""
BOUNDARY_NAME = "<s>"
EARLIER_NAMES = {
    "inward": "input_proj", "before": "input_norm", "body": "transformer",
    "marks": "special_tokens", "outward": "output_proj",
}  # fmt: skip
"""Modules as files of earlier versions name them in encoder.safetensors, with their names here."""
AMPLITUDE = 0.1
"""Of the waves, beside words whose numbers deviate by about 1: attention then looks at words first,
and at places as far as it learns to. With 1 a word's sense is lost in its sentence's pattern."""
STEEPEST = -8.0
"""The slopes of distance fall in equal steps, as powers of two, to this one (ALiBi)."""
WAVELENGTHS = 10_000.0
"""The longest wave of the vectors of places is so many times the shortest (Vaswani et al. 2017)."""
NOISE_EXPONENT = 0.75
"""Words are drawn by count to this power, as noise words are (Mikolov et al. 2013)."""
CLUSTERS = (10, 3)
"""The most frequent tenth of the words is one cluster of the adaptive softmax, the rest to a third
another."""
SHRINKING = 4.0
"""So much smaller are the vectors of a cluster than those of the one before (Grave et al. 2017)."""


# In evaluation PyTorch takes a shorter way through its layers, which knows no masks but 0 and -inf.
torch.backends.mha.set_fastpath_enabled(False)


class Encoder(nn.Module):  # type: ignore[misc]
    """Tokens in their sentences.

    n_words, static_size : of the word vectors it stands on

    Ids below n_words are words, n_words is the boundary of a sentence, n_words + 1 the mask, and
    from `first_oov` on there are words that the model does not know.
    """

    def __init__(self, config: ContextualConfig, n_words: int, static_size: int) -> None:
        super().__init__()
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
            # Only what is added to the stream is thinned out, not what lies within: weights of
            # attention without dropout take PyTorch's fast path.
            layer.self_attn.dropout = layer.dropout.p = 0.0
        nn.init.normal_(self.input_proj.weight)
        with torch.no_grad():
            places = AMPLITUDE * sinusoidal_positions(config.max_length + 1, size)
            self.positions.weight.copy_(torch.from_numpy(places))
        n_classes = n_words + (1 if self.is_causal else 0)
        if config.softmax == "sampled":
            self.output: Any = TiedOutput(self, size, static_size, n_classes, config.samples)
        else:
            self.output = AdaptiveOutput(size, n_classes)

    def init_from_static(self, static: NDArray[np.float32], counts: NDArray[np.int64]) -> None:
        """Begin with word vectors, and with how frequent words are.

        static : float32 (n_words, static_size), of any length
        counts : int64 (n_words + 1,), how often each word is to be predicted, and the boundary
        """
        with torch.no_grad():
            self.scale.fill_(pow2_scale(static))
            self.words.weight.copy_(torch.from_numpy(static) * self.scale)
            if isinstance(self.output, TiedOutput):
                logs = np.log((counts + 1) / (counts.sum() + len(counts)), dtype=np.float32)
                self.output.bias.copy_(torch.from_numpy(logs)[: self.output.n_classes])

    def embed(self, ids: Any, new: Any = None) -> Any:
        """The vectors of words and marks, float32 (..., static_size).

        new : float32 (n, static_size), the static vectors of the words from `first_oov` on
        """
        others = (
            self.special_tokens
            if new is None
            else torch.cat([self.special_tokens, new * self.scale])
        )
        words = self.words(ids.clamp(max=self.n_words - 1))
        behind = others[(ids - self.n_words).clamp(min=0)]
        return torch.where((ids < self.n_words)[..., None], words, behind)

    def forward(self, vectors: Any, lengths: Any) -> Any:
        """What the last layer makes of the tokens, float32 (n_rows, width, hidden_size).

        vectors : float32 (n_rows, width, static_size), of `embed`
        lengths : int64 (n_rows,), places of each row that are not empty
        """
        state, seen = self.embed_input(vectors), self.attention_bias(vectors.shape[1], lengths)
        for layer in self.transformer.layers:
            state = layer(state, src_mask=seen)
        return self.transformer.norm(state)

    def contextual_states(self, vectors: Any, lengths: Any) -> Any:
        """What tokens take from their sentences, float32 (n_rows, width, hidden_size).

        The sum of what attention adds to a token in the layers between the first and the last; of
        two layers, in the last. What a token is made of in the end is that, what it began with, and
        what feed-forward networks add (residual connections make it a sum). But all this serves the
        word to be predicted, which for a word that is not hidden is that word, whatever its sense;
        so does the attention of the last layer. The first looks at places more than at words.
        """
        layers = self.transformer.layers
        between = range(1, len(layers) - 1) or range(len(layers) - 1, len(layers))
        state, seen = self.embed_input(vectors), self.attention_bias(vectors.shape[1], lengths)
        total = torch.zeros_like(state)
        for i, layer in enumerate(layers[: between.stop]):
            if i in between:
                inner = layer.norm1(state)
                total += layer.self_attn(inner, inner, inner, attn_mask=seen, need_weights=False)[0]
            state = layer(state, src_mask=seen)
        return total

    def embed_input(self, vectors: Any) -> Any:
        """What goes into the first layer: the vectors, projected, with their places."""
        places = self.positions(torch.arange(vectors.shape[1]))
        return self.dropout(self.input_norm(self.input_proj(vectors) + places))

    def attention_bias(self, width: int, lengths: Any) -> Any:
        """What is added to the scores of attention, float32 (n_rows * n_heads, width, width).

        -inf for empty places and, in a causal encoder, for those that come later. For others what
        their distance takes away, in each head another measure (Press, Smith & Lewis 2022, ALiBi,
        section 3): the first looks near, the last far. The boundary is near to all.
        """
        hidden = (torch.arange(width) >= lengths[:, None])[:, None, None, :]
        if self.is_causal:
            hidden = hidden | ~torch.tril(torch.ones(width, width, dtype=torch.bool))
        places = torch.arange(width)
        distances = (places[:, None] - places).abs()
        distances[:, 0] = 0
        n_heads = self.transformer.layers[0].self_attn.num_heads
        slopes = 2.0 ** (STEEPEST * torch.arange(1, n_heads + 1) / n_heads)
        scores = (-slopes[:, None, None] * distances).expand(len(lengths), -1, -1, -1)
        return scores.masked_fill(hidden, -math.inf).flatten(0, 1)

    def attention_weights(self, vectors: Any) -> Any:
        """What each token of one sentence takes from which, in each layer and head.

        vectors : float32 (1, n, static_size)
        Returns float32 (n_layers, n_heads, n, n); rows sum to 1.
        """
        seen = self.attention_bias(vectors.shape[1], torch.tensor([vectors.shape[1]]))
        state, found = self.embed_input(vectors), []
        for layer in self.transformer.layers:
            inner = layer.norm1(state)
            _, weights = layer.self_attn(
                inner, inner, inner, attn_mask=seen, need_weights=True, average_attn_weights=False
            )
            found.append(weights[0])
            state = layer(state, src_mask=seen)
        return torch.stack(found)

    def loss(self, batch: Batch, chances: Any = None, generator: Any = None) -> Any:
        """The mean negative log-likelihood of the words to be predicted.

        chances, generator : float32 (n_words + 1,), of `sampling_probabilities`, and what draws the
                             words of a sampled softmax by them; None: exact, against all words
        """
        ids, lengths = torch.from_numpy(batch.ids), torch.from_numpy(batch.lengths)
        targets = torch.from_numpy(batch.targets)
        wanted = targets >= 0
        hidden = self(self.embed(ids), lengths)[wanted]
        return self.output.loss(hidden, targets[wanted], chances, generator)


class TiedOutput(nn.Module):  # type: ignore[misc]
    """Words are predicted by the very vectors that they are read by (Press & Wolf 2017).

    The score of a word is the product of its vector with that of the token, projected to its size,
    and a bias of its own.
    """

    def __init__(
        self, encoder: Encoder, size: int, static_size: int, n_classes: int, n_samples: int
    ) -> None:
        super().__init__()
        self.n_classes, self.n_samples = n_classes, n_samples
        self.shared: Callable[[], tuple[Any, Any]] = lambda: (
            encoder.words.weight,
            encoder.special_tokens,
        )
        self.output_proj = nn.Linear(size, static_size)
        self.norm = nn.LayerNorm(static_size)
        self.bias = nn.Parameter(torch.zeros(n_classes))

    def scores(self, hidden: Any) -> Any:
        """The score of each class, float32 (n, n_classes)."""
        words, marks = self.shared()
        projected = self.norm(self.output_proj(hidden))
        scores = projected @ words.T
        if self.n_classes > len(words):
            scores = torch.cat([scores, projected @ marks[:1].T], dim=1)
        return scores + self.bias

    def log_probabilities(self, hidden: Any) -> Any:
        """Of each class, float32 (n, n_classes)."""
        return functional.log_softmax(self.scores(hidden), dim=1)

    def loss(self, hidden: Any, targets: Any, chances: Any, generator: Any) -> Any:
        """The mean negative log-likelihood, exact without chances to draw by.

        With it the sum over all classes is estimated from those drawn: each class that is drawn at
        least once in n draws stands for one over the probability of that, 1 - (1 - p)^n (Horvitz &
        Thompson 1952; Jean et al. 2015, section 3). The target itself is always there.
        """
        if chances is None or self.n_classes <= self.n_samples:
            return functional.cross_entropy(self.scores(hidden), targets)
        chances = chances[: self.n_classes] / chances[: self.n_classes].sum()
        drawn = torch.multinomial(chances, self.n_samples, replacement=True, generator=generator)
        drawn = torch.unique(drawn)
        included = -torch.expm1(self.n_samples * torch.log1p(-chances[drawn]))
        projected = self.norm(self.output_proj(hidden))
        others = projected @ self._rows(drawn).T + self.bias[drawn] - torch.log(included)
        others = others.masked_fill(drawn == targets[:, None], -math.inf)
        own = (projected * self._rows(targets)).sum(dim=1) + self.bias[targets]
        scores = torch.cat([own[:, None], others], dim=1)
        return (torch.logsumexp(scores, dim=1) - own).mean()

    def _rows(self, ids: Any) -> Any:
        words, marks = self.shared()
        rows = words[ids.clamp(max=len(words) - 1)]
        return torch.where((ids < len(words))[:, None], rows, marks[0])


class AdaptiveOutput(nn.Module):  # type: ignore[misc]
    """Frequent words are predicted first, rare ones by way of their cluster."""

    def __init__(self, size: int, n_classes: int) -> None:
        super().__init__()
        n_clusters = sum(size >= SHRINKING ** (i + 1) for i in range(len(CLUSTERS)))
        firsts = {max(1, n_classes // part) for part in CLUSTERS[: max(n_clusters, 1)]}
        cutoffs = sorted(firsts - {n_classes})
        self.softmax = nn.AdaptiveLogSoftmaxWithLoss(size, n_classes, cutoffs, SHRINKING)

    def log_probabilities(self, hidden: Any) -> Any:
        """Of each class, float32 (n, n_classes)."""
        return self.softmax.log_prob(hidden)

    def loss(self, hidden: Any, targets: Any, chances: Any, generator: Any) -> Any:
        """The mean negative log-likelihood; always exact."""
        return self.softmax(hidden, targets).loss


def current_name(parameter: str) -> str:
    """Return the name of a parameter here, given its name in any version of encoder.safetensors."""
    return ".".join(EARLIER_NAMES.get(module, module) for module in parameter.split("."))


def sinusoidal_positions(n_places: int, size: int) -> NDArray[np.float32]:
    """What places have at the start: sines and cosines, so that distances are seen from the first.

    Vaswani et al. 2017, section 3.5; here they learn from then on. float32 (n_places, size).
    """
    angles = np.arange(n_places)[:, None] / WAVELENGTHS ** (np.arange(0, size, 2) / size)
    both = np.stack([np.sin(angles), np.cos(angles)], axis=-1).reshape(n_places, -1)
    return both[:, :size].astype(np.float32)


def pow2_scale(static: NDArray[np.float32]) -> float:
    """The power of two that brings vectors to a mean length of about 1.

    A power of two, so that scaling back gives the very numbers.
    """
    length = float(np.sqrt(np.mean(np.einsum("ij,ij->i", static, static, dtype=np.float64))))
    return 2.0 ** -round(math.log2(length)) if length else 1.0


def sampling_probabilities(counts: NDArray[np.int64]) -> Any:
    """How likely each class is to be drawn for a sampled softmax; float32, they sum to 1."""
    chances = torch.from_numpy(counts + 1.0).to(torch.float32) ** NOISE_EXPONENT
    return chances / chances.sum()
