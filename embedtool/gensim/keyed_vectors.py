"""`KeyedVectors`: vectors with gensim's names for queries, evaluation and files."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embedtool import formats
from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.corpus.vocabulary import vocabulary_lines
from embedtool.errors import DamagedError
from embedtool.formats.options import EncodingErrors, ReadOptions
from embedtool.gensim.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnsupportedError,
)
from embedtool.gensim.files import (
    check_not_compressed,
    decompressed,
    read_counts,
    saved_vectors,
    warn_ignored,
    with_names,
)
from embedtool.gensim.key_table import COUNT, Key
from embedtool.gensim.queries import Queries
from embedtool.io.atomic import atomic_write
from embedtool.model import store
from embedtool.model.quantized import in_memory
from embedtool.model.vectors import ModelRecord, VectorTable

log = logging.getLogger(__name__)


class KeyedVectors(Queries):
    """Vectors with gensim's names: ``KeyedVectors(vector_size, count=0, dtype=np.float32)``.

    Queries compute in float32, whatever the type of the numbers.

    Attributes
    ----------
    vectors : ndarray, shape (n_keys, vector_size)
        The vectors.
    index_to_key : list of str
        The key of each row.
    key_to_index : dict of str to int
        The row of each key.

    Examples
    --------
    >>> import numpy as np
    >>> from embedtool.gensim import KeyedVectors
    >>> wv = KeyedVectors(2)
    >>> wv.add_vectors(["sea", "lake", "road"], np.array([[3, 1], [3, 2], [0, 1]]))
    >>> wv.most_similar("sea", topn=1)[0][0]
    'lake'
    """

    has_real_counts = True
    """Whether the attribute "count" holds counts, and not ranks in the order of a file."""

    @classmethod
    def of(cls, table: VectorTable) -> Self:
        """Return the vectors of an embedtool table; its array is shared."""
        vectors = cls(table.vector_size)
        vectors.take(table)
        return vectors

    def take(self, table: VectorTable) -> None:
        """Replace all keys, vectors and counts by those of a table."""
        self.vector_size = table.vector_size
        self.index_to_key = list(table.words)
        self.key_to_index = {key: i for i, key in enumerate(self.index_to_key)}
        self.vectors = in_memory(table.rows)
        self.expandos = {} if table.counts is None else {COUNT: np.array(table.counts)}
        self.has_real_counts = table.counts is not None

    def set_trained(self, table: VectorTable, rows: NDArray[np.int64]) -> None:
        """Set the vectors to rows of a table, one for each key."""
        self.vectors = table.rows[rows]
        self.has_real_counts = True

    def counted_table(self) -> VectorTable:
        """Return the vectors as an embedtool table, with their counts if these are known."""
        known = COUNT in self.expandos and self.has_real_counts
        return replace(self.table, counts=self.expandos[COUNT] if known else None)

    def evaluate_word_analogies(
        self,
        analogies: str | Path,
        restrict_vocab: int | None = RESTRICT_VOCAB,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
        similarity_function: str = "most_similar",
    ) -> tuple[float, list[dict[str, Any]]]:
        """Return the accuracy on analogy questions, and the questions of each section.

        Parameters
        ----------
        analogies : str or Path
            A file of questions of four words, in sections.
        restrict_vocab : int or None
            Only the first keys are known.
        case_insensitive : bool
            Look up words that are unknown as spelled regardless of case.
        dummy4unknown : bool
            Count questions with unknown words as wrong.
        similarity_function : {"most_similar", "most_similar_cosmul"}
            3CosAdd or 3CosMul. (gensim 4.4 ignores it.)

        Returns
        -------
        accuracy : float
            Of all questions counted.
        sections : list of dict
            The `section`, and its `correct` and `incorrect` questions; the last holds all.
        """
        from embedtool.gensim.evaluation import analogy_sections

        return analogy_sections(
            self.table, analogies, restrict_vocab, case_insensitive, dummy4unknown,
            similarity_function,
        )  # fmt: skip

    def evaluate_word_pairs(
        self,
        pairs: str | Path,
        delimiter: str = "\t",
        encoding: str = "utf8",
        restrict_vocab: int | None = RESTRICT_VOCAB,
        case_insensitive: bool = True,
        dummy4unknown: bool = False,
    ) -> tuple[Any, Any, float]:
        """Return correlations with human scores of word pairs.

        Parameters
        ----------
        pairs : str or Path
            A file of lines of two words and a score.
        delimiter, encoding : str
            What separates the columns, and the encoding of the file.
        restrict_vocab, case_insensitive
            As for `evaluate_word_analogies`.
        dummy4unknown : bool
            Give pairs with unknown words the cosine 0, instead of leaving them out.

        Returns
        -------
        pearson, spearman : SciPy's results
            The statistic and its p-value.
        oov_ratio : float
            The percentage of pairs with unknown words.

        Raises
        ------
        ArgumentError
            If fewer than two pairs are known. It is a ValueError.
        """
        from embedtool.gensim.evaluation import pair_correlations, read_pairs

        return pair_correlations(
            self.table, read_pairs(pairs, delimiter, encoding), restrict_vocab,
            case_insensitive, dummy4unknown,
        )  # fmt: skip

    def vectors_for_all(
        self, keys: Iterable[Key], allow_inference: bool = True, copy_vecattrs: bool = False
    ) -> "KeyedVectors":
        """Return the vectors of some keys, each once, in their order; unknown ones are left out.

        Parameters
        ----------
        keys : iterable of str
            The keys.
        allow_inference : bool
            FastText: give keys outside the vocabulary a vector from their n-grams.
        copy_vecattrs : bool
            Copy the attributes of the keys too.
        """
        known = [
            key
            for key in dict.fromkeys(keys)
            if (key in self if allow_inference else key in self.key_to_index)
        ]
        chosen = KeyedVectors(self.vector_size, len(known), dtype=self.vectors.dtype)
        if known:
            chosen.add_vectors(known, self[known])
        chosen.rank_as_counts()
        for name in self.expandos if copy_vecattrs else ():
            for key in filter(self.has_index_for, known):
                chosen.set_vecattr(key, name, self.get_vecattr(key, name))
        return chosen

    def rank_as_counts(self) -> None:
        """Set the unknown counts to ranks, n for the first key and 1 for the last, as gensim does.

        They are not saved, because they are not counts.
        """
        self.expandos[COUNT] = np.arange(len(self), 0, -1)
        self.has_real_counts = False

    def save(self, fname_or_handle: str | Path, **ignored: Any) -> None:
        """Save the vectors as a model folder of embedtool, replacing a model there.

        gensim's options for its pickles are ignored with a warning.
        """
        warn_ignored("save", ignored)
        others = sorted(self.expandos.keys() - {COUNT})
        if others:
            log.warning("attributes that are not saved: %s", ", ".join(others))
        wrong = next((key for key in self.index_to_key if not isinstance(key, str)), None)
        if wrong is not None:
            raise ArgumentTypeError(f"a model has keys of type str, not {type(wrong).__name__}")
        store.save(ModelRecord(self.counted_table(), {}), fname_or_handle, overwrite=True)

    @classmethod
    def load(cls, fname_or_handle: str | Path, mmap: str | None = None) -> Self:
        """Load the vectors of a model folder of embedtool, or those in a file that gensim saved.

        Parameters
        ----------
        fname_or_handle : str or Path
            The folder or file.
        mmap : str, optional
            ``"r"``: leave the vectors on disk, where they cannot be written to.

        Raises
        ------
        ModelError
            If it is not a model.
        FormatError
            If it is another pickle, or a file of gensim without vectors.
        """
        table = saved_vectors(fname_or_handle)
        if table.subwords is not None and cls is KeyedVectors:
            log.warning(
                "%s: has n-grams; FastTextKeyedVectors.load gives new words a vector from them",
                fname_or_handle,
            )
        vectors = cls.of(table)
        if not mmap:
            vectors.vectors = np.array(vectors.vectors)
        return vectors

    def save_word2vec_format(
        self,
        fname: str | Path,
        fvocab: str | Path | None = None,
        binary: bool = False,
        total_vec: int | None = None,
        write_header: bool = True,
        prefix: str = "",
        append: bool = False,
        sort_attr: str = COUNT,
    ) -> None:
        """Write the vectors in the format of word2vec.

        Parameters
        ----------
        fname : str or Path
            The file.
        fvocab : str or Path, optional
            A file for the words and their counts.
        binary : bool
            Write the binary format.
        total_vec : None
            Not supported.
        write_header : bool
            Write the line of sizes; without it, the text is that of GloVe.
        prefix : str
            Put before each key.
        append : bool
            Not supported: a file is written whole or not at all.
        sort_attr : str
            The attribute by which keys are sorted, largest first.

        Raises
        ------
        FormatError
            If the format cannot hold a key.
        ArgumentError
            If `fvocab` is asked for, and counts are not known. It is a ValueError.
        """
        if total_vec not in (None, len(self)) or append or (binary and not write_header):
            raise UnsupportedError(
                "a file is written whole, with its header if it is binary; leave out total_vec and "
                "append",
                parameters=("total_vec", "append", "write_header"),
            )
        check_not_compressed(fname)
        table = self.counted_table()
        values = self.expandos.get(sort_attr)
        if values is not None:
            table = table.select(np.argsort(-values, kind="stable"))
        words = [f"{prefix}{word}" for word in table.words]
        if fvocab is not None:
            if table.counts is None:
                raise ArgumentError("the counts of the words are not known", parameters=("fvocab",))
            with atomic_write(Path(fvocab)) as file:
                lines = vocabulary_lines(words, table.counts.tolist())
                file.writelines(line.encode() for line in lines)
        kind = ("word2vec-binary" if binary else "word2vec") if write_header else "glove"
        formats.write(replace(table, words=words, subwords=None), fname, kind)

    @classmethod
    def load_word2vec_format(
        cls,
        fname: str | Path,
        fvocab: str | Path | None = None,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: EncodingErrors = "strict",
        limit: int | None = None,
        datatype: DTypeLike = np.float32,
        no_header: bool = False,
    ) -> "KeyedVectors":
        """Read vectors in the format of word2vec.

        Parameters
        ----------
        fname : str or Path
            The file, compressed or not.
        fvocab : str or Path, optional
            A file of the words and their counts. Without it counts are ranks; see
            `rank_as_counts`.
        binary : bool
            Whether it is the binary format.
        encoding, unicode_errors : str
            The encoding of the words, and what to do with invalid bytes, as for Python's codecs.
        limit : int, optional
            Read only the first rows; 0, like None, for all.
        datatype : dtype
            The type of the numbers in memory.
        no_header : bool
            Whether the text has no line of sizes, as that of GloVe.

        Raises
        ------
        DamagedFileError
            If the file is not valid; it names the line or the byte. It is an EOFError and a
            ValueError.
        """
        if no_header and binary:
            raise UnsupportedError("a binary file has a header", parameters=("no_header",))
        kind = "word2vec-binary" if binary else "glove" if no_header else "word2vec"
        options = ReadOptions(
            encoding=encoding, encoding_errors=unicode_errors, limit=limit or None
        )
        try:
            with decompressed(fname) as path:
                table, _ = formats.read(path, kind, options)
        except DamagedError as error:
            raise with_names(error) from None
        vectors = KeyedVectors.of(table)
        vectors.vectors = vectors.vectors.astype(datatype, copy=False)
        vectors.rank_as_counts()
        if fvocab is not None:
            vectors.expandos[COUNT] = read_counts(
                Path(fvocab), encoding, unicode_errors, vectors.index_to_key
            )
            vectors.has_real_counts = True
        return vectors

    def intersect_word2vec_format(
        self,
        fname: str | Path,
        lockf: float = 0.0,
        binary: bool = False,
        encoding: str = "utf8",
        unicode_errors: EncodingErrors = "strict",
    ) -> None:
        """Replace the vectors of keys that a file has too.

        Parameters
        ----------
        fname : str or Path
            The file.
        lockf : {0.0, 1.0}
            Whether training changes these vectors further (1).
        binary, encoding, unicode_errors
            As for `load_word2vec_format`.
        """
        found = KeyedVectors.load_word2vec_format(
            fname, binary=binary, encoding=encoding, unicode_errors=unicode_errors
        )
        shared = [key for key in self.index_to_key if key in found.key_to_index]
        if len(self.vectors_lockf) != len(self):
            self.vectors_lockf = np.full(len(self), self.vectors_lockf[0])
        if shared:
            self.add_vectors(shared, found[shared], replace=True)
            self.vectors_lockf[[self.key_to_index[key] for key in shared]] = lockf
        log.info("%s: %s of %s keys found", fname, f"{len(shared):,}", f"{len(self):,}")
