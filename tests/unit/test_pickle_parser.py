"""Pickles are parsed without running anything: values, refusals, damage and bounds."""

import collections
import os
import pickle
import pickletools
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.errors import FormatError
from embedtool.formats.pickle_parser import OPCODES, REASONS, load
from embedtool.formats.pickle_values import PickledArray, Record
from tests.unit.pickles import Canary, gensim_pickle, plain, vectors_state

PATH = Path("file.kv")
PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
VALUES = [
    None, True, False, 0, 255, -1, 65535, 2**31, -(2**40), 2**64, -(2**127), 1.5, -1e300, 1e-300,
    "", "word", "größe 日本 \U0001f600", "a\nb\\c'", "x" * 300, b"", b"ab\xff", b"z" * 70_000,
    [], [1, [2, [3]]], (), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), {}, {"a": 1, 2: {"b": [None]}},
    {1.5: "x", None: 1, b"k": 2}, {1, 2}, set(), frozenset({"a"}), list(range(3000)),
    collections.OrderedDict(a=1, b=2), bytearray(b"abc"),
]  # fmt: skip


def parsed(data: bytes) -> Any:
    return load(PATH, data)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_plain_values_are_those_of_pickle(value: Any, protocol: int) -> None:
    assert parsed(pickle.dumps(value, protocol)) == value


def test_a_value_that_occurs_twice_is_one() -> None:
    shared = ["a"]
    found = parsed(pickle.dumps([shared, shared]))
    assert found[0] is found[1]


def test_strings_of_python_2_are_bytes() -> None:
    assert parsed(b"(lp0\nS'king'\np1\naS\"it's \\xc3\\xa9\\n\\\\\"\naV\\u65e5x\np2\nag1\na.") == [
        b"king", b"it's \xc3\xa9\n\\", "日x", b"king",
    ]  # fmt: skip
    assert parsed(b"\x80\x02]q\x01(U\x04kingq\x02T\x02\x00\x00\x00abe.") == [b"king", b"ab"]
    assert parsed(b"(I1\nL-2L\nI00\nF1.5\nd.") == {1: -2, False: 1.5}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "f2", "i8", "u1", "?", "<U3", "S2", "O"])
def test_arrays_are_those_of_pickle(dtype: str, protocol: int) -> None:
    array = np.arange(6).astype(dtype)
    found = parsed(pickle.dumps(array, protocol))
    assert isinstance(found, PickledArray)
    if dtype == "O":
        assert found.values == array.tolist()
        return
    for shaped in (array, array.reshape(2, 3), np.asfortranarray(array.reshape(2, 3)), array[:0]):
        found = parsed(pickle.dumps(shaped, protocol)).values
        np.testing.assert_array_equal(found, shaped)
        assert found.dtype == shaped.dtype


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_scalars_of_numpy_are_numbers(protocol: int) -> None:
    for value in (np.float32(1.5), np.int64(-3), np.float64(2)):
        assert parsed(pickle.dumps({"a": value}, protocol)) == {"a": value.item()}


def test_an_object_of_gensim_is_a_record_of_its_attributes() -> None:
    found = parsed(gensim_pickle({"window": 5, b"sg": 1}, "Word2Vec", "gensim.models.word2vec"))
    assert isinstance(found, Record)
    assert found.kind == ("gensim.models.word2vec", "Word2Vec")
    assert (found.get("window"), found.get("sg"), found.get("hs", 7)) == (5, 1, 7)


def test_the_state_of_random_numbers_is_a_record() -> None:
    for protocol in PROTOCOLS[2:]:
        for source in (np.random.RandomState(1), np.random.default_rng(1)):
            assert parsed(pickle.dumps([source], protocol))


def test_every_opcode_of_python_is_read_or_refused_with_its_reason() -> None:
    known = {code.decode("latin-1") for code in OPCODES} | {pickle.STOP.decode()}
    refused = {each.code for each in pickletools.opcodes if each.name in REASONS}
    assert known | refused == {each.code for each in pickletools.opcodes}
    assert not known & refused


