"""The corpus that ships is what its generator writes, and is fit for its analogy questions."""

import importlib.util
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

CORPORA = Path(__file__).resolve().parents[2] / "corpora"
TEXT = CORPORA / "kingdoms.txt"
QUESTIONS = CORPORA / "kingdoms-questions.txt"

SECTIONS = [
    "royalty-gender",
    "family",
    "capital-country",
    "country-currency",
    "gram-comparative",
    "gram-superlative",
    "gram-plural",
    "gram-past-tense",
    "gram-nationality",
]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", CORPORA / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def sections() -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for line in QUESTIONS.read_text(encoding="ascii").splitlines():
        if line.startswith(": "):
            questions = found[line[2:]] = []
        else:
            questions.append(line.split(" "))
    return found


def test_the_generator_writes_the_shipped_files_bit_for_bit(generator: ModuleType) -> None:
    for name, text in generator.build().items():
        assert (CORPORA / name).read_bytes() == text.encode("ascii"), name


def test_check_exits_1_and_names_the_file_that_differs(tmp_path: Path) -> None:
    for name in ("generate.py", "lexicon.toml", TEXT.name):
        (tmp_path / name).write_bytes((CORPORA / name).read_bytes())
    (tmp_path / QUESTIONS.name).write_text(": royalty-gender\n", encoding="ascii")
    run = subprocess.run(
        [sys.executable, tmp_path / "generate.py", "--check"], capture_output=True, text=True
    )
    assert run.returncode == 1
    assert run.stderr == (
        f"{tmp_path / QUESTIONS.name} is not what generate.py writes; run it without --check\n"
    )
    assert (tmp_path / QUESTIONS.name).read_text(encoding="ascii") == ": royalty-gender\n"


def test_the_text_is_lower_case_words_between_single_spaces() -> None:
    for line in TEXT.read_text(encoding="ascii").splitlines():
        words = line.split(" ")
        assert all(word.isalpha() and word.islower() for word in words), line


def test_the_text_has_at_least_300_000_tokens() -> None:
    assert len(TEXT.read_text(encoding="ascii").split()) >= 300_000


def test_the_sections_are_named_as_in_googles_set(sections: dict[str, list[list[str]]]) -> None:
    assert list(sections) == SECTIONS


def test_a_section_asks_each_question_once_of_four_words(
    sections: dict[str, list[list[str]]], generator: ModuleType
) -> None:
    for section, questions in sections.items():
        assert 100 <= len(questions) <= generator.MAX_QUESTIONS, section
        assert all(len(set(question)) == 4 for question in questions), section
        assert len({tuple(question) for question in questions}) == len(questions), section
    assert ["man", "woman", "king", "queen"] in sections["royalty-gender"]


def test_every_word_asked_for_is_frequent(sections: dict[str, list[list[str]]]) -> None:
    counts = Counter(TEXT.read_text(encoding="ascii").split())
    asked = {word for questions in sections.values() for four in questions for word in four}
    assert {word: counts[word] for word in asked if counts[word] < 20} == {}
