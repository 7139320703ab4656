"""Cleaning text and cutting it into tokens."""

import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedtool.config.text import TextConfig
from embedtool.corpus.string_table import StringTable
from embedtool.corpus.tokens import (
    TOKENIZERS,
    find_words,
    normalizer,
    split_spaces,
    text_tokenizer,
    unsegmented_script,
)
from embedtool.errors import ConfigError, MissingExtraError
from tests.conftest import Run

ASCII_SPACES = " \t\n\r\v\f"
OTHER_SPACES = (
    "\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2003\u2009\u2028\u2029\u202f\u205f\u3000\u200b\ufeff"
)
CHARACTERS = "aé7_-'. \t\r\v\f\0" + OTHER_SPACES + "我รक्ि\u0301\u200d\uff9e\U0001f600"
icu = TOKENIZERS["icu"]()


def naive_split(text: str) -> list[str]:
    for space in ASCII_SPACES + "\0":
        text = text.replace(space, "\n")
    return [token for token in text.split("\n") if token]


@settings(deadline=None)
@given(st.text(CHARACTERS))
def test_the_whitespace_tokenizer_cuts_at_ascii_spaces_and_nul_only(text: str) -> None:
    assert split_spaces(text) == naive_split(text)


@settings(deadline=None)
@given(st.text())
def test_the_whitespace_tokenizer_on_any_text(text: str) -> None:
    assert split_spaces(text) == naive_split(text)


@pytest.mark.parametrize("character", OTHER_SPACES)
def test_other_spaces_are_part_of_their_word(character: str) -> None:
    word = f"New{character}York"
    assert split_spaces(f" {word}\tis {character} ") == [word, "is", character]


@pytest.mark.parametrize("space", ASCII_SPACES + "\0")
@pytest.mark.parametrize("other", ["", "\xa0"])
def test_ascii_spaces_and_nul_separate(space: str, other: str) -> None:
    assert split_spaces(f"{space}a{space}{space}b{other}{space}") == ["a", "b" + other]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("... --- !", []),
        ("It's 3.14, snake_case!", ["It", "s", "3", "14", "snake_case"]),
        ("Füße, naïve; Ωμέγα—слово", ["Füße", "naïve", "Ωμέγα", "слово"]),
        ("cafe\u0301 au lait", ["cafe\u0301", "au", "lait"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("می\u200cخواهم کتاب", ["می\u200cخواهم", "کتاب"]),
        ("a\0b\x85c\u2028d\xa0e", ["a", "b", "c", "d", "e"]),
        ("\u0301a", ["a"]),
    ],
)
def test_words_are_runs_of_letters_with_their_marks(text: str, words: list[str]) -> None:
    assert find_words(text) == words


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=127)))
def test_words_of_ascii_are_the_same_beside_other_letters(text: str) -> None:
    assert find_words(text + " é") == [*find_words(text), "é"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ฉันรักภาษาไทย", ["ฉัน", "รัก", "ภาษา", "ไทย"]),
        ("我喜欢自然语言处理。", ["我", "喜欢", "自然", "语言", "处理"]),
        ("Don't stop, 3.5 times!", ["Don't", "stop", "3.5", "times"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("a\0b", ["a", "b"]),
        (" \t.;", []),
    ],
)
def test_icu_finds_words_by_dictionary(text: str, words: list[str]) -> None:
    assert icu(text) == words


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None)
@given(text=st.text(CHARACTERS))
@example(text="a \uff9e")
def test_no_token_is_empty_or_holds_ascii_space_or_nul(name: str, text: str) -> None:
    """Else it would break vector files, which separate words by spaces and line ends."""
    for token in TOKENIZERS[name]()(text):
        assert token
        assert not set(token) & set(ASCII_SPACES + "\0"), (text, token)


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None)
@given(text=st.text(CHARACTERS))
def test_tokens_stand_in_the_text_in_order(name: str, text: str) -> None:
    position = 0
    for token in TOKENIZERS[name]()(text):
        position = text.index(token, position) + len(token)


def test_icu_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "icu4py", None)
    monkeypatch.setitem(sys.modules, "icu4py.breakers", None)
    with pytest.raises(MissingExtraError, match=r"tokenizer='icu' needs: .*embedtool\[icu\]"):
        TOKENIZERS["icu"]()


@pytest.mark.parametrize(
    ("normalize", "lowercase", "expected"),
    [
        ("none", False, "E\u0301É\ufb01\u212b Σ\xa0"),
        ("nfc", False, "ÉÉ\ufb01Å Σ\xa0"),
        ("nfkc", False, "ÉÉfiÅ Σ "),
        ("none", True, "e\u0301é\ufb01å σ\xa0"),
        ("nfc", True, "éé\ufb01å σ\xa0"),
        ("nfkc", True, "ééfiå σ "),
    ],
)
def test_normalization_and_lower_case(normalize: str, lowercase: bool, expected: str) -> None:
    config = TextConfig(normalize=normalize, lowercase=lowercase)  # type: ignore[arg-type]
    assert normalizer(config)("E\u0301É\ufb01\u212b Σ\xa0") == expected


@pytest.mark.parametrize("form", ["nfc", "nfkc"])
@settings(deadline=None)
@given(text=st.text())
def test_nfc_and_nfd_of_a_text_become_the_same(form: str, text: str) -> None:
    clean = normalizer(TextConfig(normalize=form))  # type: ignore[arg-type]
    assert clean(unicodedata.normalize("NFD", text)) == clean(unicodedata.normalize("NFC", text))


