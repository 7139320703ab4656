"""Options that several commands share, and options made from the fields of a config."""

import os
import re
from collections.abc import Callable, Collection
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_type_hints

import click
from click.shell_completion import CompletionItem

from embedtool.cli.flags import flag
from embedtool.cli.options.completers import complete_installed
from embedtool.config.base import Config
from embedtool.config.choices import METHODS
from embedtool.config.text import TOKENIZER_FIELDS, TextConfig
from embedtool.formats.options import EncodingErrors
from embedtool.io.atomic import STANDARD_INPUT, STANDARD_OUTPUT
from embedtool.io.encodings import UTF8, check_encoding
from embedtool.io.paths import is_web

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]

URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class _File(click.Path):
    """The type of arguments that are paths.

    Parameters
    ----------
    stream : Path, optional
        The path for `-`; without it, `-` is refused.
    written : bool
        Whether the file is written, not read.
    web : bool
        Whether it can be a URL of http or https, which stays a string.
    model : bool
        Whether it is a model, which may be given by the name of an installed one.
    """

    def __init__(
        self,
        stream: Path | None = None,
        *,
        written: bool = False,
        web: bool = False,
        model: bool = False,
    ) -> None:
        super().__init__(path_type=Path)
        self.stream = stream
        self.written = written
        self.web = web
        self.model = model

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Path | str:
        """Return the path; refuse a URL that is not read, which would lose a slash as a path."""
        if isinstance(value, str) and URL.match(value):
            if self.web and is_web(value):
                return value
            remedy = (
                "name a file here, and upload it afterwards"
                if self.written
                else "download it first, and name the file"
            )
            self.fail(f"{value} is a URL; {remedy}", param, ctx)
        if value == "-":
            if self.stream is None:
                stream = "output" if self.written else "input"
                self.fail(
                    f"- is standard {stream}, which cannot be used here; name a file, "
                    "or write ./- for a file of that name",
                    param, ctx,
                )  # fmt: skip
            return self.stream
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        if not self.model or os.path.lexists(path):
            return path
        from embedtool.pretrained.installed import model_path

        return model_path(os.fsdecode(value))  # ./NAME is a path, Path would make a name of it

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete a path; that of a model is a folder, or the name of an installed one."""
        if not self.model:
            return super().shell_complete(ctx, param, incomplete)
        kind = "dir" if self.stream is None else "file"
        return [CompletionItem(incomplete, type=kind), *complete_installed(ctx, param, incomplete)]


FILE = _File()
NEW_FILE = _File(written=True)
MODEL = _File(model=True)
MODEL_OR_INPUT = _File(STANDARD_INPUT, model=True)
READABLE = _File(STANDARD_INPUT, web=True)
OUTPUT_FILE = _File(STANDARD_OUTPUT, written=True)


class IntRange(click.IntRange):
    """`click.IntRange` with the message "not a valid integer", not "not a valid integer range"."""

    name = "integer"


class FloatRange(click.FloatRange):
    """`click.FloatRange` with the name of numbers without bounds in messages and help."""

    name = "float"


def duration(value: str) -> float:
    """Return a time such as 90s, 10m or 1h30m in seconds, or raise click.BadParameter."""
    from embedtool.config.training import seconds_in

    seconds = seconds_in(value)
    if not seconds:
        raise click.BadParameter(f"{value!r} is not a duration such as 90s, 10m or 1h30m")
    return float(seconds)


model_argument = click.argument("model", type=MODEL)
inputs_argument = click.argument("inputs", metavar="INPUT...", nargs=-1, required=True)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace an existing model.")


def _check_one_form(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    """Return the value of --json or --tsv, or raise click.UsageError if both are given."""
    if value and (context.params.get("as_json") or context.params.get("as_tsv")):
        raise click.UsageError("choose --json or --tsv, not both", context)
    return value


json_option = click.option(
    "--json", "as_json", is_flag=True, callback=_check_one_form, help="Print JSON."
)
tsv_option = click.option(
    "--tsv", "as_tsv", is_flag=True, callback=_check_one_form, help="Print tab-separated values."
)
method_option = click.option(
    "--method",
    type=click.Choice(METHODS),
    default=METHODS[0],
    show_default=True,
    help="3cosadd: cosine with the sum; 3cosmul: product of the similarities.",
)
seed_option = click.option(
    "--seed", type=IntRange(0, 2**32 - 1), default=1, show_default=True,
    help="Random seed.",
)  # fmt: skip
json_log_option = click.option(
    "--json-log", type=NEW_FILE, metavar="FILE", help="Write a line of JSON for each epoch."
)
cache_option = click.option(
    "--cache",
    type=FILE,
    metavar="DIR",
    help="Cache the scanned corpus in DIR; a later run over the same files reuses it.",
)
encoding_option = click.option(
    "--encoding", metavar="CODEC", default=UTF8, show_default=True,
    callback=lambda context, parameter, name: check_encoding(name),
    help="Encoding of the files: a Python codec, such as latin-1, cp1252 or utf-16.",
)  # fmt: skip


def port_option(default: int) -> Decorator[Any]:
    """Return the option for the port of a server."""
    return click.option(
        "--port", type=IntRange(0, 65535), default=default, show_default=True,
        help="Port to listen on; 0: any free port.",
    )  # fmt: skip


def vector_read_options(command: F) -> F:
    """Add the fields of `formats.options.ReadOptions` that a user chooses."""
    for option in (
        click.option(
            "--encoding-errors", type=click.Choice(get_args(EncodingErrors)), default="strict",
            show_default=True, help="What to do with words that are not UTF-8; strict: an error.",
        ),
        click.option(
            "--allow-nonfinite", is_flag=True,
            help="Keep vectors that contain NaN or infinity; their words answer no query.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def config_options(config: type[Config], only: Collection[str] | None = None) -> Decorator[F]:
    """Return a decorator that adds an option for each field of a config, or for some of them."""

    def decorate(command: F) -> F:
        hints = get_type_hints(config)
        for each in reversed(fields(config)):
            if only is None or each.name in only:
                command = _option(each, hints[each.name])(command)
        return command

    return decorate


def _option(each: Field[Any], hint: Any) -> Decorator[Any]:
    name, text = flag(each.name), each.metadata["help"]
    has_default = each.default is not None
    if hint is bool:
        names = f"{name}/--no-{name.removeprefix('--')}"
        return click.option(names, default=each.default, help=text, show_default=True)
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    if kinds and isinstance(kinds[0], str):
        kind: Any = click.Choice(kinds)
    else:
        kind = kinds[0] if kinds else hint
    return click.option(name, type=kind, default=each.default, help=text, show_default=has_default)


READER_FIELDS = tuple(each.name for each in fields(TextConfig) if each.name not in TOKENIZER_FIELDS)
LOWERCASE = {"yes": True, "no": False}
"""The values of --lowercase without a language and of --no-lowercase."""


class _Lowercase(click.Option):
    """--lowercase with an optional language, and --no-lowercase."""

    languages = tuple(
        each for each in get_args(get_type_hints(TextConfig)["lowercase"]) if isinstance(each, str)
    )

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Take the next argument as a language only if it is one: it may be an input."""
        super().add_to_parser(parser, ctx)
        match = parser._match_long_opt

        def match_option(opt: str, value: str | None, state: Any) -> None:
            if value is None and opt == "--no-lowercase":
                value = "no"
            elif value is None and opt == "--lowercase":
                value = state.rargs.pop(0) if {*state.rargs[:1]} & {*self.languages} else "yes"
            match(opt, value, state)

        parser._match_long_opt = match_option

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Show that the language is optional."""
        return f"--lowercase [{'|'.join(self.languages)}] / --no-lowercase", self.help or ""


lowercase_option = click.option(
    "--lowercase", "--no-lowercase", cls=_Lowercase, default="no",
    type=click.Choice([*_Lowercase.languages, *LOWERCASE]),
    callback=lambda context, parameter, value: LOWERCASE.get(value, value),
    help=TextConfig.__dataclass_fields__["lowercase"].metadata["help"],
)  # fmt: skip


def text_field_options(names: Collection[str]) -> Decorator[F]:
    """Return a decorator that adds options for these fields of a TextConfig."""

    def decorate(command: F) -> F:
        if "encoding" in names:
            command = encoding_option(command)
        others: Decorator[F] = config_options(TextConfig, {*names} - {"encoding", "lowercase"})
        command = others(command)
        return lowercase_option(command) if "lowercase" in names else command

    return decorate


text_options: Decorator[Any] = text_field_options((*TOKENIZER_FIELDS, *READER_FIELDS))
record_options: Decorator[Any] = text_field_options(READER_FIELDS)
