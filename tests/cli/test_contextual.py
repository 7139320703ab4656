"""embedtool contextual and distill, and attend over encoders."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from embedtool.model import store
from tests.conftest import Run

RIVER, MONEY = "river boat bank fish", "cash loan bank debt"
SMALL = ["--hidden-size", 8, "--heads", 2, "--layers", 1, "--batch-tokens", 256, "--workers", 1]


def test_neighbours_of_a_word_in_its_sentence(run: Run, encoders: dict[str, Path]) -> None:
    answers = {}
    for sentence in (RIVER, MONEY):
        arguments = ["contextual", "similar", encoders["masked"], sentence, "--word", "bank"]
        (found,) = json.loads(run(*arguments, "-n", 3, "--json").stdout)
        assert found["query"] == "bank"
        answers[sentence] = {each["word"] for each in found["answers"]}
        table = run(*arguments, "-n", 3).stdout.splitlines()
        assert table[0].split() == ["word", "score"] and len(table) == 4
    assert not answers[RIVER] & answers[MONEY]


def test_words_that_may_answer(run: Run, encoders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("loan\nboat\nno-such-word\n")
    arguments = ["contextual", "similar", encoders["masked"], RIVER, "--word", "bank", "--tsv"]
    result = run(*arguments, "--words", tmp_path / "words.txt")
    assert [line.split("\t")[1] for line in result.stdout.splitlines()[1:]] == ["boat", "loan"]
    most_frequent = store.load(encoders["masked"]).vectors.words[:2]
    result = run(*arguments, "--restrict-vocab", 2)
    words = {line.split("\t")[1] for line in result.stdout.splitlines()[1:]}
    assert words == set(most_frequent) - {"bank"}


def test_two_uses_of_a_word(run: Run, encoders: dict[str, Path]) -> None:
    arguments = ["contextual", "compare", encoders["masked"], RIVER]
    other = run(*arguments, MONEY, "--word", "bank", "--json")
    report = json.loads(other.stdout)
    assert (report["word"], report["first"], report["second"]) == ("bank", RIVER, MONEY)
    same = run(*arguments, "bank reed water stream", "--word", "bank")
    assert float(same.stdout.split()[-1]) > report["cosine"]
    missing = run(*arguments, "the king", "--word", "king")
    assert missing.exit_code == 1
    assert missing.stderr == (
        "Error: 'king' is none of the words of the sentence: river, boat, bank, fish\n"
    )


def test_vectors_of_the_tokens_of_a_text(
    run: Run, encoders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"body": "{RIVER}"}}\n{{"body": "{MONEY}"}}\n')
    output = tmp_path / "tokens.npz"
    arguments = ["contextual", "vectors", encoders["masked"], tmp_path / "a.jsonl", "-o"]
    result = run(*arguments, output, "--field", "body")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == f"{output}: 8 tokens x 32"
    with np.load(output) as found:
        assert found["tokens"].tolist() == [*RIVER.split(), *MONEY.split()]
        assert found["vectors"].shape == (8, 32) and found["lines"].tolist() == [0] * 4 + [1] * 4
    refused = run(*arguments, tmp_path / "tokens.csv")
    assert refused.exit_code == 1 and "tokens are written as" in refused.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "tokens.npz"]


def test_senses_with_an_example_each(run: Run, encoders: dict[str, Path], two_senses: Path) -> None:
    arguments = ["contextual", "senses", encoders["masked"], two_senses, "--word", "bank"]
    report = json.loads(run(*arguments, "--senses", 2, "--json").stdout)
    assert len(report["senses"]) == 2
    assert (
        sum(sense["n_uses"] for sense in report["senses"]) == report["n_uses"] == report["n_seen"]
    )
    lines = run(*arguments, "--senses", 2, "--examples", 2).stdout.splitlines()
    assert lines[0].startswith(f"bank: {report['n_uses']} uses, mean silhouette 0.")
    assert lines[1].split() == ["sense", "uses", "example"]
    assert [line.split()[0] for line in lines[2::2]] == ["1", "2"] and len(lines) == 6
    assert all("bank" in line.split() for line in lines[2:])


def test_a_paragraph_is_shown_around_the_word_unless_all_of_it_is_asked_for(
    run: Run, encoders: dict[str, Path], tmp_path: Path
) -> None:
    paragraph = f"{'river boat ' * 40}bank {'fish water ' * 40}".strip()
    (tmp_path / "text.txt").write_text(f"{paragraph}\n" * 5)
    arguments = [
        "contextual",
        "senses",
        encoders["masked"],
        tmp_path / "text.txt",
        "--word",
        "bank",
    ]
    row = run(*arguments, "--senses", 1).stdout.splitlines()[2]
    assert row.split("  ")[-1].strip() == (
        "… boat river boat river boat river boat bank fish water fish water fish water fish …"
    )
    assert run(*arguments, "--senses", 1, "--full").stdout.splitlines()[2].endswith(paragraph)
    report = json.loads(run(*arguments, "--senses", 1, "--json").stdout)
    assert report["senses"][0]["examples"] == [paragraph]


def test_a_text_is_generated(run: Run, encoders: dict[str, Path]) -> None:
    arguments = ["contextual", "generate", encoders["causal"], "river fish", "--texts", 3]
    result = run(*arguments, "--words", 5, "--top-k", 4, "--seed", 7)
    lines = result.stdout.splitlines()
    assert len(lines) == 3 and all(line.startswith("river fish") for line in lines)
    report = json.loads(run(*arguments, "--words", 5, "--top-k", 4, "--seed", 7, "--json").stdout)
    assert report == lines
    assert run("contextual", "generate", encoders["causal"]).stdout.strip()
    refused = run("contextual", "generate", encoders["masked"], "river")
    assert refused.exit_code == 1 and "train with --objective causal" in refused.stderr


def test_pairs_are_classified(run: Run, encoders: dict[str, Path], tmp_path: Path) -> None:
    pairs = tmp_path / "pairs.tsv"
    rows = ["word\tfirst\tsecond\tsame"]
    for first, second, same in (("river", "fish", 1), ("loan", "debt", 1), ("river", "debt", 0),
                                ("fish", "loan", 0)):  # fmt: skip
        rows += [f"{word}\t{first} {word}\t{word} {second}\t{same}" for word in ("bank", "boat")]
    pairs.write_text("\n".join(rows) + "\n")
    report = json.loads(run("contextual", "evaluate", encoders["masked"], pairs, "--json").stdout)
    assert (report["dataset"], report["total"], report["same"]) == ("pairs", 8, 4)
    assert [each["word"] for each in report["words"]] == ["bank", "boat"]
    static = run("contextual", "evaluate", encoders["static"], pairs, "--tsv").stdout
    assert static.splitlines()[-1] == "total\t4\t8\t0.5"
    table = run("contextual", "evaluate", encoders["masked"], pairs).stdout.splitlines()
    assert table[0].startswith("pairs: 8 pairs, 4 of one sense; 95% interval of the accuracy 0.")
    assert table[-1].split()[0] == "total"
    unknown = run("contextual", "evaluate", encoders["static"])
    assert unknown.exit_code == 1 and "is not in the vocabulary" in unknown.stderr


@pytest.mark.parametrize("name", ["masked", "minilm"])
def test_attention_of_a_layer_and_a_head(
    name: str, run: Run, encoders: dict[str, Path], minilm: Path, tmp_path: Path
) -> None:
    model = {**encoders, "minilm": minilm}[name]
    page = tmp_path / "map.html"
    arguments = ["attend", model, MONEY, "--layer", 2, "--head", 1]
    result = run(*arguments, "--json", "-o", page)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert set(MONEY.split()) < set(report["tokens"])
    assert all(sum(row) == pytest.approx(1, abs=1e-5) for row in report["weights"])
    assert len(report["weights"]) == len(report["tokens"]) and page.exists()
    refused = run("attend", model, MONEY, "--heads", 2)
    assert refused.exit_code == 2 and "--heads is for static models" in refused.stderr
    assert run("attend", model, MONEY, "--layer", 99).exit_code == 1
    refused = run("attend", encoders["static"], MONEY, "--layer", 1)
    assert refused.exit_code == 2 and "--layer is for encoders" in refused.stderr


def test_attention_in_a_sentence_that_is_too_long(
    run: Run, encoders: dict[str, Path], minilm: Path
) -> None:
    for model, words in ((encoders["frozen"], 5), (minilm, 600)):
        result = run("attend", model, " ".join(["river"] * words), "--json")
        n_shown = json.loads(result.stdout)["tokens"].count("river")
        assert (
            f"{words - n_shown} words are left out, because the model's context is not longer"
            in result.stderr
        )


def test_a_folder_of_transformers_answers_the_same_questions(run: Run, minilm: Path) -> None:
    first, second = "he sat on the bank of the river", "she put her money in the bank"
    compared = run("contextual", "compare", minilm, first, second, "--word", "bank")
    assert compared.exit_code == 0 and compared.stderr == ""
    assert 0.7 < float(compared.stdout.split()[-1]) < 0.95
    arguments = ["contextual", "similar", minilm, first, "--word", "bank", "-n", 2]
    assert "river" in run(*arguments, "--restrict-vocab", 3000).stdout
    refused = run("contextual", "generate", minilm, "he sat")
    assert refused.exit_code == 1 and "only encoders of `contextual train`" in refused.stderr


def test_a_distilled_model_is_like_any_other(
    run: Run, encoders: dict[str, Path], minilm: Path, tmp_path: Path
) -> None:
    model, vocabulary = tmp_path / "model", tmp_path / "vocab.txt"
    result = run("distill", minilm, "--vocab", encoders["static"], "-o", model, "--dimensions", 8)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == f"{model}: 15 words x 8"
    assert "stream" in run("similar", model, "river", "-n", 3).stdout
    assert run("export", model, tmp_path / "v.txt").exit_code == 0
    assert run("info", model).exit_code == 0 and run("check", model).exit_code == 0
    vocabulary.write_text("king 9\nqueen 8\nriver 7\n")
    again = ["distill", minilm, "--vocab", vocabulary, "-o", model, "--dimensions", 2]
    assert run(*again).exit_code == 1
    assert run(*again, "--overwrite").exit_code == 0
    assert list(store.load(model).vectors.words) == ["king", "queen", "river"]


def test_documents_are_classified_in_context(
    run: Run, encoders: dict[str, Path], two_senses: Path, tmp_path: Path
) -> None:
    """By the sentences' sense: vectors, vectors in context and words are put side by side."""
    lines = two_senses.read_text().splitlines()[:120]
    data = tmp_path / "data.csv"
    data.write_text("text,label\n" + "".join(f"{line},{i % 2}\n" for i, line in enumerate(lines)))
    arguments = ["evaluate", encoders["masked"], "--classify", data, "--folds", 3]
    report = json.loads(run(*arguments, "--weighting", "mean", "--json").stdout)
    names = [score["name"] for score in report["scores"]]
    assert names == ["vectors: mean", "in context: mean", "words: TF-IDF", "words: one-hot",
                     "majority class"]  # fmt: skip
    assert all(score["accuracy"]["mean"] > 0.9 for score in report["scores"][:-1])


