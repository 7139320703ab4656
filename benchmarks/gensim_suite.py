"""gensim's own tests, run against `embedtool.gensim`.

The tests come from the installed wheel of gensim. Before they run, the names of its classes in the
test modules are replaced by those of embedtool; gensim itself is not changed.

    python -m benchmarks.gensim_suite [-k EXPRESSION]
"""

import argparse
import contextlib
import importlib.util
import logging
import sys
from collections.abc import Callable, Iterator
from tempfile import TemporaryDirectory
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from benchmarks.gensim_exceptions import DIFFERENT, NOT_OURS

MODULES = ("word2vec", "keyedvectors", "fasttext")


def log_capture() -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that gives a test the log records; `testfixtures` has one of this name."""

    class Lines(logging.Handler):
        def __init__(self) -> None:
            super().__init__()
            self.lines: list[str] = []

        def emit(self, record: logging.LogRecord) -> None:
            self.lines.append(record.getMessage())

        def __str__(self) -> str:
            return "\n".join(self.lines)

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        def run(self: Any) -> None:
            lines = Lines()
            logging.getLogger().addHandler(lines)
            try:
                test(self, lines)
            finally:
                logging.getLogger().removeHandler(lines)

        run.__name__ = test.__name__
        return run

    return decorate


@contextlib.contextmanager
def stand_ins() -> Iterator[None]:
    """Offer what the tests import beside gensim: a log capture, and the mark that POT is there.

    POT is what gensim's wmdistance needs, and embedtool's does not.
    """
    modules: dict[str, dict[str, Any]] = {
        "testfixtures": {"log_capture": log_capture}, "ot": {"emd2": None},
    }  # fmt: skip
    missing = {name: it for name, it in modules.items() if importlib.util.find_spec(name) is None}
    for name, contents in missing.items():
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__dict__.update(contents)
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]


def replace_names(module: ModuleType) -> None:
    """Replace gensim's classes and functions in a module of its tests by embedtool's."""
    import gensim.models._fasttext_bin
    import gensim.test.utils

    from embedtool.gensim.models import fasttext, keyedvectors, word2vec
    from embedtool.model.subwords import ngram_hash, ngrams

    def read(cls: Any, binary_chunk_size: int = 0, **arguments: Any) -> Any:
        return keyedvectors.KeyedVectors.load_word2vec_format(**arguments)

    def text_ngrams(word: str, min_n: int, max_n: int) -> list[str]:
        return sorted((gram.decode() for gram in ngrams(word, min_n, max_n)), key=len)

    vectors = SimpleNamespace(**vars(keyedvectors), _load_word2vec_format=read)
    models = SimpleNamespace(
        KeyedVectors=vectors.KeyedVectors, keyedvectors=vectors, fasttext=fasttext,
        _fasttext_bin=gensim.models._fasttext_bin,
    )  # fmt: skip
    names = {
        "word2vec": word2vec,
        "keyedvectors": vectors,
        "KeyedVectors": vectors.KeyedVectors,
        "FT_gensim": fasttext.FastText,
        "FastTextKeyedVectors": fasttext.FastTextKeyedVectors,
        "LineSentence": word2vec.LineSentence,
        "gensim": SimpleNamespace(models=models, test=gensim.test, utils=gensim.utils),
        "ft_hash_bytes": ngram_hash,
        "compute_ngrams_bytes": ngrams,
        "compute_ngrams": text_ngrams,
    }
    module.__dict__.update({name: it for name, it in names.items() if name in module.__dict__})


class Outcomes:
    """A plugin of pytest: replaces the names, leaves out what is not ours, keeps the outcomes.

    Attributes
    ----------
    results : dict of str to str
        "passed", or what went wrong, by the name of the test.
    left_out : list of str
        The tests that are not ours.
    """

    def __init__(self) -> None:
        self.results: dict[str, str] = {}
        self.left_out: list[str] = []

    def pytest_collection_modifyitems(self, items: list[pytest.Function]) -> None:
        """Prepare the modules and keep the tests to run."""
        for module in {item.module for item in items}:
            replace_names(module)
        items[:] = [item for item in items if item.module.__name__ == defining_module(item)]
        self.left_out = [item.nodeid for item in items if is_not_ours(test_name(item.nodeid))]
        items[:] = [item for item in items if item.nodeid not in self.left_out]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the outcome of a test."""
        name = test_name(report.nodeid)
        if report.failed:
            crash = getattr(report.longrepr, "reprcrash", None)
            text = crash.message if crash else str(report.longrepr)
            self.results[name] = text.strip().splitlines()[0][:160] if text.strip() else "failed"
        elif report.skipped:
            self.results[name] = "skipped"
        else:
            self.results.setdefault(name, "passed")


def defining_module(item: pytest.Function) -> str:
    """Return the module that a test is defined in, not one that imports its class."""
    parent = item.getparent(pytest.Class)
    owner = parent.obj if parent is not None else item.obj
    return str(owner.__module__)


def test_name(nodeid: str) -> str:
    """Return class and test of a pytest id."""
    return nodeid.partition("::")[2]


test_name.__test__ = False  # type: ignore[attr-defined]


def is_not_ours(name: str) -> bool:
    """Return whether a test, or its whole class, is about what embedtool does not have."""
    return name in NOT_OURS or name.partition("::")[0] in NOT_OURS


def run(expression: str = "") -> Outcomes:
    """Run the tests."""
    outcomes = Outcomes()
    files = [f"gensim.test.test_{name}" for name in MODULES]
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--no-header", "--tb=short"]
    with stand_ins(), TemporaryDirectory() as folder, contextlib.chdir(folder):
        pytest.main([*options, "--pyargs", *files, "-k", expression], plugins=[outcomes])
    return outcomes


def surprises(results: dict[str, str]) -> list[str]:
    """Return the tests that fail without being in the table, or pass and are."""
    return [
        f"{name}: {outcome}"
        for name, outcome in results.items()
        if (outcome == "passed") == (name in DIFFERENT) and outcome != "skipped"
    ]


def print_table(outcomes: Outcomes) -> None:
    """Print what passed, what is different and why, and what is not run and why."""
    results = outcomes.results
    passed = sum(outcome == "passed" for outcome in results.values())
    print(f"\n{passed} of {len(results)} tests pass")
    for name, outcome in results.items():
        if outcome != "passed":
            print(f"  {name}: {DIFFERENT.get(name, outcome)}")
    print(f"\n{len(outcomes.left_out)} tests are not run:")
    for name, reason in NOT_OURS.items():
        print(f"  {name}: {reason}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", default="", metavar="EXPRESSION", help="only some tests")
    outcomes = run(parser.parse_args().k)
    print_table(outcomes)
    unexpected = surprises(outcomes.results)
    for line in unexpected:
        print(f"NOT IN THE TABLE: {line}")
    return bool(unexpected)


if __name__ == "__main__":
    sys.exit(main())
