"""The `phrases` command: collocations joined into one word."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.flags import renamed_parameter
from embedtool.cli.options.given import reject_options
from embedtool.cli.options.shared import (
    FILE,
    OUTPUT_FILE,
    READER_FIELDS,
    Decorator,
    config_options,
    inputs_argument,
    text_field_options,
)
from embedtool.cli.output.console import echo_err, print_line
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.config.text import TOKENIZER_FIELDS, PhrasesConfig, TextConfig
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.phrases import Phrases

text_options: Decorator[Any] = text_field_options(
    {*TOKENIZER_FIELDS, *READER_FIELDS} - {"delimiter"}
)
LEARNING = ("scoring", "min_count", "connector_words")
"""Options of learning phrases, which do not go with --apply."""


@click.command()
@inputs_argument
@click.option(
    "--output",
    "-o",
    type=OUTPUT_FILE,
    metavar="FILE",
    help="Write the text to FILE, not to standard output.",
)  # fmt: skip
@click.option("--table", type=OUTPUT_FILE, metavar="FILE",
              help="Write the phrases and their scores to FILE.")  # fmt: skip
@click.option("--apply", "known", type=FILE, metavar="TABLE",
              help="Join the phrases of a table of --table, instead of learning them.")  # fmt: skip
@config_options(PhrasesConfig)
@text_options
@click.option(
    "--csv-delimiter",
    default=TextConfig.delimiter,
    show_default=True,
    help="Delimiter of CSV and TSV input; other commands call it --delimiter.",
)
def phrases(
    inputs: tuple[str, ...],
    output: Path | None,
    table: Path | None,
    known: Path | None,
    csv_delimiter: str,
    **options: Any,
) -> None:
    """Join words that form a phrase: new york becomes new_york.

    The result is the text, tokenized, a sentence a line, ready for `embedtool train`. A second run
    over it joins phrases of three and four words.
    """
    config = PhrasesConfig.from_options(options)
    if known:
        reject_options(LEARNING, "goes without --apply")

    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.phrases import Phrases, above_threshold, read_table
    from embedtool.io.atomic import check_output_file

    with renamed_parameter("delimiter", "csv_delimiter"):  # `delimiter` has another meaning here
        text = TextConfig.from_options({**options, "delimiter": csv_delimiter})
        for path in (output, table):
            if path:
                check_output_file(path)
        scores = above_threshold(read_table(known), options["threshold"]) if known else None
        _join(Corpus(inputs, text), Phrases(config, scores), known is None, output, table)


def _join(
    raw: "Corpus", phrases: "Phrases", learn: bool, output: Path | None, table: Path | None
) -> None:
    """Learn the phrases of a text if necessary, and write the text with its phrases joined."""
    from embedtool.corpus.notes import warn_of_reading
    from embedtool.corpus.phrases import ScriptCheck, rereadable, without_spaces, write_table
    from embedtool.io.atomic import atomic_write

    seen = ScriptCheck()
    with progress_reporter() as report, rereadable(raw, report) as corpus:
        if learn:
            phrases.learn(corpus, report)
        if table:
            write_table(phrases.scores, table)
        sentences = without_spaces(seen.watch(corpus.sentences(report)))
        if output:
            with atomic_write(output) as file:
                for sentence in sentences:
                    file.write(f"{' '.join(phrases.join(sentence))}\n".encode())
        else:
            for sentence in sentences:
                print_line(" ".join(phrases.join(sentence)))
    warn_of_reading(raw.text, raw.notes)
    seen.warn(raw.text)
    echo_err(f"{counted(len(phrases.scores), 'phrase')}, {counted(phrases.n_joined, 'time')}")
