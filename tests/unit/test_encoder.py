"""The encoder is what its paper says, and its losses are what they are called."""

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from embedtool.config.tasks import ContextualConfig  # noqa: E402
from embedtool.contextual import attention  # noqa: E402
from embedtool.contextual import encoder as encoder_module  # noqa: E402
from embedtool.contextual.batches import IGNORE_INDEX, Batch  # noqa: E402
from embedtool.contextual.encoder import (  # noqa: E402
    Encoder,
    pow2_scale,
    sampling_probabilities,
    sinusoidal_positions,
)

N_WORDS, STATIC_SIZE = 30, 6
RNG = np.random.default_rng(0)
STATIC = RNG.normal(size=(N_WORDS, STATIC_SIZE)).astype(np.float32)
COUNTS = RNG.integers(1, 100, N_WORDS + 1)


def encoder(**options: Any) -> Encoder:
    torch.manual_seed(0)
    small = {"hidden_size": 12, "heads": 3, "layers": 2, "max_length": 8, "dropout": 0.0}
    network = Encoder(ContextualConfig(**{**small, **options}), N_WORDS, STATIC_SIZE)
    network.init_from_static(STATIC, COUNTS)
    return network.eval()


def rows(*ids: list[int]) -> tuple[Any, Any]:
    """Ids, filled up with boundaries, and their lengths."""
    width = max(map(len, ids))
    filled = [[*row, *[N_WORDS] * (width - len(row))] for row in ids]
    return torch.tensor(filled), torch.tensor([len(row) for row in ids])


@pytest.mark.parametrize("n_heads", [1, 2, 4])
def test_attention_in_numpy_equals_pytorchs(n_heads: int) -> None:
    queries, keys, values = RNG.normal(size=(3, 2, 5, 8)).astype(np.float32)
    mask = attention.attention_mask(5, causal=True) & (RNG.random((2, n_heads, 5, 5)) < 0.8)
    mask |= np.eye(5, dtype=bool)
    outputs, _ = attention.multi_head_attention(queries, keys, values, n_heads, mask)
    peers = [
        torch.from_numpy(np.ascontiguousarray(attention.split_heads(each, n_heads)))
        for each in (queries, keys, values)
    ]
    found = torch.nn.functional.scaled_dot_product_attention(
        *peers, attn_mask=torch.from_numpy(mask)
    )
    found = found.transpose(1, 2).reshape(2, 5, 8).numpy()
    np.testing.assert_allclose(outputs, found, rtol=0, atol=1e-5)


