"""Text in records: JSONL, CSV and TSV."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.text import TextConfig
from embedtool.corpus.records import kind_of, read_records
from embedtool.errors import ConfigError, CorpusError
from tests.conftest import Run
from tests.factories import read_sentences

BOM = b"\xef\xbb\xbf"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.txt", "text"),
        ("a", "text"),
        ("-", "text"),
        ("a.gz", "text"),
        ("a.jsonl", "jsonl"),
        ("a.ndjson", "jsonl"),
        ("a.JSONL", "jsonl"),
        ("a.v1.2.csv", "csv"),
        ("a.csv.gz", "csv"),
        ("a.tsv.bz2", "tsv"),
        ("a.Jsonl.XZ", "jsonl"),
        ("a.parquet", "parquet"),
        ("a.parquet.zst", "parquet"),
        ("a.csv.txt", "text"),
        ("b.csv/a", "text"),
        ("s3://bucket/a.jsonl.gz", "jsonl"),
    ],
)
def test_the_kind_goes_by_the_name(name: str, kind: str) -> None:
    assert kind_of(name, TextConfig()) == kind
    assert kind_of(name, TextConfig(input_format="tsv")) == "tsv"


def test_jsonl_gives_the_field_of_each_line(tmp_path: Path) -> None:
    data = (
        '{"text": "a b"}\n\n  \n{"id": 1, "text": "c\\nd \\u00e9"}\r\n{"text": null}\n{"text": ""}'
    )
    assert read_sentences(tmp_path / "a.jsonl", data) == [["a", "b"], ["c"], ["d", "é"]]


def test_jsonl_with_another_field_a_byte_order_mark_and_another_name(tmp_path: Path) -> None:
    data = BOM + b'{"body": "a b"}\n'
    options = {"field": "body", "input_format": "jsonl"}
    assert read_sentences(tmp_path / "a.txt", data, **options) == [["a", "b"]]


def test_jsonl_keeps_separators_of_lines_that_are_no_line_ends(tmp_path: Path) -> None:
    data = json.dumps({"text": "a\u2028b\x85c \\u2028"}, ensure_ascii=False)
    assert read_sentences(tmp_path / "a.jsonl", data) == [["a\u2028b\x85c", "\\u2028"]]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 1, "body": "x"}', "has no 'text'; set field to one of: 'id', 'body'"),
        ("{}", "has no 'text'"),
        ('["text"]', "not a JSON object"),
        ('"text"', "not a JSON object"),
        ("null", "not a JSON object"),
        ('{"text": "a"', "not JSON: "),
        ("plain text", "not JSON: "),
        ('{"text": 7}', "'text' holds int, not text"),
        ('{"text": ["a", 1.5]}', "'text' holds a list with float, not a list of tokens"),
        ('{"text": [["a"]]}', "'text' holds a list with list, not a list of tokens"),
        ('{"text": [true]}', "'text' holds a list with bool, not a list of tokens"),
        ('{"text": ["a\\nb"]}', "'text' holds a token with a line end or NUL: "),
        ('{"text": ["a", "\\ud83d"]}', "contains half of a surrogate pair"),
        ('{"text": "\\ud83d"}', "contains half of a surrogate pair"),
        ('{"text": "a \\uDE00 b"}', "contains half of a surrogate pair"),
        ('{"text": ' + "[" * 100_000, "not JSON: nested too deep"),
        ('{"text": ' + "1" * 5000 + "}", "not JSON: "),
    ],
)
def test_a_bad_line_of_jsonl_is_named(line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=f"a.jsonl, line 3: {message}"):
        read_sentences(tmp_path / "a.jsonl", f'{{"text": "fine"}}\n\n{line}\n')


def test_escapes_of_whole_surrogate_pairs_are_characters(tmp_path: Path) -> None:
    data = '{"text": "a\\ud83d\\ude00b"}\n{"text": "\\\\ud83d"}\n{"text": "x", "id": "\\ud83d"}'
    assert read_sentences(tmp_path / "a.jsonl", data) == [["a\U0001f600b"], ["\\ud83d"], ["x"]]


def test_invalid_utf8_in_records_is_named_by_its_byte(tmp_path: Path) -> None:
    data = BOM + b'{"text": "a"}\n{"text": "b \xff c"}\n'
    offset = data.index(b"\xff")
    with pytest.raises(CorpusError, match=rf"a\.jsonl, byte {offset}: invalid UTF-8 \(0xff\)"):
        read_sentences(tmp_path / "a.jsonl", data)
    for errors, tokens in (("replace", ["b", "\ufffd", "c"]), ("skip", ["b", "c"])):
        read = read_sentences(tmp_path / "a.jsonl", data, encoding_errors=errors)
        assert read == [["a"], tokens]


@settings(deadline=None)
@given(st.lists(st.none() | st.text()))
def test_jsonl_gives_what_was_written(texts: list[str | None]) -> None:
    lines = [json.dumps({"text": text}) + "\n" for text in texts]
    read = read_records("jsonl", iter(lines), "a", {"field": "text"})
    assert [values for _, values in read] == [(text,) for text in texts]


def test_csv_with_quotes_line_ends_and_commas_in_them(tmp_path: Path) -> None:
    data = 'id,text\r\n1,"a, b\nc ""d"""\r\n\r\n2,e f\r\n3,\r\n'
    assert read_sentences(tmp_path / "a.csv", data) == [["a,", "b"], ["c", '"d"'], ["e", "f"]]


