"""What several tests stand on: a small text, and a model of each algorithm trained on it."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import settings

from embedtool.cli.main import cli

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None)
settings.load_profile("fuzz" if "EXAMPLES" in os.environ else "same")

CORPORA = Path(__file__).parent.parent / "corpora"
QUICK = {
    "word2vec": ["--mode", "skipgram", "--learning-rate", "0.05"],
    "fasttext": ["--sample", "1e-3", "--bucket", "50000"],
    "glove": ["--iterations", "15", "--learning-rate", "0.1"],
}
"""Options that train on the shipped corpus in seconds, well enough for king and queen."""

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def run() -> Run:
    """Run the program in this process: `run("similar", model, "king")`."""

    def invoke(*args: object, **options: object) -> Result:
        result = CliRunner().invoke(cli, [str(arg) for arg in args], **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return invoke


@pytest.fixture(scope="session")
def kingdoms() -> Path:
    """The shipped corpus."""
    return CORPORA / "kingdoms.txt"


@pytest.fixture(scope="session")
def questions() -> Path:
    """The analogy questions about the shipped corpus."""
    return CORPORA / "kingdoms-questions.txt"


@pytest.fixture(scope="session")
def models(run: Run, kingdoms: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A model of each algorithm, trained from the command line on the shipped corpus."""
    folder = tmp_path_factory.mktemp("models")
    for algorithm, options in QUICK.items():
        result = run("train", algorithm, kingdoms, "--output", folder / algorithm, *options)
        assert result.exit_code == 0, result.output
    return {algorithm: folder / algorithm for algorithm in QUICK}


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of a few hundred tokens, each word in it often enough to get a vector."""
    path = tmp_path / "text.txt"
    path.write_text("the king rules the land\nthe queen rules the sea\n" * 60)
    return path
