"""The program: its commands, and the one place where an error becomes a message.

Besides the codes of `exit_codes` it exits with 0, and with 129, 130 or 143 if SIGHUP, SIGINT or
SIGTERM stopped it.
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
from keyword import iskeyword
from types import FrameType
from typing import Any, NoReturn

import click
from click.exceptions import Exit, NoArgsIsHelpError

from embedtool import __version__
from embedtool.cli.exit_codes import BROKEN_PIPE, FAILURE, INTERRUPTED, USAGE_ERROR
from embedtool.cli.flags import with_flags
from embedtool.cli.output.console import echo_err, truncate_middle
from embedtool.cli.signals import HANGUP, handled_signals
from embedtool.cli.suggesting_group import HELP_OPTION_NAMES, LAST_COMMAND, SuggestingGroup
from embedtool.errors import ConfigError, EmbedtoolError, StoppedError, UnansweredError

COMMANDS = {
    "Train": {
        "train": "Train word vectors on text and save them as a model.",
        "resume": "Resume the interrupted training of MODEL.",
        "tune": "Search for the options that score best on a dataset.",
        "vocab": "Count the words of a text.",
        "phrases": "Join words that form a phrase: new york becomes new_york.",
        "corpus": "Download public corpora, cleaned and ready for training.",
        "contextual": "Train an encoder, and query words in their sentences.",
        "distill": "Make a static model from an encoder of Hugging Face's.",
    },
    "Ask": {
        "similar": "Print the nearest neighbours of each WORD by cosine similarity.",
        "similarity": "Print the cosine similarity of WORD and each OTHER.",
        "analogy": "Print the words nearest to a sum such as king - man + woman.",
        "odd-one-out": "Print the words, the one that does not belong first.",
        "vector": "Print each WORD with its vector.",
        "shell": "Query one or several models interactively.",
        "translate": "Translate each WORD of MODEL into words of OTHER.",
        "attend": "Show which words of SENTENCE attend to which.",
        "completion": "Print the script that completes commands and words in a shell.",
    },
    "Judge": {
        "evaluate": "Score MODEL on analogies, word pairs and other datasets.",
        "compare": "Compare two or more models, and say which is better.",
        "stability": "Repeat a training; measure how scores and neighbours vary.",
        "datasets": "List the datasets that evaluate and compare take by name.",
        "drift": "Print the words that changed most from OLD to NEW.",
        "bias": "Measure associations between words in MODEL.",
    },
    "Change": {
        "transform": "Save a copy of MODEL with transformed vectors as OUTPUT.",
        "compress": "Save a smaller copy of MODEL as OUTPUT.",
        "align": "Rotate SOURCE into the space of TARGET, and save it as OUTPUT.",
        "index": "Build the index that `similar --approximate` searches.",
    },
    "Files": {
        "info": "Show what MODEL is and how it was made.",
        "export": "Write the vectors of MODEL to FILE, for other tools.",
        "import": "Read the vectors of FILE, and save them as MODEL.",
        "check": "Report all errors in a vector file, or in a model.",
        "models": "Fetch models that others trained, and use them by name.",
        "formats": "List the formats that `export` writes and `import` reads.",
    },
    "Look and serve": {
        "plot": "Draw words and neighbours, relations, similarities, drift.",
        "explore": "Show the map of MODEL in the browser.",
        "serve": "Serve queries to MODEL over HTTP, in JSON, until stopped.",
    },
}
"""The commands under their headings, most used first, with the line that `--help` prints: their
modules in `cli/commands` are imported only to run them."""
GC_THRESHOLD = 50_000
"""Allocations between two garbage collections. Imports allocate many long-lived objects; with
Python's default, collecting them again and again takes 5 % of the time of a query."""
NO_THREAD = "can't start new thread"
"""The message of Python's RuntimeError."""
TYPED = f"{__name__}.typed"
"""The arguments of the command line, in the context's `meta`."""
PRINTING_MODULES = ("click.utils", __name__)
"""Modules that write to standard output."""


