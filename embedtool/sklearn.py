"""Documents as vectors in scikit-learn: a transformer for its pipelines and searches.

In: documents and a model. Out: an array with a row for each document.
"""

import logging
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from embedtool.config.tasks import DocumentConfig
from embedtool.corpus.tokens import TOKENIZERS, Tokenizer
from embedtool.errors import ConfigError, DocumentError, ModelError
from embedtool.evaluation.documents import (
    BagOfWords,
    check_documents,
    common_directions,
    count_words,
    has_capitals,
    inverse_frequencies,
    lowercasing,
    remove_directions,
    sif_weights,
    weighted_means,
)
from embedtool.messages import counted
from embedtool.model import store
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors

if TYPE_CHECKING:
    from embedtool.contextual.encoders import ContextualEncoder

log = logging.getLogger(__name__)

N_OPEN = 4
"""Models that stay open, so that the fits of a search open each of theirs once."""

_warned: WeakSet[Any] = WeakSet()
"""Models of which it was said that they do not know all documents."""


class DocumentVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Turns documents into weighted means of the vectors of their words.

    model : the path of a model's folder, or WordVectors. Only the path is kept where it is one, so
        that a pickled transformer is small and needs the folder. None: to be set before `fit`.
    mode : "static", each word has its one vector; "contextual", the one that an encoder gives it in
        its document; the model is then one of `embedtool contextual train`, a folder of Hugging
        Face's transformers, or an opened encoder
    weighting : "mean", all words weigh the same; "sif", a word of the share p of the text weighs
        a / (a + p), and what documents have in common is taken away (Arora, Liang & Ma 2017);
        "tfidf", words of few documents weigh more, as in scikit-learn's TfidfTransformer
    tokenizer : "words", "whitespace", "icu", or a function from a text to its tokens; an encoder
        has its own
    lowercase : True, False, or "auto": where the model knows no words in capitals; an encoder knows
    sif_a : the a of "sif". Shares are those of the model's counts, or of the documents that `fit`
        gets where the model has none.
    remove_components : of "sif": how many directions that those documents have in common
    normalize : scale rows to length 1
    subwords : words that are new to a FastText model get a vector from their n-grams

    Documents are any iterable of strings, a column of pandas or Polars, an array of one dimension.
    A document without a known word becomes zeros; the log tells so once for each model.

    Fitted attributes:

    coverage_ : Coverage of the documents of `fit`
    word_weights_ : dict, the weights that were learnt from them; empty where there is nothing to
        learn: "mean", and "sif" with the counts of the model
    new_weight_ : the weight of a word that is not in `word_weights_`
    components_ : float32 (vector_size, n), what "sif" takes away

    There is no `n_features_in_`: text has no columns, as for scikit-learn's own vectorizers.
    """

    def __init__(
        self,
        model: "str | Path | WordVectors | ContextualEncoder | None" = None,
        *,
        mode: Literal["static", "contextual"] = DocumentConfig.mode,
        weighting: Literal["mean", "sif", "tfidf"] = DocumentConfig.weighting,
        tokenizer: str | Tokenizer = DocumentConfig.tokenizer,
        lowercase: bool | Literal["auto"] = "auto",
        sif_a: float = DocumentConfig.sif_a,
        remove_components: int = DocumentConfig.remove_components,
        normalize: bool = DocumentConfig.normalize,
        subwords: bool = DocumentConfig.subwords,
    ) -> None:
        self.model = model
        self.mode = mode
        self.weighting = weighting
        self.tokenizer = tokenizer
        self.lowercase = lowercase
        self.sif_a = sif_a
        self.remove_components = remove_components
        self.normalize = normalize
        self.subwords = subwords

    def fit(self, X: Iterable[str], y: object = None) -> Self:  # noqa: N803
        """Learn the weights of words, and what documents have in common. Ignores `y`.

        Raises ConfigError on a parameter that it cannot have, ModelError where the model cannot be
        read, DocumentError on documents that are no texts or none at all.
        """
        self._learn(X)
        return self

    def fit_transform(self, X: Iterable[str], y: object = None) -> NDArray[np.float32]:  # noqa: N803
        """Do as `fit` and `transform` do, reading the documents once."""
        return self._finished(self._learn(X))

    def transform(self, X: Iterable[str]) -> NDArray[np.float32]:  # noqa: N803
        """The vectors of documents, float32 (n_documents, vector_size).

        Raises NotFittedError before `fit`, DocumentError on what is no text, ModelError where the
        model is another than in `fit`.
        """
        check_is_fitted(self)
        space = self._space()
        if space.vector_size != self._n_features_out:
            raise ModelError(
                f"the model has {counted(space.vector_size, 'dimension')}, and had "
                f"{self._n_features_out} in fit; fit again"
            )
        return self._finished(self._means(self._bags(X, space), space))

    def _learn(self, documents: Iterable[str]) -> NDArray[np.float32]:
        """Set all that is learnt; returns the weighted means, nothing taken away."""
        config, space = self._config(), self._space()
        bags = self._bags(documents, space)
        if not bags.coverage.n_documents:
            raise DocumentError("there are no documents to learn from")
        learnt: NDArray[np.float64] | None = None
        self.new_weight_ = 1.0
        if config.weighting == "tfidf":
            learnt, self.new_weight_ = inverse_frequencies(bags)
        elif config.weighting == "sif" and space.counts is None:
            learnt = sif_weights(bags.counts.sum(axis=0), bags.coverage.n_known, config.sif_a)
        self.word_weights_: dict[str, float] = (
            {} if learnt is None else dict(zip(bags.words, learnt.tolist(), strict=True))
        )
        means = self._means(bags, space)
        n_removed = config.remove_components if config.weighting == "sif" else 0
        self.components_ = common_directions(means, n_removed)
        self.coverage_ = bags.coverage
        self._n_features_out = space.vector_size
        return means

    def _bags(self, documents: Iterable[str], space: "_Space") -> BagOfWords:
        texts = check_documents(documents)
        bags = space.bags(texts, self)
        found = bags.coverage
        if found.n_empty and space.source not in _warned:
            _warned.add(space.source)
            log.warning(
                "%s of %s documents hold no word that the model knows and become zeros; of all "
                "tokens it knows %.1f%%",
                f"{found.n_empty:,}", f"{found.n_documents:,}", 100 * (found.share or 0),
            )  # fmt: skip
        return bags

    def _means(self, bags: BagOfWords, space: "_Space") -> NDArray[np.float32]:
        """The weighted means, nothing taken away."""
        sif = self.weighting == "sif"
        if sif and space.counts is not None:
            counts = np.where(bags.ids >= 0, space.counts[bags.ids], 0)
            weights = sif_weights(counts, int(space.counts.sum()), self.sif_a)
        else:
            found = (self.word_weights_.get(word, self.new_weight_) for word in bags.words)
            weights = np.fromiter(found, np.float64, len(bags.words))
        return space.means(bags, weights, "tokens" if sif else "weights")

    def _finished(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = remove_directions(means, self.components_) if self.components_.size else means
        return unit_rows(rows) if self.normalize else rows

    def _config(self) -> DocumentConfig:
        """The parameters, checked."""
        options = {name: getattr(self, name) for name in DocumentConfig.__dataclass_fields__}
        if callable(self.tokenizer):
            del options["tokenizer"]
        if self.lowercase not in (True, False, "auto"):
            raise ConfigError(f"lowercase must be True, False or 'auto', not {self.lowercase!r}")
        return DocumentConfig(**options)

    def _tokenizer(self, vectors: WordVectors) -> Tokenizer:
        tokenizer = self.tokenizer
        tokenize = tokenizer if callable(tokenizer) else TOKENIZERS[tokenizer]()
        lowers = not has_capitals(vectors) if self.lowercase == "auto" else self.lowercase
        return lowercasing(tokenize) if lowers else tokenize

    def _space(self) -> "_Space":
        if self.mode == "contextual":
            return _Contextual(_encoder_of(self.model))
        return _Static(_vectors_of(self.model))

    def __sklearn_tags__(self) -> Any:
        """Documents are texts, not rows of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


