"""`FastText` with gensim's arguments and methods, and the files of Facebook's program."""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.fasttext_header import SUPERVISED
from embedtool.formats.options import ReadOptions
from embedtool.gensim.errors import UnsupportedError
from embedtool.gensim.files import check_not_compressed, decompressed
from embedtool.gensim.options import BATCH_WORDS, arguments_of, config_of
from embedtool.gensim.subword_vectors import FastTextKeyedVectors
from embedtool.gensim.vocabulary import TrimRule
from embedtool.gensim.vocabulary_model import Sentences
from embedtool.gensim.word2vec import Word2Vec
from embedtool.model.vectors import VectorTable

FACEBOOK = "fasttext-bin"


class FastText(Word2Vec):
    """FastText with gensim's arguments and methods.

    Other arguments, attributes and methods are those of `embedtool.gensim.Word2Vec`.

    Parameters
    ----------
    min_n, max_n : int
        Lengths of the n-grams in characters; none if `max_n` is less.
    bucket : int
        Number of hash buckets for n-grams; 0 for none.
    word_ngrams : int
        Must be 1.

    Attributes
    ----------
    wv : FastTextKeyedVectors
        The vectors, which give new words one too.
    """

    algorithm = "fasttext"
    wv: FastTextKeyedVectors

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: str | Path | None = None,
        sg: int = 0,
        hs: int = 0,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        word_ngrams: int = 1,
        sample: float = 1e-3,
        seed: int | None = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[..., int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        min_n: int = 3,
        max_n: int = 6,
        sorted_vocab: int = 1,
        bucket: int = 2_000_000,
        trim_rule: TrimRule | None = None,
        batch_words: int = BATCH_WORDS,
        callbacks: Iterable[Any] = (),
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ) -> None:
        if word_ngrams != 1:
            raise UnsupportedError("word_ngrams must be 1", parameters=("word_ngrams",))
        self._ngrams = (min_n, max_n, bucket)
        super().__init__(
            sentences, corpus_file, vector_size, alpha, window, min_count, max_vocab_size, sample,
            seed, workers, min_alpha, sg, hs, negative, ns_exponent, cbow_mean, hashfxn, epochs,
            null_word, trim_rule, sorted_vocab, batch_words, callbacks=callbacks,
            max_final_vocab=max_final_vocab, shrink_windows=shrink_windows,
        )  # fmt: skip

    def _new_vectors(self) -> FastTextKeyedVectors:
        return FastTextKeyedVectors(self.vector_size, *self._ngrams)


def load_facebook_model(path: str | Path, encoding: str = "utf-8") -> FastText:
    """Load a model of Facebook's fastText, which can be trained further.

    Parameters
    ----------
    path : str or Path
        The .bin file, compressed or not.
    encoding : str
        The encoding of the words.

    Raises
    ------
    FormatError
        If the file is not valid, or a classifier.
    """
    table, header = _read(path, encoding)
    options = asdict(config_of(FastText(), 1)) | header["options"]
    model = FastText(**arguments_of(options))
    model.negative = header["options"]["negative"]
    model.corpus_total_words = header["vocabulary"]["tokens_seen"]
    model.take_model(table)
    return model


def load_facebook_vectors(path: str | Path, encoding: str = "utf-8") -> FastTextKeyedVectors:
    """Load the vectors of a model of Facebook's fastText; see `load_facebook_model`."""
    return FastTextKeyedVectors.of(_read(path, encoding)[0])


def _read(path: str | Path, encoding: str) -> tuple[VectorTable, dict[str, Any]]:
    options = ReadOptions(encoding=encoding, encoding_errors="backslashreplace")
    with decompressed(path) as file:
        header = formats.describe(file, FACEBOOK)
        if header["options"]["mode"] == SUPERVISED:
            raise FormatError(
                f"{path}: a classifier (supervised), not a model of word vectors alone"
            )
        return formats.read(file, FACEBOOK, options)[0], header


def save_facebook_model(
    model: FastText,
    path: str | Path,
    encoding: str = "utf-8",
    lr_update_rate: int = 100,
    word_ngrams: int = 1,
) -> None:
    """Write a model as a .bin file of Facebook's fastText.

    Parameters
    ----------
    model : FastText
        The model.
    path : str or Path
        The file.
    encoding : str
        Must be UTF-8.
    lr_update_rate, word_ngrams : int
        Values of the header that only Facebook's program uses.
    """
    if encoding.lower().replace("-", "") != "utf8":
        raise UnsupportedError("the file is written in UTF-8", parameters=("encoding",))
    check_not_compressed(path)
    options = {
        **asdict(config_of(model, model.epochs)),
        "negative": model.negative,
        "lr_update_rate": lr_update_rate,
        "word_ngrams": word_ngrams,
        "tokens_seen": model.corpus_total_words,
    }
    formats.write(model.whole_table(), path, FACEBOOK, options)
