"""What training takes is counted from the algorithm."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.composition import count_word2vec, empty_cache, huffman_paths, touch_pairs
from benchmarks.roofline import first_tokens, word2vec_config
from benchmarks.tasks import Task
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.io.progress import silent
from embedtool.trainers.count_tables import huffman_tree
from embedtool.trainers.local_backend import encode_text, read_text

WORDS = ["the", "king", "rules", "a", "land", "of", "green", "hills"]


@pytest.fixture
def corpus(tmp_path: Path) -> EncodedCorpus:
    """A sentence of 8 words, 25 times: 200 tokens."""
    text = tmp_path / "text"
    text.write_text((" ".join(WORDS) + "\n") * 25, "utf-8")
    scanned = read_text(Corpus([str(text)]), tmp_path, 1, None, silent)
    return encode_text(scanned, word2vec_config(Task("word2vec"), 8), tmp_path)


def count(corpus: EncodedCorpus, task: Task) -> dict[str, int]:
    return count_word2vec(word2vec_config(task, 8), corpus, 1000)._asdict()


def test_each_token_has_its_context_and_negatives_as_products(corpus: EncodedCorpus) -> None:
    counts = count(corpus, Task("word2vec", sample=0, window=1, negative=5))
    pairs = 25 * 2 * (len(WORDS) - 1)
    assert counts["kept"] == 200
    assert pairs < counts["products"] <= pairs + 200 * len(WORDS)
    assert counts["input_rows"] == counts["words"] == 4 * len(WORDS)  # of 64, 64, 64 and 8 tokens
    assert counts["output_rows"] == 4 * len(WORDS)
    assert counts["missed"] == 2 * len(WORDS)


def test_cbow_sums_its_context_and_predicts_one_word(corpus: EncodedCorpus) -> None:
    counts = count(corpus, Task("word2vec", "cbow", sample=0, window=1, negative=5))
    assert counts["summed"] == 25 * 2 * (len(WORDS) - 1)
    assert 200 < counts["products"] <= 200 + 200 * len(WORDS)


def test_a_huffman_path_ends_at_the_root(corpus: EncodedCorpus) -> None:
    tree, depth = huffman_tree(np.array([8, 4, 2, 1, 1]))
    indptr, nodes = huffman_paths(tree.parents)
    assert np.diff(indptr).tolist() == [1, 2, 3, depth, depth] == [1, 2, 3, 4, 4]
    assert (nodes[indptr[1:] - 1] == 3).all()
    counts = count(corpus, Task("word2vec", "cbow", hierarchical=True, sample=0, window=1))
    assert counts["products"] == 200 * 3
    assert counts["output_rows"] == 4 * (len(WORDS) - 1)


def test_n_grams_are_rows_of_a_word(corpus: EncodedCorpus) -> None:
    counts = count(corpus, Task("fasttext", sample=0, window=1))
    assert counts["words"] == 4 * len(WORDS)
    assert counts["input_rows"] > 4 * counts["words"]


def test_the_least_recently_used_row_leaves_the_cache() -> None:
    cache = empty_cache(4, 2 * 3)
    rows = np.array([0, 1, 0, 2, 0, 1], np.int32)
    # rows 0 to 2, columns 3 to 5: 0 3 | 1 4 | 0 3 | 2 5, without 1 and 4 | 0 3 | 1 4
    assert [touch_pairs(rows[k:][:1], rows[k:][:1], cache) for k in range(6)] == [2, 2, 0, 2, 0, 2]


def test_the_first_sentences_keep_the_vocabulary_of_all(corpus: EncodedCorpus) -> None:
    few = first_tokens(corpus, 20)
    assert few.n_tokens == 16
    assert few.vocabulary is corpus.vocabulary