def test_without_pytorch_the_pip_line_is_printed(
    run: Run, encoders: dict[str, Path], two_senses: Path, tmp_path: Path
) -> None:
    """In processes of their own, in which no module has PyTorch already."""
    (tmp_path / "torch.py").write_text("raise ImportError('blocked')\n")
    model, text = encoders["masked"], two_senses
    commands = [
        ["contextual", "train", encoders["static"], text, "-o", tmp_path / "m"],
        ["contextual", "similar", model, RIVER, "--word", "bank"],
        ["contextual", "compare", model, RIVER, MONEY, "--word", "bank"],
        ["contextual", "vectors", model, text, "-o", tmp_path / "v.npz"],
        ["contextual", "senses", model, text, "--word", "bank"],
        ["contextual", "generate", model, "river"],
        ["contextual", "evaluate", model],
        ["attend", model, RIVER],
        ["distill", model, "--vocab", encoders["static"], "-o", tmp_path / "d"],
    ]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    for command in commands:
        done = subprocess.run(
            [sys.executable, "-m", "embedtool", *map(str, command)],
            capture_output=True, text=True, env=environment, check=False,
        )  # fmt: skip
        assert done.returncode == 1, command
        assert done.stderr == (
            "Error: a contextual encoder needs: pip install 'embedtool[attention]'\n"
        )
    done = subprocess.run(
        [sys.executable, "-m", "embedtool", "attend", str(encoders["static"]), RIVER],
        capture_output=True, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0


def test_what_needs_no_encoder_imports_no_pytorch(encoders: dict[str, Path]) -> None:
    """The vectors of a model with an encoder are queried as fast as any."""
    code = (
        "import sys; from embedtool.cli.main import cli; cli(sys.argv[1:], standalone_mode=False); "
        "print(sorted({'torch', 'transformers', 'sklearn'} & set(sys.modules)), file=sys.stderr)"
    )
    for command in (["similar", encoders["masked"], "river"], ["attend", encoders["static"], RIVER],
                    ["info", encoders["masked"]], ["contextual", "train", "--help"]):  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-c", code, *map(str, command)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.stderr == "[]\n", (command, done.stderr)


@pytest.mark.slow
def test_the_senses_of_the_corpus_that_ships_are_told_apart(
    run: Run, models: dict[str, Path], kingdoms: Path, tmp_path: Path
) -> None:
    """With the options that docs/contextual.md shows."""
    options = ["--hidden-size", 64, "--batch-tokens", 1024, "--learning-rate", 0.004]
    options += ["--epochs", 6, "--seed", 2]
    model = tmp_path / "model"
    result = run("contextual", "train", models["word2vec"], kingdoms, "-o", model, *options)
    assert result.exit_code == 0
    report = json.loads(run("contextual", "evaluate", model, "--json").stdout)
    assert report["total"] == 320 and report["accuracy"] >= 0.85
    static = json.loads(run("contextual", "evaluate", models["word2vec"], "--json").stdout)
    assert static["accuracy"] == 0.5