@settings(deadline=None)
@given(st.text())
def test_text_is_left_alone_unless_asked(text: str) -> None:
    assert normalizer(TextConfig())(text) == text


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(deadline=None)
@given(text=st.text(CHARACTERS + "\n\nΣİ"), lowercase=st.booleans())
def test_a_spacer_leaves_the_tokens_of_each_line(name: str, text: str, lowercase: bool) -> None:
    config = TextConfig(tokenizer=name, lowercase=lowercase, normalize="nfkc")  # type: ignore[arg-type]
    tokenize, clean = TOKENIZERS[name](), normalizer(config)
    lines = text_tokenizer(config)(text.encode()).decode().split("\n")
    assert [naive_split(line) for line in lines] == [
        tokenize(line) for line in clean(text).split("\n")
    ]


def test_text_that_needs_no_spacing_is_not_copied() -> None:
    text = "a é\0b\n".encode()
    assert text_tokenizer(TextConfig())(text) is text


def script_of(text: str) -> str | None:
    words = text.split()
    distinct = sorted(set(words))
    counts = np.array([words.count(word) for word in distinct], dtype=np.int64)
    return unsegmented_script(StringTable.from_words(distinct), counts)


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("我喜欢自然语言处理。 今天天气很好，我们去公园散步。", "Chinese or Japanese"),
        ("私は自然言語処理が好きです。", "Chinese or Japanese"),
        ("ฉันรักภาษาไทยและอยากเรียนรู้เพิ่มเติม", "Thai, Lao, Khmer or Burmese"),
        ("我 喜欢 自然 语言 处理 今天 天气 很 好", None),
        ("ฉัน รัก ภาษา ไทย และ อยาก เรียนรู้", None),
        ("the king rules the land", None),
        ("나는 자연어 처리를 좋아합니다", None),
        ("", None),
    ],
)
def test_a_script_that_stands_uncut_is_noticed(text: str, script: str | None) -> None:
    assert script_of(text) == script


def test_a_few_words_of_another_script_are_not_worth_a_warning() -> None:
    uncut = "我喜欢自然语言处理今天天气很好"
    assert script_of(f"{uncut} " + "word " * 19) is None
    assert script_of(f"{uncut} " + "word " * 18) == "Chinese or Japanese"


@pytest.mark.parametrize(("letter", "longest"), [("我", 3), ("ก", 8)])
def test_words_as_long_as_words_are_cut_already(letter: str, longest: int) -> None:
    assert script_of(f"{letter * longest} " * 20) is None
    assert script_of(f"{letter * longest} " * 20 + letter * (longest + 1)) is not None


@pytest.mark.parametrize(
    ("language", "text", "lower"),
    [
        (True, "Isparta İzmir ILIK", "isparta i\u0307zmir ilik"),
        ("tr", "Isparta İzmir ILIK DİYARBAKIR", "ısparta izmir ılık diyarbakır"),
        ("az", "QIZIL Işıq ƏLİ", "qızıl ışıq əli"),
        ("tr", "I\u0307 i ı ÇĞÖŞÜ", "i i ı çğöşü"),
        ("lt", "Ì Í Ĩ I J", "i\u0307\u0300 i\u0307\u0301 i\u0307\u0303 i j"),
        ("lt", "I\u0301 J\u0301 Į\u0303", "i\u0307\u0301 j\u0307\u0301 į\u0307\u0303"),
        ("lt", "I\u0328\u0301 I\u0323 IR", "i\u0307\u0328\u0301 i\u0323 ir"),
        ("lt", "ĄČĘĖĮŠŲŪŽ", "ąčęėįšųūž"),
        (False, "I İ", "I İ"),
    ],
)
def test_lower_case_by_language(language: Any, text: str, lower: str) -> None:
    assert normalizer(TextConfig(lowercase=language))(text) == lower
    space = text_tokenizer(TextConfig(lowercase=language))
    assert space(text.encode()).decode() == lower


def test_lowercase_takes_a_language_or_none(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("ILIK\n" * 9 + "A\n" * 9)

    def words(*arguments: object) -> str:
        result = run("vocab", *arguments)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    assert words(path) == words(path, "--no-lowercase") == "ILIK 9\nA 9\n"
    assert words("--lowercase", path) == words(path, "--lowercase") == "ilik 9\na 9\n"
    assert words("--lowercase", "--min-count", "1", path) == "ilik 9\na 9\n"
    for language in ("tr", "az"):
        assert words("--lowercase", language, path) == "ılık 9\na 9\n"
        assert words(path, f"--lowercase={language}") == "ılık 9\na 9\n"
    assert words(path, "--lowercase", "tr", "--no-lowercase") == "ILIK 9\nA 9\n"
    for wrong in ("de", "", "TR"):
        result = run("vocab", path, f"--lowercase={wrong}")
        assert result.exit_code == 2
        assert "'--lowercase'" in result.stderr


@pytest.mark.parametrize("value", ["de", "", 3, None, "yes"])
def test_there_are_few_languages_with_rules_of_their_own(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"^lowercase must be one of False, True, tr, az, lt, "):
        TextConfig(lowercase=value)
