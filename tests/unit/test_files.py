"""Files and folders that are there whole or not at all."""

import errno
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_directory, atomic_write, check_writable
from tests.conftest import Run

OLD, NEW = b"old content\n", b"new content" * 10_000


class Stopped(BaseException):
    """Neither an OSError nor an Exception, like KeyboardInterrupt."""


@contextmanager
def file_of(path: Path) -> Iterator[Path]:
    """A file by `replaced`, half of it written; the rest when the block ends."""
    with atomic_write(path) as file:
        file.write(NEW[: len(NEW) // 2])
        yield path
        file.write(NEW[len(NEW) // 2 :])


@contextmanager
def folder_of(path: Path) -> Iterator[Path]:
    """A folder by `new_folder`, half of its file written; the rest when the block ends."""
    with atomic_directory(path) as folder, (folder / "file").open("wb") as file:
        file.write(NEW[: len(NEW) // 2])
        yield path
        file.write(NEW[len(NEW) // 2 :])


def make_old(path: Path, writer: object) -> None:
    if writer is file_of:
        path.write_bytes(OLD)
    else:
        path.mkdir()
        (path / "file").write_bytes(OLD)
        (path / "older").write_bytes(OLD)


def content(path: Path) -> bytes | dict[str, bytes]:
    if path.is_dir():
        return {each.name: each.read_bytes() for each in path.iterdir()}
    return path.read_bytes()


Writer = Callable[[Path], "contextmanager[Path]"]  # type: ignore[type-arg, valid-type]


@pytest.fixture(params=[file_of, folder_of])
def writer(request: pytest.FixtureRequest) -> Writer:
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("there", [False, True])
def test_the_new_takes_the_place_of_the_old(writer: Writer, there: bool, tmp_path: Path) -> None:
    path = tmp_path / "target"
    if there:
        make_old(path, writer)
    before = content(path) if there else None
    with writer(path):
        assert (content(path) if path.exists() else None) == before
    assert content(path) == (NEW if writer is file_of else {"file": NEW})
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, Stopped, KeyboardInterrupt, OSError])
@pytest.mark.parametrize("there", [False, True])
def test_where_the_block_fails_nothing_is_left_and_the_old_stays(
    writer: Writer, error: type[BaseException], there: bool, tmp_path: Path
) -> None:
    path = tmp_path / "target"
    if there:
        make_old(path, writer)
    before = content(path) if there else None
    with pytest.raises(OutputError if error is OSError else error), writer(path):
        raise error(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert (content(path) if path.exists() else None) == before
    assert list(tmp_path.iterdir()) == ([path] if there else [])


FAILURES = [
    *((os, "fsync", n) for n in range(3)),
    (os, "fchmod", 0),
    (Path, "chmod", 0),
    (Path, "replace", 0),
    *((Path, "rename", n) for n in range(2)),
]


@pytest.mark.parametrize(("owner", "name", "nth"), FAILURES)
@pytest.mark.parametrize("there", [False, True])
def test_where_the_disk_fails_the_old_or_the_new_is_there(
    writer: Writer, owner: object, name: str, nth: int, there: bool, tmp_path: Path
) -> None:
    """The system's nth call of one kind fails, whichever of them that is."""
    path = tmp_path / "target"
    if there:
        make_old(path, writer)
    before = content(path) if there else None
    real, calls = getattr(owner, name), 0

    def failing(*args: object) -> object:
        nonlocal calls
        calls += 1
        if calls == nth + 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(*args)

    failed = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, failing)
        try:
            with writer(path):
                pass
        except OutputError as error:
            failed = True
            assert str(error) == f"{path}: cannot be written: Input/output error"
    assert failed == (calls > nth)
    after = content(path) if path.exists() else None
    new = NEW if writer is file_of else {"file": NEW}
    assert after in ((before, new) if failed else (new,))
    assert list(tmp_path.iterdir()) == ([path] if after is not None else [])


@pytest.mark.parametrize("nth", range(2))
@pytest.mark.parametrize("late", [False, True])
def test_where_a_signal_comes_between_two_names_the_old_or_the_new_is_there(
    nth: int, late: bool, tmp_path: Path
) -> None:
    """A handler may raise just before a folder has been renamed, and just after."""
    path = tmp_path / "target"
    make_old(path, folder_of)
    before = content(path)
    rename, calls = Path.rename, 0

    def interrupted(self: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls != nth + 1:
            rename(self, target)
            return
        if late:
            rename(self, target)
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.io.atomic._exchange", lambda *_: False)
        patch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt), folder_of(path):
            pass
    assert list(tmp_path.iterdir()) == [path]
    assert content(path) == ({"file": NEW} if (nth, late) == (1, True) else before)


@contextmanager
def limited(n_bytes: int) -> Iterator[None]:
    """Have the system refuse files of more than so many bytes, as a full disk does.

    The limit holds for what pytest itself writes too, so it lasts no longer than it must.
    """
    resource = pytest.importorskip("resource", reason="Windows has no such limits")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


@pytest.mark.parametrize("n_bytes", [0, 1, 4096, 100_000, len(NEW) - 1])
def test_where_the_space_ends_the_old_stays(writer: Writer, n_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "target"
    make_old(path, writer)
    before = content(path)
    refused = pytest.raises(OutputError, match="target: cannot be written: File too large")
    with refused, limited(n_bytes), writer(path):
        pass
    assert content(path) == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_within_the_folder_comes_too(tmp_path: Path) -> None:
    with atomic_directory(tmp_path / "target") as folder:
        (folder / "inner").mkdir()
        (folder / "inner" / "file").write_bytes(NEW)
        (folder / "inner" / "file").chmod(0)
    assert (tmp_path / "target" / "inner" / "file").read_bytes() == NEW
    assert (tmp_path / "target" / "inner" / "file").stat().st_mode & 0o600 == 0o600


@pytest.mark.parametrize("there", ["file", "folder", "link", "dangling link"])
def test_a_folder_that_replaces_nothing(there: str, tmp_path: Path) -> None:
    path, other = tmp_path / "target", tmp_path / "other"
    if there == "file":
        path.write_bytes(OLD)
    elif there == "folder":
        make_old(path, folder_of)
    else:
        path.symlink_to(other)
        if there == "link":
            other.mkdir()
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(OutputError, match="is there already; name a new folder, or an empty one"),
        atomic_directory(path, replace=False),
    ):
        raise AssertionError("the work has begun")
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_may_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "target"
    path.mkdir()
    with atomic_directory(path, replace=False) as folder:
        (folder / "file").write_bytes(NEW)
    assert content(path) == {"file": NEW}
    assert list(tmp_path.iterdir()) == [path]


def test_what_comes_while_the_folder_is_filled_stays(tmp_path: Path) -> None:
    path = tmp_path / "target"
    with (
        pytest.raises(OutputError, match="target: cannot be written"),
        atomic_directory(path, replace=False) as folder,
    ):
        (folder / "file").write_bytes(NEW)
        make_old(path, folder_of)
    assert content(path) == {"file": OLD, "older": OLD}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", [".", "..", "new/.."])
def test_a_folder_needs_a_name(name: str, tmp_path: Path) -> None:
    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(OutputError, match="name the folder that is to be made"),
    ):
        patch.chdir(tmp_path)
        with atomic_directory(Path(name), replace=False):
            raise AssertionError("the work has begun")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(params=[0o022, 0o027, 0o077, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def test_permissions_are_those_of_any_new_file(writer: Writer, umask: int, tmp_path: Path) -> None:
    with writer(tmp_path / "target"):
        pass
    target = tmp_path / "target"
    if writer is folder_of:
        assert stat.S_IMODE(target.stat().st_mode) == 0o777 & ~umask
        target /= "file"
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask
    assert os.umask(umask) == umask


def test_files_made_for_their_owner_alone_are_opened_to_others(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with atomic_directory(tmp_path / "target") as folder:
            os.close(os.open(folder / "file", os.O_CREAT, 0o600))
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "target" / "file").stat().st_mode) == 0o644


def test_the_content_reaches_the_disk_before_the_name_and_then_the_name(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[int | str] = []
    for owner, name in ((Path, "replace"), (Path, "rename")):
        real = getattr(owner, name)
        monkeypatch.setattr(
            owner, name, lambda *args, real=real: events.append("named") or real(*args)
        )
    fsync = os.fsync
    monkeypatch.setattr(
        os, "fsync", lambda number: events.append(os.fstat(number).st_ino) or fsync(number)
    )
    target = tmp_path / "target"
    with writer(target):
        pass
    inodes = [target, target / "file"] if writer is folder_of else [target]
    named = events.index("named")
    assert {path.stat().st_ino for path in inodes} <= set(events[:named])
    assert events[named + 1 :] == [tmp_path.stat().st_ino]


def test_a_missing_folder_is_an_error_of_output(writer: Writer, tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match="target: cannot be written: No such file"),
        writer(tmp_path / "gone" / "target"),
    ):
        pass


def test_a_folder_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    make_old(tmp_path / "target", folder_of)
    before = content(tmp_path / "target")
    with (
        pytest.raises(OutputError, match="target: cannot be written: "),
        file_of(tmp_path / "target"),
    ):
        pass
    assert content(tmp_path / "target") == before
    assert list(tmp_path.iterdir()) == [tmp_path / "target"]


def test_a_pipe_or_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    """`--output /dev/null`, as root, must not make a file of the system's null device."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reading = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with atomic_write(path) as file:
            file.write(OLD)
    except OutputError:
        pass
    else:
        assert os.read(reading, 100) == OLD
    finally:
        os.close(reading)
    assert path.is_fifo()


def test_a_name_relative_to_the_current_folder(
    writer: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with writer(Path("target")):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["target"]


def test_the_way_is_clear(tmp_path: Path) -> None:
    make_old(tmp_path / "there", file_of)
    check_writable(tmp_path / "new")
    check_writable(tmp_path / "there")
    assert list(tmp_path.iterdir()) == [tmp_path / "there"]


def test_a_missing_output_folder_is_found_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(OLD)
    for folder in ("gone", "file"):
        message = f"{folder}/new: the folder .*{folder} does not exist; make it first"
        with pytest.raises(OutputError, match=message):
            check_writable(tmp_path / folder / "new")


def test_a_read_only_output_folder_is_found_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    message = r"new: the folder .* cannot be written: Read-only file system"
    with pytest.raises(OutputError, match=message):
        check_writable(tmp_path / "new")


def test_an_output_that_is_a_folder_is_found_before_the_work(run: Run, tmp_path: Path) -> None:
    """The input does not exist, so that work that has begun shows."""
    result = run("vocab", tmp_path / "no-input", "--output", tmp_path)
    assert result.exit_code == 1
    assert "no-input" not in result.output
