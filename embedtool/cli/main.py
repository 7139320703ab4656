"""The program: its commands, and the one place where an error becomes a message.

In: the command line. Out: an exit code: 0; 1 where something failed; 2 for wrong usage; 129, 130
and 143 where SIGHUP, SIGINT or SIGTERM stopped it; 141 where nobody reads standard output any more.
"""

import gc
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from io import TextIOWrapper
from types import FrameType
from typing import Any, NoReturn

import click
from click.exceptions import Exit, NoArgsIsHelpError

from embedtool import __version__
from embedtool.cli.flags import with_flags
from embedtool.cli.groups import SuggestingGroup
from embedtool.cli.output.console import echo_err, truncate_middle
from embedtool.cli.signals import heeded
from embedtool.errors import ConfigError, EmbedtoolError, StoppedError, UnansweredError

COMMANDS = {
    "train": "train",
    "resume": "resume",
    "vocab": "vocab",
    "phrases": "phrases",
    "info": "info",
    "similar": "similar",
    "similarity": "similarity",
    "analogy": "analogy",
    "odd-one-out": "odd_one_out",
    "vector": "vector",
    "shell": "shell",
    "completion": "completion",
    "evaluate": "evaluate",
    "compare": "compare",
    "datasets": "datasets",
    "stability": "stability",
    "tune": "tune",
    "transform": "transform",
    "align": "align",
    "drift": "drift",
    "translate": "translate",
    "bias": "bias",
    "attend": "attend",
    "contextual": "contextual",
    "distill": "distill",
    "compress": "compress",
    "export": "export",
    "import": "import_",
    "check": "check",
    "formats": "formats",
    "index": "index",
    "plot": "plot",
    "explore": "explore",
    "corpus": "corpus",
    "serve": "serve",
}
"""Each command's module in this package, which holds it under its own name."""
GC_THRESHOLD = 50_000
"""New objects before Python looks for those that are no longer used. Imports make many that stay;
to look at them again and again takes a twentieth of the time of a query."""
NO_THREAD = "can't start new thread"
"""What Python says, as a RuntimeError."""
PRINTING = ("click.utils", __name__)
"""Modules that write to standard output."""
FAILURE = 1
USAGE_ERROR = 2
INTERRUPTED = 128 + signal.SIGINT
BROKEN_PIPE = 128 + signal.SIGPIPE


class Program(SuggestingGroup):
    """A group of COMMANDS, imported when they are asked for; its errors are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"embedtool.cli.commands.{name}"), name)
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; exits with its code, or returns it where not `standalone_mode`."""
        if isinstance(sys.stdout, TextIOWrapper):  # a name may hold what the encoding has not
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra) or 0
        except ConfigError as error:
            code = _fail(_told(error), USAGE_ERROR)
        except StoppedError as error:
            code = _fail(_told(error), 128 + error.number)
        except UnansweredError as error:
            code = _fail(_told(error), FAILURE, whole=True)
        except EmbedtoolError as error:
            code = _fail(_told(error), FAILURE)
        except NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help() if error.ctx else "", err=True)
            code = USAGE_ERROR
        except click.UsageError as error:
            code = _fail(_usage(error), USAGE_ERROR)
        except click.Abort:
            code = _fail("interrupted; nothing was written", INTERRUPTED)
        except OSError as error:
            code = _fail(f"{_place_of(error)}{error.strerror or error}", FAILURE)
        except MemoryError:
            code = _fail("out of memory; choose a smaller --vector-size or vocabulary", FAILURE)
        except RuntimeError as error:
            if str(error) != NO_THREAD:
                raise
            code = _fail(
                "no thread can be started; allow more processes (ulimit -u) or more memory "
                "(ulimit -v)",
                FAILURE,
            )
        if standalone_mode:
            sys.exit(code)
        return code

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the command line, which --help and --version end."""
        with _silent_where_unread():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with _silent_where_unread():
            return super().invoke(ctx)


@contextmanager
def _silent_where_unread() -> Iterator[None]:
    """End without a word where standard output has lost its reader, as `head` leaves it."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(BROKEN_PIPE) from None


def _place_of(error: OSError) -> str:
    """What an error of the system is about: its file, or standard output where that was printed to.

    Printing gives no name of a file; the innermost call tells it.
    """
    if error.filename:
        return f"{error.filename}: "
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    printing = trace is not None and trace.tb_frame.f_globals["__name__"] in PRINTING
    return "standard output: cannot be written: " if printing else ""


def _told(error: EmbedtoolError) -> str:
    return with_flags(str(error), error.parameters)


def _fail(message: str, code: int, whole: bool = False) -> int:
    message = message if whole else truncate_middle(message)
    echo_err("Error: " + " ".join(message.split("\n")))
    return code


def _usage(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        from embedtool.cli.options.suggestions import with_suggestions

        message = with_suggestions(error)
    else:
        message = error.format_message()
    message = message.rstrip(".")
    return f"{message} (see {error.ctx.command_path} --help)" if error.ctx else message


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="embedtool")
def cli() -> None:
    """Train, query, judge and export word vectors: Word2Vec, FastText, GloVe."""


class StderrHandler(logging.Handler):
    """Shows what the rooms below log as warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        message = with_flags(record.getMessage(), getattr(record, "parameters", ()))
        echo_err(f"{record.levelname.capitalize()}: {message}")


logging.getLogger("embedtool").addHandler(StderrHandler(logging.INFO))
logging.getLogger("embedtool").setLevel(logging.INFO)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    if number == signal.SIGHUP:
        signal.signal(number, signal.SIG_IGN)  # a closed terminal sends it twice
    sys.exit(128 + number)


def install_signal_handlers() -> None:
    """Have SIGINT and SIGTERM end the program, and SIGHUP unless it is ignored.

    A shell that is no terminal's starts what runs in the background with SIGINT ignored, and Python
    would leave it so: then nothing but SIGTERM could end a server or a training.
    """
    for number in heeded():
        signal.signal(number, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> None:
    """What the console script calls."""
    install_signal_handlers()
    gc.set_threshold(GC_THRESHOLD)
    try:
        cli(prog_name="embedtool")
    except SystemExit as end:
        _leave(end)


def _leave(end: SystemExit) -> NoReturn:
    """End the process, at once where a library still waits for a machine that does not answer."""
    waiting = sys.modules.get("embedtool.corpus.waiting")  # not imported: nothing waits
    if waiting is None or not waiting.is_waiting():
        raise end
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else FAILURE)
