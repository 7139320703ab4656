"""Numbers between text and float32: the kernels against Python's own conversions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embedtool.kernels import reference
from embedtool.kernels.text.float_text import LINE_END, MAX_NUMBER_BYTES, format_rows, parse_lines

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
MATRICES = arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 5)), elements=FLOATS)


def parsed(text: bytes, vector_size: int) -> list[tuple[bytes, list[float]] | None]:
    """The word and the numbers of each line, or None where the kernel leaves it to others."""
    n_lines = text.count(b"\n")
    matrix = np.full((n_lines, vector_size), np.nan, np.float32)
    letters = np.frombuffer(text, np.uint8)
    places = np.full((n_lines, 3), -7)
    places[:, 2] = np.flatnonzero(letters == LINE_END)
    parse_lines(letters, matrix, places)
    lines = text.split(b"\n")[:-1]
    assert [text[start:stop] for start, _, stop in places.tolist()] == lines
    return [
        None if end < 0 else (text[start:end], row.tolist())
        for (start, end, _), row in zip(places.tolist(), matrix, strict=True)
    ]


def written(matrix: np.ndarray, separator: str = " ") -> list[bytes]:
    text, ends = np.empty(MAX_NUMBER_BYTES * matrix.size, np.uint8), np.empty(len(matrix), np.int64)
    format_rows(matrix, ord(separator), text, ends)
    return text[: ends[-1]].tobytes().splitlines(keepends=True)


@given(MATRICES)
def test_what_is_written_leads_back_to_the_same_numbers(matrix: np.ndarray) -> None:
    lines = written(matrix)
    for line, row in zip(lines, matrix, strict=True):
        assert line.endswith(b"\n")
        again = np.array(line.split(b" "), np.float64).astype(np.float32)
        assert again.tobytes() == row.tobytes()
    found = parsed(b"".join(b"w " + line for line in lines), matrix.shape[1])
    for each, row in zip(found, matrix, strict=True):
        if each is not None:
            assert np.array(each[1], np.float32).tobytes() == row.tobytes()


@given(MATRICES)
def test_it_is_written_as_c_writes_it(matrix: np.ndarray) -> None:
    """But for the last digit, where the ninth is rounded from a tie that float64 cannot show."""
    for line, row in zip(written(matrix, "\t"), reference.format_rows(matrix, "\t"), strict=True):
        for ours, theirs in zip(line.split(b"\t"), row.split(b"\t"), strict=True):
            if ours != theirs:
                assert float(ours) == pytest.approx(float(theirs), rel=2e-9)


@pytest.mark.parametrize(
    "number", [0.0, -0.0, 1.0, -1.5, 1e-4, 9.9999e-5, 123456789.0, 1e9, 0.1, 100.0, 1e-45, 3.4e38]
)
def test_usual_numbers_are_written_as_c_writes_them(number: float) -> None:
    matrix = np.array([[number]], np.float32)
    assert written(matrix) == reference.format_rows(matrix, " ")


DECIMALS = st.one_of(
    FLOATS.map(lambda x: f"{x:.9g}"),
    FLOATS.map(lambda x: f"{x:f}"),
    st.from_regex(r"[-+]?[0-9]{0,21}(\.[0-9]{0,21})?([eE][-+]?[0-9]{0,4})?", fullmatch=True),
    st.sampled_from(["nan", "inf", "1_0", "0x1", "--1", "1e", "", "1e5.", "+.5", "5.", "."]),
)


@given(st.lists(DECIMALS, min_size=1, max_size=4), st.sampled_from([b"w", b". . .", b"\xff", b""]))
def test_lines_are_read_as_python_reads_them(numbers: list[str], word: bytes) -> None:
    text = word + b" " + " ".join(numbers).encode() + b" \r\n"
    found, expected = parsed(text, len(numbers))[0], reference.parse_line(text, len(numbers))
    if found is not None:
        assert expected is not None
        assert found[0] == expected[0]
        assert np.array(found[1]).tobytes() == expected[1].astype(np.float64).tobytes()


def test_ordinary_lines_are_not_left_to_others() -> None:
    text = b"king 0.1 -2 3e-05\n. . . 1 2 3 \nx 1.5 +2.25 -0.000123456789\r\n"
    assert all(parsed(text, 3))
    assert parsed(b"a 1 2\n 1 2 3\nb 1 2 3 4\n\n", 3) == [None, None, (b"b 1", [2, 3, 4]), None]
