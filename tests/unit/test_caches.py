"""What is kept on disk for later is compared with what was written, before it is used."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from embedtool.config.training import CheckpointConfig, GloveConfig, VocabularyConfig
from embedtool.corpus.cooccurrence import open_cooccurrence
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import encode
from embedtool.corpus.pair_counting import count_cooccurrence
from embedtool.corpus.recipes import get
from embedtool.corpus.scanning import cached_scan, scan
from embedtool.corpus.sorted_runs import SortedRuns
from embedtool.corpus.vocabulary import build_vocabulary
from embedtool.model import store
from embedtool.trainers.manifest import CorpusRecord, TrainingManifest, TrainingRecord
from embedtool.trainers.training_dir import lock_training_dir
from tests.conftest import Run
from tests.factories import encoded_text

TEXT = "the king rules the land\nthe queen rules the sea\n" * 60
SMALL = ["--vector-size", "5", "--min-count", "1", "--workers", "1", "--epochs", "2"]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-4])


def changed(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def grown(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\0\0\0\0")


def gone(path: Path) -> None:
    path.unlink()


DAMAGES = [cut_short, changed, grown, gone]


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of a few hundred tokens."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["ids", "ends", "words", "counts", "scan.json"])
def test_a_damaged_cache_is_made_anew_with_a_warning(
    run: Run, name: str, damage: Callable[[Path], None], text: Path, tmp_path: Path
) -> None:
    cache, model = tmp_path / "cache", tmp_path / "model"
    arguments = ["train", "glove", text, "-o", model, "--overwrite", "--cache", cache, *SMALL]
    assert run(*arguments).exit_code == 0
    expected = store.load(model).vectors.rows.copy()
    (folder,) = cache.iterdir()
    damage(folder / name)
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert f"Warning: {folder}: the cache is damaged: {name} " in result.stderr
    assert result.stderr.count("; the text is read again\n") == 1
    assert np.array_equal(store.load(model).vectors.rows, expected)
    again = run(*arguments)
    assert "Warning" not in again.stderr
    assert list(cache.iterdir()) == [folder]


@pytest.mark.parametrize(
    "summary", ["[]", '{"files": {}}', '{"files": 1, "notes": {}}', "[" * 9999]
)
def test_a_cache_of_which_nothing_is_known_is_made_anew(
    summary: str, text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read = cached_scan(Corpus(text), tmp_path / "cache")
    (folder,) = (tmp_path / "cache").iterdir()
    (folder / "scan.json").write_text(summary)
    again = cached_scan(Corpus(text), tmp_path / "cache")
    assert again.fingerprint == read.fingerprint
    assert "scan.json is damaged; the text is read again" in caplog.text


CONFIG = GloveConfig(window=3, min_count=1, workers=1)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["pair-rows", "pair-columns", "pair-counts"])
def test_damaged_pairs_are_counted_again(
    name: str,
    damage: Callable[[Path], None],
    text: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    corpus = encoded_text(text, tmp_path)
    n_pairs = len(count_cooccurrence(corpus, CONFIG, tmp_path))
    sound = open_cooccurrence(tmp_path)
    assert sound is not None
    assert len(sound) == n_pairs
    damage(tmp_path / name)
    assert open_cooccurrence(tmp_path) is None
    assert f"{tmp_path / name}: " in caplog.text
    assert "; pairs are counted again" in caplog.text


def test_damaged_runs_of_pairs_are_not_gone_on_with(tmp_path: Path) -> None:
    keys, sums = np.arange(9, dtype=np.uint64), np.ones(9, dtype=np.int64)
    with SortedRuns(tmp_path) as runs:
        runs.append(keys, sums)
        runs.sync()
        ends, checksums = list(runs.ends), runs.checksums
        runs.append(keys, sums)
    assert SortedRuns(tmp_path, ends).is_intact(checksums)
    with SortedRuns(tmp_path, ends) as again:
        assert again.checksums == checksums
        again.append(keys, sums)
        again.sync()
        more = again.checksums
    assert SortedRuns(tmp_path, [*ends, 18]).is_intact(more)
    changed(tmp_path / "run-sums")
    assert not SortedRuns(tmp_path, [*ends, 18]).is_intact(more)
    gone(tmp_path / "run-keys")
    assert not SortedRuns(tmp_path, ends).is_intact(checksums)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["encoded-ids", "encoded-ends", "vocabulary", "vocabulary-counts"])
def test_a_training_with_damaged_text_is_not_gone_on_with(
    run: Run, name: str, damage: Callable[[Path], None], text: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    with lock_training_dir(model) as training_dir:
        corpus = Corpus(text)
        scanned = scan(corpus, training_dir.folder)
        vocabulary, places = build_vocabulary(
            scanned.words, scanned.counts, VocabularyConfig(min_count=1)
        )
        encoded = encode(scanned, vocabulary, places, training_dir.folder)
        config = GloveConfig(min_count=1, vector_size=3, epochs=1, workers=1)
        record = TrainingRecord(config, CorpusRecord.of(corpus, scanned))
        files = training_dir.write_text(corpus.sources, encoded)
        training_dir.write_manifest(TrainingManifest(record, files, CheckpointConfig()))
    damage(tmp_path / "model.training" / name)
    result = run("resume", model)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"Error: {tmp_path / 'model.training' / name}: is damaged: ")
    assert last.endswith("; start over with --overwrite")
    assert not model.exists()


@pytest.mark.parametrize("damage", [cut_short, changed, grown])
def test_a_text_of_a_corpus_that_has_changed_is_warned_of(
    run: Run,
    damage: Callable[[Path], None],
    tmp_path: Path,
    small_lee: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have been changed on purpose; sizes are compared by `path`, checksums by `get`."""
    monkeypatch.setenv("EMBEDTOOL_DATA", str(tmp_path))
    path = get("lee")
    damage(path)
    found, got = run("corpus", "path", "lee"), run("corpus", "get", "lee")
    assert found.stdout == got.stdout == f"{path}\n"
    warning = ", since it was prepared; get it with --force to prepare it again\n"
    assert warning in got.stderr
    assert (warning in found.stderr) == (damage is not changed)
    assert warning not in run("corpus", "get", "lee", "--force").stderr
    assert run("corpus", "get", "lee").stderr.count("Warning") == 0


def test_a_text_that_was_prepared_without_a_checksum_is_taken_as_it_is(
    tmp_path: Path, small_lee: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBEDTOOL_DATA", str(tmp_path))
    path = get("lee")
    facts = path.with_name("lee.txt.json")
    assert json.loads(facts.read_bytes())["bytes"] == path.stat().st_size
    facts.unlink()
    path.write_text("mine\n")
    assert get("lee").read_text() == "mine\n"


@pytest.mark.parametrize("files", [{}, {"pair-rows": {}}, [], None, 3])
def test_pairs_whose_facts_are_damaged_are_counted_again(
    files: object, text: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    count_cooccurrence(encoded_text(text, tmp_path), CONFIG, tmp_path)
    summary = json.loads((tmp_path / "pairs.json").read_text())
    (tmp_path / "pairs.json").write_text(json.dumps({**summary, "files": files}))
    assert open_cooccurrence(tmp_path) is None
    assert f"{tmp_path / 'pairs.json'}: is damaged; pairs are counted again" in caplog.text
