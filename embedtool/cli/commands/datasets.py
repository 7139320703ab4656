"""embedtool datasets: the public datasets that evaluations take by name."""

from dataclasses import asdict

import click

from embedtool.cli.groups import SuggestingGroup
from embedtool.cli.options.shared import json_option, tsv_option
from embedtool.cli.output.console import echo_err, print_json, print_table, print_tsv
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.evaluation.registry import TASKS, find_dataset, registry

COLUMNS = ("name", "task", "language", "items", "here", "licence")


@click.group(cls=SuggestingGroup, invoke_without_command=True)
@click.option("--task", type=click.Choice(TASKS), help="Only datasets of this task.")
@json_option
@tsv_option
@click.pass_context
def datasets(context: click.Context, task: str | None, as_json: bool, as_tsv: bool) -> None:
    """List the datasets that evaluate and compare take by name.

    Those that are not here are fetched by `embedtool datasets get NAME`, and then used offline.
    They are kept in $XDG_CACHE_HOME/embedtool/datasets, or in ~/.cache/embedtool/datasets.
    """
    if context.invoked_subcommand is not None:
        return

    from embedtool.evaluation.fetching import is_available

    entries = [entry for entry in registry().values() if task in (None, entry.task)]
    if as_json:
        print_json([{**asdict(entry), "here": is_available(entry)} for entry in entries])
        return
    rows = [
        (
            entry.name,
            entry.task,
            entry.language,
            entry.items,
            "yes" if is_available(entry) else "no",
            entry.licence,
        )
        for entry in entries
    ]
    if as_tsv:
        print_tsv(COLUMNS, rows)
    else:
        print_table(COLUMNS, rows)


@datasets.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Fetch it anew, though it is here.")
def get(names: tuple[str, ...], force: bool) -> None:
    """Fetch the datasets NAME... and print the path of each.

    A download that was cut goes on where it stopped. What is here is not fetched again.
    """
    from embedtool.evaluation.fetching import fetch

    for entry in [find_dataset(name) for name in names]:
        with progress_reporter() as report:
            path = fetch(entry, force=force, report=report)
        echo_err(f"{entry.name}: {entry.source}; licence: {entry.licence}")
        click.echo(path)
