"""The `contextual` command: words in their sentences."""

from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.commands.contextual_train import train
from embedtool.cli.options.query_options import read_words
from embedtool.cli.options.shared import (
    FILE,
    NEW_FILE,
    READER_FIELDS,
    Decorator,
    IntRange,
    config_options,
    encoding_option,
    inputs_argument,
    json_option,
    model_argument,
    record_options,
    tsv_option,
)
from embedtool.cli.output.console import echo_err, emit, print_json, print_line
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.query_results import print_answers
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.config.choices import N_ANSWERS
from embedtool.config.tasks import GenerationConfig, SensesConfig
from embedtool.config.text import TextConfig
from embedtool.io.encodings import UTF8
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.corpus.corpus import Corpus

CONTEXTS = "kingdoms-contexts.tsv"
"""Pairs of sentences on the shipped corpus, stored beside it."""

word_option = click.option("--word", required=True, help="The word to query.")
senses_options: Decorator[Any] = config_options(SensesConfig)
generation_options: Decorator[Any] = config_options(GenerationConfig)


@click.group(cls=SuggestingGroup)
def contextual() -> None:
    """Train an encoder over word vectors, and query words in their sentences.

    All except `train` and `generate` also accept a local folder of Hugging Face's transformers.
    """


contextual.add_command(train)


@contextual.command()
@model_argument
@click.argument("sentence")
@word_option
@click.option("-n", "n", type=IntRange(min=1), default=N_ANSWERS, show_default=True,
              help="Number of answers.")  # fmt: skip
@click.option("--restrict-vocab", type=IntRange(min=1), metavar="N",
              help="Search only among the N most frequent words.  [default: 5000]")  # fmt: skip
@click.option("--words", "word_file", type=FILE, metavar="FILE",
              help="Search only among the words of FILE, one a line.")  # fmt: skip
