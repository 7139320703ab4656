"""Every command on every kind of model: an answer, or one line that says why there is none."""

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from embedtool.config.tasks import CompressConfig, TransformConfig
from embedtool.formats.registry import WRITERS
from embedtool.model import store
from embedtool.model.compression import compress
from embedtool.model.transforms import transform
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.conftest import Run
from tests.factories import subword_vectors, word_vectors

WORDS = ["king", "queen", "man", "woman", "the", "paris", "france", "rome", "italy", "sea",
         "land", "cat"]  # fmt: skip
SIZE, BUCKET = 8, 100
TRAINED = {
    "algorithm": "fasttext",
    "options": {"vector_size": SIZE, "window": 5, "epochs": 5, "min_count": 1, "negative": 5,
                "loss": "negative-sampling", "mode": "cbow", "bucket": BUCKET, "min_n": 3,
                "max_n": 4, "sample": 1e-3},
}  # fmt: skip


def plain(words: list[str] = WORDS, **tables: object) -> VectorTable:
    contexts = word_vectors(words, SIZE, seed=3).rows
    chosen = {"counts": np.arange(len(words), 0, -1), "output_matrix": contexts, **tables}
    return replace(word_vectors(words, SIZE), **chosen)  # type: ignore[arg-type]


def with_subwords(words: list[str] = WORDS) -> VectorTable:
    vectors = subword_vectors(words, SIZE, BUCKET)
    return plain(words, rows=vectors.rows, subwords=vectors.subwords)


def small(vectors: VectorTable, **options: object) -> VectorTable:
    return compress(vectors, CompressConfig(**options))  # type: ignore[arg-type]


def moved(vectors: VectorTable, **options: object) -> VectorTable:
    return transform(ModelRecord(vectors, {}), TransformConfig(**options)).vectors  # type: ignore[arg-type]


def zeroed(rows: slice) -> VectorTable:
    vectors = plain()
    vectors.rows[rows] = 0
    return vectors


def not_finite() -> VectorTable:
    vectors = plain()
    vectors.rows[3, 1], vectors.rows[5] = np.nan, np.inf
    return vectors


