"""The `plot` command: pictures of words, of models and of trainings."""

import re
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from embedtool.cli.options.query_options import read_queries
from embedtool.cli.options.shared import (
    FILE,
    MODEL,
    NEW_FILE,
    IntRange,
    model_argument,
    seed_option,
)
from embedtool.cli.output.display import check_output, display_figure
from embedtool.cli.output.query_results import echo_ngrams
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.config.choices import LAYOUTS, Layout

if TYPE_CHECKING:
    from embedtool.plotting.pictures import Look
    from embedtool.plotting.scenes import Over, Pair

F = TypeVar("F", bound=Callable[..., Any])

CM_PER_INCH = 2.54
SIDES = (1.0, 100.0)
"""Shortest and longest side of a picture, in inches."""
HEADING = ":"
"""Prefix of the heading of a relation among lines of pairs, as in files of analogy questions."""


class DefaultGroup(SuggestingGroup):
    """A group whose default command is `words`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the default command, unless the first argument looks like a mistyped one."""
        first = args[0] if args else "--help"
        is_known = first in (*self.commands, *ctx.help_option_names)
        if not is_known and (Path(first).exists() or not self.suggestions(ctx, first)):
            args = ["words", *args]
        return super().parse_args(ctx, args)


class Size(click.ParamType[tuple[float, float]]):
    """Width and height in inches: 16x9, 16x9in, or 40x20cm."""

    name = "size"
    pattern = re.compile(r"(\d+\.?\d*)x(\d+\.?\d*)(in|cm)?", re.IGNORECASE | re.ASCII)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float]:
        if isinstance(value, tuple):
            return value
        match = self.pattern.fullmatch(value)
        if not match:
            self.fail(f"{value!r} is not a size such as 16x9 (inches) or 40x20cm", param, ctx)
        unit = CM_PER_INCH if (match[3] or "").lower() == "cm" else 1.0
        width, height = (float(match[i]) / unit for i in (1, 2))
        low, high = SIDES
        if not (low <= width <= high and low <= height <= high):
            self.fail(f"{value}: each side must be of {low:g} to {high:g} inches", param, ctx)
        return width, height


def picture_options(command: F) -> F:
    """Add the options of a picture, which the command gets as `output` and `look`."""

    @wraps(command)
    def with_picture(
        *args: Any,
        output: Path | None,
        title: str,
        size: tuple[float, float] | None,
        dpi: int | None,
        **options: Any,
    ) -> Any:
        for name, value in (("--size", size), ("--dpi", dpi)):
            if value is not None and output is None:
                raise click.UsageError(f"{name} needs --output", click.get_current_context())
        check_output(output)
        if dpi is not None and output is not None and output.suffix.lower() != ".png":
            raise click.UsageError(
                f"--dpi is for .png; {output} has no dots", click.get_current_context()
            )
        from embedtool.plotting.pictures import Look

        return command(*args, output=output, look=Look(title, size, dpi), **options)

    added: list[Callable[[F], F]] = [
        click.option("--output", "-o", type=NEW_FILE, metavar="FILE",
                     help="Write the picture to this file, .png, .svg or .pdf; otherwise the "
                     "terminal shows it."),
        click.option("--title", default="", metavar="TEXT", help="Write this above the picture."),
        click.option("--size", type=Size(), metavar="WxH",
                     help="Width and height in inches, or as in 16x9cm. Default: as needed."),
        click.option("--dpi", type=IntRange(min=10, max=2400), metavar="N",
                     help="Dots per inch of a .png. Default: 150."),
    ]  # fmt: skip
    decorated = cast(F, with_picture)
    for option in reversed(added):
        decorated = option(decorated)
    return decorated


