"""Clusters and sizes of texts for the tests of the cost model."""

from dataclasses import replace

import pytest

from benchmarks.cost_model import Sizes
from embedtool.config.training import (
    ClusterConfig,
    FastTextConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)
from embedtool.distributed.cluster import Node

GiB = 2**30
WIKI = Sizes(n_bytes=10**8, n_tokens=16 * 10**6, n_words=90_000, n_rows=90_000, keep_fraction=0.6)
CONFIGS = [
    Word2VecConfig(),
    Word2VecConfig(mode="skipgram", loss="hierarchical-softmax"),
    FastTextConfig(),
    GloveConfig(),
]
each_config = pytest.mark.parametrize("config", CONFIGS, ids=["cbow", "hs", "fasttext", "glove"])


def nodes(n: int, n_cores: int = 1, store: int = GiB, memory: int = GiB) -> list[Node]:
    return [Node(str(i), f"10.0.0.{i}", n_cores, memory, store) for i in range(n)]


def replicas(n: int, syncs: int = 16) -> ClusterConfig:
    return ClusterConfig("here", n, syncs)


def sizes(config: TrainerConfig, text: Sizes = WIKI) -> Sizes:
    n_ngrams = 400_000 if isinstance(config, FastTextConfig) else 0
    return replace(text, n_rows=text.n_words + n_ngrams)
