"""Which vectors are better: scores on a dataset, and comparisons of models."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack

from embedtool.api.arguments import check_names
from embedtool.config.choices import N_COMPARED, AnalogyMethod
from embedtool.errors import EvaluationError
from embedtool.evaluation.coverage import check_coverage
from embedtool.evaluation.datasets import read_dataset, read_datasets
from embedtool.evaluation.scoring import Result, evaluate
from embedtool.evaluation.tasks import Dataset
from embedtool.experiments.model_comparison import Comparison, compare_models, low_coverages
from embedtool.messages import display_names
from embedtool.model import store
from embedtool.model.vectors import AnyVectors, VectorTable, vectors_of
from embedtool.pretrained.installed import model_path

if TYPE_CHECKING:
    from embedtool.evaluation.registry import Task

log = logging.getLogger(__name__)

Source = str | Path | Dataset
"""The name of a public dataset, a file, or questions in memory."""


class HasVectors(Protocol):
    """A model, or an estimator that was fitted."""

    @property
    def wv(self) -> VectorTable:
        """The word vectors."""


class EvaluationOptions(TypedDict, total=False):
    """What scores depend on.

    Attributes
    ----------
    method : str
        How analogies are answered, such as "3cosadd" (default) or "3cosmul".
    include_query_words : bool
        Whether the words of an analogy question may answer it. Default: False.
    restrict_vocab : int or None
        Only the N most frequent words are known; None for all. Default: 300,000, as in gensim.
    case_insensitive : bool
        Whether `King` is also looked up as `king`, if the model does not have it as spelled.
        Default: True.
    """

    method: AnalogyMethod
    include_query_words: bool
    restrict_vocab: int | None
    case_insensitive: bool


def evaluate_on(
    vectors: VectorTable,
    dataset: Source,
    task: "Task | None",
    **options: Unpack[EvaluationOptions],
) -> Result:
    """Score vectors on a dataset; see `WordVectors.evaluate`."""
    check_names("evaluate", options, EvaluationOptions.__annotations__)
    questions = _read(dataset, task)
    result = evaluate(vectors, questions, **options)
    fault = check_coverage(vectors, questions, result.primary_metric, **_vocabulary(options))
    if fault is not None:
        if not fault.has_score:
            raise EvaluationError(fault.message)
        log.warning(fault.message)
    return result


def compare(
    *models: HasVectors | AnyVectors | str | Path,
    names: Sequence[str] | None = None,
    datasets: Sequence[Source] | None = None,
    words: Sequence[str] | None = None,
    expressions: Sequence[str] | None = None,
    topn: int = N_COMPARED,
    **options: Unpack[EvaluationOptions],
) -> Comparison:
    """Compare two or more models, and say which is better, as `embedtool compare` does.

    A warning is logged if a model knows few words of a dataset.

    Parameters
    ----------
    *models : Model, estimator, WordVectors, str or Path
        The models; a path is the folder of a model.
    names : sequence of str, optional
        A name for each model; by default those of the folders, and "model 1" and so on.
    datasets : sequence of str, Path or Dataset, optional
        Names of public datasets, or files of analogies or pairs; by default the Google analogies,
        WordSim-353 and SimLex-999.
    words, expressions : sequence of str, optional
        What to ask each model; by default king, queen, and king - man + woman.
    topn : int
        Number of answers to each.
    **options : EvaluationOptions
        What scores depend on.

    Returns
    -------
    Comparison
        Shown as tables with the verdicts below; `verdicts` has these alone.

    Raises
    ------
    EvaluationError
        If there are fewer than two models, names do not fit, or a dataset cannot be read.
    NoAnswerError
        If no model can answer a query.

    Examples
    --------
    >>> import embedtool
    >>> result = embedtool.compare("sg", "ft", datasets=["corpora/kingdoms-questions.txt"])
    >>> print(*result.verdicts)
    kingdoms-questions: no significant difference between sg and ft (p = 0.174)
    """
    check_names("compare", options, EvaluationOptions.__annotations__)
    for option, given in (("names", names), ("words", words), ("expressions", expressions)):
        _check_list(option, given, str)
    _check_list("datasets", datasets, object)
    named = dict(zip(_names(models, names), map(_opened, models), strict=True))
    questions = read_datasets() if datasets is None else [_read(each, None) for each in datasets]
    result = compare_models(
        named, words=words, expressions=expressions, n=topn, datasets=questions, **options
    )
    for message in low_coverages(named, questions, result, **_vocabulary(options)):
        log.warning(message)
    return result


def _read(dataset: Source, task: "Task | None") -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    if not isinstance(dataset, str | Path):
        raise EvaluationError(
            f"a dataset is a name, a path or a Dataset, not {type(dataset).__name__}"
        )
    return read_dataset(dataset, task)


def _check_list(option: str, given: Any, kind: type) -> None:
    """Raise EvaluationError unless an option is None or a list of items of a type."""
    if given is None:
        return
    is_list = isinstance(given, Collection) and not isinstance(given, str)
    if not is_list or not all(isinstance(each, kind) for each in given):
        raise EvaluationError(
            f"{option} must be a list of str, not {given!r}", parameters=(option,)
        )


def _vocabulary(options: EvaluationOptions) -> dict[str, Any]:
    """Return the options that say which words are known."""
    return {
        name: value
        for name, value in options.items()
        if name in ("restrict_vocab", "case_insensitive")
    }


def _opened(model: Any) -> VectorTable:
    if isinstance(model, str | Path):
        return store.load(model_path(model)).vectors
    return vectors_of(model.wv if hasattr(type(model), "wv") else model)


def _names(models: Sequence[object], names: Sequence[str] | None) -> Sequence[str]:
    """Return a name for each model; raise EvaluationError if they are not distinct."""
    if names is None:
        paths = [Path(model) for model in models if isinstance(model, str | Path)]
        from_paths = iter(display_names(paths))
        names = [
            next(from_paths) if isinstance(model, str | Path) else f"model {number}"
            for number, model in enumerate(models, 1)
        ]
        if len(set(names)) < len(names):
            raise EvaluationError("a model is given twice; compare different ones")
    if len(set(names)) != len(models):
        raise EvaluationError(
            f"names must be {len(models)} different ones, not {list(names)}", parameters=("names",)
        )
    return names
