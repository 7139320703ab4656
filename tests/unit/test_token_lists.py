"""Lists of tokens: spaces within a token stay, from the file to the vectors and back."""

import json
from collections import deque
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import embedtool
from embedtool.config.text import TextConfig
from embedtool.config.training import GloveConfig, VocabularyConfig
from embedtool.corpus import token_lists
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.partitions import join_ranges, merge_range, partition, read_partition
from embedtool.corpus.scanning import cached_scan, scan, scan_vocabulary
from embedtool.corpus.tokens import decode_token, encode_token, normalizer
from embedtool.corpus.vocabulary import build_vocabulary, read_vocabulary, vocabulary_lines
from embedtool.errors import CorpusError
from embedtool.io.progress import Progress
from embedtool.model import store
from embedtool.training import train
from tests.conftest import Run

BASKETS = [["SKU 1", "b", " x\ty "], ["b", "SKU 1"], ["SKU", "1", "no-break\xa0space", "ä b"]]
TYPES = list(dict.fromkeys(token for basket in BASKETS for token in basket))
SMALL = ["--vector-size", "5", "--min-count", "1", "--workers", "1"]


def jsonl(path: Path, baskets: list[list[Any]], field: str = "items") -> Path:
    path.write_text("".join(json.dumps({field: basket}) + "\n" for basket in baskets))
    return path


def parquet(path: Path, baskets: list[list[Any]]) -> Path:
    pq.write_table(pa.table({"items": baskets}), path)
    return path


