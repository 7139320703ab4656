"""Every option's bounds, choices and kinds."""

import math
import sys
from dataclasses import FrozenInstanceError, fields
from importlib.util import find_spec
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from embedtool.config.base import LARGEST, Config
from embedtool.config.text import PhrasesConfig, TextConfig
from embedtool.config.training import FastTextConfig, GloveConfig, VocabularyConfig, Word2VecConfig
from embedtool.errors import ConfigError

CONFIGS = [
    TextConfig, VocabularyConfig, Word2VecConfig, FastTextConfig, GloveConfig, PhrasesConfig,
]  # fmt: skip
EACH = [(config, each.name) for config in CONFIGS for each in fields(config)]


def kinds(config: type[Config], name: str) -> tuple[Any, ...]:
    """The types a field takes, or its choices."""
    hint = get_type_hints(config)[name]
    return get_args(hint) or (hint,)


INTEGERS = [(config, name) for config, name in EACH if int in kinds(config, name)]
FLOATS = [(config, name) for config, name in EACH if float in kinds(config, name)]
CHOICES = [(config, name) for config, name in EACH if isinstance(kinds(config, name)[0], str)]
FLAGS = [(config, name) for config, name in EACH if kinds(config, name) == (bool,)]

TINY = math.ulp(0)
BOUNDS: dict[str, tuple[list[float], list[float]]] = {
    "min_count": ([1, LARGEST], [0, -1]),
    "max_vocab": ([LARGEST], [0, -1]),
    "vector_size": ([1, 10_000], [0, -1, 10_001]),
    "seed": ([0, LARGEST], [-1]),
    "workers": ([1, 1024], [0, -1, 1025]),
    "window": ([1, 1000], [0, -1, 1001]),
    "negative": ([1, 1000], [0, -1, 1001]),
    "ns_exponent": ([-10, -0.5, 0, 10], [-10.1, 10.1]),
    "sample": ([0, 1e-5, 1], [-1e-9, 1.1, -1]),
    "epochs": ([1, LARGEST], [0, -1]),
    "streams": ([1, 256], [0, -1, 257]),
    "learning_rate": ([10, 1e-3], [0, -TINY, -1, 10.1, 100]),
    "min_learning_rate": ([0, 1e-9], [-TINY, -1, 10.1]),
    "min_n": ([1], [0, -1, 101]),
    "max_n": ([0, 100], [-1, 101]),
    "bucket": ([1, LARGEST], [0, -1]),
    "x_max": ([TINY, 1, 1e12], [0, -TINY, -1]),
    "weight_exponent": ([0, 1, 10], [-TINY, -1, 10.1]),
    "memory": ([16, LARGEST], [15, 0, -1]),
    "threshold": ([-1, 0, 0.5, 1], []),
}
"""Values each number takes, at its bounds, and values just beyond them."""


def test_the_table_of_bounds_has_every_number() -> None:
    assert BOUNDS.keys() == {name for _, name in INTEGERS + FLOATS}


@pytest.mark.parametrize("config", CONFIGS)
def test_defaults_are_fine(config: type[Config]) -> None:
    made = config()
    assert made == config()
    for each in fields(config):
        value = getattr(made, each.name)
        assert value is not None or each.name == "max_vocab"


@pytest.mark.parametrize(("config", "name"), INTEGERS + FLOATS)
def test_values_at_the_bounds_are_taken(config: type[Config], name: str) -> None:
    for value in BOUNDS[name][0]:
        assert getattr(config(**{name: value}), name) == value


@pytest.mark.parametrize(("config", "name"), INTEGERS + FLOATS)
def test_values_beyond_the_bounds_are_refused_by_their_name(
    config: type[Config], name: str
) -> None:
    for value in BOUNDS[name][1]:
        with pytest.raises(ConfigError, match=f"^{name} must be "):
            config(**{name: value})


