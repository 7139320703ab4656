"""The language of `embedtool shell`, apart from the terminal.

In: lines. Out: answers, each printed by the command that a line stands for; and how a line that is
begun may go on.
"""

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
from embedtool.cli.main import FAILURE, cli
from embedtool.cli.options.completers import partial_word, words_with_prefix
from embedtool.cli.options.queries import approximate_index, candidates
from embedtool.cli.output.console import (
    echo_err,
    escape_unprintable,
    print_json,
    print_table,
    print_tsv,
)
from embedtool.cli.output.query_results import ngrams_message
from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EmbedtoolError, NoAnswerError, QueryError, UnknownWordError
from embedtool.io.encodings import UTF8
from embedtool.model import store
from embedtool.search import query
from embedtool.search.expression import SIGNS, WEIGHT
from embedtool.search.query import Answers

if TYPE_CHECKING:
    from embedtool.model.vectors import WordVectors

MARK = ":"
"""What begins a line that is no query."""
QUERIES: dict[str, click.Command] = {
    str(each.name): each for each in (similar, similarity, analogy, odd_one_out, vector, info)
}
"""Commands that a line may call, on the model in use."""
SETTINGS = {
    option.opts[0].lstrip("-"): option
    for option in analogy.params
    if isinstance(option, click.Option)
}
"""What applies to all lines until it is changed: the options of `analogy`."""
ALWAYS = ("n", "method", "unknown", "encoding")
"""Settings that cannot be off."""
HELP = (
    ("king", "the nearest words"),
    ("king queen", "how near two words are"),
    ("king - man + woman", "words added and subtracted, also weighted: 0.5*king + queen"),
    ("man king woman", "what is to woman as king is to man?"),
    (":odd-one-out WORD...", "the word that does not belong"),
    (":vector WORD...", "the numbers themselves"),
    (":similar WORD... -n 3", "any query command, with its options (:similar --help)"),
    (":info", "what the model is and how it came about"),
    (":models", "the models that are open"),
    (":model NAME", "ask this one from now on"),
    (":load FOLDER", "open a model, or open it anew, and ask it from now on"),
    (":compare LINE", "the answers of all models, side by side"),
    (":n 20", "the number of answers from now on; in the same way:"),
    (":method 3cosmul", "how expressions are answered"),
    (":restrict-vocab 50000", "which words may answer; also :min-count 5, :words FILE, or off"),
    (":encoding latin-1", "how the FILE of :words is written"),
    (":include-query-words", "let the words of the query answer too; again: no more"),
    (":approximate", "search in the index that `embedtool index` has made"),
    (":json, :tsv", "how answers are printed"),
    (":unknown mark", "say in the answer's place where there is none"),
    (":quit", "leave; so do quit, exit and Ctrl-D; the word is asked with :similar quit"),
)
WITHOUT_MARK = {
    "help": "help", "help()": "help", "?": "help",
    "quit": "quit", "exit": "quit", "quit()": "quit", "exit()": "quit", "q": "quit", "bye": "quit",
}  # fmt: skip
"""What is a command without its mark too, as in other shells, where the model has no such word."""
ALWAYS_COMMANDS = ("help", "help()", "quit", "quit()", "exit", "exit()")
"""Those of them that are commands in a terminal though the model has such a word."""


class OpenModel(NamedTuple):
    """A model that can be asked."""

    folder: Path
    vectors: "WordVectors"


class Completion(NamedTuple):
    """How a line may go on: `text` takes the place of the last `n_typed` characters."""

    text: str
    n_typed: int
    note: str = ""


