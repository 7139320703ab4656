"""What word vectors hold for related: associations of sets, projections on a direction.

In: WordVectors, and sets or pairs of words. Out: WEAT's effect sizes with their chances; how far
words lie to either side.
"""

import json
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
from embedtool.messages import brief, counted
from embedtool.model.vectors import AnyVectors, WordVectors, vectors_of
from embedtool.search.expression import parse_expression
from embedtool.search.lookup import directions
from embedtool.search.query import WordScore, expression_vectors
from embedtool.search.sums import MIN_LENGTH

SMALLEST_SET = 2
"""Of one word there is no spread to measure an effect by."""
BATCH = 2**14
"""Ways to part the targets that are tried in one go."""


@dataclass(frozen=True)
class WordSet:
    """Words under a name."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class WeatTest:
    """Are the first targets nearer to the first attributes, and the second to the second?"""

    name: str
    targets: tuple[WordSet, WordSet]
    attributes: tuple[WordSet, WordSet]


@dataclass(frozen=True)
class WeatResult:
    """How strong an association is, and how likely by chance.

    targets, attributes : the sets without the words that have no vector
    missing             : these words
    statistic           : sum of the associations of the first targets minus that of the second
    effect_size         : difference of the means in standard deviations, about -2 to 2
    p_value             : share of the ways to part the targets that give a statistic as large
    exact               : whether all ways were tried
    permutations        : the ways tried
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
        """The least that the p-value can be with so many permutations."""
        return 1 / (self.permutations + (not self.exact))


@dataclass(frozen=True)
class Projections:
    """Where words lie along a direction.

    words  : each with the cosine of its vector and the direction, the largest first
    pairs  : the expressions of which the direction was made
    shares : of the squared length of the pairs' differences along each principal component, largest
             first; the first is the direction's own
    """

    __repr__ = brief

    words: tuple[WordScore, ...]
    pairs: tuple[str, ...]
    shares: tuple[float, ...]


def weat(vectors: AnyVectors, test: WeatTest, config: WeatConfig | None = None) -> WeatResult:
    """The Word Embedding Association Test (Caliskan, Bryson & Narayanan 2017).

    s(w) is the mean cosine of w with the first attributes minus that with the second. The effect
    size is the difference of the means of s over the two sets of targets, divided by the standard
    deviation of s over both (over n - 1, as in May et al. 2019). The p-value is one-sided: the
    share of the ways to part the targets into sets of these sizes with a difference as large as
    this or larger, this one counted; of ways drawn by chance, (1 + those) / (1 + draws).

    Words outside the vocabulary are left out.
    Raises EvaluationError where fewer than two are left in a set, or all s are the same;
    NoAnswerError where vectors are not finite or all zeros.
    """
    from scipy.stats import permutation_test

    config = config or WeatConfig()
    sets, missing = _known(vectors_of(vectors), test)
    x, y, a, b = (directions(vectors, each.words) for each in sets)
    targets = np.concatenate((x, y)).astype(np.float64)
    s = (targets @ a.T).mean(axis=1) - (targets @ b.T).mean(axis=1)
    if np.ptp(s) <= MIN_LENGTH:  # no more than rounding
        raise EvaluationError(f"{test.name}: the target words do not differ in their association")
    first, second = s[: len(x)], s[len(x) :]
    ways = comb(len(s), len(x))
    found = permutation_test(
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
        effect_size=float(found.statistic / s.std(ddof=1)),
        p_value=float(found.pvalue),
        exact=ways <= config.permutations,
        permutations=min(ways, config.permutations),
    )


