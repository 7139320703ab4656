"""Text in object stores, read from a small server that speaks S3."""

import gzip
import io
import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from socket import create_server

import pytest

from embedtool.config.text import TextConfig
from embedtool.corpus import object_stores
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.phrases import rereadable
from embedtool.corpus.records import kind_of
from embedtool.corpus.scanning import cached_scan
from embedtool.corpus.sources import (
    display_name,
    find_sources,
    open_source,
    signature_of,
    total_size,
)
from embedtool.errors import CorpusError, MissingExtraError, StoppedError
from embedtool.io.progress import Progress
from embedtool.model.store import TRAINING_SUFFIX, VECTORS
from embedtool.trainers.training_dir import MANIFEST
from tests.conftest import Run
from tests.unit.s3_server import S3Server, serving

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

FILES = (
    "top.txt",
    "texts/b.txt",
    "texts/a.csv",
    "texts/a/c.txt",
    "texts/a-b/c.txt",
    "texts/a/deep/d.txt",
    "texts/_SUCCESS",
    "texts/.hidden.txt",
    "texts/_temporary/0/e.txt",
)
SECONDS = 1_700_000_000


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # asked for credentials, it takes long
    with serving() as server:
        yield server
        object_stores._file_system.cache_clear()  # its connections keep the server's threads


@pytest.fixture
def full(server: S3Server) -> S3Server:
    """A server with some files."""
    for file in FILES:
        server.put(file, b"text\n")
    return server


def asked(server: S3Server) -> list[str]:
    """The requests since the last time."""
    requests = list(server.requests)
    server.requests.clear()
    return requests


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("top.txt", ["top.txt"]),
        ("texts/_SUCCESS", ["texts/_SUCCESS"]),
        ("texts", [FILES[3], FILES[5], FILES[4], FILES[2], FILES[1]]),
        ("texts/a/", ["texts/a/c.txt", "texts/a/deep/d.txt"]),
        ("texts/*.txt", ["texts/b.txt"]),
        ("texts/?.txt", ["texts/b.txt"]),
        ("texts/?.*", ["texts/a.csv", "texts/b.txt"]),
        ("*", ["top.txt"]),
        ("*/[ax].csv", ["texts/a.csv"]),
        ("texts/**/*.txt", [FILES[4], FILES[3], FILES[5], FILES[1]]),
        ("texts/**/deep/*", ["texts/a/deep/d.txt"]),
        ("texts/**", [FILES[4], FILES[2], FILES[3], FILES[5], FILES[1]]),
        ("texts/_*/**", ["texts/_temporary/0/e.txt"]),
        ("texts/.*", ["texts/.hidden.txt"]),
    ],
)
def test_addresses_stand_for_files(given: str, found: list[str], full: S3Server) -> None:
    assert find_sources([full.address(given)]) == [full.address(file) for file in found]


def test_a_whole_bucket_is_a_folder(full: S3Server) -> None:
    whole = find_sources([full.address("")])
    assert whole == [*find_sources([full.address("texts")]), full.address("top.txt")]


def test_stores_and_files_are_in_the_same_order(full: S3Server, tmp_path: Path) -> None:
    """Or a training on one would not be that on the other."""
    for file in FILES:
        if not re.search(r"/[._]", file):
            (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file).write_text("text\n")
    for given in ("texts", "**", "texts/**/*.txt", "*/*"):
        local = find_sources([str(tmp_path / given)])
        there = find_sources([full.address(given)])
        assert there == [full.address(str(Path(file).relative_to(tmp_path))) for file in local]


def test_a_folder_is_listed_by_one_request_for_a_thousand_files(server: S3Server) -> None:
    for number in range(2500):
        server.put(f"a/{number % 7}/{number}.txt", b"")
    assert len(find_sources([server.address("a")])) == 2500
    assert len(asked(server)) == 2 + 3  # what the address is, and then the files
    assert len(find_sources([server.address("a/*/*.txt")])) == 2500
    assert len(asked(server)) == 2 + 3


def test_a_pattern_without_folders_lists_no_folders(server: S3Server) -> None:
    for number in range(2500):
        server.put(f"a/deep/{number}.txt", b"")
    file = server.put("a/b.txt", b"")
    assert find_sources([server.address("a/*.txt")]) == [file]
    assert len(asked(server)) == 2 + 1


@pytest.mark.parametrize(
    "name",
    ["a b.txt", "é我.txt", "100%.txt", "%41.txt", "what?x=1", "a?", "a[1]*.txt", "a#b+&=@:c"],
)
def test_names_of_any_characters_are_found_and_read(name: str, server: S3Server) -> None:
    server.put(f"folder/{name}", b"text\n")
    (found,) = find_sources([server.address("folder")])
    assert content(found) == b"text\n"
    assert find_sources([found]) == [found]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("none.txt", "no such file or folder"),
        ("none/*.txt", "no file matches this pattern"),
        ("texts/*/*.csv", "no file matches this pattern"),
        ("texts/_temporary/0/.x", "no such file or folder"),
        ("hidden", "the folder holds no files"),
        ("texts//a.csv", "cannot be read: Empty path component"),
    ],
)
def test_what_does_not_exist_is_named(path: str, message: str, full: S3Server) -> None:
    full.put("hidden/_SUCCESS", b"")
    with pytest.raises(CorpusError) as caught:
        find_sources([full.address(path)])
    assert str(caught.value).startswith(f"{full.address(path, 'bucket')}: {message}")


