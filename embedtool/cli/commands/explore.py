"""The `explore` command: the map of a model in the browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from embedtool.cli.options.shared import MODEL, NEW_FILE, IntRange, port_option, seed_option
from embedtool.cli.output.console import echo_err
from embedtool.config.choices import LAYOUTS, Layout
from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_write, check_output_file, text_bytes
from embedtool.io.progress import Report, silent
from embedtool.messages import counted, display_names

if TYPE_CHECKING:
    from embedtool.mapview.map_data import MapData

MAX_WORDS = 100_000
MAX_MODELS = 2


@click.command()
@click.argument("models", metavar="MODEL [MODEL]", nargs=-1, type=MODEL, required=True)
@click.option(
    "--export",
    type=NEW_FILE,
    metavar="FILE",
    help="Write the page as FILE.html, which needs no network, or the points as FILE.parquet.",
)
@click.option(
    "--layout",
    type=click.Choice(LAYOUTS),
    default="tsne",
    show_default=True,
    help="How words are laid out, once for each model; pca is instant, and is shown until then.",
)
@click.option(
    "--max-words",
    type=IntRange(min=1),
    default=MAX_WORDS,
    show_default=True,
    help="Show the N most frequent words.",
    metavar="N",
)
@seed_option
@port_option(0)
@click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
def explore(
    models: tuple[Path, ...],
    export: Path | None,
    layout: Layout,
    max_words: int,
    seed: int,
    port: int,
    browser: bool,
) -> None:
    """Show the map of MODEL in the browser: search, neighbours, analogies, selections.

    Two models are shown side by side. The page is served only to this machine, until Ctrl-C; with
    --export it is written to a file, for instance for a web site.
    """
    if len(models) > MAX_MODELS:
        raise click.UsageError(f"at most {MAX_MODELS} models fit beside each other")
    kinds = {".html": _export_page, ".parquet": _export_points}
    kind = "" if export is None else export.suffix.lower()
    if export is not None:
        if kind not in kinds:
            raise OutputError(
                f"{export}: the map is written as .html or .parquet; name such a file"
            )
        check_output_file(export)
    if kind == ".parquet" and len(models) > 1:
        raise click.UsageError("points are those of one model; export each by itself")
    from embedtool.cli.output.progress_display import delayed_bars
    from embedtool.mapview.map_data import MapData, share_groups
    from embedtool.model import store

    def load_maps(report: Report = silent) -> list[MapData]:
        maps = [
            MapData(name, store.load(model).vectors, max_words, layout, seed, model, report)
            for name, model in zip(display_names(models), models, strict=True)
        ]
        share_groups(maps)
        return maps

    if export is None:
        _serve(load_maps(), port, browser)
        return
    with delayed_bars() as report:
        summary = kinds[kind](load_maps(report), export)
    echo_err(f"{export}: {summary}")


def _serve(models: "list[MapData]", port: int, browser: bool) -> None:
    import webbrowser

    from embedtool.mapview.map_server import MapServer

    with MapServer(models, port) as server:
        try:
            click.echo(server.address)
            echo_err("Ctrl-C stops the map")
            if browser:
                webbrowser.open(server.address)
            server.serve_forever()
        except KeyboardInterrupt:
            echo_err("")


def _export_page(models: "list[MapData]", path: Path) -> str:
    from embedtool.mapview.page import page

    with atomic_write(path) as file:
        file.write(text_bytes(page(models, embed=True)))
    return f"{counted(models[0].n_words, 'word')}, {path.stat().st_size / 1e6:,.1f} MB"


def _export_points(models: "list[MapData]", path: Path) -> str:
    from embedtool.mapview.embedding_atlas import write

    write(models[0], path)
    return (
        f"{counted(models[0].n_words, 'word')}; embedding-atlas {path} --text word --x x "
        "--y y --neighbors neighbors"
    )
