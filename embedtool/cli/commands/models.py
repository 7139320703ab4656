"""The `models` command: vectors that others trained, by name."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.completers import complete_installed, complete_pretrained
from embedtool.cli.options.shared import IntRange, json_option, tsv_option
from embedtool.cli.output.console import echo_err, emit
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.errors import StoppedError
from embedtool.messages import counted
from embedtool.pretrained.registry import KINDS, Kind

if TYPE_CHECKING:
    from embedtool.pretrained.registry import Collection, Pretrained

COLLECTION_COLUMNS = ("name", "kind", "models", "dimensions", "licence")
NAMED = ("model", "corpus")
"""What is shown by an example: other values, such as a language, tell what they are."""


@click.group(cls=SuggestingGroup)
def models() -> None:
    """Fetch models that others trained, and use them by name.

    A fetched model is used by its name wherever a command takes a MODEL. The models are in
    $EMBEDTOOL_MODELS, else in $XDG_CACHE_HOME/embedtool/models, or in ~/.cache/embedtool/models.
    """


@models.command("list")
@click.option("--language", metavar="CODE", help="Only models of this language, such as de.")
@click.option("--kind", type=click.Choice(KINDS), help="fasttext: also n-grams, for any word.")
@click.option("--installed", is_flag=True, help="Only models that have been fetched.")
@click.option("--all", "every", is_flag=True, help="All models, not their collections.")
@json_option
@tsv_option
def list_(
    language: str | None,
    kind: Kind | None,
    installed: bool,
    every: bool,
    as_json: bool,
    as_tsv: bool,
) -> None:
    """List the models that can be fetched by name.

    Without an option, the collections are listed; --json and --tsv list all models. Any repository
    of Hugging Face's with vectors can be fetched as hf:OWNER/NAME.
    """
    from embedtool.api.pretrained import list_models

    if not (language or kind or installed or every or as_json or as_tsv):
        _print_collections()
        return
    listed = list_models(language, kind, installed=installed)
    table = listed.data()
    records = [
        {**asdict(entry), "installed": row[-1] == "yes"}
        for entry, row in zip(listed, table.rows, strict=True)
    ]
    emit(records, table.columns, table.rows, as_json=as_json, as_tsv=as_tsv)
    if not listed:
        hint = "; languages are codes of ISO 639 or Wikipedia's, such as de" if language else ""
        echo_err(f"none{hint}; embedtool models list has the collections")


def _print_collections() -> None:
    from embedtool.pretrained.registry import collections

    rows = [_row(each) for each in collections().values()]
    emit(rows, COLLECTION_COLUMNS, rows, as_json=False)
    echo_err("--language, --kind and --all list all names, such as glove-wiki-gigaword-100")


def _row(collection: "Collection") -> tuple[Any, ...]:
    found, name = list(collection.models()), collection.name
    for value in NAMED:
        name = name.replace(f"{{{value}}}", collection.each.get(value, ("",))[0])
    sizes = collection.each.get("dimensions", ())
    dimensions = ", ".join(sizes) or collection.facts.get("dimensions")
    return (
        name, collection.facts["kind"], len(found) or None,
        None if dimensions is None else str(dimensions), collection.facts.get("licence", "various"),
    )  # fmt: skip


@models.command()
@click.argument("name", shell_complete=complete_pretrained)
@json_option
def info(name: str, as_json: bool) -> None:
    """Show all that is known of the model NAME, and how to cite it."""
    from embedtool.pretrained.installed import (
        describe_installed,
        folder_of,
        installed,
        is_installed,
    )
    from embedtool.pretrained.registry import find_pretrained

    here = is_installed(name)
    entry = describe_installed(name) if here else find_pretrained(name, installed())
    folder = str(folder_of(name)) if here else None
    record = {**asdict(entry), "installed": folder}
    emit(record, ("", ""), _facts(entry, folder), as_json=as_json)


def _facts(entry: "Pretrained", folder: str | None) -> list[tuple[str, str | int]]:
    """Return the rows of what is known."""
    known = asdict(entry) | {
        "citation": None, "by_frequency": "by frequency" if entry.by_frequency else "not known",
        "members": ", ".join(entry.members) or None,
    }  # fmt: skip
    titles = {"by_frequency": "order of words", "word_prefix": "words that begin with",
              "url": "file", "size": "bytes", "members": "in the archive"}  # fmt: skip
    rows = [(titles.get(field, field), value) for field, value in known.items() if value]
    rows += [("cite", each) for each in entry.citation]
    return [*rows, ("installed", folder or f"no; run: embedtool models get {entry.name}")]


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True,
                shell_complete=complete_pretrained)  # fmt: skip
@click.option(
    "--max-words", type=IntRange(min=1), metavar="N",
    help="Keep the first N words; of text in order of frequency, no more is transferred.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Fetch it again if it is installed.")
def get(names: tuple[str, ...], max_words: int | None, overwrite: bool) -> None:
    """Fetch the models NAME... and print the folder of each.

    An interrupted download is continued. An installed model is not fetched again. hf:OWNER/NAME, or
    hf:OWNER/NAME@REVISION, is a repository of Hugging Face's.
    """
    from embedtool.cli.output.progress_display import progress_reporter
    from embedtool.pretrained import getting
    from embedtool.pretrained.installed import describe_installed
    from embedtool.pretrained.registry import find_pretrained

    for entry in [find_pretrained(name) for name in names]:
        try:
            with progress_reporter() as report:
                folder = getting.get(
                    entry.name, max_words=max_words, overwrite=overwrite, report=report
                )
        except KeyboardInterrupt:
            raise StoppedError(
                f"{entry.name}: interrupted; the received part is kept, and the same command "
                "continues"
            ) from None
        here = describe_installed(entry.name)
        what = f"{counted(here.words or 0, 'word')} x {here.dimensions}"
        echo_err(f"{entry.name}: {what}; licence: {here.licence}")
        for citation in entry.citation:
            echo_err(f"  cite: {citation}")
        click.echo(folder)


@models.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True,
                shell_complete=complete_installed)  # fmt: skip
def remove(names: tuple[str, ...]) -> None:
    """Delete the installed models NAME..."""
    from embedtool.pretrained import installed

    for name in names:
        installed.check_installed(name)
    for name in dict.fromkeys(names):
        echo_err(f"{installed.remove(name)}: removed")
