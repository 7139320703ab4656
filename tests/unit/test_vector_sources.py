"""Vectors in compressed files and archives, of which one member is read."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import DamagedError, EmbedtoolError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.io.compression import zstd
from embedtool.model.vectors import VectorTable
from tests.factories import word_vectors

SMALL = b"king 1 2\nqueen 3 4\n"
WIDE = b"king 1 2 3\nqueen 4 5 6\n"
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd.compress,
}


def zipped(members: dict[str, bytes], path: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(members: dict[str, bytes], path: Path, mode: str = "w:gz") -> Path:
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def read(path: Path, **options: object) -> VectorTable:
    return formats.read(path, None, ReadOptions(**options))[0]  # type: ignore[arg-type]


def error(path: Path, **options: object) -> str:
    with pytest.raises(EmbedtoolError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", COMPRESSORS)
@pytest.mark.parametrize("name", ["word2vec", "word2vec-binary", "glove", "safetensors", "npz"])
def test_each_format_is_read_from_a_compressed_file(kind: str, name: str, tmp_path: Path) -> None:
    table = word_vectors([f"w{i}" for i in range(300)], 40)
    formats.write(table, tmp_path / "plain", name)
    path = tmp_path / f"file.{kind}"
    path.write_bytes(COMPRESSORS[kind]((tmp_path / "plain").read_bytes()))
    vectors, found = formats.read(path)
    assert found == name
    assert list(vectors.words) == list(table.words)
    assert np.array_equal(vectors.rows, table.rows)
    assert sorted(each.name for each in tmp_path.iterdir()) == [path.name, "plain"]


@pytest.mark.parametrize("packed", [zipped, tarred])
def test_a_member_of_several_must_be_named(
    packed: Callable[[dict[str, bytes], Path], Path], tmp_path: Path
) -> None:
    members = {"README.md": b"x", "v/a.2d.txt": SMALL, "v/a.3d.txt": WIDE, "__MACOSX/a.txt": b"x"}
    path = packed(members, tmp_path / "archive")
    assert error(path) == (
        f"{path}: holds several files; name one with member: v/a.2d.txt, v/a.3d.txt"
    )
    for member in ("v/a.3d.txt", "a.3d.txt", "*.3d.*"):
        assert read(path, member=member).vector_size == 3
    assert "no file in it is named 'b'; there are README.md, v/a.2d.txt" in error(path, member="b")


@pytest.mark.parametrize("packed", [zipped, tarred])
def test_the_one_file_of_vectors_needs_no_name(
    packed: Callable[[dict[str, bytes], Path], Path], tmp_path: Path
) -> None:
    path = packed({"meta.json": b"{}", "README": b"x", "vectors.txt": SMALL}, tmp_path / "archive")
    assert list(read(path).words) == ["king", "queen"]


def test_a_limit_leaves_the_rest_of_a_tar_archive_unread(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tarred({"a.txt": SMALL, "b.txt": WIDE}, tmp_path / "archive")
    assert list(read(path, limit=1).words) == ["king"]
    assert f"{path}: only the first file in it is read, a.txt" in caplog.text


def test_a_stored_member_and_a_member_of_another_method(tmp_path: Path) -> None:
    members = {"a.txt": SMALL}
    assert read(zipped(members, tmp_path / "a.zip", zipfile.ZIP_STORED)).n_words == 2
    path = zipped(members, tmp_path / "b.zip", zipfile.ZIP_LZMA)
    assert error(path) == f"{path}: a.txt: is compressed by a rare method; unpack it first"


def test_a_member_that_is_damaged_fails_by_its_checksum(tmp_path: Path) -> None:
    path = zipped({"a.txt": SMALL}, tmp_path / "a.zip", zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"king 1 2", b"king 1 9"))
    with pytest.raises(DamagedError, match=r"a\.txt: damaged: its size or checksum is another one"):
        read(path)


def test_a_zip_archive_cut_short_is_called_so(tmp_path: Path) -> None:
    path = zipped({"a.txt": SMALL}, tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:-30])
    assert error(path).startswith(f"{path}: the zip archive is damaged or cut short: ")


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    assert error(tmp_path / "a\0b") == f"'{tmp_path}/a\\x00b': no file can have such a name"


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst", "zip", "tar"])
def test_cut_anywhere_it_is_an_error(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"file.{suffix}"
    if suffix in COMPRESSORS:
        path.write_bytes(COMPRESSORS[suffix](SMALL))
    else:
        {"zip": zipped, "tar": tarred}[suffix]({"a.txt": SMALL}, path)
    whole = path.read_bytes()
    for length in range(1, len(whole)):
        path.write_bytes(whole[:length])
        try:
            vectors = read(path)
        except FormatError:
            continue
        assert list(vectors.words) == ["king", "queen"]  # the padding of tar may be cut


def test_members_are_never_written_under_their_names(tmp_path: Path) -> None:
    table = word_vectors(["king", "queen"], 4)
    formats.write(table, tmp_path / "v.npz")
    folder = tmp_path / "inner"
    folder.mkdir()
    content = (tmp_path / "v.npz").read_bytes()
    path = tarred({"../../outside.npz": content}, folder / "archive.tar.gz")
    assert list(read(path, scratch=folder).words) == ["king", "queen"]
    assert [each.name for each in folder.iterdir()] == ["archive.tar.gz"]
    assert sorted(each.name for each in tmp_path.iterdir()) == ["inner", "v.npz"]


def test_a_model_of_gensim_with_arrays_beside_it_in_a_zip_archive(tmp_path: Path) -> None:
    models = pytest.importorskip("gensim.models")
    saved = models.FastText(
        [["king", "queen", "man"]] * 20, vector_size=8, min_count=1, bucket=50, epochs=1
    )
    saved.save(str(tmp_path / "model.model"), sep_limit=0)
    members = {each.name: each.read_bytes() for each in tmp_path.iterdir()}
    assert len(members) > 1
    path = zipped({"meta.json": b"{}", **members}, tmp_path / "214.zip")
    for options in ({}, {"member": "model.model"}):
        vectors = read(path, scratch=tmp_path, **options)
        assert np.allclose(vectors.vector("king"), saved.wv["king"], atol=1e-6)
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, *members])


def test_words_with_a_prefix_are_read_without_it(tmp_path: Path) -> None:
    path = tmp_path / "numberbatch.txt"
    path.write_bytes(b"4 2\n/c/de/und 1 2\n/c/en/and 3 4\n/c/en/or 5 6\n/c/en/not 7 8\n")
    assert list(read(path, word_prefix="/c/en/").words) == ["and", "or", "not"]
    assert list(read(path, word_prefix="/c/en/", limit=2).words) == ["and", "or"]
    assert error(path, word_prefix="/c/fr/") == f"{path}: holds no word that begins with '/c/fr/'"


def test_the_limit_counts_words_and_not_duplicates(tmp_path: Path) -> None:
    path = tmp_path / "glove.txt"
    path.write_bytes(b"a 1 2\na 3 4\n. . . 5 6\nb 7 8\n")
    assert list(read(path, limit=2).words) == ["a", ". . ."]


@pytest.mark.parametrize("kept", [10, 600])
def test_a_tar_archive_that_ends_in_its_file_is_damaged(kept: int, tmp_path: Path) -> None:
    path = tarred({"a.txt": SMALL * 100}, tmp_path / "archive.tar", "w")
    path.write_bytes(path.read_bytes()[: 512 + kept])
    assert error(path) == f"{path}: the archive is damaged or cut short: unexpected end of data"
