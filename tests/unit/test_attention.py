"""Attention as its paper has it."""

import math
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.config.tasks import AttentionConfig
from embedtool.contextual.attention import (
    attention_mask,
    multi_head_attention,
    scaled_dot_product_attention,
    split_heads,
)
from embedtool.contextual.static_attention import attend
from embedtool.errors import QueryError
from embedtool.model.vectors import VectorTable


def by_hand(
    queries: np.ndarray, keys: np.ndarray, values: np.ndarray, mask: np.ndarray
) -> tuple[list[list[float]], list[list[float]]]:
    """One query and one key after another, as on paper."""
    outputs, weights = [], []
    for query, seen in zip(queries.tolist(), mask.tolist(), strict=True):
        powers = [
            math.exp(sum(map(float.__mul__, query, key)) / math.sqrt(len(query))) if see else 0.0
            for key, see in zip(keys.tolist(), seen, strict=True)
        ]
        total = sum(powers)
        row = [power / total if total else 0.0 for power in powers]
        weights.append(row)
        outputs.append([sum(map(float.__mul__, row, column)) for column in values.T.tolist()])
    return outputs, weights


@given(
    n_queries=st.integers(1, 5), n_keys=st.integers(1, 5), size=st.integers(1, 7),
    seed=st.integers(0, 999),
)  # fmt: skip
def test_attention_equals_the_equation_of_the_paper(
    n_queries: int, n_keys: int, size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    queries, keys = rng.normal(size=(n_queries, size)), rng.normal(size=(n_keys, size))
    values = rng.normal(size=(n_keys, 3))
    mask = rng.random((n_queries, n_keys)) < 0.7
    found = scaled_dot_product_attention(queries, keys, values, mask)
    for each, expected in zip(found, by_hand(queries, keys, values, mask), strict=True):
        np.testing.assert_allclose(each, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_heads", [1, 2, 3, 6])
def test_each_head_attends_by_its_own_part(n_heads: int) -> None:
    rng = np.random.default_rng(n_heads)
    queries, keys, values = rng.normal(size=(3, 2, 4, 6))
    mask = attention_mask(4, causal=True)
    outputs, weights = multi_head_attention(queries, keys, values, n_heads, mask)
    assert outputs.shape == (2, 4, 6) and weights.shape == (2, n_heads, 4, 4)
    size = 6 // n_heads
    for sentence in range(2):
        for head in range(n_heads):
            part = slice(head * size, (head + 1) * size)
            rows = [each[sentence, :, part] for each in (queries, keys, values)]
            expected = by_hand(*rows, mask)
            np.testing.assert_allclose(outputs[sentence, :, part], expected[0], atol=1e-12)
            np.testing.assert_allclose(weights[sentence, head], expected[1], atol=1e-12)


def test_vectors_that_cannot_be_cut_into_heads() -> None:
    with pytest.raises(ValueError, match="6 dimensions cannot be split into 4 heads"):
        split_heads(np.zeros((2, 6)), 4)


def test_large_scores_and_fully_masked_queries() -> None:
    """What a query does not see changes nothing, however large; and no number overflows."""
    rows = np.array([[300.0, 0], [1, 2], [2, 1]])
    mask = np.array([[True, False, False], [False, True, True], [False, False, False]])
    _, weights = scaled_dot_product_attention(rows * 1e3, rows, rows, mask)
    assert weights[0].tolist() == [1, 0, 0] and weights[2].tolist() == [0, 0, 0]
    assert weights[1, 0] == 0 and weights[1].sum() == 1


def test_attention_masks() -> None:
    assert attention_mask(2).all()
    assert attention_mask(3, causal=True).tolist() == np.tri(3).astype(bool).tolist()
    assert attention_mask(2, causal=True, itself=False).tolist() == [[False, False], [True, False]]


VECTORS = VectorTable(["bank", "river", "money", "old"], np.eye(4, dtype=np.float32) * 3)


def test_words_that_are_alike_attend_to_each_other() -> None:
    found = attend(VECTORS, "Bank, zorb bank river", AttentionConfig())
    assert found.tokens == ["bank", "bank", "river"] and found.unknown == ["zorb"]
    assert found.weights.dtype == np.float32
    alike, apart = math.exp(9 / 2), 1
    total = 2 * alike + apart
    np.testing.assert_allclose(found.weights[0], [alike / total, alike / total, apart / total],
                               rtol=1e-6)  # fmt: skip


def test_heads_of_a_sentence() -> None:
    """The first half of a vector knows bank and river, the second money and old."""
    first = attend(VECTORS, "bank money", AttentionConfig(heads=2, head=1)).weights
    second = attend(VECTORS, "bank money", AttentionConfig(heads=2, head=2)).weights
    both = attend(VECTORS, "bank money", AttentionConfig(heads=2)).weights
    assert first[0, 0] > 0.9 and first[1].tolist() == [0.5, 0.5]
    assert second[1, 1] > 0.9 and second[0].tolist() == [0.5, 0.5]
    np.testing.assert_allclose(both, (first + second) / 2)


@pytest.mark.parametrize(("sentence", "options", "message"), [
    ("zorb", {}, "'zorb' holds no word that the model knows"),
    ("", {}, "'' holds no word"),
    ("bank", {"heads": 3}, "heads=3 does not divide the 4 dimensions of the vectors"),
    ("bank", {"heads": 3}, "; choose among 1, 2, 4"),
    ("bank", {"heads": 2, "head": 3}, "head must be 1 to 2, not 3"),
])  # fmt: skip
def test_what_cannot_be_asked(sentence: str, options: dict[str, int], message: str) -> None:
    with pytest.raises(QueryError) as caught:
        attend(VECTORS, sentence, AttentionConfig(**options))
    assert message in str(caught.value)


def test_importing_what_needs_pytorch_later_changes_nothing() -> None:
    """In a process of its own: without PyTorch, and without a trace in the environment."""
    modules = ("distillation", "generation", "loading", "queries", "senses", "encoder_backend")
    code = (
        "import os, sys\n"
        "sys.modules['torch'] = None\n"
        "before = dict(os.environ)\n"
        + "".join(f"import embedtool.contextual.{module}\n" for module in modules)
        + "assert dict(os.environ) == before\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
