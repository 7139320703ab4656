"""Vector files that are no files: standard input and output, pipes, URLs, full disks."""

import bz2
import errno
import gzip
import lzma
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import click
import pytest

from embedtool import formats
from embedtool.cli.main import cli
from embedtool.formats import array_builder
from embedtool.formats.registry import FORMATS, WRITERS
from embedtool.formats.tensorboard import metadata_path
from embedtool.model import store
from tests.conftest import Run

EMBEDTOOL = [sys.executable, "-m", "embedtool"]


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_goes_to_standard_output_and_folders_do_not(
    name: str, models: dict[str, Path], run: Run, tmp_path: Path
) -> None:
    model = models["fasttext"]
    result = run("export", model, "-", "--format", name)
    if not FORMATS[name].streams:
        one = "folder" if FORMATS[name].is_folder else "file"
        assert (result.exit_code, result.stdout, result.stderr) == (
            1, "",
            f"Error: /dev/stdout: {name} is several files, which standard output cannot hold; "
            f"name a {one}\n",
        )  # fmt: skip
        return
    assert result.exit_code == 0, result.stderr
    assert run("export", model, tmp_path / "file", "--format", name).exit_code == 0
    assert result.stdout_bytes == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize("name", ["npz", "parquet", "arrow", "word2vec-binary", "fasttext-bin"])
def test_a_pipe_takes_any_format(name: str, models: dict[str, Path], tmp_path: Path) -> None:
    model = models["fasttext"]
    for target in ("-", "/dev/stdout"):
        done = subprocess.run(
            [*EMBEDTOOL, "export", model, target, "--format", name],
            capture_output=True, check=True,
        )  # fmt: skip
        (tmp_path / "file").write_bytes(done.stdout)
        loaded, found = formats.read(tmp_path / "file")
        assert found == name
        assert loaded.n_words == store.load(model).vectors.n_words


def test_the_content_of_a_file_stays_if_output_is_appended(
    models: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("before\n")
    with (tmp_path / "file").open("ab") as file:
        subprocess.run(
            [*EMBEDTOOL, "export", models["word2vec"], "-", "--format", "glove"],
            stdout=file, stderr=subprocess.DEVNULL, check=True,
        )  # fmt: skip
    lines = (tmp_path / "file").read_text().splitlines()
    assert lines[0] == "before"
    assert len(lines) == 1 + store.load(models["word2vec"]).vectors.n_words


def test_standard_output_does_not_determine_the_format(run: Run, models: dict[str, Path]) -> None:
    result = run("export", models["word2vec"], "-")
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "Error: /dev/stdout: the suffix of the name is unknown; set --format to one of: "
    )


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_vectors_are_imported_from_a_pipe_and_a_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a 1 2\nb 3 4\n")
    call = [*EMBEDTOOL, "import", name, str(tmp_path / "model"), "--overwrite"]
    for content in (b"a 1 2\nb 3 4\n", gzip.compress(b"a 1 2\nb 3 4\n")):
        done = subprocess.run(call, input=content, capture_output=True)
        assert (done.returncode, done.stderr.decode()) == (
            0, f"{tmp_path / 'model'}: glove, 2 words x 2\n",
        )  # fmt: skip
    with (tmp_path / "file").open("rb") as file:
        assert subprocess.run(call, stdin=file, capture_output=True).returncode == 0


@pytest.mark.parametrize("name", ["-", "/dev/stdin"])
def test_a_pipe_is_not_checked_and_a_file_is(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"a 1 2\nb 3 4\n")
    call = [*EMBEDTOOL, "check", name]
    done = subprocess.run(call, input=b"a 1 2\n", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr.decode()) == (
        1, b"",
        "Error: /dev/stdin: is a pipe or a device, and a file is checked in several passes; save "
        "it to a file first\n",
    )  # fmt: skip
    with (tmp_path / "file").open("rb") as file:
        assert subprocess.run(call, stdin=file, capture_output=True).returncode == 0