def test_csv_with_a_byte_order_mark_and_another_column(tmp_path: Path) -> None:
    data = BOM + "text,id\nä b,1\n".encode()
    assert read_sentences(tmp_path / "a.csv", data) == [["ä", "b"]]
    assert read_sentences(tmp_path / "b.csv", data, column="id") == [["1"]]


def test_tsv(tmp_path: Path) -> None:
    data = "id\ttext\n1\ta, b\n2\tc"
    assert read_sentences(tmp_path / "a.tsv", data) == [["a,", "b"], ["c"]]
    assert read_sentences(tmp_path / "a.tsv.gz", gzip.compress(data.encode())) == [
        ["a,", "b"],
        ["c"],
    ]


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_empty_files_of_records_hold_nothing(name: str, tmp_path: Path) -> None:
    assert read_sentences(tmp_path / name, "") == []


def test_csv_of_a_header_only_holds_nothing(tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a.csv", "text,id\n") == []


def test_a_field_of_csv_may_be_longer_than_the_modules_own_limit(tmp_path: Path) -> None:
    assert read_sentences(tmp_path / "a.csv", "text\n" + "word " * 50_000) == [["word"] * 50_000]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("id,body\n1,x\n", "a.csv: has no 'text'; set column to one of: 'id', 'body'"),
        ("id,text\n1,x\n2\n", "a.csv, line 3: has no 'text' column"),
        ('id,text\n1,"x\ny"\n2\n', "a.csv, line 4: has no 'text' column"),
        ("id,text\n1,a\rb\n", "a.csv, line 2: "),
        ("id,text\r1,x\r2,y\r", "a.csv, line 1: "),
    ],
)
def test_a_bad_line_of_csv_is_named(data: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=message):
        read_sentences(tmp_path / "a.csv", data)


def test_fields_within_fields(tmp_path: Path) -> None:
    lines = '{"a": {"b": {"c": "one two"}}}\n{"a.b.c": "three", "a": {"b": {"c": "no"}}}\n'
    assert read_sentences(tmp_path / "a.jsonl", lines, field="a.b.c") == [["one", "two"], ["three"]]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('{"a": {"x": 1, "y": {}}, "z": null}', "a.x, a.y, z"),
        ('{"a": "text"}', "a"),
        ('{"a": null}', "a"),
        ('{"a": [{"c": "text"}]}', "a.c"),
        ('{"a": [{"b": "text"}, {"c": "text"}]}', "a.b"),
        ('{"a": ["text"]}', "a"),
    ],
)
def test_a_field_that_is_not_within_another_is_named(line: str, names: str, tmp_path: Path) -> None:
    with pytest.raises(CorpusError) as refused:
        read_sentences(tmp_path / "a.jsonl", line, field="a.b")
    path = tmp_path / "a.jsonl"
    listed = ", ".join(map(repr, names.split(", ")))
    assert str(refused.value) == f"{path}, line 1: has no 'a.b'; set field to one of: {listed}"


def test_fields_within_lists(tmp_path: Path) -> None:
    chat = {"messages": [{"content": "how are you"}, {"content": None}, {"content": "fine"}]}
    lines = "".join(json.dumps(each) + "\n" for each in (chat, {"messages": []}, chat))
    read = read_sentences(tmp_path / "a.jsonl", lines, field="messages.content")
    assert read == [["how", "are", "you"], ["fine"]] * 2
    deeper = '{"a": [{"b": [{"c": "one"}, {"c": "two"}]}, {"b": {"c": "three"}}]}'
    assert read_sentences(tmp_path / "a.jsonl", deeper, field="a.b.c") == [
        ["one"],
        ["two"],
        ["three"],
    ]
    for wrong in ('{"a": [{"b": 1}]}', '{"a": [{"b": ["x"]}]}'):
        with pytest.raises(CorpusError, match=r"'a\.b' holds a list with list, not a list of"):
            read_sentences(tmp_path / "a.jsonl", wrong, field="a.b")