class _Static:
    """Words have the vectors of a static model.

    source : of which warnings are given once
    counts : of its words, or None
    """

    def __init__(self, vectors: WordVectors) -> None:
        self.source: object = vectors
        self.vectors = vectors
        self.counts, self.vector_size = vectors.counts, vectors.vector_size

    def bags(self, texts: Iterable[str], of: DocumentVectorizer) -> BagOfWords:
        """Documents as bags of known words."""
        return count_words(self.vectors, texts, of._tokenizer(self.vectors), subwords=of.subwords)

    def means(
        self, bags: BagOfWords, weights: NDArray[np.floating], divisor: Literal["weights", "tokens"]
    ) -> NDArray[np.float32]:
        """See `weighted_means`."""
        return weighted_means(bags, weights, divisor)


class _Contextual:
    """Words have the vectors that an encoder gives them; attributes as those of _Static."""

    def __init__(self, encoder: "ContextualEncoder") -> None:
        self.source: object = encoder
        self.encoder = encoder
        self.counts = None if encoder.static is None else encoder.static.counts
        self.vector_size = encoder.vector_size

    def bags(self, texts: Iterable[str], of: DocumentVectorizer) -> BagOfWords:
        """Documents as bags of known words."""
        from embedtool.contextual.document_vectors import documents_in_context

        return documents_in_context(self.encoder, texts)

    def means(
        self, bags: Any, weights: NDArray[np.floating], divisor: Literal["weights", "tokens"]
    ) -> NDArray[np.float32]:
        """See `contextual_means`."""
        from embedtool.contextual.document_vectors import contextual_means

        return contextual_means(self.encoder, bags, weights, divisor)


_Space = _Static | _Contextual


def _vectors_of(model: object) -> WordVectors:
    if isinstance(model, WordVectors):
        return model
    if not isinstance(model, str | Path):
        raise ConfigError("model must be the path of a model or WordVectors")
    return _opened(Path(model), _version(Path(model)))


def _encoder_of(model: Any) -> "ContextualEncoder":
    if isinstance(model, str | Path):
        return _opened_encoder(Path(model), _version(Path(model)))
    if not hasattr(model, "encode"):
        raise ConfigError("model must be the path of an encoder, or an opened one")
    encoder: ContextualEncoder = model
    return encoder


def _version(path: Path) -> int | None:
    """Changes when a model is replaced by another of the same name."""
    config = path / store.CONFIG
    return config.stat().st_mtime_ns if config.exists() else None


@lru_cache(N_OPEN)
def _opened(path: Path, version: int | None) -> WordVectors:
    return store.load(path).vectors


@lru_cache(N_OPEN)
def _opened_encoder(path: Path, version: int | None) -> "ContextualEncoder":
    from embedtool.contextual.loading import open_encoder

    return open_encoder(path)