class Program(SuggestingGroup):
    """The group of all COMMANDS, which are imported on demand; its errors are one line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands in the order of their groups."""
        return [name for commands in COMMANDS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name, or None."""
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        name += "_" * iskeyword(name)
        command: click.Command = getattr(import_module(f"embedtool.cli.commands.{name}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under the headings of their groups."""
        width = max(map(len, self.list_commands(ctx)))
        for heading, commands in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(width), help) for name, help in commands.items()])

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run a command line; exit with its code, or return it if not `standalone_mode`."""
        if isinstance(sys.stdout, TextIOWrapper):  # for characters that the encoding lacks
            sys.stdout.reconfigure(errors="backslashreplace")
        with _log_to_stderr():
            code = self._run(args, prog_name, complete_var, **extra)
        if standalone_mode:
            sys.exit(code)
        return code

    def _run(
        self,
        args: Sequence[str] | None,
        prog_name: str | None,
        complete_var: str | None,
        **extra: Any,
    ) -> Any:
        """Run a command line and return its exit code; print one line for an error."""
        try:
            return super().main(args, prog_name, complete_var, False, **extra) or 0
        except ConfigError as error:
            return _fail(str(error), USAGE_ERROR)
        except StoppedError as error:
            return _fail(str(error), 128 + error.number)
        except UnansweredError as error:
            return _fail(str(error), FAILURE, whole=True)
        except EmbedtoolError as error:
            return _fail(str(error), FAILURE)
        except NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help() if error.ctx else "", err=True)
            return USAGE_ERROR
        except click.UsageError as error:
            return _fail(_usage_message(error), USAGE_ERROR)
        except click.Abort:
            return _fail("interrupted; nothing was written", INTERRUPTED)
        except OSError as error:
            return _fail(f"{_file_prefix(error)}{error.strerror or error}", FAILURE)
        except MemoryError:
            return _fail("out of memory; choose a smaller --vector-size or vocabulary", FAILURE)
        except RuntimeError as error:
            if str(error) != NO_THREAD:
                raise
            return _fail(
                "no thread can be started; allow more processes (ulimit -u) or more memory "
                "(ulimit -v)",
                FAILURE,
            )

    def make_context(
        self, info_name: str | None, args: list[str], *others: Any, **extra: Any
    ) -> click.Context:
        """Read the command line, which --help and --version end."""
        typed = tuple(args)  # reading takes them out of the list
        with _quiet_broken_pipe():
            context = super().make_context(info_name, args, *others, **extra)
        context.meta[TYPED] = typed
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Parameters and calls in its errors become flags and commands."""
        try:
            with _quiet_broken_pipe():
                return super().invoke(ctx)
        except EmbedtoolError as error:
            command = ctx.meta.get(LAST_COMMAND)
            message = str(error)
            if error.call is not None:
                message = message.replace(error.call.python, error.call.command)
            message = with_flags(message, error.parameters, command, ctx.meta[TYPED])
            error.args = (message, *error.args[1:])
            raise


@contextmanager
def _log_to_stderr() -> Iterator[None]:
    """Print what the library logs while a command runs."""
    logger, handler = logging.getLogger("embedtool"), StderrHandler(logging.INFO)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


@contextmanager
def _quiet_broken_pipe() -> Iterator[None]:
    """Exit without a message if standard output has been closed, as by `| head`."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise Exit(BROKEN_PIPE) from None


def _file_prefix(error: OSError) -> str:
    """Return the prefix that says which file an OSError is about, or standard output.

    An error of printing has no file name; it is recognised by the module of its innermost call.
    """
    if error.filename:
        return f"{error.filename}: "
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    printing = trace is not None and trace.tb_frame.f_globals["__name__"] in PRINTING_MODULES
    return "standard output: cannot be written: " if printing else ""


def _fail(message: str, code: int, whole: bool = False) -> int:
    message = message if whole else truncate_middle(message)
    echo_err("Error: " + " ".join(message.split("\n")))
    return code


def _usage_message(error: click.UsageError) -> str:
    if isinstance(error, click.NoSuchOption):
        from embedtool.cli.options.foreign_options import with_suggestions

        message = with_suggestions(error)
    else:
        message = error.format_message()
    message = message.rstrip(".")
    return f"{message} (see {error.ctx.command_path} --help)" if error.ctx else message


class StderrHandler(logging.Handler):
    """A log handler that prints a line for each message, with flags for parameters.

    The line begins with the level, unless the message brings another word for it.
    """

    def emit(self, record: logging.LogRecord) -> None:
        context = click.get_current_context(silent=True)
        message = with_flags(
            record.getMessage(),
            getattr(record, "parameters", ()),
            context.command if context else None,
            context.meta.get(TYPED, ()) if context else (),
        )
        level = getattr(record, "level", record.levelname.capitalize())
        echo_err(f"{level}: {message}")


@click.group(cls=Program, context_settings={"help_option_names": HELP_OPTION_NAMES})
@click.version_option(__version__, prog_name="embedtool")
def cli() -> None:
    """Train, query, judge and export word vectors: Word2Vec, FastText, GloVe."""


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    if number == HANGUP:
        signal.signal(number, signal.SIG_IGN)  # a closed terminal sends it twice
    sys.exit(128 + number)


def install_signal_handlers() -> None:
    """Let SIGINT and SIGTERM end the program, and SIGHUP unless it is ignored.

    A non-interactive shell starts background jobs with SIGINT ignored, and Python would leave it
    ignored: then only SIGTERM could end a server or a training.
    """
    for number in handled_signals():
        signal.signal(number, _terminate)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def main() -> None:
    """Run the program, as the console script does."""
    install_signal_handlers()
    gc.set_threshold(GC_THRESHOLD)
    try:
        cli(prog_name="embedtool")
    except SystemExit as end:
        _exit(end)


def _exit(end: SystemExit) -> NoReturn:
    """End the process; immediately if a library still waits for a server that does not answer."""
    waiting = sys.modules.get("embedtool.corpus.waiting")  # not imported: nothing waits
    if waiting is None or not waiting.is_waiting():
        raise end
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(end.code if isinstance(end.code, int) else FAILURE)
