"""Every option of every trainer and of reading text: its default, its bounds, its help.

In: what a user or a program sets. Out: frozen dataclasses whose values have been checked. This is
the only place, with task_config, where a default is written; the command line makes its flags from
these fields.
"""

import math
import os
import re
import sys
from dataclasses import Field, dataclass, field, fields
from numbers import Integral, Real
from typing import Any, Literal, Self, get_args, get_origin, get_type_hints

from embedtool.encodings import UTF8, check_encoding
from embedtool.errors import ConfigError

LARGEST = 2**31 - 1
"""Bound of whole-number options: ids, buckets and sizes are 32-bit on disk and in kernels."""

MiB = 2**20

ABSTRACT: dict[Any, Any] = {int: Integral, float: Real, bool: bool, str: str}
"""What counts as an option's type: NumPy's numbers are numbers too."""

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

KINDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
"""What messages call the type of an option."""


def option(
    default: Any,
    text: str,
    *,
    low: float | None = None,
    high: float | None = None,
    above: float | None = None,
) -> Any:
    """A dataclass field with its help text and bounds (`above` excludes the bound itself)."""
    return field(default=default, metadata={"help": text, "low": low, "high": high, "above": above})


def flag(name: str) -> str:
    """The command-line flag of a field: `min_count` is `--min-count`."""
    return "--" + name.replace("_", "-")


def n_cores() -> int:
    """The processor cores that this process may use; where the system cannot tell, all of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@dataclass(frozen=True)
class Config:
    """Base of every group of options: checks each value against its field's type and bounds."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for each in fields(self):
            value = _checked(each, hints[each.name], getattr(self, each.name))
            object.__setattr__(self, each.name, value)

    def _fill(self, name: str, value: Any) -> None:
        """Give a field that was left open the value that depends on something else."""
        if getattr(self, name) is None:
            object.__setattr__(self, name, value)

    @classmethod
    def from_options(cls, options: dict[str, Any]) -> Self:
        """Take the fields of this group out of a larger mapping of options."""
        return cls(**{each.name: options[each.name] for each in fields(cls)})


def _checked(each: Field[Any], hint: Any, value: Any) -> Any:
    """The value as Python's own type; raises ConfigError where it is wrong or out of bounds."""
    name, kinds = flag(each.name), get_args(hint) or (hint,)
    if value is None and type(None) in kinds:
        return None
    kind: Any = kinds[0]
    if get_origin(hint) is Literal:
        if not isinstance(value, str | bool) or value not in kinds:
            raise ConfigError(f"{name} must be one of {', '.join(map(str, kinds))}, not {value}")
        return value
    if not isinstance(value, ABSTRACT[kind]) or (isinstance(value, bool) and kind is not bool):
        raise ConfigError(f"{name} must be {KINDS[kind]}, not {value!r}")
    if kind in (int, float):
        _check_bounds(each, value, LARGEST if kind is int else sys.float_info.max)
    return kind(value)


def _check_bounds(each: Field[Any], value: float, largest: float) -> None:
    name = flag(each.name)
    if value != value or value in (math.inf, -math.inf):
        raise ConfigError(f"{name} must be a finite number, not {value}")
    if not isinstance(value, Integral):
        value = float(value)
    low, high, above = (each.metadata[key] for key in ("low", "high", "above"))
    high = largest if high is None else high
    low = -largest if low is None else low
    if value < low:
        raise ConfigError(f"{name} must be {_shown(low)} or more, not {_shown(value)}")
    if above is not None and value <= above:
        raise ConfigError(f"{name} must be above {_shown(above)}, not {_shown(value)}")
    if value > high:
        raise ConfigError(f"{name} must be {_shown(high)} or less, not {_shown(value)}")


def _shown(number: float) -> str:
    return f"{number:,}" if isinstance(number, Integral) else f"{number:g}"


