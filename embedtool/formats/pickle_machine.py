"""What the opcodes of a pickle do here: they make plain data and records, and run nothing."""

import mmap
import pickle
import re
from pathlib import Path
from typing import Any

from embedtool.errors import FormatError
from embedtool.formats.pickle_values import (
    COPYING,
    MEANINGS,
    Global,
    PickledArray,
    PickledType,
    Record,
    check_key,
    is_inert,
    is_known,
)

LARGE = 2**16
"""Bytes from which data are a view of the file, not a copy."""
SPARE = 2**16
BYTES_PER_OBJECT = 3
SET_OBJECTS = 3
"""A file may make one list, dict, tuple or record for each BYTES_PER_OBJECT of its bytes, and SPARE
more. Each takes some 60 bytes of memory, and 9 and more of a file of gensim's. A set counts as
SET_OBJECTS."""
MAX_ARGUMENTS = 8
"""Arguments of a call that means something here; the most that programs write are 4."""
LONGEST_INTEGER = 255
"""Bytes of an integer; those of random number generators have 16."""
INTEGER = re.compile(rb"[-+]?\d{1,100}L?")
NUMBER = re.compile(rb"[-+]?(?:\d{1,40}\.?\d{0,40}(?:e[-+]?\d{1,4})?|nan|inf)")
ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|(.?))", re.DOTALL)
ESCAPED = {
    b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b"'": b"'", b'"': b'"',
}  # fmt: skip
"""What Python 2 writes after a backslash, beside hexadecimal digits."""
NOTHING = object()
"""The place of a value that is not there."""


