"""The values that a pickle may hold here: plain data, arrays of NumPy, and inert records.

Nothing is imported and nothing of the file is called. A name that a pickle gives to a class or a
function is looked up in the tables below, and in nothing else.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Global(NamedTuple):
    """The name of a class or a function in a pickle."""

    module: str
    name: str


class Record:
    """An object in a pickle: the name of its class, its arguments and its state.

    Attributes
    ----------
    kind : Global
        The class.
    arguments : tuple
        What its constructor would get.
    state : Any
        Mostly a dict of attributes, whose names are bytes if Python 2 wrote them; None if there is
        none.
    """

    __slots__ = ("arguments", "kind", "state")

    def __init__(self, kind: Global, arguments: tuple[Any, ...]) -> None:
        self.kind, self.arguments = kind, arguments
        self.state: Any = None

    def build(self, state: Any) -> None:
        """Set the state."""
        self.state = state

    @property
    def attributes(self) -> Mapping[Any, Any]:
        """The state if it is a dict, otherwise nothing."""
        return self.state if isinstance(self.state, dict) else {}

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute."""
        attributes = self.attributes
        return attributes[name] if name in attributes else attributes.get(name.encode(), default)


class PickledType:
    """A dtype in a pickle; its byte order comes after it."""

    __slots__ = ("code", "order")

    def __init__(self, code: str) -> None:
        self.code, self.order = code, "="

    def build(self, state: Any) -> None:
        """Set the byte order; raise ValueError if there is more to the type."""
        order = text_of(state[1]) if isinstance(state, tuple) and len(state) > 1 else ""
        if order not in ORDERS or any(each is not None for each in state[2:5]):
            raise ValueError("a type of numbers that is not plain")
        self.order = order

    def dtype(self) -> np.dtype[Any]:
        """Return it as NumPy's."""
        return np.dtype(self.order + self.code)


class PickledArray:
    """An array in a pickle; its content comes after it.

    Attributes
    ----------
    values : ndarray, list or None
        A list for an array of Python objects; None as long as the content has not come.
    """

    __slots__ = ("values",)

    def __init__(self) -> None:
        self.values: NDArray[Any] | list[Any] | None = None

    def build(self, state: Any) -> None:
        """Set the content: (version,) shape, dtype, whether in Fortran's order, data."""
        if not isinstance(state, tuple) or len(state) not in (4, 5):
            raise ValueError("an array without content")
        shape, kind, is_fortran, data = state[-4:]
        self.values = array_of(kind, shape, data, "F" if is_fortran else "C")


ORDERS = ("<", ">", "=", "|")
TYPES = re.compile(r"b1|[iu][1248]|f[248]|[SU]\d{1,6}|O\d?")
"""Numbers, strings of equal length, and Python objects, as a list. None of them runs anything."""
OBJECTS = "O"
MAX_DIMENSIONS = 32
Bytes = bytes | bytearray | memoryview


