"""The options of what is done after training: each one's default, its bounds, its help.

In: what a user or a program sets. Out: frozen dataclasses, as those of `config`.
"""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from embedtool.config.base import Config, n_cores, option
from embedtool.config.text import TextConfig
from embedtool.errors import ConfigError

Method = Literal["3cosadd", "3cosmul"]

METHODS: tuple[Method, ...] = ("3cosadd", "3cosmul")
"""How an analogy is answered; the first is the default."""

Layout = Literal["pca", "tsne", "umap"]

LAYOUTS: tuple[Layout, ...] = ("pca", "tsne", "umap")
"""How words are laid out in the plane."""

AnalogyMethod = Literal[
    "3cosadd", "3cosmul", "pairdistance", "3cosavg", "lrcos", "nearest-b", "nearest-c"
]

ANALOGY_METHODS: tuple[AnalogyMethod, ...] = get_args(AnalogyMethod)
"""How an evaluation answers analogies: from one example, from all of a relation, and baselines."""

Correlation = Literal["spearman", "pearson"]

Sampling = Literal["bootstrap", "fixed"]

SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
"""What each run of an experiment is trained on: sentences drawn anew, or the text as it is."""

N_ANSWERS = 10
"""How many words answer a query that does not say how many."""

RESTRICT_VOCAB = 300_000
"""The most frequent words that take part in an evaluation unless another limit is asked for, as in
gensim."""

N_ANCHORS = 10_000
"""The most frequent shared words that two models are aligned on: many times the dimensions, and
frequent enough that their vectors are more than noise."""

N_MOVED = 20
"""How many words that moved are shown where nobody says how many."""


@dataclass(frozen=True)
class CompressConfig(Config):
    """What a smaller model keeps."""

    words: int | None = option(None, "Keep the N most frequent words.", low=1)
    dimensions: int | None = option(
        None, "Keep the N directions in which vectors are longest (PCA without centring).", low=1
    )
    ngrams: int | None = option(
        None, "FastText: keep the N n-grams with the longest vectors, for words that are new.",
        low=0,
    )  # fmt: skip
    precision: Literal["float32", "float16", "int8"] = option(
        "float32", "Bits of a number; int8 with a scale for each vector."
    )
    product_quantisation: int | None = option(
        None, "Cut vectors into N parts and keep a byte for each, the nearest of 256 centroids.",
        low=1,
    )  # fmt: skip

    def __post_init__(self) -> None:
        super().__post_init__()
        if all(getattr(self, each.name) == each.default for each in fields(self)):
            raise ConfigError(
                "say what to save: --precision, --product-quantisation, --words, --dimensions or "
                "--ngrams"
            )
        if self.product_quantisation is not None and self.precision != "float32":
            raise ConfigError("choose --precision or --product-quantisation, not both")


@dataclass(frozen=True)
class DocumentConfig(Config):
    """How the vectors of a document's words become the document's."""

    mode: Literal["static", "contextual"] = option(
        "static",
        "static: each word has one vector; contextual: the one that an encoder gives it there.",
    )
    weighting: Literal["mean", "sif", "tfidf"] = option(
        "mean",
        "mean: all words weigh the same; sif: rare words weigh more, and what all documents have "
        "in common is taken away; tfidf: words of few documents weigh more.",
    )
    tokenizer: Literal["words", "whitespace", "icu"] = option(
        "words", "How documents are cut into words, as in training."
    )
    sif_a: float = option(1e-3, "SIF: a word of this share of the text weighs 1/2.", above=0)
    remove_components: int = option(
        1, "SIF: take away so many directions that documents have in common.", low=0
    )
    normalize: bool = option(False, "Scale the vectors of documents to length 1.")
    subwords: bool = option(True, "FastText: words that are new get a vector from their n-grams.")


@dataclass(frozen=True)
class AttentionConfig(Config):
    """How the words of a sentence attend to each other."""

    heads: int = option(1, "Cut vectors into N parts, each of which attends by itself.", low=1)
    head: int | None = option(None, "Show the head N; else the mean of all.", low=1)
    layer: int | None = option(
        None, "Of a contextual encoder: show the layer N; else the last.", low=1
    )
    causal: bool = option(False, "Words see only those before them.")
    itself: bool = option(True, "Words see themselves.")
    tokenizer: Literal["words", "whitespace", "icu"] = option(
        "words", "How the sentence is cut into words, as in training."
    )


