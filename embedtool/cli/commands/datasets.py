"""The `datasets` command: public evaluation datasets by name."""

from dataclasses import asdict

import click

from embedtool.cli.options.shared import json_option, tsv_option
from embedtool.cli.output.console import echo_err, emit
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.evaluation.registry import TASKS, Task, find_dataset


@click.group(cls=SuggestingGroup, invoke_without_command=True)
@click.option("--task", type=click.Choice(TASKS), help="Only datasets of this task.")
@json_option
@tsv_option
@click.pass_context
def datasets(context: click.Context, task: Task | None, as_json: bool, as_tsv: bool) -> None:
    """List the datasets that evaluate and compare take by name.

    Download missing ones with `embedtool datasets get NAME`; they are then used offline. They are
    saved in $XDG_CACHE_HOME/embedtool/datasets, or in ~/.cache/embedtool/datasets.
    """
    if context.invoked_subcommand is not None:
        return

    from embedtool.api.datasets import list_datasets
    from embedtool.evaluation.fetching import is_available

    listed = list_datasets(task)
    records = [{**asdict(entry), "here": is_available(entry)} for entry in listed]
    table = listed.data()
    emit(records, table.columns, table.rows, as_json=as_json, as_tsv=as_tsv)


@datasets.command()
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option("--force", is_flag=True, help="Download it again even if it is available.")
def get(names: tuple[str, ...], force: bool) -> None:
    """Download the datasets NAME... and print the path of each.

    An interrupted download is continued. An available dataset is not downloaded again.
    """
    from embedtool.evaluation.fetching import fetch

    for entry in [find_dataset(name) for name in names]:
        with progress_reporter() as report:
            path = fetch(entry, force=force, report=report)
        echo_err(f"{entry.name}: {entry.source}; licence: {entry.licence}")
        click.echo(path)