@encoding_option
@json_option
@tsv_option
def similar(
    model: Path,
    sentence: str,
    word: str,
    n: int,
    restrict_vocab: int | None,
    word_file: Path | None,
    encoding: str,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print the words nearest to a word as SENTENCE uses it, by cosine.

    The other words are encoded one by one; a pretrained encoder takes a second for some hundreds.
    """
    from embedtool.contextual import queries
    from embedtool.contextual.loading import open_encoder

    encoder = open_encoder(model)
    among = encoder.vocabulary() if word_file is None else read_words(word_file, encoding)
    limit = restrict_vocab or (queries.N_CANDIDATES if word_file is None else None)
    with progress_reporter() as report:
        answers = queries.similar(
            encoder, sentence, word, n, candidates=among[:limit], report=report
        )
    print_answers([(word, answers)], as_json, as_tsv)


@contextual.command()
@model_argument
@click.argument("first")
@click.argument("second")
@word_option
@json_option
def compare(model: Path, first: str, second: str, word: str, as_json: bool) -> None:
    """Print the cosine of a word's vectors in two sentences."""
    from embedtool.contextual import queries
    from embedtool.contextual.loading import open_encoder

    cosine = queries.compare(open_encoder(model), first, second, word)
    record = {"word": word, "first": first, "second": second, "cosine": cosine}
    emit(record, ("word", "cosine"), [(word, cosine)], as_json=as_json)


@contextual.command()
@model_argument
@inputs_argument
@click.option("--output", "-o", type=NEW_FILE, required=True, metavar="FILE",
              help="Output file: .npz, .safetensors or .parquet.")  # fmt: skip
@record_options
def vectors(model: Path, inputs: tuple[str, ...], output: Path, **options: Any) -> None:
    """Write the vector of each token of a text in its line to a file, one row per token.

    INPUT is as for `embedtool train`. The file has `tokens`, `lines` (the number of each token's
    line, from 0) and `vectors`.
    """
    corpus = _corpus(inputs, options)

    from embedtool.contextual.loading import open_encoder
    from embedtool.contextual.token_files import check_suffix, write
    from embedtool.corpus.notes import warn_of_reading
    from embedtool.io.atomic import check_output_file

    check_suffix(output)
    check_output_file(output)
    encoder = open_encoder(model)
    with progress_reporter() as report:
        n_tokens = write(encoder, corpus.lines(report), output)
    warn_of_reading(corpus.text, corpus.notes)
    echo_err(f"{output}: {counted(n_tokens, 'token')} x {encoder.vector_size}")


@contextual.command()
@model_argument
@inputs_argument
@word_option
@senses_options
@record_options
@click.option("--full", is_flag=True, help="Print the lines of examples in full, as --json does.")
@json_option
def senses(
    model: Path, inputs: tuple[str, ...], word: str, full: bool, as_json: bool, **options: Any
) -> None:
    """Cluster the uses of a word in a text into senses, and print an example of each.

    INPUT is as for `embedtool train`. Uses are clustered by their vectors (k-means). Long lines are
    cut to the context of the word.
    """
    config = SensesConfig.from_options(options)
    corpus = _corpus(inputs, options)

    from embedtool.contextual import senses
    from embedtool.contextual.loading import open_encoder
    from embedtool.corpus.notes import warn_of_reading

    encoder = open_encoder(model)
    with progress_reporter() as report:
        result = senses.induce_senses(encoder, corpus.lines(report), word, config)
    warn_of_reading(corpus.text, corpus.notes)
    shorten = (lambda line: line) if full else partial(senses.excerpt, word=word)
    drawn = f" of {result.n_seen:,}" if result.n_seen > result.n_uses else ""
    quality = "" if result.silhouette is None else f", mean silhouette {result.silhouette:.3f}"
    title = f"{result.word}: {result.n_uses:,}{drawn} uses{quality}"
    rows = []
    for number, sense in enumerate(result.senses, 1):
        first = (str(number), f"{sense.n_uses:,}")
        for i, example in enumerate(sense.examples):
            rows.append((*(("", "") if i else first), shorten(example)))
    emit(asdict(result), ("sense", "uses", "example"), rows, as_json=as_json, title=title)


@contextual.command()
@model_argument
@click.argument("prompt", default="")
@generation_options
@json_option
def generate(model: Path, prompt: str, as_json: bool, **options: Any) -> None:
    """Continue PROMPT, or start a sentence, with an encoder trained to predict the next word.

    Each text ends with its sentence.
    """
    config = GenerationConfig.from_options(options)

    from embedtool.contextual.generation import generate
    from embedtool.contextual.loading import open_encoder
    from embedtool.errors import QueryError

    encoder = open_encoder(model)
    from embedtool.contextual.trained import TrainedEncoder

    if not isinstance(encoder, TrainedEncoder):
        raise QueryError(f"{model}: only encoders of `contextual train` generate text")
    texts = generate(encoder, prompt, config)
    if as_json:
        print_json([" ".join(words) for words in texts])
        return
    for words in texts:
        print_line(" ".join(words))


@contextual.command()
@model_argument
@click.argument("pairs", type=FILE, required=False)
@encoding_option
@json_option
@tsv_option
def evaluate(model: Path, pairs: Path | None, encoding: str, as_json: bool, as_tsv: bool) -> None:
    """Classify whether words have the same sense in two sentences, and print the accuracy.

    PAIRS is TSV, CSV, JSONL or Parquet with the columns word, first, second and same (1 or 0);
    without it, the pairs of the shipped corpus are used. MODEL may also be a static model, which
    puts all pairs in one class.
    """
    from embedtool.contextual import word_in_context
    from embedtool.contextual.loading import is_encoder, open_encoder
    from embedtool.corpus.recipes import shipped_folder
    from embedtool.model import store

    path = pairs or shipped_folder() / CONTEXTS
    dataset = word_in_context.read_pairs(path, encoding if pairs else UTF8)
    if is_encoder(model):
        similarity = word_in_context.similarities(open_encoder(model), dataset)
    else:
        similarity = word_in_context.static_similarities(store.load(model).vectors, dataset)
    result = word_in_context.classify_pairs(path.stem, dataset, similarity)
    rows: list[tuple[Any, ...]] = [
        (each.word, each.correct, each.total, each.correct / each.total) for each in result.words
    ]
    n_correct = sum(each.correct for each in result.words)
    rows.append(("total", n_correct, result.total, result.accuracy))
    columns = ("word", "correct", "pairs", "accuracy")
    title = f"{result.dataset}: {counted(result.total, 'pair')}, {result.same:,} of one sense"
    if result.interval:
        from embedtool.evaluation.statistics import format_interval

        title += f"; 95% interval of the accuracy {format_interval(result.interval)}"
    emit(asdict(result), columns, rows, as_json=as_json, as_tsv=as_tsv, title=title)


def _corpus(inputs: tuple[str, ...], options: dict[str, Any]) -> "Corpus":
    from embedtool.corpus.corpus import Corpus

    return Corpus(inputs, TextConfig(**{name: options[name] for name in READER_FIELDS}))
