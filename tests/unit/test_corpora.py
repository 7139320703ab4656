"""The corpus that ships is what its generator writes, and is fit for its questions and pairs."""

import csv
import importlib.util
import re
import tomllib
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from types import ModuleType

import pytest

CORPORA = Path(__file__).resolve().parents[2] / "corpora"
TEXT = CORPORA / "kingdoms.txt"
QUESTIONS = CORPORA / "kingdoms-questions.txt"
CONTEXTS = CORPORA / "kingdoms-contexts.tsv"

SMALL_WORDS = frozenset(
    ["a", "by", "for", "from", "in", "into", "its", "of", "on", "over", "the", "to", "was", "with"]
)
"""May keep company with several senses, for they tell nothing about any."""

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


@pytest.fixture(scope="module")
def pairs() -> list[dict[str, str]]:
    with CONTEXTS.open(encoding="ascii", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


@pytest.fixture(scope="module")
def senses() -> dict[str, list[set[str]]]:
    """Return the company of each sense of each homograph, the small words left out."""
    lexicon = tomllib.loads((CORPORA / "lexicon.toml").read_text(encoding="ascii"))
    found = defaultdict(list)
    for row in lexicon["table"]["homographs"]["rows"]:
        company = " ".join(value for role, value in row.items() if role != "form")
        found[row["form"]].append(set(re.findall("[a-z]+", company)) - SMALL_WORDS)
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
    text = TEXT.read_text(encoding="ascii")
    words = text.split()
    assert len(words) >= 300_000
    readme = (CORPORA / "README.md").read_text(encoding="utf-8")
    assert f"{len(words):,} tokens" in readme
    assert f"{len(set(words)):,} types" in readme
    assert f"{text.count(chr(10)):,} sentences" in readme
    assert f"{len(CONTEXTS.read_text(encoding='ascii').splitlines()) - 1:,} pairs" in readme


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


def test_a_homograph_has_two_senses_and_no_two_senses_share_company(
    senses: dict[str, list[set[str]]],
) -> None:
    assert "bank" in senses and len(senses) >= 16
    assert {form: len(companies) for form, companies in senses.items() if len(companies) != 2} == {}
    everyone = [company for companies in senses.values() for company in companies]
    assert [one & other for one, other in combinations(everyone, 2) if one & other] == []
    assert set.union(*everyone).isdisjoint(senses)


def test_every_sentence_about_a_homograph_tells_its_sense(
    senses: dict[str, list[set[str]]], pairs: list[dict[str, str]]
) -> None:
    contexts = [pair[side] for pair in pairs for side in ("first", "second")]
    n_sentences = Counter[str]()
    for line in TEXT.read_text(encoding="ascii").splitlines() + contexts:
        words = line.split(" ")
        for form in senses.keys() & set(words):
            assert len(senses.keys() & set(words)) == words.count(form) == 1, line
            with_company = [len(company & set(words)) for company in senses[form]]
            assert min(with_company) == 0 < max(with_company), line
            n_sentences[form] += 1
    assert min(n_sentences[form] for form in senses) >= 200


def test_the_pairs_are_half_of_one_sense_and_as_many_of_either(
    senses: dict[str, list[set[str]]], pairs: list[dict[str, str]]
) -> None:
    assert list(pairs[0]) == ["word", "first", "second", "same"]
    assert len(pairs) >= 200
    kinds: dict[str, Counter[tuple[bool, bool]]] = defaultdict(Counter)
    for pair in pairs:
        sense = senses[pair["word"]][0]
        first, second = (not sense.isdisjoint(pair[side].split()) for side in ("first", "second"))
        assert pair["same"] == str(int(first == second)), pair
        kinds[pair["word"]][first, second] += 1
    assert kinds.keys() == senses.keys()
    for word, counts in kinds.items():
        assert len(counts) == 4 and len(set(counts.values())) == 1, word


def test_the_sentences_of_the_pairs_are_fresh_and_hold_the_word_once(
    pairs: list[dict[str, str]],
) -> None:
    contexts = [(pair["word"], pair[side]) for pair in pairs for side in ("first", "second")]
    assert [context for word, context in contexts if context.split(" ").count(word) != 1] == []
    assert len({context for _, context in contexts}) == len(contexts)
    text = set(TEXT.read_text(encoding="ascii").splitlines())
    assert text.isdisjoint(context for _, context in contexts)
