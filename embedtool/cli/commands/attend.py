"""The `attend` command: which words of a sentence attend to which."""

from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.given import reject_options
from embedtool.cli.options.shared import (
    NEW_FILE,
    Decorator,
    config_options,
    json_option,
    model_argument,
)
from embedtool.cli.output.console import echo_err, print_json, print_table
from embedtool.cli.output.display import FIGURE_FORMATS, write_figure
from embedtool.cli.output.query_results import from_ngrams_field
from embedtool.config.tasks import AttentionConfig
from embedtool.errors import OutputError
from embedtool.io.atomic import atomic_write, check_output_file
from embedtool.messages import counted
from embedtool.search.answers import ngrams_message

if TYPE_CHECKING:
    from embedtool.contextual.static_attention import Attention

attention_options: Decorator[Any] = config_options(AttentionConfig)

STATIC_OPTIONS = {"heads", "causal", "itself", "tokenizer"}
"""Options that do not apply to an encoder, whose training sets them."""
N_STRONGEST = 4
"""Number of words printed for each word if the whole table is wider than the terminal."""
CELL_WIDTH = 8
"""Columns of the terminal for a number and the space around it."""
PAGE_SUFFIX = ".html"


@click.command()
@model_argument
@click.argument("sentence")
@attention_options
@click.option("--output", "-o", type=NEW_FILE, metavar="FILE",
              help="Write a heat map to this file: .png, .svg, .pdf or .html.")  # fmt: skip
@json_option
def attend(model: Path, sentence: str, output: Path | None, as_json: bool, **options: Any) -> None:
    """Show which words of SENTENCE attend to which.

    In a static model the word vectors V of dimension d are queries, keys and values at once: the
    weights are softmax(V V' / sqrt(d)) (Vaswani et al. 2017, eq. 1). Nothing is trained for that.

    In a model of `contextual train`, or a folder of transformers, they are the attention weights of
    its layers. Rows sum to 1.
    """
    config = AttentionConfig.from_options(options)

    from embedtool.contextual.loading import is_encoder

    if output:
        if output.suffix.lower() not in (*FIGURE_FORMATS, PAGE_SUFFIX):
            raise OutputError(
                f"{output}: a heat map is written as .png, .svg, .pdf or .html; name such a file"
            )
        check_output_file(output)
    attention = (_in_encoder if is_encoder(model) else _in_static)(model, sentence, config)
    if attention.unknown:
        echo_err(
            "left out, because they are unknown or their vectors are all zeros: "
            + ", ".join(attention.unknown)
        )
    if attention.from_ngrams:
        echo_err(ngrams_message(attention.from_ngrams))
    if output:
        _write_heat_map(attention, output)
    if as_json:
        weights = {"tokens": attention.tokens, "weights": attention.weights.tolist()}
        print_json(weights | from_ngrams_field(attention.from_ngrams))
    else:
        _print(attention)


def _in_static(model: Path, sentence: str, config: AttentionConfig) -> "Attention":
    from embedtool.contextual import static_attention
    from embedtool.model import store

    reject_options({"layer"}, "is for encoders; a static model has no layers")
    return static_attention.attend(store.load(model).vectors, sentence, config)


def _in_encoder(model: Path, sentence: str, config: AttentionConfig) -> "Attention":
    from embedtool.contextual.encoders import select_layer
    from embedtool.contextual.loading import open_encoder

    reject_options(STATIC_OPTIONS, "is for static models; an encoder's training sets it")
    attention = open_encoder(model).attention(sentence)
    if attention.n_truncated:
        cut = counted(attention.n_truncated, "word is", "words are")
        echo_err(f"{cut} left out, because the model's context is not longer")
    return select_layer(attention, config.layer, config.head)


def _write_heat_map(attention: "Attention", path: Path) -> None:
    if path.suffix.lower() == PAGE_SUFFIX:
        from embedtool.plotting.attention_page import attention_page

        with atomic_write(path) as file:
            file.write(attention_page(attention).encode("utf-8", "replace"))
    else:
        from embedtool.plotting.scenes import HeatMap, label

        labels = tuple(map(label, attention.tokens))
        write_figure(HeatMap(labels, attention.weights), path)


def _print(attention: "Attention") -> None:
    """Print the whole table if it fits the terminal, else the strongest words of each."""
    tokens, weights = attention.tokens, attention.weights.tolist()
    longest = max(map(len, tokens))
    width = longest + sum(max(len(token) + 2, CELL_WIDTH) for token in tokens)
    if width <= get_terminal_size().columns:
        rows = [(token, *row) for token, row in zip(tokens, weights, strict=True)]
        print_table(("", *tokens), rows)
        return
    strongest = []
    for token, row in zip(tokens, weights, strict=True):
        best = sorted(range(len(row)), key=lambda i: -row[i])[:N_STRONGEST]
        strongest.append((token, ", ".join(f"{tokens[i]} {row[i]:.2f}" for i in best)))
    print_table(("word", "attends most to"), strongest)