@pytest.mark.parametrize("objective", ["masked", "causal"])
def test_the_encoders_attention_equals_that_in_numpy(
    objective: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of each layer, from the queries and keys that its projections make.

    Distances, of which the mechanism knows nothing, take nothing away here.
    """
    monkeypatch.setattr(encoder_module, "MIN_LOG2_SLOPE", -1e4)
    network = encoder(objective=objective)
    ids, lengths = rows([N_WORDS, 3, 1, 4, 1])
    with torch.inference_mode():
        vectors = network.embed(ids)
        weights = network.attention_weights(vectors).numpy()
        state = network.embed_input(vectors)
        seen = network.attention_bias(5, lengths)
        for layer, found in zip(network.transformer.layers, weights, strict=True):
            inner = layer.norm1(state)
            projected = torch.nn.functional.linear(
                inner, layer.self_attn.in_proj_weight, layer.self_attn.in_proj_bias
            ).numpy()
            parts = np.split(projected, 3, axis=-1)
            mask = attention.attention_mask(5, causal=objective == "causal")
            outputs, expected = attention.multi_head_attention(*parts, 3, mask)
            np.testing.assert_allclose(found, expected[0], rtol=0, atol=1e-5)
            mixed = layer.self_attn.out_proj(torch.from_numpy(outputs).float())
            peer = layer.self_attn(inner, inner, inner, attn_mask=seen)[0]
            np.testing.assert_allclose(mixed.numpy(), peer.numpy(), rtol=0, atol=1e-5)
            state = layer(state, src_mask=seen)


def test_attention_falls_with_distance_at_another_slope_in_each_head() -> None:
    network = encoder()
    added = network.attention_bias(6, torch.tensor([6, 4])).reshape(2, 3, 6, 6).numpy()
    slopes = [2 ** (-8 / 3), 2 ** (-16 / 3), 2**-8]
    np.testing.assert_allclose(added[0, :, 3, 1:5], np.outer(slopes, [-2, -1, 0, -1]), rtol=1e-6)
    assert not added[0, :, :, 0].any()  # the boundary is near to all
    assert np.isneginf(added[1, :, :, 4:]).all() and np.isfinite(added[1, :, :, :4]).all()
    with torch.inference_mode():
        network.positions.weight.zero_()
        same = network.attention_weights(network.embed(torch.tensor([[N_WORDS, 5, 5, 5, 5]])))[
            0
        ].numpy()
    np.testing.assert_allclose(same[:, 1, 3] / same[:, 1, 2], np.exp(-np.array(slopes)), rtol=1e-4)


def test_padding_changes_nothing() -> None:
    network = encoder()
    short, long = [N_WORDS, 3, 1], [N_WORDS, 2, 7, 1, 8, 2]
    with torch.inference_mode():
        both = network(network.embed(rows(short, long)[0]), torch.tensor([3, 6]))
        for row, ids in zip(both, (short, long), strict=True):
            alone = network(network.embed(rows(ids)[0]), torch.tensor([len(ids)]))[0]
            np.testing.assert_allclose(row[: len(ids)], alone, rtol=0, atol=1e-5)


def test_a_causal_encoder_does_not_attend_to_later_tokens() -> None:
    first, second = [N_WORDS, 3, 1, 4], [N_WORDS, 3, 1, 9]
    for objective, is_same in (("causal", True), ("masked", False)):
        network = encoder(objective=objective)
        with torch.inference_mode():
            ids, lengths = rows(first, second)
            found = network(network.embed(ids), lengths).numpy()
        assert np.allclose(found[0, :3], found[1, :3], atol=1e-6) is is_same


def test_words_outside_the_vocabulary_have_their_own_vectors() -> None:
    network = encoder()
    new = torch.from_numpy(STATIC[4:5])
    known, unknown = torch.tensor([[4]]), torch.tensor([[network.first_oov]])
    assert torch.equal(network.embed(known), network.embed(unknown, new))


def batch_of(n_rows: int, n_classes: int) -> Batch:
    ids = RNG.integers(N_WORDS, size=(n_rows, 6))
    targets = RNG.integers(n_classes, size=ids.shape)
    targets[:, 0] = IGNORE_INDEX
    return Batch(ids, np.full(n_rows, 6), targets)


@pytest.mark.parametrize("softmax", ["sampled", "adaptive"])
@pytest.mark.parametrize(("objective", "n_classes"), [("masked", N_WORDS), ("causal", N_WORDS + 1)])
def test_the_loss_is_the_mean_negative_log_probability(
    softmax: str, objective: str, n_classes: int
) -> None:
    network = encoder(softmax=softmax, objective=objective)
    batch = batch_of(4, n_classes)
    with torch.inference_mode():
        hidden = network(
            network.embed(torch.from_numpy(batch.ids)), torch.from_numpy(batch.lengths)
        )
        is_target = batch.targets >= 0
        logs = network.output.log_probabilities(hidden[torch.from_numpy(is_target)]).numpy()
        loss = float(network.loss(batch))
    assert logs.shape == (20, n_classes)
    np.testing.assert_allclose(np.exp(logs).sum(axis=1), 1, rtol=1e-5)
    expected = -logs[np.arange(20), batch.targets[is_target]].mean()
    assert loss == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", ["masked", "causal"])
def test_a_sampled_softmax_estimates_the_exact_one(objective: str) -> None:
    """The sum that is estimated is right in the mean, so its logarithm is a little too small."""
    network = encoder(objective=objective, samples=12)
    batch = batch_of(8, N_WORDS + (objective == "causal"))
    probabilities = sampling_probabilities(COUNTS)
    generator = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        exact = float(network.loss(batch))
        drawn = [float(network.loss(batch, probabilities, generator)) for _ in range(300)]
        all_of_them = float(encoder(objective=objective).loss(batch, probabilities, generator))
    assert np.mean(drawn) == pytest.approx(exact, abs=0.15) and np.mean(drawn) < exact
    assert np.std(drawn) > 0
    assert all_of_them == pytest.approx(exact, rel=1e-6)


def test_initial_probabilities_are_word_frequencies() -> None:
    network = encoder()
    probabilities = network.output.bias.detach().exp().numpy()
    expected = (COUNTS[:N_WORDS] + 1) / (COUNTS.sum() + N_WORDS + 1)
    np.testing.assert_allclose(probabilities, expected, rtol=1e-5)


@pytest.mark.parametrize("length", [1e-3, 0.7, 1.0, 300.0])
def test_vectors_are_scaled_by_a_power_of_two(length: float) -> None:
    """So that those that do not learn are saved as the very numbers they were."""
    static = STATIC / np.linalg.norm(STATIC, axis=1, keepdims=True) * np.float32(length)
    scale = pow2_scale(static)
    assert math.log2(scale).is_integer() and 0.7 <= scale * length <= 1.5
    assert np.array_equal(static * np.float32(scale) / np.float32(scale), static)
    assert pow2_scale(np.zeros((3, 2), np.float32)) == 1


@pytest.mark.parametrize("size", [2, 7, 12])
def test_positions_are_initialised_with_sines_and_cosines(size: int) -> None:
    """The product of two places depends on their distance alone, where sines have their cosines."""
    found = sinusoidal_positions(30, size)
    assert found.shape == (30, size) and found[0].tolist() == [i % 2 for i in range(size)]
    np.testing.assert_allclose(found[5, :2], [math.sin(5), math.cos(5)], rtol=1e-6)
    whole = found[:, : size - size % 2]
    np.testing.assert_allclose(whole[3] @ whole[7], whole[20] @ whole[24], rtol=1e-5)


def test_the_learning_rate_warms_up_and_decays_as_a_cosine() -> None:
    from embedtool.contextual.encoder_backend import learning_rate

    config = ContextualConfig(epochs=10, warmup=0.2, learning_rate=0.01)
    rates = [learning_rate(config, done) for done in (0.0, 1.0, 2.0, 6.0, 10.0)]
    np.testing.assert_allclose(rates, [5e-5, 5e-3, 0.01, 0.005, 0], rtol=0.02, atol=1e-12)
    assert learning_rate(ContextualConfig(warmup=0.0, learning_rate=0.01), 0.0) == 0.01
    assert learning_rate(ContextualConfig(warmup=1.0, learning_rate=0.01), 5.0) == 0.01
