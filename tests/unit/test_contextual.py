"""Words in their sentences: queries, senses, generation, distillation, files of tokens."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch")

from embedtool.config.tasks import DistillConfig, GenerationConfig, SensesConfig  # noqa: E402
from embedtool.contextual import generation, queries, senses, token_files, word_in_context  # noqa: E402
from embedtool.contextual.distillation import distill  # noqa: E402
from embedtool.contextual.encoder import EARLIER_NAMES  # noqa: E402
from embedtool.contextual.loading import open_encoder  # noqa: E402
from embedtool.contextual.pretrained import PretrainedEncoder  # noqa: E402
from embedtool.contextual.word_in_context import SensePair, classify_pairs, threshold  # noqa: E402
from embedtool.errors import EvaluationError, ModelError, OutputError, QueryError  # noqa: E402
from embedtool.model import store  # noqa: E402

RIVER, MONEY = "river boat bank fish", "cash loan bank debt"


AMONG = ["river", "boat", "water", "shore", "cash", "loan", "money", "office"]


def test_an_encoder_tells_senses_apart_that_a_static_model_cannot(
    encoders: dict[str, Path],
) -> None:
    encoder = open_encoder(encoders["masked"])
    same = queries.compare(encoder, RIVER, "bank reed water stream", "bank")
    other = queries.compare(encoder, RIVER, MONEY, "bank")
    assert same > 0.8 and other < 0.4


@pytest.mark.parametrize(("sentence", "cues"), [
    (RIVER, {"river", "boat", "water", "shore"}), (MONEY, {"cash", "loan", "money", "office"}),
])  # fmt: skip
def test_neighbours_in_context_are_of_the_sense(
    sentence: str, cues: set[str], encoders: dict[str, Path]
) -> None:
    encoder = open_encoder(encoders["masked"])
    found = queries.similar(encoder, sentence, "bank", 4, candidates=AMONG)
    assert {each.word for each in found} <= cues


def test_words_that_a_model_does_not_know(encoders: dict[str, Path]) -> None:
    """FastText makes vectors of their n-grams; other models leave them out."""
    by_subwords = next(open_encoder(encoders["frozen"]).encode(["river rivers rivers fishing"]))
    assert by_subwords.tokens == ["river", "rivers", "rivers", "fishing"]
    assert by_subwords.unknown == []
    left_out = next(open_encoder(encoders["masked"]).encode(["river rivers rivers fishing"]))
    assert left_out.tokens == ["river"] and left_out.unknown == ["rivers", "fishing"]
    with pytest.raises(QueryError, match="the model does not know 'rivers'"):
        queries.vector_of(open_encoder(encoders["masked"]), "river rivers", "rivers")


def test_frozen_vectors_do_not_change(encoders: dict[str, Path]) -> None:
    for name, base, is_same in (("frozen", "subwords", True), ("masked", "static", False)):
        found, before = (store.load(encoders[each]).vectors for each in (name, base))
        assert list(found.words) == list(before.words)
        assert np.array_equal(found.rows, before.rows) is is_same
        assert np.array_equal(found.counts, before.counts)


@pytest.mark.parametrize("name", ["masked", "causal"])
def test_an_encoder_with_the_names_of_earlier_versions_opens(
    name: str, encoders: dict[str, Path], tmp_path: Path
) -> None:
    model = store.load(encoders[name])
    earlier = {now: before for before, now in EARLIER_NAMES.items()}
    tensors = {
        ".".join(earlier.get(module, module) for module in parameter.split(".")): np.array(tensor)
        for parameter, tensor in (model.encoder or {}).items()
    }
    assert {"inward.weight", "before.bias", "marks", "output.outward.weight"} <= tensors.keys()
    store.save(replace(model, encoder=tensors), tmp_path / "earlier")
    expected, found = (
        next(open_encoder(path).encode([RIVER])) for path in (encoders[name], tmp_path / "earlier")
    )
    assert np.array_equal(found.vectors, expected.vectors)


def test_a_folder_that_is_not_an_encoder_is_refused(
    encoders: dict[str, Path], tmp_path: Path
) -> None:
    with pytest.raises(
        ModelError, match=r"is a static model, .*; `embedtool\.train` trains an encoder over it"
    ):
        open_encoder(encoders["static"])
    with pytest.raises(ModelError, match="no such model"):
        open_encoder(tmp_path / "nothing")
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ModelError, match="cannot be opened by transformers"):
        open_encoder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "no-such-thing"}')
    with pytest.raises(ModelError, match="cannot be opened by transformers"):
        open_encoder(tmp_path)


def test_a_damaged_encoder_is_refused(encoders: dict[str, Path], tmp_path: Path) -> None:
    model = store.load(encoders["masked"])
    tables = {
        name: table for name, table in (model.encoder or {}).items() if name != "special_tokens"
    }
    store.save(store.ModelRecord(model.vectors, model.description, tables), tmp_path / "model")
    with pytest.raises(ModelError, match="its encoder does not fit"):
        open_encoder(tmp_path / "model")


def test_vectors_of_minilm_equal_those_of_transformers(minilm: Path) -> None:
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(minilm)
    network = AutoModel.from_pretrained(minilm).eval()
    sentences = ["He sat on the bank of the river.", "Embeddings, unbelievably quaint: yes"]
    for sentence, found in zip(sentences, PretrainedEncoder(minilm).encode(sentences), strict=True):
        read = tokenizer(sentence, return_tensors="pt")
        with torch.inference_mode():
            states = network(**read).last_hidden_state[0].numpy()
        numbers = read.word_ids()
        for i, (token, vector) in enumerate(zip(found.tokens, found.vectors, strict=True)):
            pieces = [position for position, number in enumerate(numbers) if number == i]
            np.testing.assert_allclose(vector, states[pieces].mean(axis=0), rtol=0, atol=1e-5)
            assert token in sentence
        assert len(found.tokens) == 1 + max(n for n in numbers if n is not None)
    weights = PretrainedEncoder(minilm).attention(sentences[0])
    assert weights.tokens[0] == "[CLS]" and weights.tokens[-1] == "[SEP]"
    assert weights.weights.shape == (6, 12, 11, 11)


def test_a_tokenizer_without_a_padding_token_is_refused(minilm: Path, tmp_path: Path) -> None:
    """As that of GPT-2, which is no encoder."""
    for path in minilm.iterdir():
        if path.is_file() and path.name != "special_tokens_map.json":
            (tmp_path / path.name).symlink_to(path)
    config = json.loads((minilm / "tokenizer_config.json").read_text())
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({**config, "pad_token": None}))
    with pytest.raises(ModelError, match="its tokenizer has no padding token"):
        PretrainedEncoder(tmp_path)


def test_minilms_neighbours_differ_between_sentences(minilm: Path) -> None:
    encoder = PretrainedEncoder(minilm)
    among = ["river", "rivers", "cash", "financial", "tree", "fish", "funds", "lake"]
    river = queries.similar(encoder, "he sat on the bank of the river", "bank", 2, candidates=among)
    money = queries.similar(encoder, "she put her money in the bank", "bank", 3, candidates=among)
    assert {each.word for each in river} == {"river", "rivers"}
    assert {each.word for each in money} == {"cash", "financial", "funds"}


def test_senses_are_found_in_a_text(encoders: dict[str, Path], two_senses: Path) -> None:
    encoder = open_encoder(encoders["masked"])
    lines = two_senses.read_text().splitlines()
    lines_with_bank = sum("bank" in line.split() for line in lines)
    found = senses.induce_senses(
        encoder, lines, "bank", SensesConfig(senses=2, uses=200, examples=40)
    )
    assert (found.n_uses, found.n_seen, len(found.senses)) == (200, lines_with_bank, 2)
    assert sum(sense.n_uses for sense in found.senses) == 200
    river = {"river", "water", "boat", "fish", "reed", "stream"}
    shares = [
        np.mean([bool(river & set(line.split())) for line in sense.examples])
        for sense in found.senses
    ]
    assert min(shares) < 0.2 and max(shares) > 0.8
    again = senses.induce_senses(
        encoder, lines, "bank", SensesConfig(senses=2, uses=200, examples=40)
    )
    assert found == again


def test_a_word_that_is_always_used_alike_has_one_sense(encoders: dict[str, Path]) -> None:
    encoder = open_encoder(encoders["masked"])
    found = senses.induce_senses(encoder, [RIVER] * 9, "bank", SensesConfig())
    assert [sense.n_uses for sense in found.senses] == [9] and found.silhouette is None
    assert found.senses[0].examples == (RIVER,)
    with pytest.raises(QueryError, match=r"the text has 2 uses of 'bank' .*; 4 are needed"):
        senses.induce_senses(encoder, [RIVER, "the boat", MONEY], "bank", SensesConfig())


def test_senses_of_a_word_that_the_model_leaves_out(encoders: dict[str, Path]) -> None:
    encoder = open_encoder(encoders["masked"])
    with pytest.raises(QueryError, match="the model does not know 'zorb'"):
        senses.induce_senses(encoder, ["river zorb"] * 9, "zorb", SensesConfig())


def test_a_causal_encoder_generates_text(encoders: dict[str, Path], two_senses: Path) -> None:
    encoder: Any = open_encoder(encoders["causal"])
    config = GenerationConfig(texts=20, words=12, top_p=0.9, temperature=0.7)
    found = list(generation.generate(encoder, "river fish", config))
    assert found == list(generation.generate(encoder, "river fish", config))
    assert len(found) == 20 and len({*map(tuple, found)}) > 1
    vocabulary = set(two_senses.read_text().split())
    for words in found:
        assert words[:2] == ["river", "fish"] and set(words) <= vocabulary and len(words) <= 14
    assert np.mean([len(words) == 4 for words in found]) > 0.5
    greedy = GenerationConfig(texts=2, temperature=0)
    assert len({*map(tuple, generation.generate(encoder, "", greedy))}) == 1
    with pytest.raises(QueryError, match="the model does not know 'zorb'"):
        next(generation.generate(encoder, "river zorb", config))
    with pytest.raises(QueryError, match="train with objective='causal'"):
        next(generation.generate(open_encoder(encoders["masked"]), "river", config))  # type: ignore


def test_the_next_word_depends_on_all_words_before(encoders: dict[str, Path]) -> None:
    encoder: Any = open_encoder(encoders["causal"])
    words = list(encoder.static.words)
    for before, likely, unlikely in (
        ("river bank", "boat", "cash"), ("money bank", "cash", "boat")
    ):  # fmt: skip
        chances = encoder.next_word_probabilities(encoder.known_ids(before)[0])
        assert chances.sum() == pytest.approx(1) and len(chances) == len(words) + 1
        assert chances[words.index(likely)] > 3 * chances[words.index(unlikely)]


CHANCES = np.array([0.1, 0.4, 0.2, 0.3])


@pytest.mark.parametrize(("options", "expected"), [
    ({}, [0.1, 0.4, 0.2, 0.3]),
    ({"top_k": 2}, [0, 4 / 7, 0, 3 / 7]),
    ({"top_k": 9}, [0.1, 0.4, 0.2, 0.3]),
    ({"top_p": 0.7}, [0, 4 / 7, 0, 3 / 7]),
    ({"top_p": 0.71}, [0, 4 / 9, 2 / 9, 3 / 9]),
    ({"top_p": 0.01}, [0, 1, 0, 0]),
    ({"top_k": 2, "top_p": 0.5}, [0, 1, 0, 0]),
    ({"temperature": 0}, [0, 1, 0, 0]),
    ({"temperature": 0.5}, [1 / 30, 16 / 30, 4 / 30, 9 / 30]),
])  # fmt: skip
def test_temperature_top_k_and_top_p(options: dict[str, float], expected: list[float]) -> None:
    found = generation.filter_top_k_top_p(CHANCES, GenerationConfig(**options))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def brute_force(similarity: np.ndarray, same: np.ndarray) -> int:
    values = [-2, *similarity, 2]
    return max(int(((similarity >= value) == same).sum()) for value in values)


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=1, max_size=12))
def test_the_threshold_classifies_most_pairs_correctly(pairs: list[tuple[int, bool]]) -> None:
    similarity = np.array([value / 5 for value, _ in pairs])
    same = np.array([is_same for _, is_same in pairs])
    found = threshold(similarity, same)
    assert int(((similarity >= found) == same).sum()) == brute_force(similarity, same)


def pairs_of(*words: str) -> list[SensePair]:
    return [SensePair(word, "a", "b", same) for word in words for same in (True, False)]


def test_a_words_threshold_comes_from_the_pairs_of_other_words() -> None:
    """One word whose similarities all lie high is judged by the threshold of the other two."""
    pairs = pairs_of("x", "y", "z")
    result = classify_pairs("d", pairs, np.array([0.9, 0.1, 0.8, 0.2, 0.99, 0.9]))
    assert [(each.correct, each.total) for each in result.words] == [(2, 2), (2, 2), (1, 2)]
    assert (result.total, result.same, result.accuracy) == (6, 3, pytest.approx(5 / 6))
    assert result.interval is not None and result.interval.low < 5 / 6 < result.interval.high


def test_a_static_model_has_an_accuracy_of_one_half(encoders: dict[str, Path]) -> None:
    pairs = pairs_of("bank", "river", "money")
    vectors = store.load(encoders["static"]).vectors
    similarity = word_in_context.static_similarities(vectors, pairs)
    np.testing.assert_allclose(similarity, 1)
    assert classify_pairs("d", pairs, similarity).accuracy == 0.5


@pytest.mark.parametrize(("rows", "message"), [
    (["bank\ta bank\tbank\tmaybe"], "pairs.tsv, line 2: 'same' is 'maybe', not 1 or 0, T or F"),
    (["bank\ta bank\tbank\t1"], "holds pairs of fewer than 2 words"),
])  # fmt: skip
def test_files_without_pairs_are_refused(rows: list[str], message: str, tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    path.write_text("\n".join(["word\tfirst\tsecond\tsame", *rows]) + "\n")
    with pytest.raises(EvaluationError) as caught:
        word_in_context.read_pairs(path)
    assert message in str(caught.value)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".parquet"])
def test_tokens_are_written_for_other_programs(
    suffix: str, encoders: dict[str, Path], tmp_path: Path
) -> None:
    encoder = open_encoder(encoders["masked"])
    lines = [RIVER, "unheard", MONEY]
    path = tmp_path / f"tokens{suffix}"
    assert token_files.write(encoder, lines, path) == 8
    tokens, numbers, vectors = read_tokens(path)
    assert tokens == [*RIVER.split(), *MONEY.split()]
    assert numbers.tolist() == [0] * 4 + [2] * 4
    expected = [found.vectors for found in encoder.encode(lines)]
    np.testing.assert_allclose(vectors, np.concatenate(expected), rtol=0, atol=1e-6)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    with pytest.raises(OutputError, match=r"tokens are written as \.npz, \.safetensors, \.parquet"):
        token_files.check_suffix(tmp_path / "tokens.csv")


def read_tokens(path: Path) -> tuple[list[str], np.ndarray, np.ndarray]:
    """By the libraries that its readers have."""
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return arrays["tokens"].tolist(), arrays["lines"], arrays["vectors"]
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        tensors = load_file(path)
        tokens = tensors["tokens"].tobytes().decode().split("\n")[:-1]
        return tokens, tensors["lines"], tensors["vectors"]
    from pyarrow.parquet import read_table

    table = read_table(path)
    return (table["token"].to_pylist(), table["line"].to_numpy(),
            np.array(table["vector"].to_pylist()))  # fmt: skip


def test_no_tokens_at_all(encoders: dict[str, Path], tmp_path: Path) -> None:
    encoder = open_encoder(encoders["masked"])
    for suffix in token_files.WRITERS:
        assert token_files.write(encoder, ["unheard"], tmp_path / f"a{suffix}") == 0
        assert read_tokens(tmp_path / f"a{suffix}")[0] == []


def test_a_static_model_is_distilled_from_an_encoder(minilm: Path) -> None:
    words = ["the", "king", "queen", "prince", "river", "lake", "cash", "money", "", "bank"]
    counts = np.array([1000, 50, 40, 30, 20, 20, 10, 10, 5, 5])
    model = distill(PretrainedEncoder(minilm), words, counts, DistillConfig(dimensions=6, sif=0.1))
    vectors = model.vectors
    assert list(vectors.words) == [word for word in words if word]
    assert vectors.counts is not None and vectors.counts.tolist()[-1] == 5
    assert vectors.vector_size == 6
    assert queries.cosines(vectors.vector("king")[None], vectors.vector("queen"))[0] > 0.3
    full = distill(PretrainedEncoder(minilm), words, counts, DistillConfig(dimensions=6, sif=1e9))
    shares = counts[[0, 1]] / counts[[words.index(word) for word in words if word]].sum()
    for word, share in zip(words, shares, strict=False):
        expected = full.vectors.vector(word) * 0.1 / (0.1 + share)
        np.testing.assert_allclose(vectors.vector(word), expected, rtol=1e-4, atol=1e-6)