class ShellSession:
    """Models that are open, which of them is asked, and the settings.

    settings : the options of `analogy`, by parameter
    echo_lines   : whether each answer stands under its line, as nobody sees who asked
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
        self.names = (*QUERIES, *self.commands, *SETTINGS)
        for folder in folders:
            self.load(str(folder))
        self.name = next(iter(self.models))

    @property
    def vectors(self) -> "WordVectors":
        """Those of the model that is asked."""
        return self.models[self.name].vectors

    def load(self, text: str) -> None:
        """Open a model and ask it from now on. Raises ModelError."""
        folder = Path(text).expanduser()
        vectors = store.load(folder).vectors
        name = folder.absolute().name
        if name in self.models and self.models[name].folder != folder:
            name = str(folder)
        self.models[name] = OpenModel(folder, vectors)
        self.name = name

    def answer(self, line: str) -> int:
        """Answer a line; what is wrong with it is a line on standard error.

        Returns an exit code, 0 or FAILED. Raises EOFError where the line ends the session.
        """
        try:
            self._answer(line)
        except BrokenPipeError:
            raise
        except click.UsageError as error:
            echo_err(f"Error: {error.format_message()}")
        except EmbedtoolError as error:
            echo_err(f"Error: {error}")
        except OSError as error:
            echo_err(f"Error: {error.filename or self.name}: {error.strerror or error}")
        except MemoryError:
            echo_err("Error: out of memory")
        else:
            return 0
        return FAILURE

    def _answer(self, line: str) -> None:
        meant = WITHOUT_MARK.get(line.lower())
        in_terminal = not self.echo_lines
        if meant and (line not in self.vectors or (in_terminal and line in ALWAYS_COMMANDS)):
            line = MARK + meant
        if not line.startswith(MARK):
            name = _question(line, self.vectors)
            words = [line] if name == "analogy" else split_spaces(line)
            self._run(name, ["--", *words], line)
            return
        called, _, rest = line.removeprefix(MARK).partition(" ")
        name, rest = self._called(called), rest.strip()
        if name in QUERIES:
            self._run(name, split_spaces(rest), line)
        elif name in SETTINGS:
            self._set(name, rest)
        else:
            self.commands[name](rest)

    def completions(self, text: str) -> Iterator[Completion]:
        """How a line that begins so may go on: commands, models, values, else words."""
        if not text.startswith(MARK):
            yield from self._words(text)
            return
        called, space, rest = text.removeprefix(MARK).partition(" ")
        if not space:
            yield from _among(called, self.names)
            return
        try:
            name = self._called(called)
        except QueryError:
            return
        if name == "model":
            yield from _among(rest, self.models)
        elif name == "compare" or name in QUERIES:
            yield from self._words(rest)
        elif name in SETTINGS:
            yield from _among(rest, _values(SETTINGS[name]))

    def path_begun(self, text: str) -> str | None:
        """The path that stands at the end of a line, where one is wanted there."""
        called, space, rest = text.partition(" ")
        return rest if space and called in (f"{MARK}load", f"{MARK}words") else None

    def _words(self, text: str) -> Iterator[Completion]:
        """Words as they are typed, then those that differ by capitals."""
        begun = partial_word(text)
        found: dict[str, int | None] = {}
        for variant in dict.fromkeys((begun, begun.capitalize(), begun.upper(), begun.lower())):
            if variant.lower() == begun.lower():  # upper() of ß is SS, which begins other words
                found |= words_with_prefix(self.vectors, variant)
        for word, count in found.items():
            yield Completion(word, len(begun), "" if count is None else f"{count:,}")

    def _called(self, text: str) -> str:
        """The command that is called so, or begins so. Raises QueryError where none is, or many."""
        text = WITHOUT_MARK.get(text, text)
        found = [text] if text in self.names else [n for n in self.names if n.startswith(text)]
        if not found:
            raise QueryError(
                f"no command {MARK + text!r}: {MARK}help tells which there are; a word that begins "
                f"so is asked with {MARK}similar"
            )
        if len(found) > 1:
            raise QueryError(f"{MARK + text!r} may be {', '.join(MARK + name for name in found)}")
        return found[0]

    def _run(self, name: str, arguments: list[str], said: str) -> None:
        """Have a command answer, about the model that is asked."""
        command, folder = QUERIES[name], str(self.models[self.name].folder)
        parent = click.Context(
            cli, info_name="embedtool", default_map={name: self.settings}, **cli.context_settings
        )
        try:
            with command.make_context(name, [folder, *arguments], parent) as context:
                if context.params.get("queries") in ((), ("-",)):  # it would read standard input
                    raise QueryError(f"{name} needs words, as in: {MARK}{name} king queen prince")
                self._head(said)
                command.invoke(context)
        except click.exceptions.Exit:
            return  # after --help

    def _head(self, said: str) -> None:
        """Begin an answer: with its line, where nobody sees that above it."""
        if self.echo_lines and not (self.settings["as_json"] or self.settings["as_tsv"]):
            click.secho(("\n" if self.n_answers else "") + escape_unprintable(said), bold=True)
        self.n_answers += 1

    def _set(self, name: str, text: str) -> None:
        """Change a setting, or show it. Raises QueryError where it cannot have the value."""
        option = SETTINGS[name]
        key = str(option.name)
        if text == "off" and name not in ALWAYS:
            self.settings[key] = False if option.is_flag else None
        elif option.is_flag:
            if text not in ("", "on"):
                raise QueryError(f"{MARK}{name}: {text!r} is neither on nor off")
            self.settings[key] = text == "on" or not self.settings[key]
        elif text:
            try:
                self.settings[key] = option.type.convert(text, option, None)
            except click.BadParameter as error:
                raise QueryError(f"{MARK}{name}: {error.message.rstrip('.')}") from None
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
                f"no model {text!r}: {MARK}load opens one; open: {', '.join(self.models)}"
            )
        self.name = text

    def _compare(self, text: str) -> None:
        """The answers of all models; one that lacks a word says so."""
        if not text:
            raise QueryError(f"compare needs a query, as in: {MARK}compare king")
        self._head(text)
        without: dict[str, str] = {}
        answers: dict[str, Answers] = {}
        for name, model in self.models.items():
            try:
                answers[name] = self._answers(model, text)
            except UnknownWordError as error:
                answers[name], without[name] = Answers(), f"{error.word} unknown"
            except NoAnswerError as error:
                answers[name], without[name] = Answers(), str(error)
            if answers[name].from_ngrams:
                echo_err(f"{name}: {ngrams_message(answers[name].from_ngrams)}")
        if self.settings["as_json"] or self.settings["as_tsv"]:
            for name, why in without.items():
                echo_err(f"{name}: {why}")
            rows = [(name, text, a.word, a.score) for name, found in answers.items() for a in found]
            columns = ("model", "query", "word", "score")
            if self.settings["as_json"]:
                print_json([dict(zip(columns, row, strict=True)) for row in rows])
            else:
                print_tsv(columns, rows)
            return
        shown_answers = [
            [f"({without[name]})"] if name in without
            else [f"{answer.word} {answer.score:.3f}" for answer in found]
            for name, found in answers.items()
        ]  # fmt: skip
        ranked = enumerate(zip_longest(*shown_answers, fillvalue=""), 1)
        print_table(("", *answers), [(str(rank), *row) for rank, row in ranked])

    def _answers(self, model: OpenModel, line: str) -> Answers:
        """What the line's command would print, of one model."""
        name = _question(line, model.vectors)
        if name == "similarity":
            first, other = split_spaces(line)
            cosine = query.similarity(model.vectors, first, other)
            new = query.from_ngrams(model.vectors, [first, other])
            return Answers.of([query.WordScore(other, cosine)], new)
        chosen = self.settings
        options: dict[str, Any] = {
            "candidates": candidates(
                model.vectors,
                chosen["restrict_vocab"],
                chosen["min_count"],
                chosen["word_file"],
                chosen.get("encoding", UTF8),
            ),
            "exclude_query_words": not chosen["include_query_words"],
            "index": approximate_index(model.folder, model.vectors, chosen["approximate"]),
        }
        if name == "similar":
            return query.similar_batch(model.vectors, [line], chosen["n"], **options)[0]
        return query.analogy_batch(
            model.vectors, [line], chosen["n"], method=chosen["method"], **options
        )[0]

    def _help(self, text: str) -> None:
        print_table(("", ""), HELP)

    def _quit(self, text: str) -> None:
        raise EOFError


def _question(line: str, vectors: "WordVectors") -> str:
    """The command that a line without a name stands for."""
    words = split_spaces(line)
    if words == [line] and line in vectors:
        return "similar"
    if any(word in SIGNS or WEIGHT.match(word) for word in words):
        return "analogy"
    if len(words) == 1:
        joined = "+" in line and not vectors.has_vector(line)
        return "analogy" if joined else "similar"
    return "similarity" if len(words) == 2 else "analogy"


def _values(option: click.Option) -> Sequence[str]:
    """The values of a setting that can be listed."""
    if option.is_flag:
        return ("on", "off")
    return option.type.choices if isinstance(option.type, click.Choice) else ()


def _among(begun: str, names: Iterable[str]) -> Iterator[Completion]:
    for name in names:
        if name.startswith(begun):
            yield Completion(name, len(begun))