@pytest.mark.parametrize(("config", "name"), INTEGERS + FLOATS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_what_is_not_finite_is_refused(config: type[Config], name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be "):
        config(**{name: value})


@pytest.mark.parametrize("value", [LARGEST + 1, 10**12, -(10**12)])
@pytest.mark.parametrize(("config", "name"), INTEGERS)
def test_whole_numbers_out_of_all_bounds_are_refused(
    config: type[Config], name: str, value: int
) -> None:
    with pytest.raises(ConfigError, match=f"^{name} must be "):
        config(**{name: value})


def taken(options: list[tuple[type[Config], str]], value: Any) -> list[str]:
    """The options that take a value, none of which should, or refuse it without their flag."""
    names = []
    for config, name in options:
        try:
            config(**{name: value})
        except ConfigError as error:
            if str(error).startswith(f"{name} must be "):
                continue
        names.append(f"{config.__name__}.{name}")
    return names


@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_beyond_what_a_float_holds_are_refused(sign: int) -> None:
    assert taken(INTEGERS + FLOATS, sign * 10**400) == []


def test_a_message_tells_the_value_from_the_bound() -> None:
    with pytest.raises(ConfigError) as refused:
        Word2VecConfig(epochs=LARGEST + 1)
    bound, value = str(refused.value).split(" or less, not ")
    assert not bound.endswith(f" {value}")


@pytest.mark.parametrize("value", [2.5, 1e12, "7", [3]])
def test_what_is_no_whole_number_is_refused(value: Any) -> None:
    assert taken(INTEGERS, value) == []


@pytest.mark.parametrize("value", ["0.5", [0.5]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    assert taken(FLOATS, value) == []


@pytest.mark.parametrize("value", ["no", 3, None])
def test_what_is_neither_true_nor_false_is_refused(value: Any) -> None:
    assert taken(FLAGS, value) == []


@pytest.mark.parametrize("value", [3, None, b"text"])
def test_what_is_no_text_is_refused(value: Any) -> None:
    texts = [(TextConfig, "field"), (TextConfig, "column"), (PhrasesConfig, "delimiter")]
    assert taken(texts, value) == []


def test_only_options_without_a_default_can_be_left_open() -> None:
    open_ones = {"max_vocab", "workers", "learning_rate", "threshold"}
    assert taken([each for each in INTEGERS + FLOATS if each[1] not in open_ones], None) == []


@pytest.mark.filterwarnings("error")
def test_numbers_of_numpy_are_numbers() -> None:
    config = GloveConfig(vector_size=np.int64(7), x_max=np.float32(3))  # type: ignore[arg-type]
    assert (config.vector_size, config.x_max) == (7, 3)
    with pytest.raises(ConfigError, match=r"^vector_size must be 1 or more, not 0"):
        GloveConfig(vector_size=np.int64(0))  # type: ignore[arg-type]


@pytest.mark.parametrize(("config", "name"), CHOICES)
@pytest.mark.parametrize("value", ["", "other", "TRUE", 0])
def test_choices_are_listed(config: type[Config], name: str, value: Any) -> None:
    options = kinds(config, name)
    for option in set(options) - ({"gensim"} if find_spec("gensim") is None else set()):
        assert getattr(config(**{name: option}), name) == option
    with pytest.raises(ConfigError, match=f"{name} must be one of {', '.join(options)}, not"):
        config(**{name: value})


def test_the_rates_default_goes_by_the_mode() -> None:
    assert Word2VecConfig().learning_rate == 0.05
    assert Word2VecConfig(mode="skipgram").learning_rate == 0.025
    assert Word2VecConfig(mode="skipgram", learning_rate=0.3).learning_rate == 0.3
    assert FastTextConfig().learning_rate == 0.05


@pytest.mark.parametrize("config", [Word2VecConfig, FastTextConfig])
def test_the_rate_at_the_end_is_not_above_that_at_the_start(config: type[Config]) -> None:
    config(learning_rate=0.01, min_learning_rate=0.01)  # type: ignore[call-arg]
    for options in ({"learning_rate": 0.01, "min_learning_rate": 0.02}, {"min_learning_rate": 1}):
        with pytest.raises(ConfigError, match=r"min_learning_rate=.* is above learning_rate="):
            config(**options)


def test_n_grams_have_a_length_or_there_are_none() -> None:
    FastTextConfig(min_n=4, max_n=4)
    FastTextConfig(min_n=4, max_n=0)
    with pytest.raises(ConfigError, match="max_n=3 is below min_n=4"):
        FastTextConfig(min_n=4, max_n=3)
    with pytest.raises(ConfigError, match="max_n=6 is below min_n=7"):
        FastTextConfig(min_n=7)


def test_the_threshold_goes_by_the_scoring() -> None:
    assert PhrasesConfig().threshold == 100
    assert PhrasesConfig(scoring="npmi").threshold == 0.5
    assert PhrasesConfig(threshold=0).threshold == 0


@pytest.mark.parametrize("threshold", [-1.01, 1.01, 100])
def test_a_threshold_for_npmi_lies_in_its_range(threshold: float) -> None:
    with pytest.raises(ConfigError, match="threshold"):
        PhrasesConfig(scoring="npmi", threshold=threshold)


@pytest.mark.parametrize("delimiter", ["", " ", "a b", "\t", "\n", "\0", "_\0", "\xa0", "\udcff"])
def test_a_delimiter_that_cannot_stand_in_a_word_is_refused(delimiter: str) -> None:
    """The last is what a byte that is no UTF-8 becomes on a command line."""
    with pytest.raises(ConfigError, match=r"^delimiter must be "):
        PhrasesConfig(delimiter=delimiter)


def test_a_choice_cannot_be_left_open() -> None:
    with pytest.raises(ConfigError, match=r"^tokenizer must be one of "):
        TextConfig(tokenizer=None)  # type: ignore[arg-type]


def test_workers_are_the_cores_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0, 5, 7})
    assert GloveConfig().workers == 3
    assert GloveConfig(workers=2).workers == 2


def test_options_are_taken_out_of_a_larger_mapping() -> None:
    options = {"min_count": 2, "max_vocab": None, "window": 9}
    assert VocabularyConfig.from_options(options) == VocabularyConfig(min_count=2, max_vocab=None)


def test_a_config_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        VocabularyConfig().min_count = 3  # type: ignore[misc]


@pytest.mark.parametrize(("config", "name"), EACH)
def test_every_option_has_its_help(config: type[Config], name: str) -> None:
    (each,) = (each for each in fields(config) if each.name == name)
    assert each.metadata["help"].endswith(".")


def test_gensim_cannot_be_told_to_race() -> None:
    pytest.importorskip("gensim")
    with pytest.raises(ConfigError, match="hogwild=True needs engine='native'"):
        Word2VecConfig(engine="gensim", hogwild=True)


def test_the_docstring_of_a_config_describes_its_options_with_those_it_inherits() -> None:
    assert FastTextConfig.summary().startswith("FastText (Bojanowski et al. 2017)")
    described = str(FastTextConfig.__doc__)
    assert "min_count : int, default 5\n    Minimum count of a word" in described
    assert "mode : one of 'skipgram', 'cbow', default 'skipgram'\n" in described
    assert described.count("mode : ") == described.count("Parameters") == 1


@pytest.mark.parametrize("config", [Word2VecConfig, FastTextConfig])
def test_gensims_engine_without_gensim_says_what_to_install(
    config: type[Word2VecConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gensim", None)
    with pytest.raises(ConfigError) as refused:
        config(engine="gensim")
    assert str(refused.value) == (
        "engine='gensim' needs gensim, which is not installed: pip install 'gensim>=4.4,<5' "
        "(it has wheels for Python 3.11 to 3.13)"
    )
    assert config().engine == "native"
