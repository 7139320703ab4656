"""Downloads: resumed, retried, verified."""

import re
import socket
from pathlib import Path

import pytest

from embedtool.errors import CorpusError, OutputError
from embedtool.io.download import download
from embedtool.io.progress import Progress
from tests.unit.recipe_sources import CONTENT, HALF, left_in, sha256
from tests.web_server import WebFile, serving

NO_DELAYS = (0.0, 0.0, 0.0)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "file"


def partly(target: Path, content: bytes, tag: str) -> None:
    """Leave what an earlier, interrupted download would have left."""
    target.with_name("file.part").write_bytes(content)
    target.with_name("file.part.tag").write_text(tag)


class TestDownload:
    def test_whole_file(self, site: WebFile, target: Path) -> None:
        seen: list[Progress] = []
        download(site.url, target, size=len(CONTENT), sha256=sha256(CONTENT), report=seen.append)
        assert target.read_bytes() == CONTENT
        assert left_in(target.parent) == {"file"}
        assert seen[-1] == Progress("downloading", len(CONTENT), len(CONTENT), "bytes")

    def test_resume_asks_for_the_rest_only(self, site: WebFile, target: Path) -> None:
        partly(target, CONTENT[:HALF], '"first"')
        seen: list[Progress] = []
        download(site.url, target, report=seen.append)
        assert site.asked == [f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT
        assert left_in(target.parent) == {"file"}
        assert seen[0] == Progress("downloading", HALF, len(CONTENT), "bytes", begins=True)

    @pytest.mark.parametrize(
        "headers",
        [
            {"ETag": '"second"'},
            {"Content-Range": f"bytes 0-{HALF - 1}/{len(CONTENT)}"},
            {"Content-Range": "none"},
        ],
        ids=["of another version, without regard to If-Range", "another part", "some part"],
    )
    def test_a_part_that_was_not_asked_for_starts_over(
        self, site: WebFile, target: Path, headers: dict[str, str]
    ) -> None:
        partly(target, b"x" * HALF, '"first"')
        site.headers = headers
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [f"bytes={HALF}-", None]
        assert target.read_bytes() == CONTENT

    def test_resume_of_a_file_that_has_changed_starts_over(
        self, site: WebFile, target: Path
    ) -> None:
        partly(target, b"x" * HALF, '"older"')
        download(site.url, target)
        assert target.read_bytes() == CONTENT

    def test_server_that_ignores_range(self, site: WebFile, target: Path) -> None:
        site.knows_range = False
        partly(target, b"x" * HALF, '"first"')
        download(site.url, target)
        assert site.asked == [f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT

    def test_server_without_etag_or_date_is_asked_for_everything(
        self, site: WebFile, target: Path
    ) -> None:
        site.etag = None
        site.cuts = [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [None, None]
        assert target.read_bytes() == CONTENT

    def test_everything_had_arrived_already(self, site: WebFile, target: Path) -> None:
        partly(target, CONTENT, '"first"')
        download(site.url, target)
        assert site.asked == [f"bytes={len(CONTENT)}-"]
        assert target.read_bytes() == CONTENT

    def test_more_had_arrived_than_there_is(self, site: WebFile, target: Path) -> None:
        partly(target, CONTENT + b"x", '"first"')
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [f"bytes={len(CONTENT) + 1}-", None]
        assert target.read_bytes() == CONTENT

    def test_connection_cut_in_the_middle_goes_on(self, site: WebFile, target: Path) -> None:
        site.cuts = [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [None, f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT

    def test_tries_are_counted_from_the_last_progress(self, site: WebFile, target: Path) -> None:
        site.cuts = [1000, 2000, 3000, 4000]
        download(site.url, target, retry_delays=(0.0,))
        assert site.asked == [None, *(f"bytes={start}-" for start in (1000, 2000, 3000, 4000))]
        assert target.read_bytes() == CONTENT

    def test_connection_cut_for_good_keeps_what_came(self, site: WebFile, target: Path) -> None:
        site.cuts = [HALF] * 4
        message = (
            f"{site.url}: the connection ended after 131,072 of 262,144 bytes; "
            "the received part is kept; try again later"
        )
        with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
            download(site.url, target, retry_delays=NO_DELAYS)
        assert left_in(target.parent) == {"file.part", "file.part.tag"}

    def test_fault_that_passes(self, site: WebFile, target: Path) -> None:
        site.refusals = [503, 429]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert target.read_bytes() == CONTENT

    def test_fault_that_does_not_pass(self, site: WebFile, target: Path) -> None:
        site.refusals = [503] * 4
        message = f"{site.url}: the server answers 503 Service Unavailable; try again later"
        with pytest.raises(CorpusError, match=f"^{re.escape(message)}$"):
            download(site.url, target, retry_delays=NO_DELAYS)
        assert len(site.asked) == 4
        assert not left_in(target.parent)

    def test_no_such_file_is_asked_for_once(self, site: WebFile, target: Path) -> None:
        site.refusals = [404]
        with pytest.raises(CorpusError, match="answers 404 Not Found: there is no such file"):
            download(site.url, target, retry_delays=NO_DELAYS)
        assert len(site.asked) == 1
        assert not left_in(target.parent)

    def test_wrong_checksum_names_both_and_deletes(self, site: WebFile, target: Path) -> None:
        with pytest.raises(CorpusError) as caught:
            download(site.url, target, sha256="0" * 64)
        assert str(caught.value) == (
            f"{site.url}: the file has the SHA-256 {sha256(CONTENT)[:16]}..., not "
            f"{'0' * 16}...; it was deleted, try again"
        )
        assert "file.part" not in left_in(target.parent)
        assert not target.exists()

    def test_server_has_another_size(self, site: WebFile, target: Path) -> None:
        with pytest.raises(CorpusError, match="has 262,144 bytes, 262,145 were expected"):
            download(site.url, target, size=len(CONTENT) + 1)
        assert not target.exists()

    def test_too_short_where_no_length_is_named(self, site: WebFile, target: Path) -> None:
        site.names_length = False
        site.cuts = [HALF]
        with pytest.raises(CorpusError, match="has 131,072 bytes, not 262,144"):
            download(site.url, target, size=len(CONTENT))
        assert not target.exists()

    def test_no_server(self, target: Path) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
            with pytest.raises(CorpusError, match="cannot be reached: Connection refused"):
                download(url, target, retry_delays=NO_DELAYS)
        assert not left_in(target.parent)

    def test_two_at_once(self, site: WebFile, target: Path) -> None:
        def second(_: Progress) -> None:
            with pytest.raises(CorpusError, match="another process is downloading it"):
                download(site.url, target)

        download(site.url, target, report=second)
        assert target.read_bytes() == CONTENT

    def test_folder_that_is_not_there(self, site: WebFile, tmp_path: Path) -> None:
        with pytest.raises(OutputError, match=r"file\.part: cannot be written: No such file"):
            download(site.url, tmp_path / "missing" / "file")


class TestServers:
    """How else servers behave."""

    def test_cut_at_any_byte(self, site: WebFile, target: Path) -> None:
        site.content = CONTENT[:100]
        for byte in range(len(site.content)):
            site.cuts, site.resets = [byte], bool(byte % 2)
            site.asked.clear()
            download(site.url, target, sha256=sha256(site.content), retry_delays=NO_DELAYS)
            assert site.asked == [None, f"bytes={byte}-" if byte else None]
            target.unlink()

    def test_cut_where_there_are_no_ranges(self, site: WebFile, target: Path) -> None:
        site.knows_range = False
        site.cuts = [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert target.read_bytes() == CONTENT
        assert site.sent == len(CONTENT) + HALF

    def test_file_that_changes_between_a_cut_and_the_resume(
        self, site: WebFile, target: Path
    ) -> None:
        def change(number: int) -> None:
            if number:
                site.content, site.etag = CONTENT[::-1], '"second"'

        site.on_answer, site.cuts = change, [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert target.read_bytes() == CONTENT[::-1]

    def test_date_instead_of_a_tag(self, site: WebFile, target: Path) -> None:
        site.etag, site.modified = None, "Tue, 01 Dec 2020 00:00:00 GMT"
        site.cuts = [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [None, f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT

    def test_weak_tag_is_not_resumed(self, site: WebFile, target: Path) -> None:
        site.etag, site.cuts = 'W/"first"', [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert site.asked == [None, None]
        assert target.read_bytes() == CONTENT

    def test_chunks_without_a_length(self, site: WebFile, target: Path) -> None:
        site.chunked = True
        download(site.url, target)
        assert target.read_bytes() == CONTENT

    def test_chunks_that_end_early(self, site: WebFile, target: Path) -> None:
        site.chunked, site.cuts = True, [HALF]
        download(site.url, target, retry_delays=NO_DELAYS)
        assert target.read_bytes() == CONTENT

    def test_more_announced_than_there_is(self, site: WebFile, target: Path) -> None:
        """The request for the rest tells that there is none."""
        site.announced = len(CONTENT) + 10
        download(site.url, target, retry_delays=NO_DELAYS)
        assert target.read_bytes() == CONTENT

    def test_less_announced_than_there_is(self, site: WebFile, target: Path) -> None:
        site.announced = HALF
        with pytest.raises(CorpusError, match=r"it was deleted, try again$"):
            download(site.url, target, sha256=sha256(CONTENT))
        assert not left_in(target.parent) - {"file.part.tag"}

    @pytest.mark.parametrize("length", ["many", "-5", "9" * 5000])
    def test_length_that_is_no_number(self, length: str, site: WebFile, target: Path) -> None:
        site.names_length, site.headers = False, {"Content-Length": length}
        download(site.url, target)
        assert target.read_bytes() == CONTENT

    @pytest.mark.parametrize(("stalls_at", "kept"), [(HALF, True), (1000, True), (None, False)])
    def test_server_that_stalls(
        self,
        stalls_at: int | None,
        kept: bool,
        site: WebFile,
        target: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("embedtool.io.http_requests.TIMEOUT_SECONDS", 0.2)
        site.stalls_at, site.is_silent = stalls_at, not kept
        with pytest.raises(CorpusError, match=r"timed out.*try again later$") as caught:
            download(site.url, target, retry_delays=(0.0,))
        assert ("the received part is kept" in str(caught.value)) == kept
        assert ("file.part" in left_in(target.parent)) == kept

    def test_redirect_to_another_host(self, site: WebFile, target: Path) -> None:
        with serving() as elsewhere:
            moved = elsewhere.put("/releases/1", location=site.url)
            site.cuts = [HALF]
            download(moved.url, target, retry_delays=NO_DELAYS)
            assert moved.asked == site.asked == [None, f"bytes={HALF}-"]
        assert target.read_bytes() == CONTENT
