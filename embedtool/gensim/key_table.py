"""`KeyTable`: keys, their vectors and attributes, which can be added and replaced."""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from embedtool.gensim.errors import (
    ArgumentError,
    ArgumentTypeError,
    UnknownKeyError,
    UnsupportedError,
)
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

Key = str | int | np.integer
KEY_TYPES = (str, int, np.integer)
COUNT = "count"
"""Name of the attribute for how often a word occurs."""


class KeyTable:
    """Keys and their vectors.

    Parameters
    ----------
    vector_size : int
        Number of dimensions.
    count : int
        Number of vectors to make room for.
    dtype : dtype
        The type of the numbers. Queries compute in float32.

    Attributes
    ----------
    index_to_key : list of str
        The key of each row.
    key_to_index : dict of str to int
        The row of each key.
    expandos : dict of str to ndarray
        Further attributes of the keys, by name; see `set_vecattr`.
    vectors_lockf : ndarray of float32, shape (n_keys,) or (1,)
        Whether training changes a vector (1) or not (0).
    """

    def __init__(self, vector_size: int, count: int = 0, dtype: DTypeLike = np.float32) -> None:
        self.vector_size = vector_size
        self.index_to_key: list[Any] = []
        self.key_to_index: dict[Any, int] = {}
        self.expandos: dict[str, NDArray[Any]] = {}
        self._rows: NDArray[Any] = np.zeros((count, vector_size), dtype)
        self._n_rows = 0
        self._table: VectorTable | None = None
        self.vectors_lockf: NDArray[np.float32] = np.ones(1, np.float32)

    @property
    def vectors(self) -> NDArray[Any]:
        """The vectors, shape (n_keys, vector_size).

        After writing into this array call `fill_norms(force=True)`.
        """
        return self._rows[: self._n_rows]

    @vectors.setter
    def vectors(self, vectors: NDArray[Any]) -> None:
        self._rows, self._n_rows, self._table = vectors, len(vectors), None

    @property
    def table(self) -> VectorTable:
        """The same vectors as embedtool's functions take them; float32 is shared, not copied."""
        self._check_sizes()
        if self._table is None:
            rows = np.asarray(self.vectors, np.float32)
            self._table = VectorTable(self.index_to_key, rows)
        return self._table

    def _check_sizes(self) -> None:
        """Raise ArgumentError unless each key has a vector."""
        if len(self.index_to_key) != self._n_rows:
            raise ArgumentError(
                f"there are {len(self.index_to_key):,} keys and {self._n_rows:,} vectors",
                parameters=("vectors",),
            )

    @property
    def norms(self) -> NDArray[np.float32]:
        """The length of each vector, float32 (n_keys,)."""
        return self.table.norms

    def fill_norms(self, force: bool = False) -> None:
        """Compute the lengths of the vectors; with `force` even if they are known."""
        if force:
            self._table = None
        _ = self.norms

    def __len__(self) -> int:
        return len(self.index_to_key)

    def __repr__(self) -> str:
        return f"{type(self).__name__}<vector_size={self.vector_size}, {len(self)} keys>"

    def __contains__(self, key: Key) -> bool:
        return self.has_index_for(key)

    def has_index_for(self, key: Key) -> bool:
        """Return whether a key has a row."""
        return self.get_index(key, -1) >= 0

    def get_index(self, key: Key, default: int | None = None) -> int:
        """Return the row of a key; a number that is not a key is a row itself.

        Raises
        ------
        UnknownKeyError
            If there is none, and no `default`. It is a KeyError.
        """
        row = self.key_to_index.get(key, -1)
        if row >= 0:
            return row
        if isinstance(key, int | np.integer) and 0 <= key < len(self.index_to_key):
            return int(key)
        if default is None:
            raise UnknownKeyError(key)
        return default

    def __getitem__(self, keys: Key | Iterable[Key]) -> NDArray[Any]:
        if isinstance(keys, KEY_TYPES):
            return self.get_vector(keys)
        return np.vstack([self.get_vector(key) for key in keys])

    def get_vector(self, key: Key, norm: bool = False) -> NDArray[Any]:
        """Return the vector of a key, shape (vector_size,), which cannot be written to.

        Parameters
        ----------
        key : str or int
            The key, or its row.
        norm : bool
            Scale it to length 1.

        Raises
        ------
        UnknownKeyError
            If there is none. It is a KeyError.
        ArgumentError
            If there are not as many vectors as keys. It is a ValueError.
        """
        self._check_sizes()
        vector: NDArray[Any] = self.vectors[self.get_index(key)]
        if norm:
            vector = unit_rows(np.asarray(vector, np.float32)[None])[0]
        vector.flags.writeable = False
        return vector

    def get_normed_vectors(self) -> NDArray[np.float32]:
        """Return all vectors at length 1, float32 (n_keys, vector_size); zeros stay zeros."""
        return unit_rows(self.table.rows)

    def unit_normalize_all(self) -> None:
        """Scale all vectors to length 1, for good."""
        self.vectors = self.get_normed_vectors().astype(self._rows.dtype)

    def get_mean_vector(
        self,
        keys: Sequence[Key | NDArray[Any]] | NDArray[Any],
        weights: ArrayLike | None = None,
        pre_normalize: bool = True,
        post_normalize: bool = False,
        ignore_missing: bool = True,
    ) -> NDArray[np.float32]:
        """Return the weighted mean of vectors, float32 (vector_size,).

        Parameters
        ----------
        keys : sequence of str, int or ndarray
            Keys, or vectors.
        weights : sequence of float, optional
            The weight of each; the sum is divided by the sum of their absolute values.
        pre_normalize : bool
            Scale the vectors of keys, but not given vectors, to length 1 first.
        post_normalize : bool
            Scale the mean to length 1.
        ignore_missing : bool
            Leave out unknown keys.

        Raises
        ------
        ArgumentError
            If there are no keys, or more or fewer weights. It is a ValueError.
        UnknownKeyError
            If a key is unknown, and not ignored.
        """
        given = np.ones(len(keys)) if weights is None else np.asarray(weights, np.float64)
        if not len(keys) or len(given) != len(keys):
            raise ArgumentError(
                f"a mean needs vectors, and a weight for each: {len(keys)} keys, "
                f"{len(given)} weights",
                parameters=("keys", "weights"),
            )
        total, total_weight = np.zeros(self.vector_size), 0.0
        for key, weight in zip(keys, given.tolist(), strict=True):
            if isinstance(key, np.ndarray):
                vector = key
            elif not ignore_missing or key in self:
                vector = self.get_vector(key, norm=pre_normalize)
            else:
                continue
            total += weight * np.asarray(vector, np.float64)
            total_weight += abs(weight)
        mean = (total / (total_weight or 1.0)).astype(np.float32)
        return unit_rows(mean[None])[0] if post_normalize else mean

    def add_vector(self, key: Key, vector: ArrayLike) -> int:
        """Add a key, or keep its vector if it is known; return its row."""
        self.add_vectors([key], np.asarray(vector))
        return self.get_index(key)

    def add_vectors(
        self,
        keys: Key | Sequence[Key],
        weights: ArrayLike,
        extras: dict[str, NDArray[Any]] | None = None,
        replace: bool = False,
    ) -> None:
        """Add keys with their vectors.

        Parameters
        ----------
        keys : str or sequence of str
            The keys.
        weights : array-like of float, shape (n_keys, vector_size) or (vector_size,)
            Their vectors.
        extras : dict of str to ndarray, optional
            Their attributes.
        replace : bool
            Replace the vectors and attributes of known keys; otherwise these are kept.

        Raises
        ------
        ArgumentError
            If the shape of the vectors does not fit. It is a ValueError.
        """
        keys = [keys] if isinstance(keys, KEY_TYPES) else list(keys)
        vectors = np.asarray(weights, self._rows.dtype)
        if vectors.size != len(keys) * self.vector_size:
            raise ArgumentError(
                f"{len(keys):,} keys need vectors of shape ({len(keys)}, {self.vector_size}), "
                f"not {vectors.shape}",
                parameters=("weights",),
            )
        vectors = vectors.reshape(len(keys), self.vector_size)
        if not self._rows.flags.writeable:
            self.vectors = self.vectors.copy()
        for i, key in enumerate(keys):
            is_new = key not in self.key_to_index
            if not is_new and not replace:
                continue
            row = self._new_row(key) if is_new else self.key_to_index[key]
            self._rows[row] = vectors[i]
            for name, values in (extras or {}).items():
                self.set_vecattr(key, name, values[i])
        self._table = None
        self._fit_attributes()

    def __setitem__(self, keys: Key | Sequence[Key], weights: ArrayLike) -> None:
        self.add_vectors(keys, weights, replace=True)

    def _new_row(self, key: Key) -> int:
        """Make room for a key and return its row; the array doubles where it is full."""
        row = self._n_rows
        if row == len(self._rows):
            bigger = np.zeros((max(8, 2 * row), self.vector_size), self._rows.dtype)
            bigger[:row] = self.vectors
            self._rows = bigger
        self.key_to_index[key] = row
        self.index_to_key.append(key)
        self._n_rows += 1
        return row

    def set_vecattr(self, key: Key, attr: str, val: Any) -> None:
        """Set an attribute of a key; the first value decides the type of all others.

        Raises
        ------
        ArgumentTypeError
            If the value is of another type, which would change it. It is a TypeError.
        """
        row = self.get_index(key)
        kind = np.asarray(val).dtype
        if np.ndim(val) or kind.kind not in "biuf":
            kind = np.dtype(object)
        if attr not in self.expandos:
            self.expandos[attr] = np.zeros(len(self), kind)
        self._fit_attributes()
        held = self.expandos[attr].dtype
        if held.kind != "O" and np.result_type(held, kind) != held:
            raise ArgumentTypeError(
                f"the attribute {attr!r} holds {held}, not {type(val).__name__}",
                parameters=("val",),
            )
        self.expandos[attr][row] = val

    def get_vecattr(self, key: Key, attr: str) -> Any:
        """Return an attribute of a key, such as its ``"count"``."""
        row = self.get_index(key)
        self._fit_attributes()
        return self.expandos[attr][row]

    def _fit_attributes(self) -> None:
        """Give keys that were added since an attribute of zero."""
        for name, values in self.expandos.items():
            if len(values) < len(self):
                more = np.zeros(len(self) - len(values), values.dtype)
                self.expandos[name] = np.concatenate([values, more])

    def sort_by_descending_frequency(self) -> None:
        """Sort the keys by their counts, equal ones in their order."""
        if COUNT not in self.expandos:
            raise ArgumentError("the counts of the keys are not known")
        self._fit_attributes()
        self._reorder(np.argsort(-self.expandos[COUNT], kind="stable"))

    def _reorder(self, order: NDArray[np.int64]) -> None:
        """Put the keys in another order, with all that they have."""
        if self._n_rows:
            self._check_sizes()
            log.warning(
                "only the vectors are sorted: if they are those of a model, its output layer is in "
                "the old order, and it cannot be trained further"
            )
            self.vectors = self.vectors[order]
        self.index_to_key = [self.index_to_key[i] for i in order.tolist()]
        self.key_to_index = {key: i for i, key in enumerate(self.index_to_key)}
        self.expandos = {name: values[order] for name, values in self.expandos.items()}
        if len(self.vectors_lockf) > 1:
            self.vectors_lockf = self.vectors_lockf[order]

    def set_words(self, words: Sequence[Any], counts: NDArray[np.int64]) -> None:
        """Set keys and counts; attributes stay if the keys begin with those there are."""
        kept = self.expandos if list(words[: len(self)]) == self.index_to_key else {}
        self.index_to_key = list(words)
        self.key_to_index = {key: i for i, key in enumerate(self.index_to_key)}
        self.expandos = {**kept, COUNT: np.array(counts)}
        self._fit_attributes()

    def frozen(self, order: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Return whether training leaves the vectors of some rows as they are; None if of none.

        Raises
        ------
        UnsupportedError
            If a lock factor is neither 0 nor 1.
        ArgumentError
            If there are not as many as keys. It is a ValueError.
        """
        locks = np.asarray(self.vectors_lockf)
        if (locks == 1).all():
            return None
        if len(locks) not in (1, len(self)):
            raise ArgumentError(
                f"vectors_lockf has {len(locks):,} factors for {len(self):,} keys",
                parameters=("vectors_lockf",),
            )
        if not np.isin(locks, (0, 1)).all():
            raise UnsupportedError(
                "a lock factor is 0 (not trained) or 1", parameters=("vectors_lockf",)
            )
        return np.broadcast_to(locks == 0, len(self))[order]
