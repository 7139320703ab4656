"""The `vocab` command: the words of a text and their counts."""

from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import OUTPUT_FILE, config_options, inputs_argument, text_options
from embedtool.cli.output.console import echo_err, format_coverage, print_line
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.config.text import TextConfig
from embedtool.config.training import VocabularyConfig
from embedtool.messages import counted


@click.command()
@inputs_argument
@click.option(
    "--output",
    "-o",
    type=OUTPUT_FILE,
    metavar="FILE",
    help="Write to FILE, not to standard output.",
)
@config_options(VocabularyConfig)
@text_options
def vocab(inputs: tuple[str, ...], output: Path | None, **options: Any) -> None:
    """Count the words of a text.

    Each line is a word, a space and its count; the most frequent first, words of equal count in
    order of first appearance. `embedtool train --vocab` reads such a file.
    """
    config = VocabularyConfig.from_options(options)
    text = TextConfig.from_options(options)

    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.scanning import scan_vocabulary
    from embedtool.corpus.vocabulary import vocabulary_lines
    from embedtool.io.atomic import atomic_write, check_output_file

    if output:
        check_output_file(output)
    with progress_reporter() as report:
        vocabulary = scan_vocabulary(Corpus(inputs, text), config, report)
    lines = vocabulary_lines(vocabulary.words, vocabulary.counts.tolist())
    if output:
        with atomic_write(output) as file:
            file.writelines(line.encode() for line in lines)
    else:
        for line in lines:
            print_line(line.removesuffix("\n"))
    summary = vocabulary.summary()
    echo_err(
        f"{summary['types_kept']:,} of {counted(summary['types_seen'], 'type')}, "
        f"{format_coverage(summary)}"
    )