def test_a_message_lists_so_many_fields_and_no_more(tmp_path: Path) -> None:
    line = json.dumps({f"f{i}": i for i in range(70)})
    with pytest.raises(CorpusError, match=r": 'f0', 'f1', .*, 'f49', and 20 more$"):
        read_sentences(tmp_path / "a.jsonl", line)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", '{"text": "a"}\n{"id": 1}\n{}\n{"text": "b"}\n'),
        ("a.csv", "id,text\n1,a\n2\n3\n4,b\n"),
        ("a.tsv", "id\ttext\n1\ta\n2\n3\n4\tb\n"),
    ],
)
def test_records_that_lack_the_text_are_skipped_and_counted(
    run: Run, name: str, data: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    with pytest.raises(CorpusError, match=rf"{name}, line (2|3): (no field|has no) 'text'"):
        read_sentences(path, data)
    assert read_sentences(path, data, missing="skip") == [["a"], ["b"]]
    for command in (["vocab", "--min-count", "1"], ["phrases"]):
        result = run(*command, path, "--missing", "skip")
        assert result.exit_code == 0
        assert "Warning: skipped 2 records without 'text'\n" in result.stderr


def test_a_header_that_lacks_the_column_is_no_record(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="has no 'text'"):
        read_sentences(tmp_path / "a.csv", "id,body\n1,x\n", missing="skip")


@pytest.mark.parametrize(
    ("data", "options", "read"),
    [
        ("id;text\n1;a, b\n", {"delimiter": ";"}, [["a,", "b"]]),
        ("id|text\n1|a b\n", {"delimiter": "|"}, [["a", "b"]]),
        ('id\ttext\n1\t"a b"\n', {"delimiter": r"\t"}, [["a", "b"]]),
        ("1,a b\n2,c\n", {"header": False, "column": "2"}, [["a", "b"], ["c"]]),
        ("a b\nc\n", {"header": False, "column": "1"}, [["a", "b"], ["c"]]),
        ("\ufeff1;a\n", {"header": False, "column": "1", "delimiter": ";"}, [["1"]]),
        (
            'id,text\n1,say "a" b\n',
            {"input_format": "tsv", "delimiter": ","},
            [["say", '"a"', "b"]],
        ),
        ("id,text\n1,a,\n2,b,,\n", {}, [["a"], ["b"]]),
    ],
)
def test_csv_with_other_delimiters_and_without_a_header(
    data: str, options: dict[str, Any], read: list[list[str]], tmp_path: Path
) -> None:
    assert read_sentences(tmp_path / "a.csv", data, **options) == read


QUOTES = (
    "; a quote within a text is doubled; if quotes have no meaning, use "
    "input_format='tsv', delimiter=','"
)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (
            'id,text\n1,a\n2,"b\n3,c\n4,d\n',
            {},
            f", line 3: a quote that opens in this record is never closed{QUOTES}",
        ),
        (
            'id,text\n1,"a\n2,b\n3,"c"\n',
            {},
            f", line 2: a quote in this record closes within a text{QUOTES}",
        ),
        (
            "id,text\n1,Hello, world\n",
            {},
            ", line 2: has 3 columns, the first line 2; a text with ',' in it must be quoted in "
            "CSV",
        ),
        (
            "id;text\n1;a\n",
            {},
            ": has no 'text'; set column to one of: 'id;text' (are they separated by ';'? set "
            "delimiter)",
        ),
        (
            "text,text\na,b\n",
            {},
            ": two columns are called 'text'; name one by its number, with header=False",
        ),
        (
            "1,a\n",
            {"header": False},
            ": has 2 columns and, by header=False, no names; set column to a number from 1 to 2, "
            "not 'text'",
        ),
        (
            "1,a\n",
            {"header": False, "column": "3"},
            ": has 2 columns and, by header=False, no names; set column to a number from 1 to 2, "
            "not '3'",
        ),
        ("1,a\n2\n", {"header": False, "column": "2"}, ", line 2: has no '2' column"),
    ],
)
def test_csv_that_would_be_misread_is_refused(
    data: str, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(CorpusError) as refused:
        read_sentences(tmp_path / "a.csv", data, **options)
    assert str(refused.value) == f"{tmp_path / 'a.csv'}{message}"


@pytest.mark.parametrize("delimiter", ["", ";;", '"', "\n"])
def test_a_delimiter_is_one_character(delimiter: str) -> None:
    with pytest.raises(ConfigError, match=r"^delimiter must be one character, not "):
        TextConfig(delimiter=delimiter)