def project(vectors: AnyVectors, pairs: Sequence[str], words: Sequence[str]) -> Projections:
    """The cosine of each word with the direction of a difference such as `he - she`.

    pairs : expressions, in which each word counts at length 1. Several give the first principal
            component of their differences, not centred, for a pair and its reverse are one
            (Bolukbasi et al. 2016, section 5), with the sign of their sum

    Raises QueryError on what is no expression; NoAnswerError on words without a vector or with one
    of zeros, all of which it names, and on pairs whose words cancel out.
    """
    parsed = [parse_expression(pair) for pair in pairs]
    if not parsed:
        raise QueryError("a direction needs a difference such as 'he - she'")
    differences = expression_vectors(vectors, parsed)
    _, lengths, axes = np.linalg.svd(differences, full_matrices=False)
    direction = axes[0] * (1 if (differences @ axes[0]).sum() >= 0 else -1)
    scores = directions(vectors, words).astype(np.float64) @ direction
    order = np.argsort(-scores, kind="stable").tolist()
    shares = lengths**2 / (lengths**2).sum()
    return Projections(
        tuple(WordScore(words[i], float(scores[i])) for i in order),
        tuple(map(str, parsed)),
        tuple(shares.tolist()),
    )


def read_weat(path: str | Path, encoding: str = UTF8) -> tuple[WeatTest, ...]:
    """Tests from a file of TOML or, where its name ends with .json, of JSON.

    It holds a list `test`, each with `name`, `targets` and `attributes`; the latter two are tables
    of two lists of words by name, in the order in which they are compared. Raises EvaluationError
    on anything else, and on a word that stands twice among the targets or among the attributes.
    """
    path = Path(path)
    try:
        text = decode(path.read_bytes(), encoding)
        content = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None
    except UnicodeError as error:
        raise EvaluationError(
            f"{path}{describe_decoding_error(error, encoding)}", parameters=("encoding",)
        ) from None
    except (ValueError, RecursionError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise EvaluationError(f"{path}: not {kind}: {error}") from None
    tests = content.get("test") if isinstance(content, dict) else None
    if not isinstance(tests, list) or not tests:
        raise EvaluationError(f"{path} holds no tests: expected [[test]] and its fields below")
    return tuple(_test(path, number, each) for number, each in enumerate(tests, 1))


def _test(path: Path, number: int, fields: Any) -> WeatTest:
    where = f"{path}, test {number}"
    if not isinstance(fields, dict):
        raise EvaluationError(f"{where}: expected name, targets and attributes")
    name = fields.get("name", str(number))
    if not isinstance(name, str):
        raise EvaluationError(f"{where}: the name is no text")
    first, second = (_sets(where, fields, each) for each in ("targets", "attributes"))
    return WeatTest(name, first, second)


def _sets(where: str, fields: Mapping[str, Any], field: str) -> tuple[WordSet, WordSet]:
    """The two sets of a field."""
    found = fields.get(field)
    if not isinstance(found, dict) or len(found) != 2:
        raise EvaluationError(f"{where}: expected two lists of words under {field}")
    words: list[str] = []
    for name, listed in found.items():
        if not isinstance(listed, list) or not all(isinstance(word, str) for word in listed):
            raise EvaluationError(f"{where}: {field}.{name} is no list of words")
        words += listed
    for word in words:
        if words.count(word) > 1:
            raise EvaluationError(f"{where}: {word!r} stands twice among the {field}")
    (a, first), (b, second) = found.items()
    return WordSet(a, tuple(first)), WordSet(b, tuple(second))


def _known(vectors: WordVectors, test: WeatTest) -> tuple[list[WordSet], tuple[str, ...]]:
    """The four sets without the words that have no vector, and these."""
    sets, missing = [], []
    for each in (*test.targets, *test.attributes):
        known = tuple(word for word in each.words if word in vectors)
        missing += [word for word in each.words if word not in vectors]
        if len(known) < SMALLEST_SET:
            raise EvaluationError(
                f"{test.name}: {len(known)} of the {counted(len(each.words), 'word')} of "
                f"{each.name!r} are in the vocabulary, and at least {SMALLEST_SET} must be"
            )
        sets.append(WordSet(each.name, known))
    return sets, tuple(missing)
