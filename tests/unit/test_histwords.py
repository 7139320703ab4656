"""HistWords: an array and a pickled list of words for each decade."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.formats.options import ReadOptions
from tests.conftest import Run
from tests.unit.pickles import ROWS, WORDS, Canary, npy, zipped

OLD = np.array([[0, 0, 0], [4, 5, 6], [0, 0, 1]], np.float64)
MEMBERS = {
    "sgns/1980-w.npy": npy(OLD),
    "sgns/1980-vocab.pkl": b"(lp0\nS'king'\np1\naS'queen'\np2\naS'gr\\xc3\\xb6\\xc3\\x9fe'\np3\na.",
    "sgns/1990-w.npy": npy(ROWS),
    "sgns/1990-vocab.pkl": pickle.dumps(WORDS, 2),
    "info/readme.txt": b"",
}

Make = Callable[[Path], Path]


def archive(folder: Path) -> Path:
    path = folder / "eng-all_sgns.zip"
    path.write_bytes(zipped(MEMBERS))
    return path


def unpacked(folder: Path) -> Path:
    for name, content in MEMBERS.items():
        (folder / "words" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "words" / name).write_bytes(content)
    return folder / "words"


@pytest.mark.parametrize("make", [archive, unpacked])
@pytest.mark.parametrize("member", ["1990", "sgns/1990", "sgns/1990-w.npy", "199*"])
def test_a_decade_of_an_archive_or_a_folder(make: Make, member: str, tmp_path: Path) -> None:
    found, name = formats.read(make(tmp_path), options=ReadOptions(member=member))
    assert name == "histwords"
    assert list(found.words) == WORDS
    np.testing.assert_array_equal(found.rows, ROWS)


def test_one_array_beside_its_words(tmp_path: Path) -> None:
    folder = unpacked(tmp_path) / "sgns"
    found, name = formats.read(folder / "1990-w.npy")
    assert (name, list(found.words)) == ("histwords", WORDS)
    found, name = formats.read(folder, options=ReadOptions(member="1990"))
    assert (name, list(found.words)) == ("histwords", WORDS)
    (folder / "1990-vocab.pkl").unlink()
    with pytest.raises(FormatError, match="is one array of NumPy"):
        formats.read(folder / "1990-w.npy")


def test_words_that_a_decade_does_not_have_are_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = archive(tmp_path)
    found, _ = formats.read(path, options=ReadOptions(member="1980", scratch=tmp_path))
    assert list(found.words) == ["queen", "größe"]
    np.testing.assert_array_equal(found.rows, OLD[1:].astype(np.float32))
    assert caplog.messages == [f"{path}: 1 word has no vector in 1980 and is left out"]
    path.write_bytes(zipped({"1850-w.npy": npy(OLD * 0), "1850-vocab.pkl": pickle.dumps(WORDS, 2)}))
    with pytest.raises(FormatError, match="no word has a vector in 1850"):
        formats.read(path)


@pytest.mark.parametrize("make", [archive, unpacked])
def test_without_a_decade_the_error_lists_them(make: Make, run: Run, tmp_path: Path) -> None:
    path = make(tmp_path)
    result = run("import", path, tmp_path / "model")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {path}: holds 2 decades; choose one with --member: sgns/1980, sgns/1990\n",
    )
    result = run("import", path, tmp_path / "model", "--member", "1950")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {path}: has no decade '1950'; choose one with --member: sgns/1980, sgns/1990\n",
    )
    result = run("import", path, tmp_path / "model", "--member", "1990")
    assert (result.exit_code, result.stderr) == (
        0,
        f"{tmp_path / 'model'}: histwords, 3 words x 3\n",
    )


@pytest.mark.parametrize(
    ("vocabulary", "rows", "message"),
    [
        (pickle.dumps({"a": 1}), npy(ROWS), "is not a pickled list of words"),
        (pickle.dumps([]), npy(ROWS), "is not a pickled list of words"),
        (pickle.dumps(["a", 2, "b"]), npy(ROWS), "value 2 of the list is not a word"),
        (pickle.dumps(["a", "b"]), npy(ROWS), "2 words in 1990-vocab.pkl, but an array of the "),
        (pickle.dumps(WORDS), npy(ROWS[0]), "but an array of the shape 3 in"),
        (pickle.dumps(WORDS), npy(ROWS.astype(int)), "but an array of the shape 3 x 3 in"),
        (pickle.dumps(WORDS), npy(ROWS[:, :0]), "but an array of the shape 3 x 0 in"),
        (pickle.dumps(["a", "b", ""]), npy(ROWS), "a word is empty"),
        (b"\x80\x02](U\x01aU\x01\xffU\x01ce.", npy(ROWS), "word 2: the word is not UTF-8"),
        (pickle.dumps(WORDS), npy(ROWS)[:-1], "which is not in"),
        (pickle.dumps(WORDS), npy(ROWS) + b"a", "which is not in"),
        (pickle.dumps(WORDS), npy(ROWS * [1, np.nan, 1]), "a number that is not finite"),
        (pickle.dumps(WORDS)[:-1], npy(ROWS), "the pickle is cut short"),
    ],
)
def test_damaged_files(vocabulary: bytes, rows: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "1990-w.npy").write_bytes(rows)
    (tmp_path / "1990-vocab.pkl").write_bytes(vocabulary)
    (tmp_path / "a.zip").write_bytes(zipped({"1990-w.npy": rows, "1990-vocab.pkl": vocabulary}))
    for path in (tmp_path, tmp_path / "1990-w.npy", tmp_path / "a.zip"):
        with pytest.raises(FormatError, match=message) as caught:
            formats.read(path, "histwords")
        assert "\n" not in str(caught.value)


def test_a_canary_in_the_words_or_the_array_never_runs(tmp_path: Path) -> None:
    canary = Canary(tmp_path / "sang")
    (tmp_path / "1990-w.npy").write_bytes(npy(ROWS))
    (tmp_path / "1990-vocab.pkl").write_bytes(pickle.dumps([canary]))
    with pytest.raises(FormatError, match=r"the pickle names '\w+\.mkdir'"):
        formats.read(tmp_path)
    np.save(tmp_path / "1990-w.npy", np.array([canary], object), allow_pickle=True)
    (tmp_path / "1990-vocab.pkl").write_bytes(pickle.dumps(["a"]))
    with pytest.raises(FormatError, match="holds Python objects, which can run code"):
        formats.read(tmp_path)
    assert not canary.path.exists()


def test_other_archives_and_folders_are_not_taken_for_it(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", vectors=ROWS, words=WORDS)
    assert formats.read(tmp_path / "a.npz")[1] == "npz"
    with pytest.raises(FormatError, match=r"holds no pair of files such as 1990-w\.npy and"):
        formats.read(tmp_path / "a.npz", "histwords")