def content(source: str) -> bytes:
    with open_source(source) as (stream, _):
        return stream.read()


TEXT = b"".join(b"line %d of a text\n" % number for number in range(20_000))


def test_a_file_is_read_in_few_requests(server: S3Server) -> None:
    file = server.put("a.txt", TEXT)
    assert content(file) == TEXT
    assert len(asked(server)) == 2  # how large it is, and its bytes


def test_a_file_is_read_from_any_place(server: S3Server) -> None:
    file = server.put("a.txt", TEXT)
    with open_source(file) as (stream, raw):
        assert isinstance(raw, io.BufferedReader)
        assert stream is raw and stream.seekable()
        assert raw.peek(4)[:4] == TEXT[:4]
        assert stream.tell() == 0
        for offset in (300_000, 5, len(TEXT) - 3, len(TEXT)):
            assert stream.seek(offset) == offset
            assert stream.read(10) == TEXT[offset : offset + 10]
            assert stream.tell() == min(offset + 10, len(TEXT))
        assert stream.seek(-4, io.SEEK_END) == len(TEXT) - 4
        assert stream.readline() == TEXT[-4:]


def test_empty_and_compressed_files(server: S3Server) -> None:
    assert content(server.put("empty", b"")) == b""
    assert content(server.put("lies.txt", gzip.compress(TEXT))) == TEXT
    with pytest.raises(CorpusError, match=r"cut\.gz.*: the compressed data is damaged or cut"):
        content(server.put("cut.gz", gzip.compress(TEXT)[:-9]))