KINDS: dict[str, Callable[[], VectorTable]] = {
    "plain": plain,
    "without counts": lambda: plain(counts=None),
    "in no order": lambda: plain(counts=None, by_frequency=False),
    "without contexts": lambda: plain(output_matrix=None),
    "inner nodes": lambda: plain(output_rows="inner-nodes"),
    "one word": lambda: plain(["king"]),
    "two words": lambda: plain(["king", "queen"]),
    "rows of zeros": lambda: zeroed(slice(2, 7)),
    "zeros": lambda: zeroed(slice(None)),
    "not finite": not_finite,
    "float16": lambda: small(plain(), precision="float16"),
    "int8": lambda: small(plain(), precision="int8"),
    "int8 with rows of zeros": lambda: small(zeroed(slice(2, 7)), precision="int8"),
    "quantized": lambda: small(plain(), product_quantization=3),
    "quantized zeros": lambda: small(zeroed(slice(2, 7)), product_quantization=4),
    "pruned": lambda: small(plain(), words=5, dimensions=4),
    "centred": lambda: moved(plain(), center=True),
    "of one dimension": lambda: moved(plain(), pca=1),
    "normalised": lambda: moved(plain(), normalize=True),
    "fasttext": with_subwords,
    "fasttext of one word": lambda: with_subwords(["king"]),
    "fasttext float16": lambda: small(with_subwords(), precision="float16"),
    "fasttext int8": lambda: small(with_subwords(), precision="int8"),
    "fasttext quantized": lambda: small(with_subwords(), product_quantization=3),
    "fasttext without n-grams": lambda: small(with_subwords(), ngrams=0, precision="int8"),
    "fasttext moved": lambda: small(moved(with_subwords(), center=True), precision="int8"),
    "fasttext in nodes": lambda: replace(with_subwords(), output_rows="inner-nodes"),
}
"""What a model can be."""
LINE = "king queen man woman the land\n"
FILES = {
    "questions.txt": ": family\nking queen man woman\nman woman king queen\n",
    "pairs.tsv": "king\tqueen\t9\nking\tsea\t1\nman\twoman\t8\n",
    "categories.tsv": "king\tperson\nqueen\tperson\nparis\tplace\nrome\tplace\n",
    "weat.toml": '[t]\nX = ["king", "man"]\nY = ["queen", "woman"]\nA = ["the", "sea"]\n'
                 'B = ["land", "cat"]\n',
    "dictionary.tsv": "king\tking\nqueen\tqueen\nman\tman\n",
    "text.txt": LINE * 30,
}  # fmt: skip
COMMANDS: list[tuple[str, ...]] = [
    ("info", "M"), ("info", "M", "--json"), ("check", "M"),
    ("similar", "M", "king"), ("similar", "M", "kings"), ("similar", "M", "king", "--json"),
    ("similar", "M", "king", "--restrict-vocab", "3"), ("similar", "M", "king", "--min-count", "2"),
    ("similarity", "M", "king", "queen"), ("analogy", "M", "king - man + woman"),
    ("analogy", "M", "king - man + woman", "--method", "3cosmul"),
    ("odd-one-out", "M", "king", "queen", "sea"), ("vector", "M", "king", "kingly"),
    ("evaluate", "M", "--analogies", "questions.txt"), ("evaluate", "M", "--pairs", "pairs.tsv"),
    ("evaluate", "M", "--pairs", "pairs.tsv", "--variant", "center", "--variant", "add-contexts"),
    ("evaluate", "M", "--categories", "categories.tsv"),
    ("bias", "M", "king", "--direction", "man - woman"), ("bias", "M", "--weat", "weat.toml"),
    ("compare", "M", "O", "--pairs", "pairs.tsv"), ("drift", "M", "O"), ("drift", "O", "M", "king"),
    ("translate", "M", "O", "king", "--dictionary", "dictionary.tsv"),
    ("compress", "M", "new", "--precision", "float16"),
    ("compress", "M", "new", "--precision", "int8", "--words", "1"),
    ("compress", "M", "new", "--product-quantization", "1"),
    ("compress", "M", "new", "--dimensions", "2"), ("compress", "M", "new", "--ngrams", "1"),
    ("transform", "M", "new", "--center"), ("transform", "M", "new", "--normalize"),
    ("transform", "M", "new", "--all-but-the-top", "1", "--pca", "2"),
    ("transform", "M", "new", "--add-contexts"),
    ("align", "M", "O", "new"), ("align", "O", "M", "new"),
    ("train", "word2vec", "text.txt", "--init", "M", "-o", "new", "--min-count", "1", "--freeze"),
    ("train", "glove", "text.txt", "--init", "M", "-o", "new", "--min-count", "1",
     "--epochs", "2"),
    ("train", "fasttext", "text.txt", "--init", "M", "-o", "new", "--min-count", "1",
     "--min-n", "3", "--max-n", "4", "--bucket", "100"),
    *(("export", "M", "new", "--format", name) for name in WRITERS),
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of each kind, and another to compare it with."""
    folder = tmp_path_factory.mktemp("kinds")
    for name, make in KINDS.items():
        store.save(ModelRecord(make(), TRAINED), folder / name)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture(autouse=True)
def small_datasets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report of `compress` has these scores, for those of the large datasets take long."""
    module = "embedtool.evaluation.datasets"
    monkeypatch.setattr(f"{module}.DEFAULT_ANALOGIES", (str(folder / "questions.txt"),))
    monkeypatch.setattr(f"{module}.DEFAULT_PAIRS", (str(folder / "pairs.tsv"),))


@pytest.fixture(autouse=True)
def no_warnings_of_numpy() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def in_place(command: tuple[str, ...], kind: str, folder: Path, out: Path) -> list[str]:
    """The command line: M is the model, O another of as many dimensions, `new` what is made."""
    size = store.load(folder / kind).vectors.vector_size
    other = {SIZE: "plain", 1: "of one dimension"}.get(size, "pruned")
    places = {"M": folder / kind, "O": folder / other, "new": out / "new"}
    places |= {name: folder / name for name in FILES}
    arguments = [str(places.get(each, each)) for each in command]
    sizes = ["--vector-size", str(size)] if command[0] == "train" else []
    return [*arguments, *sizes]


def is_one_line(result: Result) -> bool:
    """Whether an error is one line, after warnings and notes."""
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    return len(errors) == 1 and result.stderr.rstrip().endswith(errors[0])


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", KINDS)
def test_every_command_takes_every_kind_of_model(
    kind: str, command: tuple[str, ...], folder: Path, tmp_path: Path, run: Run
) -> None:
    result = run(*in_place(command, kind, folder, tmp_path))
    assert "Traceback" not in result.output
    assert not re.search(r"\bnan\b", result.stdout) or kind == "not finite"
    if result.exit_code:
        assert result.exit_code in (1, 2)
        assert is_one_line(result) or command[0] == "check"
        assert not (tmp_path / "new").exists()
    elif "new" in command and command[0] != "export":
        made = store.load(tmp_path / "new").vectors
        faults = list(store.verify(tmp_path / "new"))
        assert faults == [] or (kind == "not finite" and "not finite" in faults[0])
        assert made.n_words
        assert made.string_table.find("king") >= 0


@pytest.mark.parametrize("algorithm", ["word2vec", "glove"])
def test_a_training_does_not_begin_with_what_is_not_finite(
    algorithm: str, folder: Path, tmp_path: Path, run: Run
) -> None:
    command = ("train", algorithm, "text.txt", "--init", "M", "-o", "new", "--min-count", "1")
    result = run(*in_place(command, "not finite", folder, tmp_path))
    assert (result.exit_code, result.stderr) == (
        2, "Error: --init has a vector that is not finite, that of 'woman'\n",
    )  # fmt: skip


def test_an_encoder_is_not_trained_on_what_is_not_finite(
    folder: Path, tmp_path: Path, run: Run
) -> None:
    pytest.importorskip("torch")
    command = ("contextual", "train", "M", "text.txt", "-o", "new", "--hidden-size", "8",
               "--layers", "1", "--heads", "1", "--epochs", "1", "--workers", "1")  # fmt: skip
    result = run(*in_place(command, "not finite", folder, tmp_path))
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "Error: the static model has a vector that is not finite, that of 'woman'\n"
    )
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_an_index_finds_neighbours_in_every_kind_of_model(
    kind: str, folder: Path, tmp_path: Path, run: Run
) -> None:
    pytest.importorskip("usearch")
    store.save(store.load(folder / kind), tmp_path / "model")
    result = run("index", tmp_path / "model")
    if kind == "zeros":
        assert (result.exit_code, result.stderr) == (
            1, "Error: all vectors are zero or not finite; there is nothing to index\n",
        )  # fmt: skip
        return
    assert result.exit_code == 0, result.stderr
    exact, found = (
        run("similar", tmp_path / "model", "king", "--tsv", "-n", 2, *how)
        for how in ([], ["--approximate"])
    )
    assert found.exit_code == exact.exit_code
    if kind != "of one dimension":  # where all cosines are 1 or -1
        assert _words(found.stdout) == _words(exact.stdout)


def _words(table: str) -> list[str]:
    return [line.split("\t")[1] for line in table.splitlines()]


@pytest.mark.parametrize("options", [
    {"precision": "float16"}, {"precision": "int8"}, {"product_quantization": 1},
    {"dimensions": 1}, {"words": 1}, {"ngrams": 0}, {"precision": "float32", "ngrams": 2},
])  # fmt: skip
@pytest.mark.parametrize("kind", [kind for kind in KINDS if "fasttext" in kind])
def test_a_compressed_fasttext_is_compressed_again(kind: str, options: dict[str, object]) -> None:
    vectors = KINDS[kind]()
    if options.get("ngrams") == 2 and kind == "fasttext without n-grams":
        pytest.skip("more n-grams than there are")
    again = small(vectors, **options)
    assert again.n_words == options.get("words", vectors.n_words)
    assert np.isfinite(again.rows[:]).all()
    assert again.subwords is not None
    assert again.subwords.word_rows[:].shape == again.rows.shape