@pytest.mark.parametrize("command", ["import", "check", "export"])
def test_a_url_is_named_as_it_is(command: str, run: Run, tmp_path: Path) -> None:
    url = "s3://bucket/a.vec"
    args = [tmp_path / "model", url] if command == "export" else [url, tmp_path / "model"]
    result = run(command, *args[: 1 if command == "check" else 2])
    assert result.exit_code == 2
    remedy = (
        "name a file here, and upload it afterwards"
        if command == "export"
        else "download it first, and name the file"
    )
    assert f"{url} is a URL; {remedy}" in result.stderr


def files_that_are_written() -> list[tuple[list[str], click.Parameter]]:
    """Each parameter of each command that names what the command writes."""
    found: list[tuple[list[str], click.Parameter]] = []

    def walk(command: click.Command, path: list[str]) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                walk(command.get_command(context, name), [*path, name])
        for parameter in command.params:
            names = {"output", "export", "table", "out", "html", "overlaps", "json_log"}
            if parameter.name in names or (path, parameter.name) == (["import"], "model"):
                found.append((path, parameter))

    walk(cli, [])
    return found


@pytest.mark.parametrize(
    ("path", "parameter"), files_that_are_written(), ids=lambda each: getattr(each, "name", None)
)
def test_a_dash_is_never_the_name_of_a_file(path: list[str], parameter: click.Parameter) -> None:
    try:
        assert parameter.type.convert("-", parameter, None) == Path("/dev/stdout")
    except click.BadParameter as error:
        assert error.message.startswith(
            "- is standard output, which cannot be used here; name a file"
        )
    with pytest.raises(click.BadParameter, match="and upload it afterwards"):
        parameter.type.convert("https://example.org/a", parameter, None)
    assert parameter.type.convert("./-", parameter, None) == Path("./-")