def layout_options(command: F) -> F:
    """Add the options of a layout."""
    options: list[Callable[[F], F]] = [
        seed_option,
        click.option("--layout", type=click.Choice(LAYOUTS), default=LAYOUTS[0],
                     show_default=True,
                     help="pca keeps distances; tsne and umap keep neighbourhoods."),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def neighbours_option(low: int) -> Callable[[F], F]:
    """Return the option for the number of neighbours, at least `low`."""
    return click.option("-n", "n", type=IntRange(min=low), default=8, show_default=True,
                        help="Neighbours of each word.")  # fmt: skip


@click.group(cls=DefaultGroup, subcommand_metavar="[COMMAND] MODEL WORD...")
def plot() -> None:
    """Draw words and their neighbours, relations, similarities, trainings, change.

    Without COMMAND it is `words`: embedtool plot MODEL king queen. The picture goes to a file
    (--output words.png, .svg or .pdf; needs the extra `plots`) or into the terminal: kitty,
    Ghostty, iTerm2, WezTerm and mintty show it as an image, others in characters.
    """


@plot.command()
@model_argument
@click.argument("queries", metavar="[WORD...]", nargs=-1)
@neighbours_option(0)
@click.option("--restrict-vocab", type=IntRange(min=1), metavar="N",
              help="Search neighbours only among the N most frequent words.")  # fmt: skip
@click.option("--min-count", type=IntRange(min=1), metavar="N",
              help="Search neighbours only among words with this count or more.")  # fmt: skip
@layout_options
@picture_options
def words(
    model: Path,
    queries: tuple[str, ...],
    n: int,
    restrict_vocab: int | None,
    min_count: int | None,
    layout: Layout,
    seed: int,
    output: Path | None,
    look: "Look",
) -> None:
    """Draw each WORD among its nearest words, in one plot.

    Without WORD, or with -, the words come from standard input, one a line.
    """
    words = [query.text for query in read_queries(queries, whole_line=False)]
    if not words:
        raise click.UsageError("give words", click.get_current_context())

    from embedtool.model import store
    from embedtool.plotting.scenes import neighbourhoods
    from embedtool.search.candidates import candidate_ids

    vectors = store.load(model).vectors
    among = candidate_ids(vectors, restrict_vocab=restrict_vocab, min_count=min_count)
    scatter = neighbourhoods(vectors, words, n, method=layout, seed=seed, candidates=among)
    display_figure([scatter], output, look)


@plot.command()
@model_argument
@click.argument("queries", metavar="[WORD WORD]...", nargs=-1)
@picture_options
def analogies(model: Path, queries: tuple[str, ...], output: Path | None, look: "Look") -> None:
    """Draw pairs of words as arrows.

    man woman king queen is man -> woman and king -> queen. Arrows of one relation are parallel if
    the model has learnt it. Without words, or with -, pairs are read from standard input, one a
    line; a line such as `: capital and country` starts a relation with its own plot.
    """
    if list(queries) in ([], ["-"]):
        lines = [query.text for query in read_queries(queries, whole_line=True)]
        relations = list(_relations(lines))
    else:
        relations = [("", _pairs(queries))]

    from embedtool.model import store
    from embedtool.plotting import scenes

    vectors = store.load(model).vectors
    display_figure(
        [scenes.analogies(vectors, pairs, title) for title, pairs in relations], output, look
    )


def _relations(lines: list[str]) -> Iterator[tuple[str, "list[Pair]"]]:
    """Yield the relations in lines of pairs, with their headings."""
    title, words = "", list[str]()
    for line in lines:
        if not line.startswith(HEADING):
            words += line.split()
            continue
        if title or words:
            yield title, _pairs(words)
        title, words = line.removeprefix(HEADING).strip(), []
    yield title, _pairs(words)


def _pairs(given: "tuple[str, ...] | list[str]") -> "list[Pair]":
    if not given or len(given) % 2:
        raise click.UsageError(
            f"give pairs of words, as in: man woman king queen; here are {len(given)}",
            click.get_current_context(),
        )
    return list(zip(given[::2], given[1::2], strict=True))


@plot.command()
@model_argument
@click.argument("queries", metavar="[WORD...]", nargs=-1)
@click.option("--clustered", is_flag=True, help="Order the words by similarity.")
@picture_options
def heat_map(
    model: Path, queries: tuple[str, ...], clustered: bool, output: Path | None, look: "Look"
) -> None:
    """Draw the cosine of each pair of WORDs.

    Without WORD, or with -, the words come from standard input, one a line.
    """
    words = [query.text for query in read_queries(queries, whole_line=False)]

    from embedtool.model import store
    from embedtool.plotting.scenes import similarities

    vectors = store.load(model).vectors
    figure = similarities(vectors, words, clustered=clustered)
    echo_ngrams(vectors, words)
    display_figure(figure, output, look)


@plot.command()
@click.argument("logs", metavar="LOG...", nargs=-1, type=FILE, required=True)
@click.option("--over", type=click.Choice(["epochs", "seconds"]), default="epochs",
              show_default=True, help="The horizontal axis.")  # fmt: skip
@picture_options
def curves(logs: tuple[Path, ...], over: "Over", output: Path | None, look: "Look") -> None:
    """Draw the loss of trainings, a curve for each LOG.

    For encoders the perplexity too. LOG is a file of `train --json-log`, or a model, which stores
    the figures of its own training.
    """
    from embedtool.plotting import scenes

    display_figure(scenes.curves(logs, over), output, look)


@plot.command()
@click.argument("old", metavar="OLD", type=MODEL)
@click.argument("new", metavar="NEW", type=MODEL)
@click.argument("queries", metavar="WORD...", nargs=-1, required=True)
@neighbours_option(1)
@layout_options
@picture_options
def trajectories(
    old: Path,
    new: Path,
    queries: tuple[str, ...],
    n: int,
    layout: Layout,
    seed: int,
    output: Path | None,
    look: "Look",
) -> None:
    """Draw how each WORD changed from OLD to NEW.

    OLD is rotated into the space of NEW, as `embedtool drift` does. The word's neighbours in both
    models are drawn around the arrow, at their positions in NEW: one colour each for those in OLD
    only, in NEW only, and in both. Each word has its own plot.
    """
    from embedtool.messages import display_names
    from embedtool.model import store
    from embedtool.plotting import scenes

    then, now = display_names([old, new])
    planes = scenes.trajectories(
        store.load(old).vectors,
        store.load(new).vectors,
        queries,
        n,
        names=(then, now),
        method=layout,
        seed=seed,
    )
    display_figure(planes, output, look)
