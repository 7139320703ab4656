"""Every command explains itself, in its help and in the command reference."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from embedtool.cli.main import COMMANDS, cli
from tests.conftest import Run

REFERENCE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


PATHS = list(commands(cli))


@pytest.mark.parametrize("path", PATHS)
def test_a_command_has_help_and_stands_in_the_reference(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 4
    assert f"# `{' '.join(('embedtool', *path))}`\n" in REFERENCE


def command_at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        below = command.get_command(click.Context(command), name)
        assert below is not None
        command = below
    return command


@pytest.mark.parametrize("path", PATHS)
def test_every_option_has_help(path: tuple[str, ...]) -> None:
    for parameter in command_at(path).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("path", PATHS)
def test_a_value_that_is_no_number_gets_a_plain_message(path: tuple[str, ...]) -> None:
    """Not by the name of a class: "'abc' is not a valid integer range"."""
    for parameter in command_at(path).params:
        if isinstance(parameter.type, click.types.IntParamType | click.types.FloatParamType):
            with pytest.raises(click.BadParameter) as error:
                parameter.type.convert("abc", parameter, None)
            assert error.value.message.rstrip(".") in (
                "'abc' is not a valid integer", "'abc' is not a valid float"
            )  # fmt: skip


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    result = run("train")
    assert result.exit_code == 2
    assert "Commands:" in result.stderr


def test_the_program_shows_its_commands_in_groups_within_80_columns(run: Run) -> None:
    result = run("--help", env={"COLUMNS": "80"})
    lines = result.stdout.splitlines()
    headings = [line.removesuffix(":") for line in lines if line.endswith(":") and line[0] != " "]
    assert headings == ["Options", *COMMANDS]
    assert all(len(line) <= 80 for line in lines)
    assert [line.split()[0] for line in lines[lines.index("Train:") :] if line[:1] == " "] == [
        name for names in COMMANDS.values() for name in names
    ]


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from embedtool.cli.main import cli; cli(['--help'], standalone_mode=False); "
        "print([name for name in sys.modules if name.startswith('embedtool.cli.commands')])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.splitlines()[-1] == "[]", result.stderr


def test_every_command_module_stands_in_a_group() -> None:
    files = (Path(__file__).parents[2] / "embedtool" / "cli" / "commands").glob("[!_]*.py")
    modules = {name.replace("-", "_") for names in COMMANDS.values() for name in names}
    assert {file.stem.removesuffix("_") for file in files} - {"contextual_train", "repl"} == modules
