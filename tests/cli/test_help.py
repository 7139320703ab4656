"""Every command explains itself, in its help and in README."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from embedtool.cli.main import cli
from tests.conftest import Run

README = (Path(__file__).parents[2] / "README.md").read_text()


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
def test_a_command_has_help_and_stands_in_the_readme(run: Run, path: tuple[str, ...]) -> None:
    result = run(*path, "--help")
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) > 4
    assert f"### `{' '.join(('embedtool', *path))}`" in README


def found(path: tuple[str, ...]) -> click.Command:
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        below = command.get_command(click.Context(command), name)
        assert below is not None
        command = below
    return command


@pytest.mark.parametrize("path", PATHS)
def test_every_option_has_help(path: tuple[str, ...]) -> None:
    for parameter in found(path).params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_number_is_told_so_in_plain_words(path: tuple[str, ...]) -> None:
    """Not by the name of a class: "'abc' is not a valid integer range"."""
    for parameter in found(path).params:
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
