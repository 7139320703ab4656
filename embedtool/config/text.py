"""Configs of reading text and of finding phrases."""

from dataclasses import dataclass
from typing import Literal

from embedtool.config.base import Config, option
from embedtool.errors import ConfigError
from embedtool.io.encodings import UTF8, check_encoding

DEFAULT_THRESHOLDS = {"word2phrase": 100.0, "gensim": 10.0, "npmi": 0.5}
"""Of each scoring of phrases."""

TOKENIZER_FIELDS = ("tokenizer", "lowercase", "normalize")
"""The fields of a TextConfig about tokenization; the others are about reading."""

ENGLISH_CONNECTOR_WORDS = frozenset(
    {"a", "an", "the"}
    | {"at", "by", "for", "from", "in", "of", "on", "to", "with", "without"}
    | {"and", "or"}
)
"""Articles, prepositions and conjunctions: the words of gensim's set of the same name."""


@dataclass(frozen=True)
class TextConfig(Config):
    """How text is read and split into tokens."""

    tokenizer: Literal["whitespace", "words", "icu"] = option(
        "whitespace",
        "whitespace: the text is already tokenized; words: runs of Unicode letters, digits and "
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
        "Invalid bytes: strict stops with an error, replace inserts U+FFFD, skip drops them.",
    )
    paragraphs: bool = option(
        False,
        "Join the lines of a paragraph, up to an empty one, and words hyphenated at line ends.",
    )
    input_format: Literal["auto", "text", "jsonl", "csv", "tsv", "parquet"] = option(
        "auto", "Format of the input; auto: by the file's name, and by content for Parquet."
    )
    field: str = option(
        "text",
        "JSONL: the field that holds the text, or a list of tokens; a.b is b within a, or within "
        "each item of a if that is a list.",
    )
    column: str = option(
        "text",
        "CSV, TSV and Parquet: the column that holds the text, or a list of tokens; without a "
        "header its number, from 1.",
    )
    delimiter: str = option(
        "auto", "CSV and TSV: separator of the columns; auto: a comma for CSV, a tab for TSV."
    )
    header: bool = option(True, "CSV and TSV: the first line names the columns.")
    missing: Literal["error", "skip"] = option(
        "error",
        "Records without the field or column: error stops at the first, skip skips and counts "
        "them.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_encoding(self.encoding)
        if self.delimiter == r"\t":
            object.__setattr__(self, "delimiter", "\t")
        if self.delimiter != "auto" and (len(self.delimiter) != 1 or self.delimiter in '\r\n"'):
            raise ConfigError(
                f"delimiter must be one character, not {self.delimiter!r}",
                parameters=("delimiter",),
            )


@dataclass(frozen=True)
class PhrasesConfig(Config):
    """Phrases: frequent collocations (Mikolov et al. 2013b, section 4; Bouma 2009)."""

    scoring: Literal["word2phrase", "gensim", "npmi"] = option(
        "word2phrase",
        "word2phrase: (pair - min-count) / (first * second) * tokens; gensim: the same with the "
        "number of distinct words and pairs in place of tokens, gensim's default; npmi: normalised "
        "pointwise mutual information, from -1 to 1.",
    )
    threshold: float | None = option(
        None,
        "Minimum score of a phrase. Default: 100 for word2phrase, 10 for gensim, 0.5 for npmi.",
    )
    min_count: int = option(5, "Minimum count of a word, and of a pair.", low=1)
    delimiter: str = option("_", "Character(s) between the words of a phrase.")
    connector_words: str = option(
        "none",
        "Words that may stand within a phrase, as in bank of america, but neither begin nor end "
        "it: english (a, an, and, at, by, for, ..., gensim's list), or a comma-separated list.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        self._set_default("threshold", DEFAULT_THRESHOLDS[self.scoring])
        if not all(c.isprintable() and c != " " for c in self.delimiter or " "):
            raise ConfigError(
                "delimiter must be one or more visible characters, without spaces",
                parameters=("delimiter",),
            )
        if self.scoring == "gensim" and (self.threshold or 0) <= 0:
            raise ConfigError(
                f"threshold must be above 0 for gensim's score, not {self.threshold:g}",
                parameters=("threshold",),
            )
        if self.scoring == "npmi" and not -1 <= (self.threshold or 0) <= 1:
            raise ConfigError(
                f"threshold must be from -1 to 1 for npmi, not {self.threshold:g}",
                parameters=("threshold",),
            )

    @property
    def connectors(self) -> frozenset[str]:
        """The connector words."""
        if self.connector_words == "english":
            return ENGLISH_CONNECTOR_WORDS
        names = "" if self.connector_words == "none" else self.connector_words
        return frozenset(filter(None, map(str.strip, names.split(","))))
