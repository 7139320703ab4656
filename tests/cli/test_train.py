"""Training from the command line: inputs of every kind, reports, options that reach the model."""

import gzip
import json
import sys
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from embedtool.model import store
from embedtool.trainers import TRAINERS
from tests.conftest import Run
from tests.contracts.small_trainings import supported

SMALL = ["--vector-size", "5", "--min-count", "1", "--workers", "1"]
TEXT = "The king rules the Land\nthe queen rules the sea\n" * 20


def words_of(model: Path) -> dict[str, int]:
    vectors = store.load(model).vectors
    assert vectors.counts is not None
    return dict(zip(vectors.words, vectors.counts.tolist(), strict=True))


def test_any_mix_of_inputs(run: Run, tmp_path: Path) -> None:
    """A compressed file under a false name, a folder, a pattern, JSONL, CSV, standard input."""
    (tmp_path / "plain.txt").write_bytes(gzip.compress(b"one two\n"))
    folder = tmp_path / "folder" / "below"
    folder.mkdir(parents=True)
    (folder / "a.txt").write_text("two three\n")
    (tmp_path / "b1.dat").write_text("three four\n")
    (tmp_path / "c.jsonl").write_text('{"body": "four five"}\n')
    (tmp_path / "d.csv").write_text('id,body\n1,"five\nsix"\n')
    inputs = ["plain.txt", "folder", "b*.dat", "c.jsonl", "d.csv"]
    result = run(
        "train", "glove", *(tmp_path / name for name in inputs), "-", "--field", "body",
        "--column", "body", "-o", tmp_path / "model", *SMALL, input="six one\n",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert words_of(tmp_path / "model") == dict.fromkeys(
        ["one", "two", "three", "four", "five", "six"], 2
    )


@pytest.mark.parametrize("algorithm", [name for name in TRAINERS if supported(name, epochs=3)])
def test_a_log_line_in_json_for_each_epoch(run: Run, algorithm: str, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    log = tmp_path / "log.jsonl"
    thrice = ["--epochs", "3", *(("--sample", "0") if supported(algorithm, sample=0) else ())]
    arguments = [tmp_path / "text.txt", "-o", tmp_path / "model", "--json-log", log]
    assert run("train", algorithm, *arguments, *thrice, *SMALL).exit_code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert all(line["seconds"] >= 0 for line in lines)
    losses = [line["loss"] for line in lines]
    assert losses == sorted(losses, reverse=True)


def test_init_starts_from_a_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    (tmp_path / "more.txt").write_text("the prince rules\n" * 9)
    model, grown = tmp_path / "model", tmp_path / "grown"
    assert run("train", "word2vec", tmp_path / "text.txt", "-o", model, *SMALL).exit_code == 0
    more = ["train", "word2vec", tmp_path / "more.txt", "-o", grown, "--init", model, *SMALL]
    assert run(*more, "--freeze").exit_code == 0
    before = words_of(model)
    assert words_of(grown) == {
        **before, "the": before["the"] + 9, "rules": before["rules"] + 9, "prince": 9,
    }  # fmt: skip
    for word in before:
        vectors = [run("vector", each, word, "--json").stdout for each in (model, grown)]
        assert vectors[0] == vectors[1]


def test_freeze_needs_init(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    result = run("train", "glove", tmp_path / "text.txt", "-o", tmp_path / "m", "--freeze")
    assert result.exit_code == 2
    assert "--freeze needs --init" in result.stderr
    assert not (tmp_path / "m").exists()


def test_without_a_terminal_each_epoch_is_a_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    arguments = [tmp_path / "text.txt", "-o", tmp_path / "model", "--epochs", "2"]
    result = run("train", "glove", *arguments, *SMALL)
    lines = [line.split("  ")[:2] for line in result.stderr.splitlines()]
    assert ["training", "epoch 1"] in lines
    assert ["training", "epoch 2"] in lines
    assert result.stdout == ""
    last = result.stderr.splitlines()[-1]
    assert last.startswith(f"{tmp_path / 'model'}: 7 words x 5, 200 of 200 tokens (100.0%), ")


def test_options_reach_the_model(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT)
    arguments = [tmp_path / "text.txt", "-o", tmp_path / "m", "--lowercase", "--max-vocab", "3"]
    assert run("train", "word2vec", *arguments, "--mode", "skipgram", *SMALL).exit_code == 0
    assert words_of(tmp_path / "m") == {"the": 80, "rules": 40, "king": 20}
    config = json.loads((tmp_path / "m" / "config.json").read_text())
    assert config["options"]["learning_rate"] == 0.025
    assert config["options"]["mode"] == "skipgram"
    assert config["corpus"]["text"]["lowercase"] is True
    assert config["vocabulary"]["tokens_kept"] == 140


def test_a_vocabulary_goes_out_and_in(run: Run, tmp_path: Path) -> None:
    text, words = tmp_path / "text.txt", tmp_path / "words.txt"
    text.write_text(TEXT)
    result = run("vocab", text, "--min-count", "20", "-o", words)
    assert result.stderr.endswith("7 of 7 types, 200 of 200 tokens (100.0%)\n")
    assert run("vocab", text, "--min-count", "20").stdout == words.read_text()
    whole, same, few = tmp_path / "whole", tmp_path / "same", tmp_path / "few"
    assert run("train", "glove", text, "-o", whole, *SMALL).exit_code == 0
    assert run("train", "glove", text, "-o", same, "--vocab", words, *SMALL).exit_code == 0
    tables = [(model / "vectors.safetensors").read_bytes() for model in (whole, same)]
    assert tables[0] == tables[1]
    words.write_text("king 3\nqueen 2\nabsent 1\n")
    assert run("train", "glove", text, "-o", few, "--vocab", words, *SMALL).exit_code == 1
    words.write_text("king 3\nrules 2\nabsent 1\n")
    assert run("train", "glove", text, "-o", few, "--vocab", words, *SMALL).exit_code == 0
    assert words_of(few) == {"rules": 40, "king": 20}


def test_a_second_run_starts_from_the_cache(run: Run, tmp_path: Path) -> None:
    text, cache = tmp_path / "text.txt", tmp_path / "cache"
    text.write_text(TEXT)
    first, second = tmp_path / "first", tmp_path / "second"
    for model in (first, second):
        result = run("train", "glove", text, "-o", model, "--cache", cache, *SMALL)
        assert result.exit_code == 0
        assert ("reading" in result.stderr) == (model == first)
    assert (first / "vectors.safetensors").read_bytes() == (
        second / "vectors.safetensors"
    ).read_bytes()
    refused = run("train", "glove", "-", "-o", tmp_path / "third", "--cache", cache, input=TEXT)
    assert refused.exit_code == 1
    assert "--cache works with files only" in refused.stderr


def test_unsegmented_text_gets_a_warning(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "zh.txt"
    text.write_text("我爱北京天安门 天安门上太阳升\n" * 10)
    arguments = ["train", "glove", text, *SMALL]
    warned = run(*arguments, "-o", tmp_path / "spaces")
    assert (
        "Warning: much of the text is Chinese or Japanese without spaces between words; "
        "use --tokenizer icu\n" in warned.stderr
    )
    cut = run(*arguments, "-o", tmp_path / "icu", "--tokenizer", "icu")
    assert "Warning" not in cut.stderr
    assert "天安门" in words_of(tmp_path / "icu")


def test_replaced_bytes_are_counted(run: Run, tmp_path: Path) -> None:
    text = tmp_path / "latin.txt"
    text.write_bytes("größe und höhe\n".encode("latin-1") * 10)
    result = run(
        "train", "glove", text, "-o", tmp_path / "m", "--encoding-errors", "replace", *SMALL
    )
    assert "Warning: 30 invalid UTF-8 sequences: replace\n" in result.stderr
    assert words_of(tmp_path / "m") == {"gr\ufffd\ufffde": 10, "und": 10, "h\ufffdhe": 10}


def test_phrases_are_joined_and_applied_again(run: Run, tmp_path: Path) -> None:
    text, table, joined = (tmp_path / name for name in ("text.txt", "table.tsv", "joined.txt"))
    filler = "".join(f"word{i} stands here alone\n" for i in range(300))
    cities = "".join(f"she{i} left new york\nhe{i} saw new york too\n" for i in range(20))
    text.write_text(cities + filler)
    result = run("phrases", text, "--output", joined, "--table", table, "--threshold", "27")
    assert result.exit_code == 0, result.output
    assert joined.read_text().splitlines()[:2] == ["she0 left new_york", "he0 saw new_york too"]
    assert "new\tyork\t" in table.read_text()
    again = run("phrases", "-", "--apply", table, "--delimiter", "+", input="in new york\n")
    assert again.stdout == "in new+york\n"


def test_info_shows_what_a_model_is(run: Run, models: dict[str, Path]) -> None:
    table = run("info", models["glove"]).stdout
    assert "options x max" in table
    as_json = json.loads(run("info", models["glove"], "--json").stdout)
    assert as_json == json.loads((models["glove"] / "config.json").read_text())


@pytest.mark.parametrize(
    ("algorithm", "given", "cause"),
    [
        ("word2vec", ["--negative", "5"], ["--loss", "hierarchical-softmax"]),
        ("word2vec", ["--ns-exponent", ".5"], ["--loss", "hierarchical-softmax"]),
        ("fasttext", ["--negative", "3"], ["--loss", "hierarchical-softmax"]),
        ("word2vec", ["--cbow-mean"], ["--mode", "skipgram"]),
        ("fasttext", ["--bucket", "50"], ["--max-n", "0"]),
        ("fasttext", ["--min-n", "2"], ["--max-n", "0"]),
        ("word2vec", ["--checkpoint-every", "5m"], ["--engine", "gensim"]),
        ("fasttext", ["--on-divergence", "retry"], ["--engine", "gensim"]),
        ("word2vec", ["--streams", "8"], ["--engine", "gensim"]),
        ("fasttext", ["--streams", "64"], ["--hogwild"]),
    ],
)
def test_an_option_that_another_leaves_without_effect_gets_a_warning(
    run: Run, tmp_path: Path, algorithm: str, given: list[str], cause: list[str]
) -> None:
    if "gensim" in cause:
        pytest.importorskip("gensim")
    (tmp_path / "text.txt").write_text(TEXT)
    command = ["train", algorithm, tmp_path / "text.txt", "-o", tmp_path / "model", "--dry-run"]
    result = run(*command, "--min-count", "1", *given, *cause)
    assert result.exit_code == 0, result.stderr
    assert f"Warning: {given[0]} has no effect with {' '.join(cause)}\n" in result.stderr
    assert "no effect" not in run(*command, "--min-count", "1", *cause).stderr
    assert "no effect" not in run(*command, "--min-count", "1").stderr


@pytest.mark.parametrize("command", ["train", "stability"])
def test_without_gensim_its_engine_is_refused_before_any_text_is_read(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    (tmp_path / "text.txt").write_bytes(b"\xff")
    result = run(
        command, "word2vec", tmp_path / "text.txt", "-o", tmp_path / "m", "--engine", "gensim"
    )
    assert (result.exit_code, result.stderr) == (
        2,
        "Error: --engine gensim needs gensim, which is not installed: pip install "
        "'gensim>=4.4,<5' (it has wheels for Python 3.11 to 3.13)\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]


@pytest.mark.parametrize(
    ("name", "options", "kinds"),
    [
        ("t.txt", ["--field", "body"], "--field has no effect on this input: it is for jsonl"),
        ("t.txt", ["--column", "body"], "--column has no effect"),
        ("t.txt", ["--no-header"], "--no-header has no effect"),
        ("t.txt", ["--missing", "skip"], "--missing has no effect"),
        ("t.jsonl", ["--delimiter", ";"], "the separator of CSV columns has no effect"),
        ("t.jsonl", ["--column", "body"], "--column has no effect"),
        ("t.csv", ["--field", "body"], "--field has no effect"),
        ("t.parquet", ["--encoding", "latin-1"], "--encoding has no effect"),
        ("t.parquet", ["--encoding-errors", "skip"], "--encoding-errors has no effect"),
        ("t.parquet", ["--delimiter", ";"], "the separator of CSV columns has no effect"),
    ],
)
def test_an_option_for_another_kind_of_input_gets_a_warning(
    run: Run, tmp_path: Path, name: str, options: list[str], kinds: str
) -> None:
    (tmp_path / "t.txt").write_text("a b\n")
    (tmp_path / "t.jsonl").write_text('{"text": "a b"}\n')
    (tmp_path / "t.csv").write_text("text,x\na b,1\n")
    parquet.write_table(pyarrow.table({"text": ["a b"]}), tmp_path / "t.parquet")
    result = run("vocab", tmp_path / name, "--min-count", "1", *options)
    assert result.exit_code == 0, result.stderr
    assert f"Warning: {kinds}" in result.stderr
    assert "no effect" not in run("vocab", tmp_path / name, "--min-count", "1").stderr


def test_an_option_for_one_kind_of_several_is_used_silently(run: Run, tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("a b\n")
    (tmp_path / "t.jsonl").write_text('{"body": "a b"}\n')
    result = run("vocab", tmp_path, "--min-count", "1", "--field", "body", "--missing", "skip")
    assert result.exit_code == 0
    assert "no effect" not in result.stderr
