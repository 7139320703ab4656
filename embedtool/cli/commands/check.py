"""The `check` command: everything that is wrong with a vector file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.shared import MODEL_OR_INPUT, NEW_FILE, json_option
from embedtool.cli.output.console import echo_err, print_json
from embedtool.formats.registry import READERS
from embedtool.messages import counted, escape_unprintable

if TYPE_CHECKING:
    from embedtool.formats.findings import Finding, Findings

UNSOUND = 1
"""The exit code of a file that has errors."""


@click.command()
@click.argument("file", type=MODEL_OR_INPUT)
@click.option(
    "--format", "name", metavar="FORMAT", type=click.Choice(list(READERS)),
    help=f"{', '.join(READERS)}.",
)  # fmt: skip
@click.option(
    "--repair", "out", type=NEW_FILE, metavar="OUT",
    help="If anything is wrong, write the good rows to OUT, the first of each word.",
)  # fmt: skip
@json_option
@click.pass_context
def check(
    context: click.Context, file: Path, name: str | None, out: Path | None, as_json: bool
) -> None:
    """Report all errors in a vector file, or in a model.

    FILE may be a folder. The number of faults of each kind and the first few positions are printed.
    Text, word2vec's and FastText's binaries and TensorBoard's pair are checked row by row; in the
    other formats the first error is reported. Remarks are not faults: such rows are read as they
    are.

    The exit code is 0 if FILE is sound and 1 if anything is wrong with it, even if OUT could be
    written. OUT has the format of FILE, unless its name implies another.

    A model is compared with its checksums, byte for byte.
    """
    from embedtool.model import store

    if store.is_model(file):
        if out is not None or name is not None:
            raise click.UsageError("a model is checked without --repair and --format")
        context.exit(_check_model(file, as_json))
    from embedtool.cli.output.progress_display import progress_reporter
    from embedtool.formats import checking

    if out is not None:
        checking.check_target(file, out)
    with progress_reporter() as report:
        findings = checking.check(file, name, report)
    if as_json:
        print_json(_as_json(findings))
    else:
        _print(findings)
    if findings.errors and out is not None:
        written_as = checking.repair(findings, out)
        echo_err(
            f"{out}: {written_as}, {counted(findings.n_kept, 'row')} kept, "
            f"{findings.n_rows - findings.n_kept:,} dropped, {findings.n_repaired:,} repaired"
        )
    elif out is not None:
        echo_err(f"{file} is sound; {out} was not written")
    context.exit(UNSOUND if findings.errors else 0)


def _check_model(model: Path, as_json: bool) -> int:
    """Print what is wrong with a model, and return the exit code."""
    from embedtool.model import store
    from embedtool.search import ann

    faults = [*store.verify(model), *filter(None, [ann.verify(model)])]
    if as_json:
        print_json({"file": str(model), "format": "model", "sound": not faults, "faults": faults})
    else:
        click.echo(f"{escape_unprintable(str(model))}: model: {'broken' if faults else 'sound'}")
        for fault in faults:
            click.echo(f"  {escape_unprintable(fault)}")
    return UNSOUND if faults else 0


def _print(findings: "Findings") -> None:
    from embedtool.formats.findings import ERRORS, WARNINGS

    good = counted(findings.n_kept, "row is", "rows are")
    verdict = f"broken; {good} good" if findings.errors else "sound"
    size = f"{counted(findings.n_rows, 'row')} x {findings.vector_size:,}"
    click.echo(f"{escape_unprintable(str(findings.path))}: {findings.format}, {size}: {verdict}")
    for title, found, texts in (
        ("faults", findings.errors, ERRORS), ("remarks", findings.warnings, WARNINGS),
    ):  # fmt: skip
        if found:
            click.echo(title)
        for kind, finding in found.items():
            click.echo(f"  {finding.count:,} x {texts[kind]}")
            for where, detail in finding.examples:
                position = ", ".join(f"{what} {number:,}" for what, number in where.items())
                example = ": ".join(filter(None, [position, detail]))
                click.echo(f"      {escape_unprintable(example)}")
            if finding.count > len(finding.examples):
                click.echo("      ...")


def _as_json(findings: "Findings") -> dict[str, Any]:
    from embedtool.formats.findings import ERRORS, WARNINGS

    return {
        "file": str(findings.path),
        "format": findings.format,
        "sound": not findings.errors,
        "rows": findings.n_rows,
        "vector_size": findings.vector_size,
        "good_rows": findings.n_kept,
        "mended_rows": findings.n_repaired,
        "faults": _listed(findings.errors, ERRORS),
        "remarks": _listed(findings.warnings, WARNINGS),
    }


def _listed(found: Mapping[str, "Finding"], texts: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "text": texts[kind],
            "count": finding.count,
            "first": [{**position, "detail": detail} for position, detail in finding.examples],
        }
        for kind, finding in found.items()
    ]
