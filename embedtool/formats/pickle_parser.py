"""A parser of pickles that runs nothing: no class is imported, no function of the file is called.

It follows the opcodes that programs write for numbers, strings, lists, dicts and arrays, in
protocols 0 to 5. Objects of gensim become records of their attributes. Every other opcode, and
every other class or function, is an error that names it. The opcodes are those of Python's module
pickletools.
"""

import mmap
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedtool.errors import FormatError
from embedtool.formats.pickle_machine import SET_OBJECTS, PickleMachine

REASONS = {
    "INST": "it makes an object by a call",
    "OBJ": "it makes an object by a call",
    "NEWOBJ_EX": "it makes an object by a call with keywords",
    "EXT1": "it names a class by a number",
    "EXT2": "it names a class by a number",
    "EXT4": "it names a class by a number",
    "PERSID": "its content is in another place",
    "BINPERSID": "its content is in another place",
    "NEXT_BUFFER": "its content is in another place",
    "READONLY_BUFFER": "its content is in another place",
}
"""The opcodes that are refused, and why."""

P = PickleMachine
OPCODES: dict[bytes, Callable[[PickleMachine], Any]] = {
    pickle.PROTO: P.protocol,
    pickle.FRAME: P.frame,
    pickle.MARK: P.mark,
    pickle.POP: P.pop,
    pickle.POP_MARK: P.pop_to_mark,
    pickle.DUP: P.duplicate,
    pickle.PUT: lambda p: p.put(p.integer(p.line())),
    pickle.BINPUT: lambda p: p.put(p.number(1)),
    pickle.LONG_BINPUT: lambda p: p.put(p.number(4)),
    pickle.MEMOIZE: lambda p: p.put(len(p.memo)),
    pickle.GET: lambda p: p.get(p.integer(p.line())),
    pickle.BINGET: lambda p: p.get(p.number(1)),
    pickle.LONG_BINGET: lambda p: p.get(p.number(4)),
    pickle.NONE: lambda p: p.stack.append(None),
    pickle.NEWTRUE: lambda p: p.stack.append(True),
    pickle.NEWFALSE: lambda p: p.stack.append(False),
    pickle.INT: P.read_int,
    pickle.BININT: lambda p: p.stack.append(p.number(4, signed=True)),
    pickle.BININT1: lambda p: p.stack.append(p.number(1)),
    pickle.BININT2: lambda p: p.stack.append(p.number(2)),
    pickle.LONG: lambda p: p.stack.append(p.integer(p.line())),
    pickle.LONG1: lambda p: p.read_long(1),
    pickle.LONG4: lambda p: p.read_long(4),
    pickle.FLOAT: P.read_float,
    pickle.BINFLOAT: lambda p: p.stack.append(struct.unpack(">d", p.take(8))[0]),
    pickle.STRING: P.read_string,
    pickle.SHORT_BINSTRING: lambda p: p.read_bytes(1),
    pickle.BINSTRING: lambda p: p.read_bytes(4),
    pickle.UNICODE: P.read_unicode,
    pickle.SHORT_BINUNICODE: lambda p: p.read_text(1),
    pickle.BINUNICODE: lambda p: p.read_text(4),
    pickle.BINUNICODE8: lambda p: p.read_text(8),
    pickle.SHORT_BINBYTES: lambda p: p.read_bytes(1),
    pickle.BINBYTES: lambda p: p.read_bytes(4),
    pickle.BINBYTES8: lambda p: p.read_bytes(8),
    pickle.BYTEARRAY8: lambda p: p.read_bytes(8),
    pickle.EMPTY_TUPLE: lambda p: p.stack.append(()),
    pickle.TUPLE: lambda p: p.push(tuple(p.pop_to_mark())),
    pickle.TUPLE1: lambda p: p.make_tuple(1),
    pickle.TUPLE2: lambda p: p.make_tuple(2),
    pickle.TUPLE3: lambda p: p.make_tuple(3),
    pickle.EMPTY_LIST: lambda p: p.push([]),
    pickle.LIST: lambda p: p.push(p.pop_to_mark()),
    pickle.APPEND: lambda p: p.extend([p.stack.pop()]),
    pickle.APPENDS: lambda p: p.extend(p.pop_to_mark()),
    pickle.EMPTY_DICT: lambda p: p.push({}),
    pickle.DICT: P.make_dict,
    pickle.SETITEM: P.set_item,
    pickle.SETITEMS: lambda p: p.set_items(p.pop_to_mark()),
    pickle.EMPTY_SET: lambda p: p.push(set(), SET_OBJECTS),
    pickle.ADDITEMS: P.add_items,
    pickle.FROZENSET: P.make_frozen_set,
    pickle.GLOBAL: P.global_,
    pickle.STACK_GLOBAL: P.stack_global,
    pickle.REDUCE: P.call,
    pickle.NEWOBJ: P.new_object,
    pickle.BUILD: P.build,
}
ACTIONS = {code[0]: action for code, action in OPCODES.items()}
"""What each opcode does; it is all that a pickle can do here."""
NAMES = {
    value[0]: name
    for name, value in vars(pickle).items()
    if name.isupper() and isinstance(value, bytes) and len(value) == 1
}
"""The names of all opcodes of Python."""


def load(path: Path, data: bytes | mmap.mmap) -> Any:
    """Return the value of a pickle.

    Parameters
    ----------
    path : Path
        The file, for errors.
    data : bytes or mmap
        Its content; large arrays are views of it.

    Returns
    -------
    Any
        None, bool, int, float, str, bytes, memoryview, list, tuple, dict or set, or a PickledArray,
        PickledType, Record or Global. Strings of Python 2 are bytes.

    Raises
    ------
    FormatError
        If an opcode or a name is not allowed, or the content is damaged; it names the byte.
    """
    machine, stop = PickleMachine(path, data), pickle.STOP[0]
    try:
        while True:
            machine.start = machine.position
            code = machine.take(1)[0]
            if code == stop:
                return machine.result()
            action = ACTIONS.get(code)
            if action is None:
                raise _refused(machine, code)
            action(machine)
    except (IndexError, TypeError, ValueError, OverflowError) as error:
        start = machine.start
        name = "its end" if start == len(data) else NAMES.get(data[start], "its opcode")
        raise FormatError(
            f"{path}, byte {start:,}: the pickle is cut short or damaged, at {name}: {error}"
        ) from None


def _refused(machine: PickleMachine, code: int) -> FormatError:
    name = NAMES.get(code)
    what = f"the opcode {name} (0x{code:02x})" if name else f"0x{code:02x}, which is no opcode"
    reason = f": {REASONS[name]}" if name in REASONS else ""
    return FormatError(
        f"{machine.path}, byte {machine.start:,}: the pickle has {what}, which is not read{reason}"
    )
