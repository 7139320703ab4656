"""embedtool evaluate --classify: how well documents are classified by a model's vectors.

In: the options of evaluate that belong to --classify. Out: its tables, JSON or TSV.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_type_hints

import click
from click.core import ParameterSource

from embedtool.cli.options.shared import Decorator, config_options
from embedtool.cli.output.console import DECIMALS, Cell, print_json, print_table, print_tsv
from embedtool.cli.output.scores import report_shortfalls
from embedtool.config.tasks import ClassifyConfig, DocumentConfig

if TYPE_CHECKING:
    from embedtool.evaluation.classification import (
        ClassificationResult,
        Estimate,
        RepresentationScore,
    )
    from embedtool.evaluation.documents import Coverage

F = TypeVar("F", bound=Callable[..., Any])

WEIGHTINGS = get_args(get_type_hints(DocumentConfig)["weighting"])
SHARED = {"model", "classify", "encoding", "as_json", "as_tsv"}
"""Parameters of evaluate that go with --classify and without."""
OWN = {"weightings", *ClassifyConfig.__dataclass_fields__}
"""Parameters that go with --classify only."""
COLUMNS = (
    "representation", "accuracy", "accuracy low", "accuracy high", "macro F1", "macro F1 low",
    "macro F1 high", "difference", "difference low", "difference high",
)  # fmt: skip

config_flags: Decorator[Any] = config_options(ClassifyConfig)


def classify_options(command: F) -> F:
    """--classify and the options that go with it."""
    options: list[Decorator[Any]] = [
        config_flags,
        click.option("--weighting", "weightings", multiple=True, type=click.Choice(WEIGHTINGS),
                     help="--classify: what words weigh in their document's vector; may be "
                     "repeated. Default: all three."),
        click.option("--classify", metavar="FILE",
                     help="Classify the documents of a CSV, TSV, JSONL or Parquet file."),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def check_company(classify: str | None) -> None:
    """Raise UsageError on an option of another task beside --classify, or of its own without it."""
    context = click.get_current_context()
    for each in context.command.params:
        name = each.name or ""
        given = context.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if given and name not in SHARED and (name in OWN) != (classify is not None):
            relation = "needs" if classify is None else "goes without"
            raise click.UsageError(f"{each.opts[0]} {relation} --classify", context)


def classify_documents(
    model: Path, source: str, encoding: str, options: dict[str, Any], as_json: bool, as_tsv: bool
) -> None:
    """Classify the documents of a file and print how well that goes."""
    config = ClassifyConfig.from_options(options)

    from embedtool.cli.output.progress_display import progress_reporter
    from embedtool.contextual.loading import is_encoder, is_pretrained, open_encoder
    from embedtool.corpus.tokens import TOKENIZERS
    from embedtool.evaluation.classification import classify, read_labelled
    from embedtool.evaluation.coverage import low_coverage
    from embedtool.evaluation.documents import has_capitals
    from embedtool.model import store
    from embedtool.sklearn import DocumentVectorizer

    modes: dict[str, dict[str, Any]] = {}
    if not is_pretrained(model):
        modes["vectors"] = {"model": store.load(model).vectors, "tokenizer": "whitespace"}
    if is_encoder(model):
        modes["in context"] = {"model": open_encoder(model), "mode": "contextual"}
    read = read_labelled(source, config, encoding)
    documents = read.tokenized(TOKENIZERS[config.tokenizer]())
    vectorizers = {
        f"{name}: {weighting}": DocumentVectorizer(weighting=weighting, **mode)
        for name, mode in modes.items()
        for weighting in options["weightings"] or WEIGHTINGS
    }
    first = next(iter(modes.values()))
    coverage = DocumentVectorizer(**first).fit(documents.texts).coverage_
    tokens = coverage.n_known, coverage.n_tokens
    report_shortfalls([low_coverage(documents.name, *tokens, "token", bool(coverage.n_known))])
    with progress_reporter() as report:
        result = classify(
            documents, vectorizers, folds=config.folds, seed=config.seed, report=report
        )
    if as_json:
        vectors = None if is_pretrained(model) else first["model"]
        settings = {
            "tokenizer": config.tokenizer,
            "lowercase": None if vectors is None else not has_capitals(vectors),
        }
        print_json({**asdict(result), **settings, "coverage": asdict(coverage)})
    elif as_tsv:
        print_tsv(COLUMNS, [_numbers(score) for score in result.scores])
    else:
        _print(result, coverage)


def _numbers(score: "RepresentationScore") -> list[Cell]:
    row: list[Cell] = [score.name]
    for estimate in (score.accuracy, score.macro_f1, score.against_words):
        row += [None] * 3 if estimate is None else [estimate.mean, estimate.low, estimate.high]
    return row


def _print(result: "ClassificationResult", coverage: "Coverage") -> None:
    left_out = f" ({result.n_left_out:,} left out)" if result.n_left_out else ""
    title = (
        f"{result.dataset}: {result.n_documents:,} documents{left_out}, "
        f"{len(result.classes):,} classes, {result.folds} folds, "
        f"{100 * (coverage.share or 0):.1f}% of tokens known"
    )
    rows: list[list[Cell]] = [
        [
            score.name,
            score.accuracy.mean, _interval(score.accuracy),
            score.macro_f1.mean, _interval(score.macro_f1),
        ]
        for score in result.scores
    ]  # fmt: skip
    print_table(("", "accuracy", "95% interval", "macro F1", "95% interval"), rows, title)
    click.echo()
    against: list[list[Cell]] = []
    for score in result.scores:
        difference = score.against_words
        if difference is not None:
            mean = round(difference.mean, DECIMALS) + 0.0  # no -0.0
            against.append([score.name, mean, _interval(difference), _verdict(difference)])
    title = "accuracy against words alone, by TF-IDF"
    print_table(("", "difference", "95% interval", ""), against, title)


def _interval(estimate: "Estimate") -> str:
    return f"{estimate.low:.4f} to {estimate.high:.4f}"


def _verdict(difference: "Estimate") -> str:
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "no significant difference"
