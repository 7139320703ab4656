"""Bias of word vectors: the association test WEAT, and projections of words on a direction."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb
from pathlib import Path
from typing import Any

import numpy as np

from embedtool.config.tasks import WeatConfig
from embedtool.errors import EvaluationError, QueryError
from embedtool.io.encodings import UTF8, decode, describe_decoding_error
from embedtool.io.json_file import parse_json
from embedtool.messages import brief, counted
from embedtool.model.vectors import AnyVectors, VectorTable, vectors_of
from embedtool.search.answers import WordScore
from embedtool.search.expression import parse_expression
from embedtool.search.lookup import directions
from embedtool.search.query import expression_vectors
from embedtool.search.sums import MIN_LENGTH

MIN_SET_SIZE = 2
"""Minimum size of a set: a single word has no standard deviation."""
BATCH = 2**14
"""Number of permutations computed at a time."""


@dataclass(frozen=True)
class WordSet:
    """A named set of words."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class WeatTest:
    """A test of whether first targets are nearer to first attributes, and second to second."""

    name: str
    targets: tuple[WordSet, WordSet]
    attributes: tuple[WordSet, WordSet]


@dataclass(frozen=True)
class WeatResult:
    """The effect size of an association and its p-value.

    Attributes
    ----------
    targets, attributes : (WordSet, WordSet)
        The sets without the words that have no vector.
    missing : tuple of str
        The words without a vector.
    statistic : float
        Sum of the associations of the first targets minus that of the second.
    effect_size : float
        Difference of the means in standard deviations, about -2 to 2.
    p_value : float
        One-sided p-value of the permutation test.
    exact : bool
        Whether all permutations were computed.
    permutations : int
        Number of permutations computed.
    """

    name: str
    targets: tuple[WordSet, WordSet]
    attributes: tuple[WordSet, WordSet]
    missing: tuple[str, ...]
    statistic: float
    effect_size: float
    p_value: float
    exact: bool
    permutations: int

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that this number of permutations can give."""
        return 1 / (self.permutations + (not self.exact))


@dataclass(frozen=True)
class Projections:
    """The projections of words on a direction.

    Attributes
    ----------
    words : tuple of WordScore
        Each word with the cosine of its vector and the direction, in descending order.
    pairs : tuple of str
        The expressions that define the direction.
    shares : tuple of float
        The fraction of the squared length of the pairs' differences along each principal component,
        in descending order; the first belongs to the direction.
    """

    __repr__ = brief

    words: tuple[WordScore, ...]
    pairs: tuple[str, ...]
    shares: tuple[float, ...]


def weat(vectors: AnyVectors, test: WeatTest, config: WeatConfig | None = None) -> WeatResult:
    """Compute the Word Embedding Association Test (Caliskan, Bryson & Narayanan 2017).

    s(w) is the mean cosine of w with the first attributes minus that with the second. The effect
    size is the difference of the means of s over the two target sets, divided by the standard
    deviation of s over both (with n - 1, as in May et al. 2019). The p-value is one-sided: the
    fraction of the partitions of the targets into sets of these sizes with a difference as large as
    this or larger, this one included; of random partitions, (1 + those) / (1 + draws).

    Parameters
    ----------
    vectors : VectorTable or ModelRecord
        The model. Words outside its vocabulary are left out.
    test : WeatTest
        The sets.
    config : WeatConfig, optional
        The number of permutations and the seed.

    Raises
    ------
    EvaluationError
        If fewer than two words are left in a set, or all s are the same.
    NoAnswerError
        If vectors are not finite or all zeros.
    """
    from scipy.stats import permutation_test

    config = config or WeatConfig()
    sets, missing = _known(vectors_of(vectors), test)
    x, y, a, b = (directions(vectors, each.words) for each in sets)
    targets = np.concatenate((x, y)).astype(np.float64)
    s = (targets @ a.T).mean(axis=1) - (targets @ b.T).mean(axis=1)
    if np.ptp(s) <= MIN_LENGTH:  # only rounding errors
        raise EvaluationError(f"{test.name}: the target words do not differ in their association")
    first, second = s[: len(x)], s[len(x) :]
    n_partitions = comb(len(s), len(x))
    permuted = permutation_test(
        (first, second),
        lambda u, v, axis: u.mean(axis=axis) - v.mean(axis=axis),
        vectorized=True,
        n_resamples=config.permutations,
        batch=BATCH,
        alternative="greater",
        random_state=np.random.default_rng(config.seed),
    )
    return WeatResult(
        name=test.name,
        targets=(sets[0], sets[1]),
        attributes=(sets[2], sets[3]),
        missing=missing,
        statistic=float(first.sum() - second.sum()),
        effect_size=float(permuted.statistic / s.std(ddof=1)),
        p_value=float(permuted.pvalue),
        exact=n_partitions <= config.permutations,
        permutations=min(n_partitions, config.permutations),
    )


def project(vectors: AnyVectors, pairs: Sequence[str], words: Sequence[str]) -> Projections:
    """Project words on the direction of a difference such as `he - she`.

    Parameters
    ----------
    pairs : sequence of str
        Expressions of unit vectors. Several of them give the first principal component of their
        differences, with the sign of their sum. It is not centred, because a pair and its reverse
        are the same (Bolukbasi et al. 2016, section 5).
    words : sequence of str
        The words to project.

    Raises
    ------
    QueryError
        If an expression cannot be parsed.
    NoAnswerError
        If words have no vector or a zero vector (names all of them), or the words of a pair cancel
        out.
    """
    parsed = [parse_expression(pair) for pair in pairs]
    if not parsed:
        raise QueryError("a direction needs a difference such as 'he - she'")
    differences = expression_vectors(vectors, parsed)
    _, lengths, axes = np.linalg.svd(differences, full_matrices=False)
    direction = axes[0] * (1 if (differences @ axes[0]).sum() >= 0 else -1)
    scores = directions(vectors, words).astype(np.float64) @ direction
    order = np.argsort(-scores, kind="stable").tolist()
    fractions = lengths**2 / (lengths**2).sum()
    return Projections(
        tuple(WordScore(words[i], float(scores[i])) for i in order),
        tuple(map(str, parsed)),
        tuple(fractions.tolist()),
    )


def read_weat(path: str | Path, encoding: str = UTF8) -> tuple[WeatTest, ...]:
    """Read tests from a TOML file or, if its name ends in .json, a JSON file.

    It contains a list `test`, each with `name`, `targets` and `attributes`; the latter two are
    tables of two lists of words by name, in the order of comparison.

    Raises
    ------
    EvaluationError
        If the file is anything else, or a word occurs twice among the targets or the attributes.
    """
    path = Path(path)
    try:
        text = decode(path.read_bytes(), encoding)
        content = parse_json(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeError as error:
        raise EvaluationError(
            f"{path}{describe_decoding_error(error, encoding)}", parameters=("encoding",)
        ) from None
    except ValueError as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise EvaluationError(f"{path}: not {kind}: {error}") from None
    tests = content.get("test") if isinstance(content, dict) else None
    if not isinstance(tests, list) or not tests:
        raise EvaluationError(f"{path} holds no tests: expected [[test]] and its fields below")
    return tuple(_parse_test(path, number, each) for number, each in enumerate(tests, 1))


def _parse_test(path: Path, number: int, fields: Any) -> WeatTest:
    where = f"{path}, test {number}"
    if not isinstance(fields, dict):
        raise EvaluationError(f"{where}: expected name, targets and attributes")
    name = fields.get("name", str(number))
    if not isinstance(name, str):
        raise EvaluationError(f"{where}: the name is not text")
    first, second = (_parse_sets(where, fields, each) for each in ("targets", "attributes"))
    return WeatTest(name, first, second)


def _parse_sets(where: str, fields: Mapping[str, Any], field: str) -> tuple[WordSet, WordSet]:
    sets = fields.get(field)
    if not isinstance(sets, dict) or len(sets) != 2:
        raise EvaluationError(f"{where}: expected two lists of words under {field}")
    words: list[str] = []
    for name, listed in sets.items():
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
            raise EvaluationError(f"{where}: {field}.{name} is not a list of words")
        words += listed
    for word in words:
        if words.count(word) > 1:
            raise EvaluationError(f"{where}: {word!r} occurs twice among the {field}")
    (a, first), (b, second) = sets.items()
    return WordSet(a, tuple(first)), WordSet(b, tuple(second))


def _known(vectors: VectorTable, test: WeatTest) -> tuple[list[WordSet], tuple[str, ...]]:
    """Return the four sets without the words that have no vector, and these words."""
    sets, missing = [], []
    for each in (*test.targets, *test.attributes):
        known = tuple(word for word in each.words if word in vectors)
        missing += [word for word in each.words if word not in vectors]
        if len(known) < MIN_SET_SIZE:
            raise EvaluationError(
                f"{test.name}: {len(known)} of the {counted(len(each.words), 'word')} of "
                f"{each.name!r} are in the vocabulary, and at least {MIN_SET_SIZE} must be"
            )
        sets.append(WordSet(each.name, known))
    return sets, tuple(missing)
