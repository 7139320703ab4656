"""Choices and defaults of functions that have no config of their own.

They are here, not beside the functions, because the command line shows them before it imports
NumPy.
"""

from typing import Literal, get_args

Method = Literal["3cosadd", "3cosmul"]

METHODS: tuple[Method, ...] = get_args(Method)
"""How a query by analogy is answered (Levy & Goldberg 2014); the first is the default."""

Layout = Literal["pca", "tsne", "umap"]

LAYOUTS: tuple[Layout, ...] = get_args(Layout)
"""How words are projected to two dimensions."""

AnalogyMethod = Literal[
    "3cosadd", "3cosmul", "pairdistance", "3cosavg", "lrcos", "nearest-b", "nearest-c"
]

ANALOGY_METHODS: tuple[AnalogyMethod, ...] = get_args(AnalogyMethod)
"""How an evaluation answers analogies: from one example pair, from all pairs of a relation, and
baselines."""

Correlation = Literal["spearman", "pearson"]

Sampling = Literal["bootstrap", "fixed"]

SAMPLINGS: tuple[Sampling, ...] = get_args(Sampling)
"""Training text of each run of an experiment: sentences drawn with replacement, or the text."""

N_ANSWERS = 10
"""Number of words that answer a query."""

N_COMPARED = 8
"""Number of words that answer a query in a comparison of models."""

RESTRICT_VOCAB = 300_000
"""Number of most frequent words that are used in an evaluation, as in gensim."""

N_ANCHORS = 10_000
"""Number of most frequent shared words that two models are aligned on: many times the dimensions,
and frequent enough that their vectors are more than noise."""

N_DRIFTED = 20
"""Number of words shown, those whose meaning changed most."""