def text_of(value: Any) -> str:
    """Return a string of Python 3 or 2; raise ValueError if it is none."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not isinstance(value, str):
        raise ValueError("a string is expected")
    return value


def array_of(kind: Any, shape: Any, data: Any, order: str) -> NDArray[Any] | list[Any]:
    """Return a view of bytes as an array, or the list of an array of objects.

    Raises
    ------
    ValueError
        If shape, type and size do not agree.
    """
    if not isinstance(kind, PickledType) or not isinstance(shape, tuple):
        raise ValueError("an array without type or shape")
    if len(shape) > MAX_DIMENSIONS or any(type(n) is not int or not 0 <= n < 2**63 for n in shape):
        raise ValueError("an array of impossible shape")
    if kind.code.startswith(OBJECTS):
        if not isinstance(data, list) or len(shape) != 1 or len(data) != shape[0]:
            raise ValueError("an array of objects that is not a list")
        return data
    dtype = kind.dtype()
    if not isinstance(data, Bytes) or math.prod(shape) * dtype.itemsize != len(data):
        raise ValueError("an array whose size is not that of its content")
    return np.ndarray(shape, dtype, data, order="F" if order == "F" else "C")


def _type(code: Any, *_: Any) -> PickledType:
    code = text_of(code)
    if not TYPES.fullmatch(code):
        raise ValueError(f"an array of the type {code[:20]!r}")
    return PickledType(code)


def _reconstruct(*_: Any) -> PickledArray:
    return PickledArray()


def _scalar(kind: Any, data: Any) -> Any:
    values = array_of(kind, (1,), data, "C")
    return values[0].item() if isinstance(values, np.ndarray) else values[0]


def _frombuffer(data: Any, kind: Any, shape: Any, order: Any) -> PickledArray:
    array = PickledArray()
    array.values = array_of(kind, shape, data, text_of(order))
    return array


def _bytes(text: Any = b"", encoding: Any = "latin-1") -> bytes:
    """Return what protocol 2 has as a string of characters below 256."""
    if isinstance(text, bytes):
        return text
    if text_of(encoding).lower().replace("_", "-") not in ("latin1", "latin-1"):
        raise ValueError("bytes in another encoding than latin-1")
    return text_of(text).encode("latin-1")


def _mapping(*arguments: Any) -> dict[Any, Any]:
    """Return the dict of an OrderedDict, a Counter, or a defaultdict with its factory."""
    known = [each for each in arguments if not isinstance(each, Global) and each is not None]
    if not known:
        return {}
    pairs = known[0].items() if isinstance(known[0], dict) else known[0]
    found = {}
    for key, value in pairs:
        check_key(key)
        found[key] = value
    return found


def _items(values: Any = ()) -> list[Any]:
    if not isinstance(values, list | tuple | set | frozenset):
        raise ValueError("a list is expected")
    return list(values)


def _set(values: Any = ()) -> set[Any]:
    items = _items(values)
    for item in items:
        check_key(item)
    return set(items)


def _old_object(kind: Any, base: Any, *_: Any) -> Any:
    """Return what protocols 0 and 1 make of an object of any class but list, dict and the like."""
    if not isinstance(kind, Global) or base not in OLD_BASES:
        raise ValueError("an object of a class that is not plain")
    return Record(kind, ())


def check_key(key: Any) -> None:
    """Raise ValueError unless a value can be the key of a dict.

    Only strings and small numbers can: others may be made to collide, or are too deep to be hashed.
    """
    if isinstance(key, int) and -(2**63) <= key < 2**64:
        return
    if not (key is None or isinstance(key, str | bytes | float)):
        raise ValueError("a key that is neither a string nor a number")


BUILTINS = ("builtins", "__builtin__")
OLD_BASES = [Global(module, "object") for module in BUILTINS]
CORES = ("numpy.core.multiarray", "numpy._core.multiarray")
NUMERICS = ("numpy.core.numeric", "numpy._core.numeric")

MEANINGS: dict[Global, Callable[..., Any]] = {
    **{Global(core, "_reconstruct"): _reconstruct for core in CORES},
    **{Global(core, "scalar"): _scalar for core in CORES},
    **{Global(numeric, "_frombuffer"): _frombuffer for numeric in NUMERICS},
    Global("numpy", "dtype"): _type,
    Global("_codecs", "encode"): _bytes,
    Global("collections", "OrderedDict"): _mapping,
    Global("collections", "defaultdict"): _mapping,
    Global("collections", "Counter"): _mapping,
    Global("UserString", "defaultdict"): _mapping,  # so Python 3.4 called it in protocol 2
    **{Global(module, "set"): _set for module in BUILTINS},
    **{Global(module, "frozenset"): _set for module in BUILTINS},
    **{Global(module, "list"): _items for module in BUILTINS},
    **{Global(module, "bytes"): _bytes for module in BUILTINS},
    **{Global(module, "bytearray"): _bytes for module in BUILTINS},
    **{Global(module, "_reconstructor"): _old_object for module in ("copy_reg", "copyreg")},
}
"""What our own code makes of a call. It copies no more than its arguments."""
COPYING = frozenset({_bytes, _mapping, _items, _set})
"""Those that copy."""

PLAIN_TYPES = ("hash", "int", "long", "float", "bool", "str", "unicode", "object", "tuple", "dict")
NUMPY_TYPES = (
    "ndarray", "bool_", "str_", "bytes_", "object_", "float16", "float32", "float64",
    "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
)  # fmt: skip
INERT = {
    *(Global(module, name) for module in BUILTINS for name in PLAIN_TYPES),
    *(Global("numpy", name) for name in NUMPY_TYPES),
}
"""Names that mean nothing here: factories, types, hash functions."""
INERT_MODULES = ("gensim", "numpy.random")
"""Modules whose objects become records: the models, and the state of random number generators."""


def is_known(kind: Global) -> bool:
    """Return whether a pickle may name a class or function."""
    return kind in MEANINGS or is_inert(kind)


def is_inert(kind: Global) -> bool:
    """Return whether the objects of a class are records."""
    return kind in INERT or any(
        kind.module == module or kind.module.startswith(f"{module}.") for module in INERT_MODULES
    )