@pytest.fixture(params=["a.jsonl", "a.parquet"])
def baskets(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of BASKETS."""
    make = jsonl if request.param == "a.jsonl" else parquet
    return make(tmp_path / request.param, BASKETS)


ITEMS = TextConfig(field="items", column="items")


def test_spaces_within_a_token_stay(baskets: Path, tmp_path: Path) -> None:
    corpus = Corpus(baskets, ITEMS)
    assert list(corpus.sentences()) == BASKETS
    for read in (scan(corpus, tmp_path), *(cached_scan(corpus, tmp_path / "c") for _ in range(2))):
        assert list(read.words) == TYPES
        assert read.ends.tolist() == [3, 5, 9]


@pytest.mark.parametrize("token", ["a b", " ", "\t\v\f\r", "ä\u2028 b", "plain"])
def test_a_token_is_hidden_from_what_cuts_at_spaces(token: str) -> None:
    assert encode_token(token).split() == [encode_token(token)]
    assert decode_token(encode_token(token)) == token


def test_parts_have_the_same_tokens(baskets: Path, tmp_path: Path) -> None:
    for cache in (None, tmp_path / "cache", tmp_path / "cache"):
        ((stats, _, words),) = (
            read_partition(part, ITEMS, 3, cache) for part in partition(Corpus(baskets, ITEMS), 100)
        )
        of_all = join_ranges([merge_range([each], 1)[0] for each in words])
        assert stats.n_tokens == 9
        assert of_all.words == TYPES


def test_whole_numbers_are_tokens_and_null_takes_no_place(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [[1, "b", None, ""], [], [None], [-20]])
    assert list(Corpus(path, ITEMS).sentences()) == [["1", "b"], ["-20"]]
    path = parquet(tmp_path / "a.parquet", [[1, 2], [None, 3]])
    assert list(Corpus(path, ITEMS).sentences()) == [["1", "2"], ["3"]]


def test_tokens_are_cleaned_one_by_one(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", [["New York", "e\u0301 \ufb01", "\xa0´"]])
    text = TextConfig(field="items", lowercase=True, normalize="nfkc")
    assert list(Corpus(path, text).sentences()) == [["new york", "é fi", "  \u0301"]]


def test_a_list_within_fields_beside_texts(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [{"a": {"b": ["x y"]}}, {"a": {"b": "x y"}}, {"a": {"b": None}}, {"a": {"b": ["z"]}}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    corpus = Corpus(path, TextConfig(field="a.b"))
    assert list(corpus.sentences()) == [["x y"], ["x", "y"], ["z"]]
    assert scan_vocabulary(corpus, VocabularyConfig(min_count=1)).words == ["x y", "x", "y", "z"]


def test_a_tokenizer_cannot_cut_lists(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", BASKETS)
    message = r"a\.jsonl, line 1: 'items' is already a list of tokens, to which tokenizer='words'"
    with pytest.raises(CorpusError, match=message):
        list(Corpus(path, TextConfig(field="items", tokenizer="words")).sentences())


def test_lines_are_no_lists(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", BASKETS)
    with pytest.raises(CorpusError, match="'items' holds list, not text"):
        list(Corpus(path, ITEMS).lines())


def test_a_vocabulary_file_has_tokens_with_spaces(tmp_path: Path) -> None:
    corpus = Corpus(jsonl(tmp_path / "a.jsonl", BASKETS), ITEMS)
    vocabulary = scan_vocabulary(corpus, VocabularyConfig(min_count=1))
    path = tmp_path / "words.txt"
    with path.open("w", newline="\n") as file:
        file.writelines(vocabulary_lines(vocabulary.words, vocabulary.counts.tolist()))
    assert read_vocabulary(path)[0] == vocabulary.words


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
def test_from_the_file_to_the_vectors_and_back(run: Run, algorithm: str, tmp_path: Path) -> None:
    text, model, words = jsonl(tmp_path / "a.jsonl", BASKETS * 99), tmp_path / "m", tmp_path / "w"
    options = ["--field", "items", *SMALL, "--cache", tmp_path / "cache"]
    assert run("vocab", text, "--field", "items", "-o", words).exit_code == 0
    result = run("train", algorithm, text, "-o", model, "--vocab", words, *options)
    assert result.exit_code == 0, result.output
    vectors = store.load(model).vectors
    assert set(vectors.words) == set(TYPES)
    found = run("vector", model, "SKU 1", "--json")
    assert found.exit_code == 0
    assert "SKU 1" in run("similar", model, "b", "--tsv").stdout
    for suffix in ("npz", "safetensors", "parquet"):
        path = tmp_path / f"vectors.{suffix}"
        assert run("export", model, path).exit_code == 0
        again = tmp_path / f"again-{suffix}"
        assert run("import", path, again).exit_code == 0
        assert list(store.load(again).vectors.words) == list(vectors.words)
    refused = run("export", model, tmp_path / "vectors.txt")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: ")
    assert not (tmp_path / "vectors.txt").exists()


def test_training_goes_on_with_tokens_with_spaces(run: Run, tmp_path: Path) -> None:
    text, model, grown = jsonl(tmp_path / "a.jsonl", BASKETS * 9), tmp_path / "m", tmp_path / "g"
    more = jsonl(tmp_path / "b.jsonl", [["SKU 1", "SKU 2"]] * 9)
    options = ["--field", "items", *SMALL]
    assert run("train", "word2vec", text, "-o", model, *options).exit_code == 0
    grow = ["--init", model, "--sample", "0"]
    assert run("train", "word2vec", more, "-o", grown, *grow, *options).exit_code == 0
    counts = store.load(grown).vectors.counts
    assert counts is not None
    assert counts.sum() == 9 * 9 + 2 * 9


def test_the_text_of_gensims_engine_cannot_hold_them(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("gensim")
    text = jsonl(tmp_path / "a.jsonl", BASKETS * 9)
    result = run(
        "train", "word2vec", text, "-o", tmp_path / "m", "--field", "items", *SMALL,
        "--engine", "gensim",
    )  # fmt: skip
    assert result.exit_code == 2
    assert "--engine gensim splits text at spaces, and 'SKU 1' contains one" in result.stderr


def test_phrases_refuses_them(run: Run, tmp_path: Path) -> None:
    text = jsonl(tmp_path / "a.jsonl", BASKETS)
    output = tmp_path / "joined.txt"
    result = run("phrases", text, "--field", "items", "-o", output)
    assert result.exit_code == 1
    assert "Error: the token 'SKU 1' contains a space" in result.stderr
    assert not output.exists()


def test_inputs_are_paths_or_strings_one_or_several(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("a b\n" * 9)
    two.write_text("c d\n")
    for inputs in (one, str(one), [one], (str(one),), iter([one])):
        assert Corpus(inputs).sources == [str(one)]
    assert Corpus([one, str(two)]).sources == [str(one), str(two)]
    assert embedtool.Corpus(tmp_path).sources == [str(one), str(two)]


CONFIG = GloveConfig(vector_size=3, min_count=1, epochs=2, workers=1)


def test_a_model_is_trained_on_files_by_name(tmp_path: Path) -> None:
    path = tmp_path / "one.txt"
    path.write_text("a b\nb c\n" * 9)
    expected = train(CONFIG, Corpus(path)).vectors.rows
    for inputs in (path, str(path), [path]):
        assert np.array_equal(train(CONFIG, inputs).vectors.rows, expected)


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        ([b"a"], "bytes"),
        (b"a", "bytes"),
        ([None], "NoneType"),
        (None, "NoneType"),
        (3, "int"),
        (({"a"}, {"b"}), "set"),
    ],
)
def test_other_things_are_no_corpus(inputs: Any, kind: str) -> None:
    for use in (Corpus, partial(train, CONFIG)):
        with pytest.raises(CorpusError) as refused:
            use(inputs)
        assert str(refused.value) == (
            f"a corpus is the names of files, or lists of tokens, not {kind}"
        )


def test_choosing_words_leaves_tokens_whole(tmp_path: Path) -> None:
    read = scan(Corpus(jsonl(tmp_path / "a.jsonl", BASKETS), ITEMS), tmp_path)
    only = build_vocabulary(read.words, read.counts, VocabularyConfig(min_count=1), {"SKU 1", "b"})
    assert only[0].words == ["SKU 1", "b"]


SENTENCES = [["the", "king", "rules"], ("a", "SKU 1"), [], ["the", "queen"]]


def test_a_corpus_of_token_lists_has_their_tokens() -> None:
    corpus = Corpus(SENTENCES)
    expected = [list(each) for each in SENTENCES if each]
    assert list(corpus.sentences()) == list(corpus.sentences()) == expected
    assert list(Corpus(SENTENCES, TextConfig(lowercase=True)).sentences())[1] == ["a", "sku 1"]
    assert corpus.sources == [] and list(Corpus([[]]).sentences()) == []


def test_token_lists_train_as_the_same_tokens_in_a_file(tmp_path: Path) -> None:
    sentences = [[f"w{(i * i + j) % 9}" for j in range(6)] for i in range(200)]
    text = tmp_path / "text.txt"
    text.write_text("".join(f"{' '.join(each)}\n" for each in sentences))
    config = GloveConfig(min_count=1, vector_size=5, epochs=2, workers=1)
    models = [train(config, each) for each in (sentences, text)]
    assert models[0].vectors.words == models[1].vectors.words
    assert (models[0].vectors.rows == models[1].vectors.rows).all()


def test_an_iterator_of_token_lists_is_read_once(tmp_path: Path) -> None:
    corpus = Corpus(each for each in SENTENCES)
    assert scan(corpus, tmp_path).n_sentences == 3
    with pytest.raises(CorpusError, match="can be read only once"):
        list(corpus.sentences())


def test_names_may_come_from_an_iterator(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a b\n")
    assert list(Corpus(iter([path, path])).sentences()) == [["a", "b"]] * 2
    assert Corpus(iter([])).sources == []


@pytest.mark.parametrize("wrong", [["a", 1.5], ["a\nb"], ["a\0"]])
def test_a_list_with_what_is_no_token_is_named_by_its_sentence(wrong: list[Any]) -> None:
    with pytest.raises(CorpusError, match=r"^sentence 2: 'tokens' holds "):
        list(Corpus([["a"], wrong]).sentences())


def test_token_lists_are_neither_cached_nor_text(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="cache works with files only"):
        cached_scan(Corpus(SENTENCES), tmp_path)
    with pytest.raises(CorpusError, match="the corpus holds lists of tokens, not text"):
        list(Corpus(SENTENCES).lines())


LETTERS = st.sampled_from([*"aBI\u03a3\u00cc\u0307 \r\x1c\x85\u00e9\ufdfa\u00a0\u0301.", "\udc80"])
TOKENS = st.text(LETTERS, max_size=4) | st.integers(0, 20) | st.integers(0, 9).map(np.int64)


@given(
    sentences=st.lists(st.lists(TOKENS, max_size=6), min_size=1, max_size=12),
    block_tokens=st.integers(1, 20),
    lowercase=st.sampled_from([False, True, "tr", "lt"]),
    normalize=st.sampled_from(["none", "nfc", "nfkc"]),
)
def test_lists_joined_at_once_are_those_encoded_one_by_one(
    sentences: list[list[Any]], block_tokens: int, lowercase: Any, normalize: Any
) -> None:
    config = TextConfig(lowercase=lowercase, normalize=normalize)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_lists, "BLOCK_TOKENS", block_tokens)
        blocks = list(token_lists.token_blocks(token_lists.TokenLists(sentences), config))
    expected = [
        token_lists.encode_list(sentence, "", "", normalizer(config)).split()
        for sentence in sentences
    ]
    found = b"".join(text for _, text in blocks)
    assert [line.split() for line in found.split(b"\n")[:-1]] == expected
    assert blocks[-1][0] == len(sentences)


def test_sentences_are_any_sequences() -> None:
    sentences = [
        ["a", np.str_("b")], ("c",), np.array(["d", "e"]), np.array([1, 2]), deque(["f"]),
        pd.Series(["g", "h"]),
    ]  # fmt: skip
    for first in sentences:
        found = list(Corpus([first, *sentences]).sentences())
        assert found[1:] == [["a", "b"], ["c"], ["d", "e"], ["1", "2"], ["f"], ["g", "h"]]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("the queen", "sentence 3 is of type str, not a list of tokens; split it, as in "
         "'the queen'.split()"),
        ("q" * 99, f"sentence 3 is of type str, not a list of tokens; split it, as in "
         f"'{'q' * 40}...'.split()"),
        (b"the queen", "sentence 3 is of type bytes, not a list of tokens"),
        (None, "sentence 3 is of type NoneType, not a list of tokens"),
        (7, "sentence 3 is of type int, not a list of tokens"),
        (Path("a"), f"sentence 3 is of type {type(Path()).__name__}, not a list of tokens"),
        ({"a", "b"}, "sentence 3 is of type set, not a list of tokens"),
        ({"a": 1}, "sentence 3 is of type dict, not a list of tokens"),
        ((word for word in "ab"), "sentence 3 is of type generator, not a list of tokens"),
        (["a", None], "sentence 3: 'tokens' holds None, not a token"),
        (["a", b"b"], "sentence 3: 'tokens' holds a list with bytes, not a list of tokens"),
        (["a", 1.5], "sentence 3: 'tokens' holds a list with float, not a list of tokens"),
        (["a", True], "sentence 3: 'tokens' holds a list with bool, not a list of tokens"),
        (["a", ["b"]], "sentence 3: 'tokens' holds a list with list, not a list of tokens"),
        (["a\nb"], r"sentence 3: 'tokens' holds a token with a line end or NUL: 'a\nb'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block_tokens", [1, 100])
def test_an_item_that_is_no_list_of_tokens_is_named_by_its_number(
    wrong: Any, said: str, block_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_lists, "BLOCK_TOKENS", block_tokens)
    with pytest.raises(CorpusError) as refused:
        list(Corpus([["the", "king"], [], wrong, ["a"]]).sentences())
    assert str(refused.value) == said


def test_reading_lists_is_reported() -> None:
    seen: list[Progress] = []
    list(Corpus(SENTENCES).sentences(seen.append))
    assert [(each.stage, each.done, each.unit) for each in seen] == [("reading", 4, "sentences")]
