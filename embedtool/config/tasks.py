"""Configs of tasks after training."""

from dataclasses import dataclass, fields
from typing import Literal

from embedtool.config.base import Config, option
from embedtool.config.choices import N_ANCHORS
from embedtool.config.text import TextConfig
from embedtool.errors import ConfigError
from embedtool.io.machine import n_cores


@dataclass(frozen=True)
class CompressConfig(Config):
    """How a model is compressed."""

    words: int | None = option(None, "Keep the N most frequent words.", low=1)
    dimensions: int | None = option(
        None, "Keep the N principal directions (PCA without centring).", low=1
    )
    ngrams: int | None = option(
        None, "FastText: keep the N n-grams with the longest vectors, for out-of-vocabulary words.",
        low=0,
    )  # fmt: skip
    precision: Literal["float32", "float16", "int8"] = option(
        "float32", "Number format; int8 has a scale for each vector."
    )
    product_quantization: int | None = option(
        None, "Product quantization: N sub-vectors, each a byte, the nearest of 256 centroids.",
        low=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if all(getattr(self, each.name) == each.default for each in fields(self)):
            raise ConfigError(
                "choose what to reduce: precision, product_quantization, words, dimensions or "
                "ngrams",
                parameters=[each.name for each in fields(self)],
            )
        if self.product_quantization is not None and self.precision != "float32":
            raise ConfigError(
                "choose precision or product_quantization, not both",
                parameters=("precision", "product_quantization"),
            )


@dataclass(frozen=True)
class DocumentConfig(Config):
    """How the vector of a document is computed from those of its words."""

    mode: Literal["static", "contextual"] = option(
        "static",
        "static: each word has one vector; contextual: an encoder computes it from its sentence.",
    )
    weighting: Literal["mean", "sif", "tfidf"] = option(
        "mean",
        "mean: equal weights; sif: larger weights for rare words, and common components of all "
        "documents removed (Arora et al. 2017); tfidf: larger weights for words of few documents.",
    )
    tokenizer: Literal["words", "whitespace", "icu"] = option(
        "words", "How documents are split into words, as in training."
    )
    sif_a: float = option(1e-3, "SIF parameter a: words have the weight a / (a + p(w)).", above=0)
    remove_components: int = option(1, "SIF: number of common components to remove.", low=0)
    normalize: bool = option(False, "Scale the vectors of documents to unit length.")
    subwords: bool = option(
        True, "FastText: out-of-vocabulary words get a vector from their n-grams."
    )


@dataclass(frozen=True)
class AttentionConfig(Config):
    """How the words of a sentence attend to each other."""

    heads: int = option(
        1, "Number of heads: parts of the vectors, each of which attends separately.", low=1
    )
    head: int | None = option(None, "Show head N, instead of the mean of all.", low=1)
    layer: int | None = option(
        None, "Contextual encoder: show layer N, instead of the last.", low=1
    )
    causal: bool = option(False, "Words attend only to those before them.")
    itself: bool = option(True, "Words also attend to themselves.")
    tokenizer: Literal["words", "whitespace", "icu"] = option(
        "words", "How the sentence is split into words, as in training."
    )


@dataclass(frozen=True)
class ContextualConfig(Config):
    """A Transformer over word vectors that is trained to predict words (Vaswani et al. 2017)."""

    objective: Literal["masked", "causal"] = option(
        "masked",
        "masked: masked words, from both sides (BERT); causal: each word from those before it "
        "(GPT), which can generate text.",
    )
    vectors: Literal["static", "random"] = option(
        "static",
        "Initial word vectors: those of STATIC, or random ones for its words, for comparison.",
    )
    freeze: bool = option(False, "Do not train the word vectors.")
    hidden_size: int = option(128, "Hidden size of the Transformer.", low=2, high=10_000)
    layers: int = option(4, "Number of layers.", low=1, high=100)
    heads: int = option(4, "Number of attention heads per layer.", low=1, high=1000)
    feed_forward_size: int | None = option(
        None, "Width of the feed-forward networks. Default: four times the hidden size.", low=1,
        high=100_000,
    )  # fmt: skip
    dropout: float = option(0.1, "Dropout probability.", low=0, high=0.9)
    max_length: int = option(
        128, "Maximum sequence length; longer sentences are split.", low=1, high=100_000
    )
    mask_probability: float = option(
        0.3,
        "masked: fraction of the tokens to predict; BERT has 0.15, a larger one trains faster.",
        above=0, high=0.9,
    )  # fmt: skip
    softmax: Literal["sampled", "adaptive"] = option(
        "sampled",
        "sampled: tied to the word vectors, over a random sample of words (Jean et al. 2015); "
        "adaptive: rare words in clusters of their own (Grave et al. 2017).",
    )
    samples: int = option(
        4096, "sampled: words drawn per batch; a smaller vocabulary is used whole.", low=1
    )
    epochs: int = option(5, "Number of passes over the text.", low=1)
    batch_tokens: int = option(2048, "Tokens per batch.", low=1, high=10_000_000)
    learning_rate: float = option(
        1e-3, "Peak learning rate of AdamW, after the warm-up.", above=0, high=10
    )
    warmup: float = option(
        0.1, "Fraction of steps with linear warm-up, followed by cosine decay.", low=0, high=1,
    )  # fmt: skip
    weight_decay: float = option(0.01, "Weight decay of AdamW.", low=0, high=1)
    max_gradient: float = option(1.0, "Gradient-norm clipping threshold.", above=0)
    held_out: float = option(
        0.05, "Fraction of sentences held out for validation, 100,000 tokens at most.", low=0,
        high=0.5,
    )  # fmt: skip
    seed: int = option(1, "Random seed.", low=0)
    workers: int | None = option(
        None, "Number of threads. Default: one per core.", low=1, high=1024
    )

    def __post_init__(self) -> None:
        self._set_default("workers", n_cores())
        super().__post_init__()
        self._set_default("feed_forward_size", 4 * self.hidden_size)
        if self.hidden_size % self.heads:
            raise ConfigError(
                f"hidden_size={self.hidden_size} is not divisible by heads={self.heads}",
                parameters=("hidden_size", "heads"),
            )


@dataclass(frozen=True)
class SensesConfig(Config):
    """How the occurrences of a word are clustered into senses."""

    senses: int | None = option(
        None, "Number of senses. Default: by the mean silhouette.", low=1, high=1000
    )
    distinct: float = option(
        0.1, "Minimum mean silhouette; below it the word has one sense.",
        low=-1, high=1,
    )  # fmt: skip
    uses: int = option(
        2000, "Maximum number of occurrences to cluster; a random sample if there are more.", low=4
    )
    examples: int = option(1, "Number of lines shown for each sense.", low=1)
    seed: int = option(1, "Random seed.", low=0)


@dataclass(frozen=True)
class GenerationConfig(Config):
    """Text generation options."""

    words: int = option(30, "Maximum number of words to generate.", low=1)
    texts: int = option(1, "Number of texts.", low=1)
    temperature: float = option(
        1.0,
        "Sampling temperature: below 1, likely words become likelier; 0: always the likeliest.",
        low=0,
        high=100,
    )
    top_k: int | None = option(None, "Sample from the N likeliest words.", low=1)
    top_p: float = option(
        1.0, "Nucleus sampling: sample from the likeliest words up to cumulative probability p.",
        above=0, high=1,
    )  # fmt: skip
    seed: int = option(1, "Random seed.", low=0)


@dataclass(frozen=True)
class DistillConfig(Config):
    """How static vectors are distilled from an encoder."""

    dimensions: int = option(256, "Number of dimensions of the vectors, reduced by PCA.", low=1)
    sif: float = option(1e-4, "SIF parameter a: vectors are scaled by a / (a + p(w)).", above=0)


@dataclass(frozen=True)
class ClassifyConfig(Config):
    """How documents are read and classified."""

    text_column: str = option("text", "--classify: the column or field that holds the text.")
    label_column: str = option("label", "--classify: the column or field that holds the class.")
    tokenizer: Literal["words", "whitespace", "icu"] = option(
        DocumentConfig.tokenizer, "--classify: how texts are split into words; best as in training."
    )
    encoding_errors: Literal["strict", "replace", "skip"] = option(
        TextConfig.encoding_errors,
        "--classify: invalid UTF-8: strict stops with an error, replace inserts U+FFFD, skip drops "
        "it.",
    )
    folds: int = option(5, "--classify: number of folds of the cross-validation.", low=3)
    seed: int = option(1, "--classify: random seed of the folds.", low=0)


@dataclass(frozen=True)
class TransformConfig(Config):
    """Transformations of trained vectors, applied in this order."""

    add_contexts: bool = option(False, "Add each word's context vector to its vector.")
    center: bool = option(False, "Subtract the mean of all vectors.")
    all_but_the_top: int | None = option(
        None,
        "Subtract the mean and the projections on the N first principal components; its authors "
        "advise a hundredth of the vector size (Mu & Viswanath 2018).",
        low=1,
    )
    pca: int | None = option(
        None, "Subtract the mean and project on the N first principal components.", low=1
    )
    normalize: bool = option(False, "Scale each vector to unit length.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if all(getattr(self, each.name) == each.default for each in fields(self)):
            raise ConfigError(
                "choose a transformation: add_contexts, center, all_but_the_top, pca or normalize",
                parameters=[each.name for each in fields(self)],
            )


@dataclass(frozen=True)
class DriftConfig(Config):
    """How the change of meaning between two models is measured."""

    anchors: int = option(N_ANCHORS, "Align the models on the N most frequent shared words.", low=1)
    restrict_vocab: int = option(10_000, "Compare the N most frequent shared words.", low=1)
    min_count: int | None = option(
        None, "Compare only words with this count or more in both models.", low=1
    )
    measure: Literal["distance", "neighbourhood"] = option(
        "distance",
        "Measure of change. distance: of the vectors, after alignment; neighbourhood: of the "
        "similarities with the nearest words, which needs no alignment.",
    )
    neighbours: int = option(25, "Number of nearest words in a neighbourhood.", low=1, high=1000)


@dataclass(frozen=True)
class TranslateConfig(Config):
    """How words are translated between two aligned models."""

    method: Literal["csls", "nearest"] = option(
        "csls",
        "csls: corrected for hubs, which are near to everything (Conneau et al. 2018); nearest: "
        "by cosine alone.",
    )
    restrict_vocab: int = option(50_000, "Use only the N most frequent words of each model.", low=1)
    neighbours: int = option(
        10,
        "csls: number of neighbours in the other language for a word's mean cosine.",
        low=1,
        high=1000,
    )


@dataclass(frozen=True)
class WeatConfig(Config):
    """Permutation test of the word embedding association test (Caliskan et al. 2017)."""

    permutations: int = option(
        100_000,
        "Maximum number of permutations; if there are more, N random ones are drawn.",
        low=1,
    )
    seed: int = option(1, "Random seed.", low=0)
