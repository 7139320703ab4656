"""The evaluations of gensim: analogies and word pairs, scored by embedtool's evaluation."""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from embedtool.config.choices import AnalogyMethod
from embedtool.evaluation.analogy import answer_analogies
from embedtool.evaluation.analogy_reader import parse_analogies
from embedtool.evaluation.similarity import pair_similarities
from embedtool.evaluation.tasks import PairSet
from embedtool.gensim.errors import ArgumentError, UnsupportedError
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

METHODS: dict[str, AnalogyMethod] = {"most_similar": "3cosadd", "most_similar_cosmul": "3cosmul"}
TOTAL = "Total accuracy"


def analogy_sections(
    vectors: VectorTable,
    path: str | Path,
    restrict_vocab: int | None,
    case_insensitive: bool,
    dummy4unknown: bool,
    similarity_function: str,
) -> tuple[float, list[dict[str, Any]]]:
    """Return the accuracy, and the right and wrong questions of each section.

    Parameters
    ----------
    vectors : VectorTable
        The vectors.
    path : str or Path
        The questions.
    restrict_vocab, case_insensitive, dummy4unknown, similarity_function
        As for `KeyedVectors.evaluate_word_analogies`.
    """
    if similarity_function not in METHODS:
        raise UnsupportedError(
            f"similarity_function must be {' or '.join(METHODS)}, not {similarity_function!r}",
            parameters=("similarity_function",),
        )
    analogies = parse_analogies(Path(path), Path(path).stem)
    outcomes = answer_analogies(
        vectors,
        analogies,
        method=METHODS[similarity_function],
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
    )
    counted = outcomes.known | dummy4unknown
    sections: list[dict[str, Any]] = []
    first = 0
    for section in analogies.sections:
        right: list[tuple[str, ...]] = []
        wrong: list[tuple[str, ...]] = []
        for i, (a, b, c, answers) in enumerate(section.questions, first):
            words = (a, b, c, answers[0])
            if counted[i]:
                question = tuple(map(str.upper, words)) if case_insensitive else words
                (right if outcomes.correct[i] else wrong).append(question)
        first += len(section.questions)
        sections.append({"section": section.name, "correct": right, "incorrect": wrong})
    whole = {
        kind: [question for section in sections for question in section[kind]]
        for kind in ("correct", "incorrect")
    }
    n_unknown = int((~outcomes.known).sum())
    if n_unknown and not dummy4unknown:
        log.info("%s: %s questions with unknown words are not counted", path, f"{n_unknown:,}")
    n_right, n_counted = len(whole["correct"]), int(counted.sum())
    return n_right / n_counted if n_counted else 0.0, [*sections, {"section": TOTAL, **whole}]


def pair_correlations(
    vectors: VectorTable,
    pairs: PairSet,
    restrict_vocab: int | None,
    case_insensitive: bool,
    dummy4unknown: bool,
) -> tuple[Any, Any, float]:
    """Return Pearson's and Spearman's correlation with p-values, and the % of unknown pairs.

    The parameters are those of `KeyedVectors.evaluate_word_pairs`.
    """
    from scipy.stats import pearsonr, spearmanr

    cosines = pair_similarities(
        vectors, pairs, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )
    unknown = np.isnan(cosines)
    counted = np.ones(len(cosines), np.bool_) if dummy4unknown else ~unknown
    if counted.sum() < 2:
        raise ArgumentError(
            f"{pairs.name}: {int(counted.sum())} of {len(cosines)} pairs have known words, and a "
            "correlation needs two; check the delimiter, or use dummy4unknown=True",
            parameters=("delimiter", "dummy4unknown"),
        )
    scores, found = pairs.scores[counted], np.nan_to_num(cosines)[counted]
    return pearsonr(scores, found), spearmanr(scores, found), 100.0 * float(unknown.mean())


def read_pairs(path: str | Path, delimiter: str, encoding: str) -> PairSet:
    """Read lines of two words and a score; other lines, such as comments, are skipped."""
    pairs = []
    with Path(path).open(encoding=encoding) as file:
        for number, line in enumerate(file, 1):
            columns = line.rstrip("\n").split(delimiter)
            try:
                first, second, score = columns
                pairs.append((first, second, float(score)))
            except ValueError:
                if not line.startswith("#") and line.strip():
                    log.info("%s, line %s: not two words and a score; skipped", path, f"{number:,}")
    return PairSet(Path(path).stem, tuple(pairs))
