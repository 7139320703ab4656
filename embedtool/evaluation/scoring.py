"""Evaluation of word vectors on a dataset of any task."""

from embedtool.config.choices import ANALOGY_METHODS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.evaluation.analogy import AnalogyResult, evaluate_analogies
from embedtool.evaluation.categorisation import CategoryResult, evaluate_categories
from embedtool.evaluation.outliers import OutlierResult, evaluate_outliers
from embedtool.evaluation.similarity import PairResult, evaluate_pairs
from embedtool.evaluation.tasks import AnalogySet, CategorySet, Dataset, PairSet
from embedtool.model.vectors import AnyVectors, vectors_of

Result = AnalogyResult | PairResult | CategoryResult | OutlierResult


def evaluate(
    vectors: AnyVectors,
    dataset: Dataset,
    *,
    method: AnalogyMethod = ANALOGY_METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> Result:
    """Evaluate vectors on a dataset of any task.

    Parameters
    ----------
    vectors : VectorTable or ModelRecord
        The vectors to evaluate.
    dataset : Dataset
        The questions.
    method, include_query_words
        For analogies, as for `analogy.answer_analogies`.
    restrict_vocab, case_insensitive
        Which words are known, as for `analogy.answer_analogies`.

    Returns
    -------
    AnalogyResult, PairResult, CategoryResult or OutlierResult
        According to the task.
    """
    vectors = vectors_of(vectors)
    if isinstance(dataset, AnalogySet):
        return evaluate_analogies(
            vectors,
            dataset,
            method=method,
            include_query_words=include_query_words,
            restrict_vocab=restrict_vocab,
            case_insensitive=case_insensitive,
        )
    if isinstance(dataset, PairSet):
        return evaluate_pairs(
            vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
        )
    if isinstance(dataset, CategorySet):
        return evaluate_categories(
            vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
        )
    return evaluate_outliers(
        vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )
