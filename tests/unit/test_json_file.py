"""JSON that is read becomes a value, or one kind of error that names the file and the reason."""

from pathlib import Path

import pytest

from embedtool.errors import FormatError, ModelError
from embedtool.io.json_file import parse_json, read_json


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_any_unicode_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"ä": [1, null]}', encoding=encoding)
    assert read_json(path, ModelError) == {"ä": [1, None]}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not JSON: Expecting value"),
        (b"{", "not JSON: "),
        (b'"\xff"', "not JSON: 'utf-8' codec"),
        (b"[" * 10**6, "not JSON: nested too deep"),
        (b"1" * 5000, "not JSON: Exceeds the limit"),
    ],
)
def test_a_file_that_is_not_json_is_named_with_the_reason(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(data)
    with pytest.raises(FormatError) as caught:
        read_json(path, FormatError)
    assert str(caught.value).startswith(f"{path}: {reason}")


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="none: cannot be read: No such file"):
        read_json(tmp_path / "none", ModelError)


def test_nan_is_refused_where_it_is_not_allowed() -> None:
    assert str(parse_json("[NaN]")) == "[nan]"
    with pytest.raises(ValueError, match="NaN is not a JSON number"):
        parse_json("[NaN]", allow_nan=False)
