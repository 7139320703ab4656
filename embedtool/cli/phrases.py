"""embedtool phrases: make collocations into words."""

from pathlib import Path
from typing import Any

import click

from embedtool.cli.options import FILE, config_options, inputs_argument, text_options
from embedtool.cli.output import note, print_line
from embedtool.cli.reporting import reporting
from embedtool.config import PhrasesConfig, TextConfig


@click.command()
@inputs_argument
@click.option(
    "--output", "-o", type=FILE, metavar="FILE", help="Write the text there, not to the screen."
)
@click.option("--table", type=FILE, metavar="FILE",
              help="Write the phrases and their scores to FILE.")  # fmt: skip
@click.option("--apply", "known", type=FILE, metavar="TABLE",
              help="Learn nothing; join the phrases of a table that --table wrote.")  # fmt: skip
@config_options(PhrasesConfig)
@text_options
def phrases(
    inputs: tuple[str, ...],
    output: Path | None,
    table: Path | None,
    known: Path | None,
    **options: Any,
) -> None:
    """Join pairs of words that belong together.

    new york becomes new_york. The result is the text, tokenised, a sentence a line, ready for
    `embedtool train`. A second run over it joins phrases of three and four words.
    """
    config = PhrasesConfig.from_options(options)
    text = TextConfig.from_options(options)

    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.phrases import Phrases, read_table, rereadable, write_table
    from embedtool.files import check_file, replaced

    for path in (output, table):
        if path:
            check_file(path)
    with reporting() as report, rereadable(Corpus(inputs, text), report) as corpus:
        found = Phrases(config, read_table(known) if known else None)
        if not known:
            found.learn(corpus, report)
        if table:
            write_table(found.scores, table)
        if output:
            with replaced(output) as file:
                for sentence in corpus.sentences(report):
                    file.write(f"{' '.join(found.join(sentence))}\n".encode())
        else:
            for sentence in corpus.sentences(report):
                print_line(" ".join(found.join(sentence)))
    note(f"{len(found.scores):,} phrases, {found.n_joined:,} times")