@dataclass(frozen=True)
class ContextualConfig(Config):
    """A Transformer over word vectors, which learns to predict words (Vaswani et al. 2017)."""

    objective: Literal["masked", "causal"] = option(
        "masked",
        "masked: words that are hidden, from both sides (BERT); causal: each word from those "
        "before it (GPT), which can go on with a text.",
    )
    vectors: Literal["static", "random"] = option(
        "static",
        "What the encoder begins with: the vectors of STATIC, or random ones for its words, to "
        "see what those of STATIC are worth.",
    )
    freeze: bool = option(False, "Keep the word vectors as they are; else they learn too.")
    hidden_size: int = option(128, "Numbers that a token has inside.", low=2, high=10_000)
    layers: int = option(4, "Layers of attention and feed-forward.", low=1, high=100)
    heads: int = option(4, "Heads of attention in each layer.", low=1, high=1000)
    feed_forward_size: int | None = option(
        None, "Width of the feed-forward networks. Default: four times --hidden-size.", low=1,
        high=100_000,
    )  # fmt: skip
    dropout: float = option(0.1, "Share of numbers that are left out by chance.", low=0, high=0.9)
    max_length: int = option(
        128, "Tokens that see each other at most; longer sentences are cut.", low=1, high=100_000
    )
    mask_share: float = option(
        0.3,
        "masked: share of the tokens that are to be predicted; BERT has 0.15, more learn faster.",
        above=0, high=0.9,
    )  # fmt: skip
    softmax: Literal["sampled", "adaptive"] = option(
        "sampled",
        "sampled: the word vectors predict too, against --samples words drawn by chance (Jean et "
        "al. 2015); adaptive: rare words in clusters of their own (Grave et al. 2017).",
    )
    samples: int = option(
        4096, "sampled: words drawn in each step; a smaller vocabulary takes part whole.", low=1
    )
    epochs: int = option(5, "Passes over the text.", low=1)
    batch_tokens: int = option(2048, "Tokens in a step.", low=1, high=10_000_000)
    learning_rate: float = option(1e-3, "AdamW's rate after the warm-up.", above=0, high=10)
    warmup: float = option(
        0.1, "Share of the steps in which the rate rises; after it falls as a cosine.", low=0,
        high=1,
    )  # fmt: skip
    weight_decay: float = option(0.01, "AdamW's.", low=0, high=1)
    max_gradient: float = option(1.0, "Longer gradients are scaled to this length.", above=0)
    held_out: float = option(
        0.05, "Share of the sentences that is only for judging, 100,000 tokens at most.", low=0,
        high=0.5,
    )  # fmt: skip
    seed: int = option(1, "Seed of all random numbers.", low=0)
    workers: int | None = option(None, "Threads. Default: one a core.", low=1, high=1024)

    def __post_init__(self) -> None:
        self._fill("workers", n_cores())
        super().__post_init__()
        self._fill("feed_forward_size", 4 * self.hidden_size)
        if self.hidden_size % self.heads:
            raise ConfigError(
                f"--hidden-size {self.hidden_size} cannot be cut into {self.heads} --heads"
            )


@dataclass(frozen=True)
class SensesConfig(Config):
    """How the uses of a word are parted."""

    senses: int | None = option(
        None, "So many senses. Default: as many as are distinct.", low=1, high=1000
    )
    distinct: float = option(
        0.1, "Where clusters have a smaller mean silhouette than this, the word has one sense.",
        low=-1, high=1,
    )  # fmt: skip
    uses: int = option(2000, "Uses that are clustered; of more so many are drawn.", low=4)
    examples: int = option(1, "Lines shown of each sense.", low=1)
    seed: int = option(1, "Seed of the draws and of the clusters.", low=0)


