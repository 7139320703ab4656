"""The public names, as a program uses them."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import embedtool
from embedtool.errors import ConfigError
from tests.conftest import EXTRAS

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]


def test_every_public_name_is_there_and_no_other() -> None:
    for name in embedtool.__all__:
        assert getattr(embedtool, name) is not None
    assert not hasattr(embedtool, "no_such_name")


def test_dir_names_what_can_be_imported() -> None:
    assert dir(embedtool) == sorted(embedtool.__all__)


def test_the_type_of_the_config_names_the_algorithm(text: Path) -> None:
    for name, config in (
        ("word2vec", embedtool.Word2VecConfig(vector_size=4, epochs=1)),
        ("fasttext", embedtool.FastTextConfig(vector_size=4, epochs=1, bucket=50)),
        ("glove", embedtool.GloveConfig(vector_size=4, epochs=1)),
    ):
        assert embedtool.train(config, text).description["algorithm"] == name


def test_a_config_of_no_algorithm_is_refused_before_the_text_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config must be one of Word2VecConfig, .* not TextConf"):
        embedtool.train(embedtool.TextConfig(), tmp_path / "none")


def test_importing_embedtool_imports_nothing_heavy() -> None:
    code = "import sys, embedtool; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert {"numpy", "click", "gensim", "numba"}.isdisjoint(done.stdout.split())


def test_from_text_to_answers_in_python(text: Path, tmp_path: Path) -> None:
    config = embedtool.GloveConfig(vector_size=8, epochs=3)
    model = embedtool.train(config, text)
    model.save(str(tmp_path / "model"))
    wv = embedtool.load(str(tmp_path / "model")).wv
    assert wv.most_similar("king", topn=5) == model.wv.most_similar("king", topn=5)
    assert -1 <= wv.similarity("king", "queen") <= 1


DEPENDENCIES = {"gensim", "numpy", "scipy", "sklearn", "safetensors", "embedtool", "benchmarks"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_pages_need_no_package_that_no_extra_brings(page: Path) -> None:
    brought = {package for package, extra in EXTRAS.items() if extra != "test"}
    known = DEPENDENCIES | brought | sys.stdlib_module_names
    for code in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.partition(".")[0] for name in names} <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_the_pages_import_is_there(page: Path) -> None:
    for code in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
        for node in ast.walk(ast.parse(code)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("embedtool"):
                module = import_module(str(node.module))
                for name in node.names:
                    assert hasattr(module, name.name) or import_module(f"{node.module}.{name.name}")