ARGUMENTS = {
    "INST": b"posix\nmkdir\n", "PERSID": b"here\n", "EXT1": b"\x01", "EXT2": b"\x01\x00",
    "EXT4": b"\x01\x00\x00\x00",
}  # fmt: skip


@pytest.mark.parametrize("name", REASONS)
def test_each_other_opcode_is_an_error_that_names_it(name: str) -> None:
    code = next(each.code for each in pickletools.opcodes if each.name == name).encode("latin-1")
    data = b"\x80\x04(" + code + ARGUMENTS.get(name, b"") + b"."
    with pytest.raises(FormatError) as caught:
        parsed(data)
    assert str(caught.value) == (
        f"file.kv, byte 3: the pickle has the opcode {name} (0x{code[0]:02x}), which is not read: "
        f"{REASONS[name]}"
    )


def test_bytes_that_are_no_opcode_are_errors() -> None:
    codes = {each.code.encode("latin-1")[0] for each in pickletools.opcodes}
    for code in set(range(256)) - codes:
        with pytest.raises(FormatError, match=f"byte 2: the pickle has 0x{code:02x}, which is no"):
            parsed(b"\x80\x04" + bytes([code]))


def hostile(folder: Path) -> dict[str, bytes]:
    """Pickles that make a folder by every opcode that imports or calls, where pickle runs them."""
    name = str(folder)
    text = plain(name)
    module = os.mkdir.__module__
    cases = {f"reduce-{protocol}": pickle.dumps(Canary(folder), protocol) for protocol in PROTOCOLS}
    cases |= {
        f"inside-{protocol}": gensim_pickle(
            vectors_state() | {"hashfxn": Canary(folder)}, protocol=protocol
        )
        for protocol in (2, 3)
    }
    named = f"c{module}\nmkdir\n".encode()
    cases |= {
        "inst": f"(S'{name}'\ni{module}\nmkdir\n.".encode(),
        "obj": b"(" + named + text + b"o.",
        "global": named + text + b"\x85R.",
        "stack-global": b"\x80\x04\x8c" + bytes([len(module)]) + module.encode()
        + b"\x8c\x05mkdir\x93" + text + b"\x85R.",
        "newobj": b"\x80\x02csubprocess\nPopen\n" + plain(["mkdir", name]) + b"\x85\x81.",
        "newobj-ex": b"\x80\x04csubprocess\nPopen\n" + plain(["mkdir", name]) + b"\x85}\x92.",
        "eval": b"\x80\x02cbuiltins\neval\n" + plain(f"__import__('os').mkdir({name!r})")
        + b"\x85R.",
        "getattr": b"\x80\x02cbuiltins\ngetattr\n" + plain(["os", "mkdir"])[:-1] + b"\x86R.",
        "dotted": b"\x80\x04\x8c\x0cgensim.utils\x8c\x08os.mkdir\x93" + text + b"\x85R.",
        "build": gensim_pickle({}, "Canary", "tests.unit.pickles"),
    }  # fmt: skip
    return cases


