"""What is mistyped is named with what may have been meant."""

from pathlib import Path

import click
import pytest

from embedtool.cli.main import Program, cli
from embedtool.cli.options.foreign_options import FOREIGN_OPTIONS
from tests.conftest import Run

# "cli" is what the program is called where tests run it
MISTYPED = {
    "similr": ("similr", "(Did you mean one of: 'similar', 'similarity'?)", "cli"),
    "Similar m king": ("Similar", "Did you mean 'similar'?", "cli"),
    "EVALUATE m": ("EVALUATE", "Did you mean 'evaluate'?", "cli"),
    "odd_one_out m a b": ("odd_one_out", "Did you mean 'odd-one-out'?", "cli"),
    "trian word2vec text": ("trian", "Did you mean 'train'?", "cli"),
    "train wrd2vec text": ("wrd2vec", "Did you mean 'word2vec'?", "cli train"),
    "train GloVe text": ("GloVe", "Did you mean 'glove'?", "cli train"),
    "tune gloev text": ("gloev", "Did you mean 'glove'?", "cli tune"),
    "stability fastext text": ("fastext", "Did you mean 'fasttext'?", "cli stability"),
    "datasets gt google": ("gt", "Did you mean 'get'?", "cli datasets"),
    "corpus lst": ("lst", "Did you mean 'list'?", "cli corpus"),
    "contextual sense m": ("sense", "Did you mean 'senses'?", "cli contextual"),
    "plot analogis m a b": ("analogis", "Did you mean 'analogies'?", "cli plot"),
}


@pytest.mark.parametrize("line", MISTYPED)
def test_a_mistyped_command_gets_suggestions(run: Run, line: str) -> None:
    name, meant, where = MISTYPED[line]
    result = run(*line.split())
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"Error: No such command {name!r}. {meant} (see {where} --help)\n"


def test_a_command_like_no_other_gets_a_reference_to_help(run: Run) -> None:
    result = run("xyzzy")
    assert result.exit_code == 2
    assert result.stderr == "Error: No such command 'xyzzy' (see cli --help)\n"


OPTIONS = {
    "similar m king --restrict-vocb 5": ("--restrict-vocb", "Did you mean '--restrict-vocab'?"),
    "evaluate m --pair x": ("--pair", "Did you mean '--pairs'?"),
    "train glove x -o m --x-maxx 3": ("--x-maxx", "Did you mean '--x-max'?"),
    "datasets --tusk pairs": ("--tusk", "(Did you mean one of: '--task', "),
    "--vrsion": ("--vrsion", "Did you mean '--version'?"),
}


@pytest.mark.parametrize("line", OPTIONS)
def test_a_mistyped_option_gets_suggestions(run: Run, line: str) -> None:
    name, meant = OPTIONS[line]
    result = run(*line.split())
    assert result.exit_code == 2
    assert result.stderr.startswith(f"Error: No such option {name!r}. {meant}")


ELSEWHERE = {
    "word2vec --size 50": ("--size", "Did you mean '--vector-size'?"),
    "fasttext --minCount 2": ("--minCount", "Did you mean '--min-count'?"),
    "fasttext --lr 0.1": ("--lr", "Did you mean '--learning-rate'?"),
    "word2vec --alpha 0.1": ("--alpha", "Did you mean '--learning-rate'?"),
    "glove --alpha 0.1": ("--alpha", "Did you mean '--learning-rate' or '--weight-exponent'?"),
    "glove --iterations 3": ("--iterations", "Did you mean '--epochs'?"),
    "word2vec --iter 3": ("--iter", "Did you mean '--epochs'?"),
    "word2vec --sg 1": ("--sg", "Did you mean '--mode'?"),
    "word2vec -size 50": ("-size", "Did you mean '--vector-size'?"),
    "fasttext -minCount 2": ("-minCount", "Did you mean '--min-count'?"),
    "glove -eta=0.1": ("-eta", "Did you mean '--learning-rate'?"),
    "word2vec -output vectors": ("-output", "Did you mean '--output'?"),
    "word2vec --max_final_vocab 9": ("--max_final_vocab", "Did you mean '--max-vocab'?"),
}


@pytest.mark.parametrize("line", ELSEWHERE)
def test_an_option_of_another_program_gets_our_name_for_it(run: Run, line: str) -> None:
    name, meant = ELSEWHERE[line]
    algorithm = line.split()[0]
    result = run("train", *line.split(), "text", "-o", "m")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: No such option {name!r}. {meant} (see cli train {algorithm} --help)\n"
    )


def test_options_suggested_for_those_of_other_programs_exist() -> None:
    train = Program().get_command(click.Context(cli), "train")
    assert isinstance(train, click.Group)
    commands = train.commands.values()
    names = {name for c in commands for parameter in c.params for name in parameter.opts}
    assert names >= {name for meant in FOREIGN_OPTIONS.values() for name in meant}


def test_a_model_whose_name_is_like_a_command_can_be_drawn(
    run: Run, models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("word").symlink_to(models["glove"])
    assert run("plot", "word", "king").exit_code == 0
    Path("word").unlink()
    result = run("plot", "word", "king")
    assert (result.exit_code, result.stderr) == (
        2, "Error: No such command 'word'. Did you mean 'words'? (see cli plot --help)\n"
    )  # fmt: skip


def test_json_and_tsv_do_not_go_together(run: Run) -> None:
    for given in (["--json", "--tsv"], ["--tsv", "--json"]):
        result = run("similar", "model", "king", *given)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: choose --json or --tsv, not both")


def test_an_option_without_effect_gets_a_warning(run: Run, tmp_path: Path) -> None:
    model, pairs, seeds = (tmp_path / name for name in ("model", "pairs.txt", "seeds.txt"))
    (tmp_path / "v.txt").write_text("king 1 2\nqueen 2 2\nman 1 1\nlaw 2 1\nsea 5 1\nsun 1 4\n")
    pairs.write_text("king queen 3\nman law 1\nking law 2\n")
    seeds.write_text("king king\nqueen queen\nlaw law\n")
    assert run("import", tmp_path / "v.txt", model).exit_code == 0
    translate = ["translate", model, model, "--dictionary", seeds]
    for command, idle, why in (
        (["similar", model, "king"], ["--encoding", "latin-1"], "without --words"),
        (["analogy", model, "king - man + law"], ["--encoding", "latin-1"], "without --words"),
        (["evaluate", model, "--pairs", pairs], ["--method", "3cosmul"], "without analogies"),
        (["evaluate", model, "--pairs", pairs], ["--include-query-words"], "without analogies"),
        (["bias", model, "--direction", "king - law", "sea"], ["--seed", "2"], "with --direction"),
        ([*translate, "king", "--method", "nearest"], ["--neighbours", "2"], "with --method nea"),
        ([*translate, "--test", seeds], ["-n", "2"], "with --test"),
    ):
        assert "no effect" not in run(*command).stderr
        result = run(*command, *idle)
        assert result.exit_code == 0, result.stderr
        assert f"Warning: {idle[0]} has no effect {why}" in result.stderr
