"""The public names, as a program uses them."""

import subprocess
import sys
from pathlib import Path

import embedtool


def test_every_public_name_is_there_and_no_other() -> None:
    for name in embedtool.__all__:
        assert getattr(embedtool, name) is not None
    assert not hasattr(embedtool, "no_such_name")


def test_importing_embedtool_imports_nothing_heavy() -> None:
    code = "import sys, embedtool; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert {"numpy", "click", "gensim", "numba"}.isdisjoint(done.stdout.split())


def test_from_text_to_answers_in_python(text: Path, tmp_path: Path) -> None:
    config = embedtool.GloveConfig(vector_size=8, iterations=3)
    model = embedtool.train_model("glove", embedtool.Corpus([str(text)]), config)
    embedtool.save(model, str(tmp_path / "model"))
    vectors = embedtool.load(str(tmp_path / "model")).vectors
    assert [answer.word for answer in embedtool.similar(vectors, "king", 5)] != []
    assert -1 <= embedtool.similarity(vectors, "king", "queen") <= 1