def test_a_corpus_in_a_store_is_that_of_the_same_files(server: S3Server, tmp_path: Path) -> None:
    sink = io.BytesIO()
    rows = pa.table({"text": ["from parquet", "é 我"] * 300, "n": range(600)})
    pq.write_table(rows, sink, row_group_size=50)
    files = {
        "a.txt": TEXT,
        "b.jsonl": b'{"text": "from jsonl"}\n',
        "c.csv.gz": gzip.compress(b"text\nfrom csv\n"),
        "d.parquet": sink.getvalue(),
        "named-otherwise": sink.getvalue(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        server.put(f"folder/{name}", data)
    there = Corpus([server.address("folder")])
    assert list(there.sentences()) == list(Corpus([str(tmp_path)]).sentences())
    with rereadable(there) as again:
        assert again is there


def test_lines_that_begin_in_a_span_are_read(server: S3Server) -> None:
    file = server.put("a.txt", TEXT)
    middle = len(TEXT) // 2
    first, second = (
        list(Corpus([file], span=span).sentences()) for span in ((0, middle), (middle, len(TEXT)))
    )
    assert first + second == list(Corpus([file]).sentences())


def test_progress_goes_to_the_size_of_all_files(server: S3Server) -> None:
    files = [server.put("a.txt", TEXT), server.put("b.gz", gzip.compress(TEXT))]
    size = sum(len(data) for data, _ in server.files.values())
    seen: list[Progress] = []
    list(Corpus(files).blocks(seen.append))
    assert (seen[-1].done, seen[-1].total) == (size, size)


def test_size_and_time_are_known(server: S3Server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1234")
    file = server.put("a", b"123", SECONDS)
    assert signature_of(file) == (3, SECONDS * 10**9)
    assert total_size([file, str(tmp_path / "a")]) == 7
    assert total_size([file, "-"]) is None
    assert signature_of(server.address("none")) is None


def test_a_changed_file_is_refused(server: S3Server) -> None:
    corpus = Corpus([server.put("a", b"a b\n")])
    assert list(corpus.sentences()) == list(corpus.sentences())
    server.put("a", b"a c\n", SECONDS + 1)
    with pytest.raises(CorpusError, match=r"a.*: has changed since it was first read"):
        list(corpus.sentences())


def test_the_cache_knows_files_by_address_size_and_time(server: S3Server, tmp_path: Path) -> None:
    file = server.put("a", b"a b\n")
    scans = [cached_scan(Corpus([file]), tmp_path)]
    assert "GET /bucket/a" in asked(server)
    scans.append(cached_scan(Corpus([server.address("a", "other:keys@bucket")]), tmp_path))
    assert "GET /bucket/a" not in asked(server)
    server.put("a", b"a c\n", SECONDS + 1)
    scans.append(cached_scan(Corpus([file]), tmp_path))
    assert [list(scan.words) for scan in scans] == [["a", "b"], ["a", "b"], ["a", "c"]]


def test_the_program_learns_the_same_from_a_store(
    server: S3Server, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    file = server.put("kingdoms.txt", kingdoms.read_bytes())
    assert run("vocab", file).stdout == run("vocab", kingdoms).stdout
    model, options = tmp_path / "model", ["--vector-size", "8", "--epochs", "1", "--workers", "1"]
    assert run("train", "word2vec", file, "-o", model, *options).exit_code == 0
    about = (model / "config.json").read_text()
    assert json.dumps(server.address("kingdoms.txt", "bucket")) in about
    assert "secret" not in about
    local = tmp_path / "local"
    run("train", "word2vec", kingdoms, "-o", local, *options)
    assert (model / VECTORS).read_bytes() == (local / VECTORS).read_bytes()


def interrupted(*args: object) -> None:
    raise StoppedError("interrupted")


def test_resume_refuses_a_text_that_has_changed_in_its_store(
    server: S3Server, run: Run, kingdoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = server.put("kingdoms.txt", kingdoms.read_bytes())
    model = tmp_path / "model"
    with monkeypatch.context() as patch:
        patch.setattr("embedtool.trainers.session.TrainingSession._fit", interrupted)
        run("train", "word2vec", file, "-o", model, "--vector-size", "8", "--epochs", "1")
    kept = tmp_path / f"model{TRAINING_SUFFIX}"
    (known,) = json.loads((kept / MANIFEST).read_text())["text"]["files"]
    assert known == [file, kingdoms.stat().st_size, SECONDS * 10**9]
    shutil.copytree(kept, tmp_path / f"other{TRAINING_SUFFIX}")
    server.put("kingdoms.txt", kingdoms.read_bytes(), SECONDS + 1)
    refused = run("resume", model)
    assert refused.exit_code == 1
    name = server.address("kingdoms.txt", "bucket")
    assert f"Error: {name}: has changed since the training of" in refused.stderr
    server.put("kingdoms.txt", kingdoms.read_bytes(), SECONDS)
    resumed = run("resume", tmp_path / "other")
    assert resumed.exit_code == 0, resumed.output


def test_what_is_not_permitted_is_said_in_one_line(server: S3Server, run: Run) -> None:
    file = server.put("a.txt", b"text\n")
    corpus = Corpus([file])
    server.denied = True
    name = re.escape(server.address("a.txt", "bucket"))
    for failing in (lambda: find_sources([file]), lambda: list(corpus.sentences())):
        with pytest.raises(CorpusError, match=f"^{name}: cannot be read: .*ACCESS_DENIED"):
            failing()
    result = run("vocab", file)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert re.match(f"Error: {name}: cannot be read: .*ACCESS_DENIED", line)


def test_a_file_that_vanishes_and_a_folder_are_not_read(full: S3Server) -> None:
    corpus = Corpus([full.address("top.txt")])
    del full.files["top.txt"]
    with pytest.raises(CorpusError, match=r"top\.txt.*: cannot be read: "):
        list(corpus.sentences())
    with pytest.raises(CorpusError, match=r"texts.*: cannot be read: "):
        content(full.address("texts"))


@pytest.mark.parametrize("address", ["s3://", "s3:///a", "s3://bucket/a?colour=red", "gs:///a/b"])
def test_an_address_that_makes_no_sense_is_named(address: str) -> None:
    with pytest.raises(CorpusError, match=f"^{re.escape(address)}: cannot be read: .+$"):
        find_sources([address])


def test_a_missing_bucket_is_named(server: S3Server) -> None:
    with pytest.raises(CorpusError, match=r"^s3://nowhere/a.*: no such file or folder$"):
        find_sources([server.address("a", "key:secret@nowhere")])


@pytest.mark.slow  # pyarrow tries for six seconds
def test_a_refused_connection_is_named(server: S3Server) -> None:
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"s3://key:secret@bucket/a?endpoint_override=127.0.0.1:{port}&scheme=http"
    with pytest.raises(CorpusError, match=r"^s3://bucket/a\?.*: cannot be read: .*NETWORK_CONN"):
        find_sources([address])


def test_hdfs_without_java_is_an_error_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAVA_HOME", "HADOOP_HOME", "ARROW_LIBHDFS_DIR"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(CorpusError) as caught:
        find_sources(["hdfs://127.0.0.1:1/a"])
    assert re.fullmatch("hdfs://127.0.0.1:1/a: cannot be read: .+", str(caught.value))


def test_without_pyarrow_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"s3:// addresses needs: .*embedtool\[parquet\]"):
        find_sources(["s3://bucket/a"])


@pytest.mark.parametrize("secret", ["secret", "se/cr+et", "se%2Fcret"])
def test_secrets_with_a_slash_are_understood_and_none_is_shown(
    secret: str, server: S3Server
) -> None:
    server.put("a@b:c.txt", b"text\n")
    address = server.address("a@b:c.txt", f"key:{secret}@bucket")
    assert content(address) == b"text\n"
    assert display_name(address) == server.address("a@b:c.txt", "bucket")
    with pytest.raises(CorpusError) as caught:
        find_sources([f"s3://key:{secret}@ /a"])
    assert secret not in str(caught.value)


def test_the_kind_of_records_is_told_by_the_name_alone() -> None:
    """The options after it hold points too."""
    assert kind_of("s3://bucket/a.jsonl?endpoint_override=127.0.0.1:80", TextConfig()) == "jsonl"
    assert kind_of("s3://bucket/a.txt?endpoint_override=host.csv", TextConfig()) == "text"
