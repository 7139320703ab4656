"""Document vectors in scikit-learn: a transformer for its pipelines and parameter searches."""

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
from embedtool.model.vectors import ModelRecord, VectorTable, vectors_of
from embedtool.pretrained.installed import model_path

if TYPE_CHECKING:
    from embedtool.contextual.encoders import ContextualEncoder

log = logging.getLogger(__name__)

N_OPEN = 4
"""Models that stay open, so that a parameter search opens each of its models once."""

_warned: WeakSet[Any] = WeakSet()
"""Models about which a warning on empty documents has been logged."""


class DocumentVectorizer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Convert documents to weighted means of the vectors of their words.

    Documents are any iterable of strings, such as a list, a column of pandas or Polars, or an array
    of one dimension. A document without a known word becomes a zero vector; a warning is logged
    once for each model.

    Parameters
    ----------
    model : str, Path, Model, WordVectors or ContextualEncoder, default=None
        The folder of a model, or an opened one: what `load` returns, or its or an estimator's
        `wv`. Only the path of a folder is stored, so that a pickled transformer is small and needs
        the folder. Required for `fit`, in spite of the default.

    mode : {"static", "contextual"}, default="static"
        With "static" a word has one vector. With "contextual" it has the vector that an encoder
        gives it in its document; the model is then one of ``embedtool contextual train``, a folder
        of Hugging Face's transformers, or an opened encoder.

    weighting : {"mean", "sif", "tfidf"}, default="mean"
        - "mean": all words have the same weight.
        - "sif": a word of relative frequency p has the weight a / (a + p), and the common
          directions of the documents are removed [1]_.
        - "tfidf": inverse document frequency, as in scikit-learn's `TfidfTransformer`.

    tokenizer : {"words", "whitespace", "icu"} or callable, default="words"
        How documents are split into tokens; a callable returns the tokens of a text. An encoder
        has its own tokenizer.

    lowercase : bool or "auto", default="auto"
        Lower-case documents first. "auto" does so if the model has no words with capital letters.
        Ignored for an encoder.

    sif_a : float, default=1e-3
        The a of "sif". Frequencies are those of the model's counts or, if it has none, of the
        documents in `fit`.

    remove_components : int, default=1
        Number of common directions that "sif" removes.

    normalize : bool, default=False
        Scale rows to length 1.

    subwords : bool, default=True
        Give words outside the vocabulary of a FastText model a vector from their n-grams.

    Attributes
    ----------
    coverage_ : Coverage
        How much of the documents in `fit` the model knows.

    word_weights_ : dict of str to float
        The weights learned from these documents. Empty if there is nothing to learn: with "mean",
        and with "sif" if the model has counts.

    new_weight_ : float
        The weight of a word that is not in `word_weights_`.

    components_ : ndarray of float32, shape (vector_size, n_components)
        The directions that "sif" removes, as columns.

    Notes
    -----
    There is no `n_features_in_`, as for scikit-learn's own vectorizers: text has no columns.

    References
    ----------
    .. [1] Arora, Liang & Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings".

    Examples
    --------
    >>> import numpy as np
    >>> from embedtool.model.vectors import VectorTable
    >>> from embedtool.sklearn import DocumentVectorizer
    >>> vectors = VectorTable(["sea", "ship", "land"], np.eye(3, dtype=np.float32))
    >>> vectorizer = DocumentVectorizer(vectors)
    >>> vectorizer.fit_transform(["The ship, the sea", "land"]).tolist()
    [[0.5, 0.5, 0.0], [0.0, 0.0, 1.0]]
    >>> vectorizer.coverage_.n_known
    3
    """

    def __init__(
        self,
        model: "str | Path | ModelRecord | VectorTable | ContextualEncoder | None" = None,
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
        """Learn the weights of words and the common directions of documents.

        Parameters
        ----------
        X : iterable of str
            The documents.
        y : None
            Ignored.

        Returns
        -------
        DocumentVectorizer
            The fitted transformer.

        Raises
        ------
        ConfigError
            If a parameter is invalid.
        ModelError
            If the model cannot be read.
        DocumentError
            If there are no documents, or one is not a string.
        """
        self._learn(X)
        return self

    def fit_transform(self, X: Iterable[str], y: object = None) -> NDArray[np.float32]:  # noqa: N803
        """Fit to documents and return their vectors, reading the documents once.

        Parameters
        ----------
        X : iterable of str
            The documents.
        y : None
            Ignored.

        Returns
        -------
        ndarray of float32, shape (n_documents, vector_size)
            The vectors.
        """
        return self._finished(self._learn(X))

    def transform(self, X: Iterable[str]) -> NDArray[np.float32]:  # noqa: N803
        """Return the vectors of documents.

        Parameters
        ----------
        X : iterable of str
            The documents.

        Returns
        -------
        ndarray of float32, shape (n_documents, vector_size)
            The vectors.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        DocumentError
            If a document is not a string.
        ModelError
            If the model is not the one of `fit`.
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
        """Set the fitted attributes; return the means before directions are removed."""
        config, space = self._config(), self._space()
        bags = self._bags(documents, space)
        if not bags.coverage.n_documents:
            raise DocumentError("there are no documents to learn from")
        weights: NDArray[np.float64] | None = None
        self.new_weight_ = 1.0
        if config.weighting == "tfidf":
            weights, self.new_weight_ = inverse_frequencies(bags)
        elif config.weighting == "sif" and space.counts is None:
            weights = sif_weights(bags.counts.sum(axis=0), bags.coverage.n_known, config.sif_a)
        self.word_weights_: dict[str, float] = (
            {} if weights is None else dict(zip(bags.words, weights.tolist(), strict=True))
        )
        means = self._means(bags, space)
        n_removed = config.remove_components if config.weighting == "sif" else 0
        self.components_ = common_directions(means, n_removed)
        self.coverage_ = bags.coverage
        self._n_features_out = space.vector_size
        return means

    def _bags(self, documents: Iterable[str], space: "_Space") -> BagOfWords:
        bags = space.bags(check_documents(documents), self)
        coverage = bags.coverage
        if coverage.n_empty and space.source not in _warned:
            _warned.add(space.source)
            log.warning(
                "%s of %s documents hold no word that the model knows and become zeros; of all "
                "tokens it knows %.1f%%",
                f"{coverage.n_empty:,}", f"{coverage.n_documents:,}",
                100 * (coverage.fraction or 0),
            )  # fmt: skip
        return bags

    def _means(self, bags: BagOfWords, space: "_Space") -> NDArray[np.float32]:
        """Return the weighted means before directions are removed."""
        sif = self.weighting == "sif"
        if sif and space.counts is not None:
            counts = np.where(bags.ids >= 0, space.counts[bags.ids], 0)
            weights = sif_weights(counts, int(space.counts.sum()), self.sif_a)
        else:
            learned = (self.word_weights_.get(word, self.new_weight_) for word in bags.words)
            weights = np.fromiter(learned, np.float64, len(bags.words))
        return space.means(bags, weights, "tokens" if sif else "weights")

    def _finished(self, means: NDArray[np.float32]) -> NDArray[np.float32]:
        rows = remove_directions(means, self.components_) if self.components_.size else means
        return unit_rows(rows) if self.normalize else rows

    def _config(self) -> DocumentConfig:
        """Return the parameters, validated."""
        options = {name: getattr(self, name) for name in DocumentConfig.__dataclass_fields__}
        if callable(self.tokenizer):
            del options["tokenizer"]
        if self.lowercase not in (True, False, "auto"):
            raise ConfigError(f"lowercase must be True, False or 'auto', not {self.lowercase!r}")
        return DocumentConfig(**options)

    def _tokenizer(self, vectors: VectorTable) -> Tokenizer:
        tokenizer = self.tokenizer
        tokenize = tokenizer if callable(tokenizer) else TOKENIZERS[tokenizer]()
        lowers = not has_capitals(vectors) if self.lowercase == "auto" else self.lowercase
        return lowercasing(tokenize) if lowers else tokenize

    def _space(self) -> "_Space":
        if self.mode == "contextual":
            return _Contextual(_encoder_of(self.model))
        return _Static(_vectors_of(self.model))

    def __sklearn_tags__(self) -> Any:
        """Declare that documents are strings, not rows of numbers."""
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.transformer_tags.preserves_dtype = []
        return tags


