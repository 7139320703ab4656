"""The numeric keys of strings in spaCy, and the file that maps them to rows.

A key is the 64-bit hash of a word; but some hundred names of attributes and labels, among them
such words as "mark" and "root", have a small number instead. `key2row` is a map in MessagePack.
"""

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.string_table import StringTable
from embedtool.errors import FormatError

NAMES = {
    1: (
        "IS_ALPHA IS_ASCII IS_DIGIT IS_LOWER IS_PUNCT IS_SPACE IS_TITLE IS_UPPER LIKE_URL "
        "LIKE_NUM LIKE_EMAIL IS_STOP IS_OOV_DEPRECATED IS_BRACKET IS_QUOTE IS_LEFT_PUNCT "
        "IS_RIGHT_PUNCT IS_CURRENCY"
    ),
    64: (
        "ID ORTH LOWER NORM SHAPE PREFIX SUFFIX LENGTH CLUSTER LEMMA POS TAG DEP ENT_IOB ENT_TYPE "
        "HEAD SENT_START SPACY PROB LANG ADJ ADP ADV AUX CONJ CCONJ DET INTJ NOUN NUM PART PRON "
        "PROPN PUNCT SCONJ SYM VERB X EOL SPACE"
    ),
    380: (
        "PERSON NORP FACILITY ORG GPE LOC PRODUCT EVENT WORK_OF_ART LANGUAGE LAW DATE TIME "
        "PERCENT MONEY QUANTITY ORDINAL CARDINAL acomp advcl advmod agent amod appos attr aux "
        "auxpass cc ccomp complm conj cop csubj csubjpass dep det dobj expl hmod hyph infmod intj "
        "iobj mark meta neg nmod nn npadvmod nsubj nsubjpass num number oprd obj obl parataxis "
        "partmod pcomp pobj poss possessive preconj prep prt punct quantmod relcl rcmod root "
        "xcomp acl ENT_KB_ID MORPH ENT_ID IDX _"
    ),
}
"""Names by the number of the first of each group."""
FIRST_FLAG, LAST_FLAG = 19, 63
N_DEPRECATED, BEFORE_DEPRECATED = 276, 103
SYMBOLS = {
    **{name: i for first, group in NAMES.items() for i, name in enumerate(group.split(), first)},
    **{f"FLAG{i}": i for i in range(FIRST_FLAG, LAST_FLAG + 1)},
    **{f"DEPRECATED{i:03}": BEFORE_DEPRECATED + i for i in range(1, N_DEPRECATED + 1)},
}
"""The strings with a small number."""

SEED = 1
MULTIPLIER = np.uint64(0xC6A4A7935BD1E995)
SHIFT = np.uint64(47)

KEY, ROW = 0xCF, 0xCE
"""MessagePack's marks of an unsigned integer of 64 and of 32 bits."""
ENTRY = np.dtype([("key_mark", "u1"), ("key", ">u8"), ("row_mark", "u1"), ("row", ">u4")])
MAP_16, MAP_32 = 0xDE, 0xDF
SMALL_MAP, SMALL_MAPS = 0x80, 16
NUMBERS = {
    0xCC: struct.Struct(">B"),
    0xCD: struct.Struct(">H"),
    0xCE: struct.Struct(">I"),
    0xCF: struct.Struct(">Q"),
    0xD0: struct.Struct(">b"),
    0xD1: struct.Struct(">h"),
    0xD2: struct.Struct(">i"),
    0xD3: struct.Struct(">q"),
}
LARGEST_SMALL_NUMBER = 0x7F


def keys_of(words: StringTable) -> NDArray[np.uint64]:
    """Return the key of each word, uint64 (n_words,).

    The hash is MurmurHash64A (Appleby, public domain) of the UTF-8 with seed 1, computed for all
    words of one length at a time.
    """
    keys = np.empty(len(words), np.uint64)
    starts = np.concatenate([[0], words.ends[:-1]]).astype(np.int64)
    lengths = words.ends - starts
    order = np.argsort(lengths, kind="stable")
    cuts = np.flatnonzero(np.diff(lengths[order])) + 1
    for ids in np.split(order, cuts) if len(order) else ():
        offsets = starts[ids, None] + np.arange(lengths[ids[0]])
        keys[ids] = _murmur_hash(words.text[offsets])
    for name, number in SYMBOLS.items():
        offset = words.find(name)
        if offset >= 0:
            keys[offset] = number
    return keys


def _murmur_hash(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return the hash of each row of bytes, uint64 (n_rows,)."""
    n_rows, length = rows.shape
    padded = np.zeros((n_rows, -(-length // 8) * 8), np.uint8)
    padded[:, :length] = rows
    blocks = padded.view("<u8").T.astype(np.uint64)
    h = np.full(n_rows, SEED ^ (length * int(MULTIPLIER) & 2**64 - 1), np.uint64)
    n_whole = length // 8
    for block in blocks[:n_whole]:
        mixed = block * MULTIPLIER
        h ^= (mixed ^ mixed >> SHIFT) * MULTIPLIER
        h *= MULTIPLIER
    for rest in blocks[n_whole:]:
        h ^= rest
        h *= MULTIPLIER
    h ^= h >> SHIFT
    h *= MULTIPLIER
    h ^= h >> SHIFT
    return h


def key2row_bytes(keys: NDArray[np.uint64]) -> bytes:
    """Return a map from each key to its row."""
    entries = np.empty(len(keys), ENTRY)
    entries["key_mark"], entries["row_mark"] = KEY, ROW
    entries["key"], entries["row"] = keys, np.arange(len(keys))
    return struct.pack(">BI", MAP_32, len(keys)) + entries.tobytes()


def read_key2row(path: Path) -> dict[int, int]:
    """Return the row of each key; raise FormatError with the byte if it is not such a map."""
    data = path.read_bytes()
    try:
        offset, n_entries = _map_head(data)
        if 2 * n_entries > len(data) - offset:
            raise IndexError(n_entries)
        numbers = []
        for _ in range(2 * n_entries):
            mark = data[offset]
            offset += 1
            if mark <= LARGEST_SMALL_NUMBER:
                numbers.append(mark)
            elif mark in NUMBERS:
                numbers += NUMBERS[mark].unpack_from(data, offset)
                offset += NUMBERS[mark].size
            else:
                raise FormatError(f"{path}, byte {offset - 1:,}: expected a whole number")
    except (IndexError, struct.error):
        raise FormatError(f"{path}: the file is cut short or no map of numbers") from None
    if offset != len(data):
        raise FormatError(f"{path}, byte {offset:,}: more follows than {n_entries:,} entries")
    return dict(zip(numbers[::2], numbers[1::2], strict=True))


def _map_head(data: bytes) -> tuple[int, int]:
    """Return the offset of the entries of a map, and their number."""
    if data[0] == MAP_32:
        return 5, int(struct.unpack_from(">I", data, 1)[0])
    if data[0] == MAP_16:
        return 3, int(struct.unpack_from(">H", data, 1)[0])
    if 0 <= data[0] - SMALL_MAP < SMALL_MAPS:
        return 1, data[0] - SMALL_MAP
    raise IndexError(data[0])