class PickleMachine:
    """The state of a parser: a position, a stack, and the values that a pickle refers to again."""

    def __init__(self, path: Path, data: bytes | mmap.mmap) -> None:
        self.path, self.data, self.end = path, data, len(data)
        self._view = memoryview(data)
        self.position = self.start = 0
        self.stack: list[Any] = []
        self._outer: list[list[Any]] = []
        self.memo: list[Any] = []
        self._n_objects = SPARE + self.end // BYTES_PER_OBJECT
        self._n_copied = SPARE + self.end

    def take(self, n: int) -> bytes:
        start = self.position
        if n < 0 or n > self.end - start:
            raise ValueError(f"{n:,} bytes are expected, {self.end - start:,} follow")
        self.position = start + n
        return self.data[start : start + n]

    def take_large(self, n: int) -> bytes | memoryview:
        if n < LARGE:
            return self.take(n)
        start = self.position
        if n > self.end - start:
            raise ValueError(f"{n:,} bytes are expected, {self.end - start:,} follow")
        self.position = start + n
        return self._view[start : start + n]

    def line(self) -> bytes:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            raise ValueError("a line without end")
        line = self.data[self.position : end]
        self.position = end + 1
        return line

    def number(self, size: int, *, signed: bool = False) -> int:
        return int.from_bytes(self.take(size), "little", signed=signed)

    def count(self, n: int = 1) -> None:
        """Count objects; raise ValueError if there are more than such a file can need."""
        self._n_objects -= n
        if self._n_objects < 0:
            raise ValueError("more objects than a file of its size can need")

    def count_copied(self, values: Any) -> None:
        self._n_copied -= sum(len(each) for each in values if hasattr(each, "__len__"))
        if self._n_copied < 0:
            raise ValueError("more copies than a file of its size can need")

    def pop_to_mark(self) -> list[Any]:
        if not self._outer:
            raise ValueError("there is no mark")
        items, self.stack = self.stack, self._outer.pop()
        return items

    def result(self) -> Any:
        """Return the value at the end."""
        if self.position != self.end:
            raise ValueError(f"more follows than one pickle: {self.end - self.position:,} bytes")
        if self._outer or len(self.stack) != 1:
            raise ValueError("it does not end in one value")
        return self.stack[0]

    # Marks and the stack

    def protocol(self) -> None:
        protocol = self.take(1)[0]
        if protocol > pickle.HIGHEST_PROTOCOL:
            raise ValueError(f"protocol {protocol} is not known")

    def frame(self) -> None:
        n = self.number(8)
        if n > self.end - self.position:
            raise ValueError(f"{n:,} bytes are expected, {self.end - self.position:,} follow")

    def mark(self) -> None:
        self.count()
        self._outer.append(self.stack)
        self.stack = []

    def pop(self) -> None:
        if self.stack:
            self.stack.pop()
        else:
            self.pop_to_mark()

    def duplicate(self) -> None:
        self.stack.append(self.stack[-1])

    def put(self, index: int) -> None:
        """Keep the last value under a number. Programs number them in order, from 0 or 1."""
        value, memo = self.stack[-1], self.memo
        if index == len(memo):
            memo.append(value)
        elif index < len(memo):
            memo[index] = value
        elif index == 1:
            memo.extend((NOTHING, value))
        else:
            raise ValueError("values are not numbered in order")

    def get(self, index: int) -> None:
        value = self.memo[index]
        if value is NOTHING:
            raise ValueError("a value that is not there")
        self.stack.append(value)

    # Numbers and strings

    def integer(self, line: bytes) -> int:
        if not INTEGER.fullmatch(line):
            raise ValueError("a number is expected")
        return int(line.rstrip(b"L"))

    def read_int(self) -> None:
        line = self.line()
        self.stack.append(line == b"01" if line in (b"00", b"01") else self.integer(line))

    def read_long(self, size: int) -> None:
        n = self.number(size)
        if n > LONGEST_INTEGER:
            raise ValueError(f"a number of {n:,} bytes")
        self.stack.append(self.number(n, signed=True))

    def read_float(self) -> None:
        line = self.line()
        if not NUMBER.fullmatch(line):
            raise ValueError("a number is expected")
        self.stack.append(float(line))

    def read_string(self) -> None:
        """Read a string of Python 2 with its quotes and escapes."""
        line = self.line()
        if len(line) < 2 or line[:1] != line[-1:] or line[:1] not in (b"'", b'"'):
            raise ValueError("a string without quotes")
        self.stack.append(ESCAPE.sub(_unescaped, line[1:-1]))

    def read_unicode(self) -> None:
        self.stack.append(self.line().decode("raw-unicode-escape"))

    def read_text(self, size: int) -> None:
        self.stack.append(str(self.take(self.number(size)), "utf-8", "surrogatepass"))

    def read_bytes(self, size: int) -> None:
        self.stack.append(self.take_large(self.number(size)))

    # Lists, tuples, dicts and sets

    def push(self, value: Any, n_objects: int = 1) -> None:
        self.count(n_objects)
        self.stack.append(value)

    def make_tuple(self, n: int) -> None:
        if len(self.stack) < n:
            raise ValueError("too few values")
        self.count()
        self.stack[-n:] = [tuple(self.stack[-n:])]

    def extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, list):
            raise ValueError("values are added to what is no list")
        target.extend(items)

    def set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if not isinstance(target, dict) or len(items) % 2:
            raise ValueError("values are added to what is no dict")
        for i in range(0, len(items), 2):
            key = items[i]
            if type(key) is not str:
                check_key(key)
            target[key] = items[i + 1]

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])

    def make_dict(self) -> None:
        items = self.pop_to_mark()
        self.push({})
        self.set_items(items)

    def add_items(self) -> None:
        items, target = self.pop_to_mark(), self.stack[-1]
        if not isinstance(target, set):
            raise ValueError("values are added to what is no set")
        for item in items:
            check_key(item)
            target.add(item)

    def make_frozen_set(self) -> None:
        items = self.pop_to_mark()
        self.push(set(), SET_OBJECTS)
        for item in items:
            check_key(item)
            self.stack[-1].add(item)

    # Names, calls and objects, none of which runs

    def name(self, module: Any, name: Any) -> None:
        if not isinstance(module, str) or not isinstance(name, str):
            raise ValueError("a name is expected")
        kind = Global(module, name)
        if not is_known(kind):
            raise FormatError(
                f"{self.path}, byte {self.start:,}: the pickle names {f'{module}.{name}'[:80]!r}, "
                "which is none of the classes of gensim and NumPy that vectors need; nothing of "
                "it was run; have the program that made it save word2vec text"
            )
        self.push(kind)

    def global_(self) -> None:
        module = self.line().decode("utf-8")
        self.name(module, self.line().decode("utf-8"))

    def stack_global(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.name(module, name)

    def called(self) -> tuple[Global, tuple[Any, ...]]:
        arguments, kind = self.stack.pop(), self.stack.pop()
        if not isinstance(kind, Global) or not isinstance(arguments, tuple):
            raise ValueError("a class and its arguments are expected")
        return kind, arguments

    def call(self) -> None:
        kind, arguments = self.called()
        meaning = MEANINGS.get(kind)
        if meaning is None:
            self.push(Record(kind, arguments))
            return
        if len(arguments) > MAX_ARGUMENTS:
            raise ValueError(f"a call with {len(arguments):,} arguments")
        if meaning in COPYING:
            self.count_copied(arguments)
        self.push(meaning(*arguments), SET_OBJECTS)

    def new_object(self) -> None:
        kind, arguments = self.called()
        if is_inert(kind):
            self.push(Record(kind, arguments))
        else:
            self.push(MEANINGS[kind](), SET_OBJECTS)

    def build(self) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if not isinstance(target, Record | PickledArray | PickledType):
            raise ValueError("a state of what is no object")
        target.build(state)


def _unescaped(match: re.Match[bytes]) -> bytes:
    if match[1]:
        return bytes([int(match[1], 16)])
    if match[2] not in ESCAPED:
        raise ValueError("a string with an unknown escape")
    return ESCAPED[match[2]]