@pytest.mark.parametrize("command", ["vocab", "phrases"])
def test_a_dash_is_standard_output_for_text(
    command: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text").write_text("the old king met the old queen\n" * 20)
    expected = run(command, "text", "--min-count", "1")
    result = run(command, "text", "--min-count", "1", "--output", "-")
    assert (result.exit_code, result.stdout) == (0, expected.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_a_dash_is_no_file_that_is_read(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["glove"], "king", "--words", "-")
    assert result.exit_code == 2
    assert "- is standard input, which cannot be used here; name a file" in result.stderr


def test_a_full_disk_is_not_the_fault_of_the_file_that_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_bytes(b"a 1 2\nb 3 4\n")
    nameless = array_builder._nameless

    class Full:
        def __init__(self, folder: Path) -> None:
            self.file = nameless(folder)

        def write(self, data: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def close(self) -> None:
            self.file.close()

    monkeypatch.setattr(array_builder, "_nameless", Full)
    result = run("import", tmp_path / "file", tmp_path / "model")
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {tmp_path}: temporary data cannot be written: No space left on device\n",
    )  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_what_cannot_be_written_to_its_end_says_why(
    name: str, models: dict[str, Path], tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource", reason="Windows has no such limits")

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    target = tmp_path / "vectors"
    done = subprocess.run(
        [*EMBEDTOOL, "export", models["fasttext"], target, "--format", name],
        capture_output=True, preexec_fn=small_files, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip
    assert done.returncode == 1
    first = metadata_path(target) if name == "tensorboard" else target
    assert done.stderr.decode() == f"Error: {first}: cannot be written: File too large\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "command", [["formats"], ["formats", "--json"], ["--help"], ["similar", "MODEL", "king"]]
)
def test_a_full_disk_under_standard_output_is_named(
    command: list[str], models: dict[str, Path]
) -> None:
    call = [str(models["glove"]) if each == "MODEL" else each for each in command]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*EMBEDTOOL, *call], stdout=full, stderr=subprocess.PIPE)
    assert (done.returncode, done.stderr.decode()) == (
        1, "Error: standard output: cannot be written: No space left on device\n",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content", "location"),
    [
        (b"a 1 2\nb\xff 1 3\nc 1 2\n", "line 2"),
        (b"2 1\nb\xff \0\0\0\0\nc \0\0\x80?\n", "byte 4"),
    ],
)
def test_a_word_in_another_encoding_is_refused_with_what_reads_it(
    content: bytes, location: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert run("import", path, tmp_path / "model").stderr == (
        f"Error: {path}, {location}: the word is not UTF-8: b'b\\xff'; text may need another "
        "--encoding, and --encoding-errors replace keeps the word; "
        f"`embedtool check {path} --repair OUT` reports all faults and writes the good rows to "
        "OUT\n"
    )


COMPRESSED = {
    "gzip": b"\x1f\x8b\x08",
    "bzip2": b"BZh91AY&SY",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
}


@pytest.mark.parametrize("kind", COMPRESSED)
@pytest.mark.parametrize("options", [[], ["--format", "glove"]])
def test_a_damaged_compressed_file_is_named(
    kind: str, options: list[str], run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(COMPRESSED[kind] + b"\0" * 100)
    result = run("import", path, tmp_path / "model", *options)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {path}: the compressed data is damaged or cut short: ")
    assert not (tmp_path / "model").exists()


def test_a_compressed_file_is_not_checked(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(b"a 1 2\nb 3 4\n"))
    result = run("check", path)
    assert (result.exit_code, result.stderr) == (
        1, f"Error: {path}: is compressed or an archive; check reads unpacked files\n",
    )  # fmt: skip


OTHERS = {
    "RData": b"RDX3\nX\n",
    "db": b"SQLite format 3\0",
    "npy": b"\x93NUMPY",
    "7z": b"7z\xbc\xaf\x27\x1c",
}


def test_archives_and_other_programs_files_are_named(run: Run, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "zip", "w") as zipped:
        zipped.writestr("README.md", "")
    with zipfile.ZipFile(tmp_path / "pt", "w") as zipped:
        zipped.writestr("archive/data.pkl", b"")
    for name, content in OTHERS.items():
        (tmp_path / name).write_bytes(content)
    for name, message in (
        ("zip", "holds no file of vectors, only README.md"),
        ("pt", "is a pickle of PyTorch, which can run code when it is opened; have the program "
               "that made it save word2vec text"),
        ("RData", "is R's data; in R, save it as text with write.table"),
        ("db", "is a database of SQLite, as Magnitude's are; have the program that made it save "
               "word2vec text"),
        ("npy", "is one array of NumPy, not a zip archive of several; save words and vectors with "
                "numpy.savez"),
        ("7z", "is a 7z archive; unpack it first with 7z"),
    ):  # fmt: skip
        result = run("import", tmp_path / name, tmp_path / "model")
        assert (result.exit_code, result.stderr) == (1, f"Error: {tmp_path / name}: {message}\n")


@pytest.mark.parametrize("module", [gzip, bz2, lzma])
def test_what_is_inside_a_compressed_file_is_named(
    module: ModuleType, run: Run, tmp_path: Path
) -> None:
    as_r = "is R's data; in R, save it as text with write.table"
    path = tmp_path / "file"
    for content, message in (
        (b"RDX3\nX\n\0\0\0\3", as_r),
        (b"RDA2\nA\n2\n", as_r),
        (b"X\n\0\0\0\3\0\4", as_r),
    ):
        path.write_bytes(module.compress(content))
        result = run("import", path, tmp_path / "model")
        assert (result.exit_code, result.stderr) == (1, f"Error: {path}: {message}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"%PDF-1.7\n%\xe2\xe3\n1 0 obj\n<< >>\n", "is not text but a PDF document"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0", "is not text but a PNG image"),
        (b"<!DOCTYPE html>\n<html><body>404 Not found</body></html>\n", "is a web page, not vec"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
         "is a pointer of Git LFS, not the file itself; fetch that: git lfs pull"),
    ],
)  # fmt: skip
def test_what_is_no_vectors_is_named_as_what_it_is(
    content: bytes, message: str, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    result = run("import", path, tmp_path / "model")
    assert result.exit_code == 1
    assert result.stderr.startswith(f"Error: {path}: {message}")


def test_an_error_in_a_row_names_the_command_that_saves_the_others(
    run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a 1 2\nb 1\nc 1 2\n")
    assert run("import", path, tmp_path / "model").stderr == (
        f"Error: {path}, line 2: expected a word and 2 numbers between single spaces, found "
        f"b'b 1'; `embedtool check {path} --repair OUT` reports all faults and writes the good "
        "rows to OUT\n"
    )
