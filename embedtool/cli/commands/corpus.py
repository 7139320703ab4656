"""The `corpus` command: public corpora by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import NEW_FILE, json_option
from embedtool.cli.output.console import echo_err, emit
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.suggesting_group import SuggestingGroup

name_argument = click.argument("name")


def parameter_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that the addresses in recipes.toml need."""
    language = click.option("--language", metavar="CODE", help="For wikipedia: de, fr, ...")
    book = click.option("--book", metavar="NUMBER", help="For gutenberg: the book's number.")
    return language(book(command))


@click.group(cls=SuggestingGroup)
def corpus() -> None:
    """Download public corpora, cleaned and ready for training.

    They are saved in $EMBEDTOOL_DATA, or else in ~/.local/share/embedtool.
    """


@corpus.command("list")
@json_option
def list_corpora(as_json: bool) -> None:
    """List the corpora, and which of them are available already."""
    from embedtool.corpus.recipes import prepared, recipes

    found = {name: (recipe, prepared(recipe)) for name, recipe in recipes().items()}
    rows = []
    for name, (recipe, there) in found.items():
        tokens = "-" if recipe.tokens is None else f"{recipe.tokens:,}"
        here = ", ".join(there) if recipe.parameters else "yes" if there else ""
        rows.append(
            (
                name,
                recipe.language,
                f"about {tokens}" if recipe.approximate else tokens,
                here or "no",
                recipe.license,
                recipe.title,
            )
        )
    records = [_record(recipe, there) for recipe, there in found.values()]
    emit(records, ("name", "language", "tokens", "here", "licence", "title"), rows, as_json=as_json)


def _record(recipe: Any, there: dict[str, Path]) -> dict[str, Any]:
    """Return a recipe for JSON, with the paths of its prepared texts."""
    from dataclasses import asdict

    paths = {name: str(path) for name, path in there.items()}
    return {**asdict(recipe), "here": paths if recipe.parameters else paths.get("")}


@corpus.command()
@name_argument
@parameter_options
@click.option("--output", "-o", type=NEW_FILE, metavar="FILE", help="Write the text to FILE.")
@click.option("--force", is_flag=True, help="Download and clean it again even if it is available.")
def get(name: str, output: Path | None, force: bool, **parameters: str | None) -> None:
    """Download the corpus NAME, clean it and print the path of the text.

    An interrupted download is continued. An available corpus is not downloaded again.
    """
    from embedtool.corpus.recipes import find_recipe, get

    recipe = find_recipe(name)
    with progress_reporter() as report:
        path = get(name, parameters=_given(parameters), output=output, force=force, report=report)
    echo_err(f"{recipe.title}; licence: {recipe.license}")
    click.echo(path)


@corpus.command()
@name_argument
@parameter_options
def path(name: str, **parameters: str | None) -> None:
    """Print the path of the corpus NAME, which must be available."""
    from embedtool.corpus.recipes import path_of, warn_of_change
    from embedtool.errors import CorpusError

    given = _given(parameters)
    there = path_of(name, given)
    if not there.is_file():
        options = "".join(f" --{option} {value}" for option, value in given.items())
        raise CorpusError(f"{name} is not here; run: embedtool corpus get {name}{options}")
    warn_of_change(there, thoroughly=False)
    click.echo(there)


def _given(parameters: dict[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value is not None}