class _Static:
    """Document vectors from a static model.

    Attributes
    ----------
    source : object
        The object about which a warning is logged only once.
    vectors : VectorTable
        The model.
    counts : ndarray or None
        The counts of its words.
    vector_size : int
        Number of dimensions.
    """

    def __init__(self, vectors: VectorTable) -> None:
        self.source: object = vectors
        self.vectors = vectors
        self.counts, self.vector_size = vectors.counts, vectors.vector_size

    def bags(self, texts: Iterable[str], vectorizer: DocumentVectorizer) -> BagOfWords:
        tokenize = vectorizer._tokenizer(self.vectors)
        return count_words(self.vectors, texts, tokenize, subwords=vectorizer.subwords)

    def means(
        self, bags: BagOfWords, weights: NDArray[np.floating], divisor: Literal["weights", "tokens"]
    ) -> NDArray[np.float32]:
        return weighted_means(bags, weights, divisor)


class _Contextual:
    """Document vectors from a contextual encoder, with the attributes of _Static."""

    def __init__(self, encoder: "ContextualEncoder") -> None:
        self.source: object = encoder
        self.encoder = encoder
        self.counts = None if encoder.static is None else encoder.static.counts
        self.vector_size = encoder.vector_size

    def bags(self, texts: Iterable[str], vectorizer: DocumentVectorizer) -> BagOfWords:
        from embedtool.contextual.document_vectors import documents_in_context

        return documents_in_context(self.encoder, texts)

    def means(
        self, bags: Any, weights: NDArray[np.floating], divisor: Literal["weights", "tokens"]
    ) -> NDArray[np.float32]:
        from embedtool.contextual.document_vectors import contextual_means

        return contextual_means(self.encoder, bags, weights, divisor)


_Space = _Static | _Contextual


def _vectors_of(model: object) -> VectorTable:
    if isinstance(model, ModelRecord | VectorTable):
        return vectors_of(model)
    if not isinstance(model, str | Path):
        raise ConfigError(
            f"model must be a Model, a wv or the path of a model, not {type(model).__name__}",
            parameters=("model",),
        )
    path = model_path(model)
    return _opened(path, _version(path))


def _encoder_of(model: Any) -> "ContextualEncoder":
    if isinstance(model, str | Path):
        path = model_path(model)
        return _opened_encoder(path, _version(path))
    if not hasattr(model, "encode"):
        raise ConfigError("model must be the path of an encoder, or an opened one")
    encoder: ContextualEncoder = model
    return encoder


def _version(path: Path) -> int | None:
    """Return a number that changes when a model is replaced by another at the same path."""
    config = path / store.CONFIG
    return config.stat().st_mtime_ns if config.exists() else None


@lru_cache(N_OPEN)
def _opened(path: Path, version: int | None) -> VectorTable:
    return store.load(path).vectors


@lru_cache(N_OPEN)
def _opened_encoder(path: Path, version: int | None) -> "ContextualEncoder":
    from embedtool.contextual.loading import open_encoder

    return open_encoder(path)