@dataclass(frozen=True)
class GenerationConfig(Config):
    """How a text goes on."""

    words: int = option(30, "Words that are added, at most.", low=1)
    texts: int = option(1, "How many texts.", low=1)
    temperature: float = option(
        1.0, "Below 1 likely words become likelier; 0: always the likeliest.", low=0, high=100
    )
    top_k: int | None = option(None, "Draw among the N likeliest words.", low=1)
    top_p: float = option(
        1.0, "Draw among the likeliest words that make up this share of the chance.", above=0,
        high=1,
    )  # fmt: skip
    seed: int = option(1, "Seed of the draws.", low=0)


@dataclass(frozen=True)
class DistillConfig(Config):
    """How an encoder becomes a static model."""

    dimensions: int = option(256, "Dimensions of a vector; PCA keeps the main ones.", low=1)
    sif: float = option(
        1e-4, "A word of this share of the text is shortened to a half of its length.", above=0
    )


@dataclass(frozen=True)
class ClassifyConfig(Config):
    """How documents are read and classified."""

    text_column: str = option("text", "--classify: the column or field that holds the text.")
    label_column: str = option("label", "--classify: the column or field that holds the class.")
    tokenizer: Literal["words", "whitespace", "icu"] = option(
        DocumentConfig.tokenizer, "--classify: how texts are cut into words; best as in training."
    )
    encoding_errors: Literal["strict", "replace", "skip"] = option(
        TextConfig.encoding_errors,
        "--classify: invalid UTF-8: strict stops and names the byte, replace puts U+FFFD, skip "
        "drops it.",
    )
    folds: int = option(
        5, "--classify: parts, each classified once by what was learnt from the others.", low=3
    )
    seed: int = option(1, "--classify: seed of the division into parts.", low=0)


@dataclass(frozen=True)
class TransformConfig(Config):
    """What is done to vectors after training, in this order."""

    add_contexts: bool = option(False, "Add each word's context vector to its vector.")
    center: bool = option(False, "Subtract the mean of all vectors.")
    all_but_the_top: int | None = option(
        None,
        "Subtract the mean, and what lies along the N main directions; its authors advise a "
        "hundredth of the vector size.",
        low=1,
    )
    pca: int | None = option(
        None, "Subtract the mean, and keep the N main directions as dimensions.", low=1
    )
    normalize: bool = option(False, "Scale each vector to length 1.")

    def __post_init__(self) -> None:
        super().__post_init__()
        if all(getattr(self, each.name) == each.default for each in fields(self)):
            raise ConfigError(
                "say what to do: --add-contexts, --center, --all-but-the-top, --pca or --normalize"
            )


@dataclass(frozen=True)
class DriftConfig(Config):
    """Which words are compared over two models, and how."""

    anchors: int = option(
        N_ANCHORS, "Align the models on the N most frequent words that they share.", low=1
    )
    restrict_vocab: int = option(
        10_000, "Look at the N most frequent words that they share.", low=1
    )
    min_count: int | None = option(
        None, "Look at words that both models met this often or more.", low=1
    )
    measure: Literal["distance", "neighbourhood"] = option(
        "distance",
        "What says which moved most. distance: of the vectors, after alignment; neighbourhood: of "
        "the similarities with the nearest words, which needs no alignment.",
    )
    neighbours: int = option(25, "Size of the neighbourhoods that are compared.", low=1, high=1000)


@dataclass(frozen=True)
class TranslateConfig(Config):
    """How the words of one language find those of another."""

    method: Literal["csls", "nearest"] = option(
        "csls",
        "csls: words that are near to everything count less; nearest: by cosine alone.",
    )
    restrict_vocab: int = option(
        50_000, "Only the N most frequent words of each model take part.", low=1
    )
    neighbours: int = option(
        10,
        "csls: a word's crowd is its mean cosine with so many of the other language.",
        low=1,
        high=1000,
    )


@dataclass(frozen=True)
class WeatConfig(Config):
    """How the chance of an association is computed."""

    permutations: int = option(
        100_000,
        "Try all ways to part the target words where these are no more, else N drawn by chance.",
        low=1,
    )
    seed: int = option(1, "Seed of the draws.", low=0)