@pytest.mark.parametrize("case", hostile(Path("x")))
def test_nothing_runs(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "sang"
    data = hostile(folder)[case]
    if case != "dotted":
        with pytest.raises(FormatError) as caught:
            parsed(data)
        assert "\n" not in str(caught.value)
    else:  # a name below gensim is a record, and so is what it would call
        assert isinstance(parsed(data), Record)
    assert not folder.exists()


@pytest.mark.parametrize("case", ["reduce-0", "reduce-5", "inst", "obj", "global", "stack-global"])
def test_the_same_pickles_run_in_python(case: str, tmp_path: Path) -> None:
    folder = tmp_path / "sang"
    pickle.loads(hostile(folder)[case])
    assert folder.exists()


def test_an_unknown_name_is_an_error_that_names_it() -> None:
    with pytest.raises(FormatError) as caught:
        parsed(b"\x80\x02cposix\nsystem\n.")
    assert str(caught.value) == (
        "file.kv, byte 2: the pickle names 'posix.system', which is none of the classes of gensim "
        "and NumPy that vectors need; nothing of it was run; have the program that made it save "
        "word2vec text"
    )


def test_cut_anywhere_it_is_an_error() -> None:
    for protocol in (2, 4, 5):
        data = gensim_pickle(vectors_state(), protocol=protocol)
        for length in range(len(data)):
            with pytest.raises(FormatError) as caught:
                parsed(data[:length])
            assert str(caught.value).startswith("file.kv, byte ")
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_any_byte_changed_is_an_error_or_a_value(protocol: int) -> None:
    state = vectors_state() | {"sample": 1e-4, "text": {"a", b"b"}}
    data = bytearray(pickle.dumps(state, protocol))
    for i, byte in enumerate(data):
        for other in (byte ^ 0xFF, byte ^ 1, 0, ord("R"), ord("b"), ord("e"), ord("\n")):
            data[i] = other
            try:
                parsed(bytes(data))
            except FormatError as error:
                assert "\n" not in str(error)
        data[i] = byte


ARRAY = b"\x80\x02cnumpy.core.multiarray\n_reconstruct\n)Rcnumpy\ndtype\n"
BOMBS = {
    "a string": b"\x80\x04\x8d" + struct.pack("<Q", 2**62) + b"a.",
    "bytes": b"\x80\x04\x8e" + struct.pack("<Q", 2**62) + b"a.",
    "a negative length": b"\x80\x02T" + struct.pack("<i", -5) + b"abcde.",
    "a number": b"\x80\x02\x8b" + struct.pack("<i", 2**31 - 1) + b"a.",
    "a frame": b"\x80\x04\x95" + struct.pack("<Q", 2**40) + b"N.",
    "a memo": b"\x80\x02Nr\xff\xff\xff\xff.",
    "digits": b"I" + b"9" * 100_000 + b"\n.",
    "sets": b"\x8f" * 1_000_000 + b".",
    "lists": b"(" + b"]" * 1_000_000 + b"l.",
    "marks": b"(" * 1_000_000,
    "nested tuples": b")" + b"\x85" * 1_000_000 + b".",
    "copies": b"\x80\x02c_codecs\nencode\nq\0X\0\0\1\0" + b"a" * 65536 + b"q\1("
    + b"h\0h\1\x85R" * 999,
    "arguments": b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\0(" + b"N" * 10**6 + b"tq\1("
    + b"h\0h\1R" * 10**5,
    "a shape": ARRAY + b"U\x02f4\x85R\x87b.",
    "a deep key": b"}" + b")" + b"\x85" * 50_000 + b"Ns.",
    "a large key": b"}" + b"\x8a\x10" + b"\x7f" * 16 + b"Ns.",
}  # fmt: skip


@pytest.mark.parametrize("case", BOMBS)
def test_a_lying_or_hostile_size_is_an_error_in_bounded_memory(case: str) -> None:
    data = BOMBS[case]
    tracemalloc.start()
    with pytest.raises(FormatError, match="damaged"):
        parsed(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25 + 64 * len(data)


@pytest.mark.parametrize(
    ("shape", "code", "data"),
    [
        ((3,), "f4", b"\0" * 11), ((2**62, 8), "f4", b""), ((-1, -3), "f4", b"\0" * 12),
        ((1,) * 40, "f4", b"\0" * 4), ((2,), "O", [1]), ((True,), "u1", b"a"),
        ((1,), "V4", b"abcd"),
        ([3], "f4", b"\0" * 12), ((1,), "M8", b"\0" * 8), ((3,), "f4", "text"),
    ],
)  # fmt: skip
def test_an_array_that_lies_is_an_error(shape: Any, code: str, data: Any) -> None:
    head = b"\x80\x03cnumpy.core.multiarray\n_reconstruct\n)R(K\x01" + plain(shape, 3)
    kind = b"cnumpy\ndtype\n" + plain(code, 3) + b"\x85R"
    with pytest.raises(FormatError, match=r"cut short or damaged, at (BUILD|REDUCE)"):
        parsed(head + kind + b"\x89" + plain(data, 3) + b"tb.")


def test_a_large_array_is_a_view_of_the_content() -> None:
    array = np.arange(2**18, dtype=np.float32)
    data = pickle.dumps(array, 4)
    tracemalloc.start()
    found = parsed(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(found.values, array)
    assert peak < array.nbytes // 2
