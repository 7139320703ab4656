"""The corpus that ships is what its generator writes, and is fit for its analogy questions."""

import importlib.util
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


def test_check_names_the_file_that_differs_and_leaves_it(
    generator: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(generator, "FOLDER", tmp_path)
    monkeypatch.setattr(generator, "build", lambda: {"a.txt": "a king\n", "b.txt": "a queen\n"})
    monkeypatch.setattr("sys.argv", ["generate.py"])
    assert generator.main() == 0
    monkeypatch.setattr("sys.argv", ["generate.py", "--check"])
    assert generator.main() == 0
    capsys.readouterr()

    (tmp_path / "b.txt").write_bytes(b"a king\n")
    assert generator.main() == 1
    message = f"{tmp_path / 'b.txt'} is not what generate.py writes; run it without --check\n"
    assert capsys.readouterr() == ("", message)
    assert (tmp_path / "b.txt").read_bytes() == b"a king\n"


def test_the_text_is_lower_case_words_between_single_spaces() -> None:
    for line in TEXT.read_text(encoding="ascii").splitlines():
        words = line.split(" ")
        assert all(word.isalpha() and word.islower() for word in words), line


def test_the_text_is_long_enough_and_as_long_as_the_readme_says() -> None:
    words = TEXT.read_text(encoding="ascii").split()
    assert len(words) >= 300_000
    readme = (CORPORA / "README.md").read_text(encoding="utf-8")
    assert f"{len(words):,} tokens" in readme
    assert f"{len(set(words)):,} types" in readme


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
