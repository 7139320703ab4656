"""The language of `embedtool shell`: how lines are answered and completed, without the terminal."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from embedtool.cli.commands.analogy import analogy
from embedtool.cli.commands.info import info
from embedtool.cli.commands.odd_one_out import odd_one_out
from embedtool.cli.commands.similar import similar
from embedtool.cli.commands.similarity import similarity
from embedtool.cli.commands.vector import vector
from embedtool.cli.exit_codes import FAILURE
from embedtool.cli.flags import with_flags
from embedtool.cli.options.completers import partial_word, words_with_prefix
from embedtool.cli.options.query_options import SearchOptions
from embedtool.cli.output.console import echo_err, emit, print_table
from embedtool.cli.suggesting_group import HELP_OPTION_NAMES
from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EmbedtoolError, NoAnswerError, QueryError, UnknownWordError
from embedtool.io.encodings import UTF8
from embedtool.messages import escape_unprintable
from embedtool.model import store
from embedtool.pretrained.installed import model_path
from embedtool.search import query
from embedtool.search.answers import Answers, WordScore, ngrams_message
from embedtool.search.expression import SIGNS, WEIGHT
from embedtool.search.lookup import from_ngrams

if TYPE_CHECKING:
    from embedtool.model.vectors import VectorTable

COMMAND_PREFIX = ":"
"""What a line that is not a query begins with."""
QUERY_COMMANDS: dict[str, click.Command] = {
    str(each.name): each for each in (similar, similarity, analogy, odd_one_out, vector, info)
}
"""Commands of the program that a line may call, on the current model."""
SETTINGS = {
    option.opts[0].lstrip("-"): option
    for option in analogy.params
    if isinstance(option, click.Option)
}
"""Settings, which apply to all lines until they are changed: the options of `analogy`."""
REQUIRED_SETTINGS = ("n", "method", "unknown", "encoding")
"""Settings that cannot be off."""
HELP = (
    ("king", "its nearest neighbours"),
    ("king queen", "the similarity of two words"),
    ("king - man + woman", "words added and subtracted, also weighted: 0.5*king + queen"),
    ("man king woman", "what is to woman as king is to man?"),
    (":odd-one-out WORD...", "the word that does not belong"),
    (":vector WORD...", "vectors"),
    (":similar WORD... -n 3", "any query command, with its options (:similar --help)"),
    (":info", "what the model is and how it was made"),
    (":models", "the open models"),
    (":model NAME", "query this one from now on"),
    (":load FOLDER", "open or reopen a model, and query it from now on"),
    (":compare LINE", "the answers of all models, side by side"),
    (":n 20", "the number of answers from now on; in the same way:"),
    (":method 3cosmul", "how expressions are answered"),
    (":restrict-vocab 50000", "which words may answer; also :min-count 5, :words FILE, or off"),
    (":encoding latin-1", "encoding of the FILE of :words"),
    (":include-query-words", "let the words of the query be answers too; again: off"),
    (":approximate", "search the index that `embedtool index` has made"),
    (":json, :tsv", "how answers are printed"),
    (":unknown mark", "mark queries without an answer in the output"),
    (":quit", "leave; so do quit, exit and Ctrl-D; query the word with :similar quit"),
)
BARE_COMMANDS = {
    "help": "help", "help()": "help", "?": "help",
    "quit": "quit", "exit": "quit", "quit()": "quit", "exit()": "quit", "q": "quit", "bye": "quit",
}  # fmt: skip
"""Commands that need no prefix, as in other shells, unless the model has such a word."""
RESERVED_COMMANDS = ("help", "help()", "quit", "quit()", "exit", "exit()")
"""Those that are commands in a terminal even if the model has such a word."""


class OpenModel(NamedTuple):
    """A model that can be queried."""

    folder: Path
    vectors: "VectorTable"


class Completion(NamedTuple):
    """A completion of a line: `text` replaces the last `n_typed` characters."""

    text: str
    n_typed: int
    note: str = ""


class ShellSession:
    """The open models, which of them is current, and the settings.

    Parameters
    ----------
    folders : sequence of Path
        The models to open; the first is current.
    settings : dict
        The options of `analogy`, by parameter.
    echo_lines : bool
        Whether each line is printed above its answer, because nobody has typed it in a terminal.
    """

    def __init__(
        self, folders: Sequence[Path], settings: dict[str, Any], *, echo_lines: bool = False
    ) -> None:
        self.models: dict[str, OpenModel] = {}
        self.settings = settings
        self.echo_lines = echo_lines
        self.n_answers = 0
        self.commands: dict[str, Callable[[str], None]] = {
            "models": self._list,
            "model": self._choose,
            "load": self.load,
            "compare": self._compare,
            "help": self._help,
            "quit": self._quit,
        }
        self.names = (*QUERY_COMMANDS, *self.commands, *SETTINGS)
        for folder in folders:
            self.load(str(folder))
        self.name = next(iter(self.models))

    @property
    def vectors(self) -> "VectorTable":
        """The vectors of the current model."""
        return self.models[self.name].vectors

    def load(self, text: str) -> None:
        """Open a model and make it current, or raise ModelError."""
        folder = model_path(os.path.expanduser(text))  # noqa: PTH111 - ./NAME is no name
        vectors = store.load(folder).vectors
        name = folder.absolute().name
        if name in self.models and self.models[name].folder != folder:
            name = str(folder)
        self.models[name] = OpenModel(folder, vectors)
        self.name = name

    def answer(self, line: str) -> int:
        """Answer a line; what is wrong with it is printed in a line on standard error.

        Returns
        -------
        int
            An exit code, 0 or FAILURE.

        Raises
        ------
        EOFError
            If the line ends the session.
        """
        try:
            self._answer(line)
        except BrokenPipeError:
            raise
        except click.UsageError as error:
            echo_err(f"Error: {error.format_message()}")
        except EmbedtoolError as error:
            echo_err(f"Error: {with_flags(str(error), error.parameters, analogy)}")
        except OSError as error:
            echo_err(f"Error: {error.filename or self.name}: {error.strerror or error}")
        except MemoryError:
            echo_err("Error: out of memory")
        else:
            return 0
        return FAILURE

    def _answer(self, line: str) -> None:
        command = BARE_COMMANDS.get(line.lower())
        in_terminal = not self.echo_lines
        if command and (line not in self.vectors or (in_terminal and line in RESERVED_COMMANDS)):
            line = COMMAND_PREFIX + command
        if not line.startswith(COMMAND_PREFIX):
            name = _query_command(line, self.vectors)
            words = [line] if name == "analogy" else split_spaces(line)
            self._run(name, ["--", *words], line)
            return
        typed, _, rest = line.removeprefix(COMMAND_PREFIX).partition(" ")
        name, rest = self._resolve(typed), rest.strip()
        if name in QUERY_COMMANDS:
            self._run(name, split_spaces(rest), line)
        elif name in SETTINGS:
            self._set(name, rest)
        else:
            self.commands[name](rest)

    def completions(self, text: str) -> Iterator[Completion]:
        """Yield completions of a line: commands, models, values of settings, or else words."""
        if not text.startswith(COMMAND_PREFIX):
            yield from self._words(text)
            return
        typed, space, rest = text.removeprefix(COMMAND_PREFIX).partition(" ")
        if not space:
            yield from _with_prefix(typed, self.names)
            return
        try:
            name = self._resolve(typed)
        except QueryError:
            return
        if name == "model":
            yield from _with_prefix(rest, self.models)
        elif name == "compare" or name in QUERY_COMMANDS:
            yield from self._words(rest)
        elif name in SETTINGS:
            yield from _with_prefix(rest, _values(SETTINGS[name]))

    def partial_path(self, text: str) -> str | None:
        """Return the path at the end of a line; None if there should be none."""
        typed, space, rest = text.partition(" ")
        return (
            rest if space and typed in (f"{COMMAND_PREFIX}load", f"{COMMAND_PREFIX}words") else None
        )

    def _words(self, text: str) -> Iterator[Completion]:
        """Yield completions by words: first in the case that is typed, then in others."""
        prefix = partial_word(text)
        words: dict[str, int | None] = {}
        for variant in dict.fromkeys((prefix, prefix.capitalize(), prefix.upper(), prefix.lower())):
            if variant.lower() == prefix.lower():  # upper() of ß is SS, a prefix of other words
                words |= words_with_prefix(self.vectors, variant)
        for word, count in words.items():
            yield Completion(word, len(prefix), "" if count is None else f"{count:,}")

    def _resolve(self, text: str) -> str:
        """Return the command of a name or of a prefix, or raise QueryError if that is not one."""
        text = BARE_COMMANDS.get(text, text)
        names = [text] if text in self.names else [n for n in self.names if n.startswith(text)]
        if not names:
            raise QueryError(
                f"no command {COMMAND_PREFIX + text!r}: {COMMAND_PREFIX}help lists them; a word "
                f"that begins so is queried with {COMMAND_PREFIX}similar"
            )
        if len(names) > 1:
            candidates = ", ".join(COMMAND_PREFIX + name for name in names)
            raise QueryError(f"{COMMAND_PREFIX + text!r} may be {candidates}")
        return names[0]

    def _run(self, name: str, arguments: list[str], line: str) -> None:
        """Run a command of the program on the current model."""
        command, folder = QUERY_COMMANDS[name], str(self.models[self.name].folder)
        parent = click.Context(
            click.Group("embedtool"), info_name="embedtool", default_map={name: self.settings},
            help_option_names=HELP_OPTION_NAMES,
        )  # fmt: skip
        try:
            with command.make_context(name, [folder, *arguments], parent) as context:
                if context.params.get("queries") in ((), ("-",)):  # it would read standard input
                    raise QueryError(
                        f"{name} needs words, as in: {COMMAND_PREFIX}{name} king queen prince"
                    )
                self._echo(line)
                command.invoke(context)
        except click.exceptions.Exit:
            return  # after --help

    def _echo(self, line: str) -> None:
        """Begin an answer, if need be with its line."""
        if self.echo_lines and not (self.settings["as_json"] or self.settings["as_tsv"]):
            click.secho(("\n" if self.n_answers else "") + escape_unprintable(line), bold=True)
        self.n_answers += 1

    def _set(self, name: str, text: str) -> None:
        """Change a setting, or show it. Raise QueryError if it cannot have the value."""
        option = SETTINGS[name]
        key = str(option.name)
        if text == "off" and name not in REQUIRED_SETTINGS:
            self.settings[key] = False if option.is_flag else None
        elif option.is_flag:
            if text not in ("", "on"):
                raise QueryError(f"{COMMAND_PREFIX}{name}: {text!r} is neither on nor off")
            self.settings[key] = text == "on" or not self.settings[key]
        elif text:
            try:
                self.settings[key] = option.type.convert(text, option, None)
            except click.BadParameter as error:
                raise QueryError(f"{COMMAND_PREFIX}{name}: {error.message.rstrip('.')}") from None
        if self.settings["as_json"] and self.settings["as_tsv"]:
            self.settings["as_tsv" if key == "as_json" else "as_json"] = False
        value = self.settings[key]
        echo_err(f"{name}: {'on' if value is True else value or 'off'}")

    def _list(self, text: str) -> None:
        rows = [
            (
                "*" if name == self.name else "", name, model.vectors.n_words,
                model.vectors.vector_size, str(model.folder),
            )
            for name, model in self.models.items()
        ]  # fmt: skip
        print_table(("", "model", "words", "vector size", "folder"), rows)

    def _choose(self, text: str) -> None:
        if text not in self.models:
            raise QueryError(
                f"no model {text!r}: {COMMAND_PREFIX}load opens one; open: {', '.join(self.models)}"
            )
        self.name = text

    def _compare(self, text: str) -> None:
        """Print the answers of all models side by side."""
        if not text:
            raise QueryError(f"compare needs a query, as in: {COMMAND_PREFIX}compare king")
        self._echo(text)
        failures: dict[str, str] = {}
        answers: dict[str, Answers] = {}
        for name, model in self.models.items():
            try:
                answers[name] = self._answers(model, text)
            except UnknownWordError as error:
                answers[name], failures[name] = Answers(), f"{error.word} unknown"
            except NoAnswerError as error:
                answers[name], failures[name] = Answers(), str(error)
            if answers[name].from_ngrams:
                echo_err(f"{name}: {ngrams_message(answers[name].from_ngrams)}")
        if self.settings["as_json"] or self.settings["as_tsv"]:
            for name, reason in failures.items():
                echo_err(f"{name}: {reason}")
            rows = [(name, text, a.word, a.score) for name, best in answers.items() for a in best]
            columns = ("model", "query", "word", "score")
            records = [dict(zip(columns, row, strict=True)) for row in rows]
            emit(records, columns, rows, as_json=self.settings["as_json"], as_tsv=True)
            return
        table = [
            [f"({failures[name]})"] if name in failures
            else [f"{answer.word} {answer.score:.3f}" for answer in best]
            for name, best in answers.items()
        ]  # fmt: skip
        ranked = enumerate(zip_longest(*table, fillvalue=""), 1)
        print_table(("", *answers), [(str(rank), *row) for rank, row in ranked])

    def _answers(self, model: OpenModel, line: str) -> Answers:
        """Return what the command of a line would print, for one model."""
        name = _query_command(line, model.vectors)
        if name == "similarity":
            first, other = split_spaces(line)
            cosine = query.similarity(model.vectors, first, other)
            new_words = from_ngrams(model.vectors, [first, other])
            return Answers.of([WordScore(other, cosine)], new_words)
        search = SearchOptions.from_options({"encoding": UTF8, **self.settings})
        arguments = search.arguments(model.vectors, model.folder)
        if name == "similar":
            return query.similar_batch(model.vectors, [line], **arguments)[0]
        method = self.settings["method"]
        return query.analogy_batch(model.vectors, [line], method=method, **arguments)[0]

    def _help(self, text: str) -> None:
        print_table(("", ""), HELP)

    def _quit(self, text: str) -> None:
        raise EOFError


def _query_command(line: str, vectors: "VectorTable") -> str:
    """Return the command that a line without a command stands for."""
    words = split_spaces(line)
    if words == [line] and line in vectors:
        return "similar"
    if any(word in SIGNS or WEIGHT.match(word) for word in words):
        return "analogy"
    if len(words) == 1:
        is_sum = "+" in line and not vectors.has_vector(line)
        return "analogy" if is_sum else "similar"
    return "similarity" if len(words) == 2 else "analogy"


def _values(option: click.Option) -> Sequence[str]:
    """Return the values of a setting, if they can be listed."""
    if option.is_flag:
        return ("on", "off")
    return option.type.choices if isinstance(option.type, click.Choice) else ()


def _with_prefix(prefix: str, names: Iterable[str]) -> Iterator[Completion]:
    for name in names:
        if name.startswith(prefix):
            yield Completion(name, len(prefix))