@dataclass(frozen=True)
class TextConfig(Config):
    """How text is read and cut into tokens."""

    tokenizer: Literal["whitespace", "words", "icu"] = option(
        "whitespace",
        "whitespace: the text is tokenised already; words: runs of Unicode letters, digits and "
        "underscores; icu: word boundaries by dictionary, for Chinese, Japanese and Thai. words "
        "and icu drop punctuation, symbols and emoji.",
    )
    lowercase: Literal[False, True, "tr", "az", "lt"] = option(
        False,
        "Lower-case the text; tr, az, lt: by the rules of Turkish, Azerbaijani, Lithuanian.",
    )
    normalize: Literal["nfc", "nfkc", "none"] = option("none", "Unicode normalization form.")
    encoding: str = option(UTF8, "Encoding of the files: the name of one of Python's codecs.")
    encoding_errors: Literal["strict", "replace", "skip"] = option(
        "strict",
        "Bytes that the encoding does not have: strict stops and names the first, replace puts "
        "U+FFFD, skip drops them.",
    )
    paragraphs: bool = option(
        False,
        "Join the lines of a text up to an empty one, and words divided by a hyphen at a line end.",
    )
    input_format: Literal["auto", "text", "jsonl", "csv", "tsv", "parquet"] = option(
        "auto", "Kind of input; auto goes by the file's name, and by content for Parquet."
    )
    field: str = option(
        "text",
        "JSONL: the field that holds the text, or a list of tokens; a.b is b within a, and within "
        "each item of a, if that is a list.",
    )
    column: str = option(
        "text",
        "CSV, TSV and Parquet: the column that holds the text, or a list of tokens; with "
        "--no-header its number, from 1.",
    )
    delimiter: str = option(
        "auto", "CSV and TSV: what separates the columns; auto: a comma, a tab."
    )
    header: bool = option(True, "CSV and TSV: the first line names the columns.")
    missing: Literal["error", "skip"] = option(
        "error",
        "A record that lacks the field or column: error stops and names it, skip counts it.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_encoding(self.encoding)
        if self.delimiter == r"\t":
            object.__setattr__(self, "delimiter", "\t")
        if self.delimiter != "auto" and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise ConfigError(f"--delimiter must be one character, not {self.delimiter!r}")


DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
SECONDS = (3600, 60, 1)
EPOCHS = re.compile(r"([1-9]\d*)-epochs?")


def seconds_in(text: str) -> int:
    """The seconds of a time such as 90s, 10m or 1h30m; 0 where it is none."""
    match = DURATION.fullmatch(text)
    parts = match.groups(default="0") if match else ()
    return sum(int(part) * unit for part, unit in zip(parts, SECONDS, strict=False))


@dataclass(frozen=True)
class CheckpointConfig(Config):
    """When a training is saved, and what becomes of one that diverges."""

    checkpoint_every: str | None = option(
        None,
        "Save the training so often that it can go on after a crash: a time such as 5m, or "
        "2-epochs. On Ctrl-C it is saved in any case.",
    )
    on_divergence: Literal["stop", "retry"] = option(
        "stop",
        "Where the loss explodes: stop, or go back to what was saved last and halve the learning "
        "rate, once.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.checkpoint_every is not None and not (self.seconds or self.epochs):
            raise ConfigError(
                "--checkpoint-every must be a time such as 90s, 5m or 1h30m, or such as 2-epochs, "
                f"not {self.checkpoint_every!r}"
            )

    @property
    def seconds(self) -> int | None:
        """The time between two checkpoints."""
        return seconds_in(self.checkpoint_every or "") or None

    @property
    def epochs(self) -> int | None:
        """The epochs between two checkpoints."""
        match = EPOCHS.fullmatch(self.checkpoint_every or "")
        return int(match[1]) if match else None


@dataclass(frozen=True)
class ClusterConfig(Config):
    """Where a training runs, if not on this machine."""

    cluster: str | None = option(
        None,
        "Train on the Ray cluster at this address, such as 10.0.0.1:6379; auto: the one that this "
        "machine is a node of.",
    )
    lanes: int | None = option(
        None,
        "With --cluster: so many stretches of the text are trained at once. "
        "For one number the vectors are the same, whatever the nodes. Default: one a node.",
        low=1,
        high=4096,
    )
    rounds: int | None = option(
        None,
        "With --cluster: how often what the lanes have learnt is put together. "
        "Default: 8 times as often as there are lanes.",
        low=1,
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("lanes", "rounds"):
            if self.cluster is None and getattr(self, name) is not None:
                raise ConfigError(f"{flag(name)} needs --cluster")


@dataclass(frozen=True)
class VocabularyConfig(Config):
    """Which words get a vector."""

    min_count: int = option(5, "Leave out words that occur less often.", low=1)
    max_vocab: int | None = option(None, "Keep at most this many words, the most frequent.", low=1)


@dataclass(frozen=True)
class TrainerConfig(VocabularyConfig):
    """What every trainer has."""

    vector_size: int = option(100, "Dimensions of a vector.", low=1, high=10_000)
    seed: int = option(1, "Seed of all random numbers.", low=0)
    workers: int | None = option(None, "Threads. Default: one a core.", low=1, high=1024)

    def __post_init__(self) -> None:
        self._fill("workers", n_cores())
        super().__post_init__()


@dataclass(frozen=True)
class Word2VecConfig(TrainerConfig):
    """Word2Vec: Mikolov and others 2013; a word predicts its neighbours or they it."""

    mode: Literal["skipgram", "cbow"] = option(
        "cbow", "cbow predicts a word from its context, skipgram the context from the word."
    )
    loss: Literal["negative-sampling", "hierarchical-softmax"] = option(
        "negative-sampling", "Output layer."
    )
    window: int = option(5, "Words of context on each side, at most.", low=1, high=1000)
    shrink_windows: bool = option(
        True, "Draw each window's width from 1 to --window, so that near words weigh more."
    )
    negative: int = option(5, "Noise words drawn for each pair.", low=1, high=1000)
    ns_exponent: float = option(
        0.75, "Noise words are drawn by count to this power.", low=-10, high=10
    )
    sample: float = option(
        1e-3, "Thin out words more frequent than this share of the text; 0: none.", low=0, high=1
    )
    cbow_mean: bool = option(True, "CBOW: take the mean of the context vectors, else their sum.")
    epochs: int = option(5, "Passes over the text.", low=1)
    learning_rate: float | None = option(
        None,
        "Learning rate at the start (gensim's and word2vec.c's alpha, fastText's lr). "
        "Default: 0.05 for cbow, 0.025 for skipgram.",
        above=0,
        high=10,
    )
    min_learning_rate: float = option(
        1e-4, "Learning rate at the end (gensim's min_alpha).", low=0, high=10
    )
    engine: Literal["native", "gensim"] = option(
        "native",
        "native: embedtool's own, the same result with any number of workers; gensim: gensim's.",
    )
    racing: bool = option(
        False, "Workers do not wait for each other: faster, but no two runs give the same vectors."
    )

    def __post_init__(self) -> None:
        if self.racing and self.engine == "gensim":
            raise ConfigError("--racing needs --engine native; gensim's workers always race")
        self._fill("learning_rate", 0.05 if self.mode == "cbow" else 0.025)
        super().__post_init__()
        if self.learning_rate is not None and self.min_learning_rate > self.learning_rate:
            raise ConfigError(
                f"--min-learning-rate {self.min_learning_rate:g} is above "
                f"--learning-rate {self.learning_rate:g}"
            )


@dataclass(frozen=True)
class FastTextConfig(Word2VecConfig):
    """FastText: Bojanowski and others 2017; Word2Vec with words made of n-grams."""

    mode: Literal["skipgram", "cbow"] = option(
        "skipgram", "cbow predicts a word from its context, skipgram the context from the word."
    )
    sample: float = option(
        1e-4, "Thin out words more frequent than this share of the text; 0: none.", low=0, high=1
    )
    learning_rate: float | None = option(
        0.05,
        "Learning rate at the start (gensim's alpha, fastText's lr).",
        above=0,
        high=10,
    )
    min_n: int = option(3, "Shortest n-gram in characters (fastText's minn).", low=1, high=100)
    max_n: int = option(
        6, "Longest n-gram in characters (fastText's maxn); 0: no n-grams.", low=0, high=100
    )
    bucket: int = option(2_000_000, "Hash buckets that n-grams share.", low=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        if 0 < self.max_n < self.min_n:
            raise ConfigError(f"--max-n {self.max_n} is below --min-n {self.min_n}")


@dataclass(frozen=True)
class GloveConfig(TrainerConfig):
    """GloVe: Pennington and others 2014; vectors fit co-occurrence counts."""

    window: int = option(10, "Words of context on each side.", low=1, high=1000)
    distance_weighting: bool = option(True, "Count a pair d words apart as 1/d, else as 1.")
    symmetric: bool = option(True, "Count context on both sides, else on the left only.")
    x_max: float = option(
        10.0,
        "Counts from here on weigh 1. Stanford's program has 100, its demo 10.",
        above=0,
        high=1e30,
    )
    weight_exponent: float = option(
        0.75,
        "Smaller counts weigh (count / x_max) to this power (the paper's alpha).",
        low=0,
        high=10,
    )
    iterations: int = option(25, "Passes over the pairs.", low=1)
    learning_rate: float = option(0.05, "AdaGrad's rate (Stanford's eta).", above=0, high=10)
    output_vectors: Literal["words", "sum", "both"] = option(
        "sum",
        "words: the word vectors; sum: word plus context vectors, as the paper has it; both: the "
        "word vectors, with the context vectors kept beside them.",
    )
    memory: int = option(
        2048, "MiB for counting pairs; what is more goes to disk and is merged.", low=16
    )


@dataclass(frozen=True)
class PhrasesConfig(Config):
    """Collocations (Mikolov et al. 2013b, section 4; Bouma 2009)."""

    scoring: Literal["word2phrase", "npmi"] = option(
        "word2phrase",
        "word2phrase: (pair - min-count) / (first * second) * tokens; npmi: normalised pointwise "
        "mutual information, from -1 to 1.",
    )
    threshold: float | None = option(
        None, "Join pairs that score more. Default: 100 for word2phrase, 0.5 for npmi."
    )
    min_count: int = option(5, "Leave out words and pairs that occur less often.", low=1)
    delimiter: str = option("_", "What joins the words of a phrase.")
    connector_words: str = option(
        "none",
        "Words that may stand within a phrase, as in bank of america, but neither begin nor end "
        "it: english (a, an, and, at, by, for, ..., gensim's list), or words between commas.",
    )

    def __post_init__(self) -> None:
        self._fill("threshold", 100.0 if self.scoring == "word2phrase" else 0.5)
        super().__post_init__()
        if not all(c.isprintable() and c != " " for c in self.delimiter or " "):
            raise ConfigError("--delimiter must be one or more visible characters, without spaces")
        if self.scoring == "npmi" and not -1 <= (self.threshold or 0) <= 1:
            raise ConfigError(f"--threshold of npmi must be from -1 to 1, not {self.threshold:g}")
