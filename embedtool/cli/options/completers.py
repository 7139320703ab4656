"""How the shell completes arguments: models are folders, words come from the model named before."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from embedtool.model.vectors import WordVectors

MAX_WORDS = 100
"""Words offered; more are too many to read."""


def complete_model(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Models are folders; the shell finds those by itself."""
    return [CompletionItem(incomplete, type="dir")]


def complete_word(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Words of the MODEL named before, in the place of the word that is begun."""
    from embedtool.errors import EmbedtoolError
    from embedtool.model import store

    folder = Path(os.path.expandvars(context.params.get("model") or "")).expanduser()
    begun = partial_word(incomplete)
    try:
        words = words_with_prefix(store.load(folder).vectors, begun)
    except (EmbedtoolError, OSError):
        return []
    return [CompletionItem(incomplete.removesuffix(begun) + word) for word in words]


def partial_word(text: str) -> str:
    """What stands there of the word in which a text ends, without its weight."""
    from embedtool.corpus.tokens import split_spaces
    from embedtool.search.expression import WEIGHT

    last = split_spaces(f"{text}.")[-1].removesuffix(".")
    weighted = WEIGHT.match(last)
    return last[weighted.end() :] if weighted else last


def words_with_prefix(vectors: "WordVectors", begun: str) -> dict[str, int | None]:
    """The most frequent words that begin so, with their counts; only such as can be typed."""
    from embedtool.corpus.tokens import split_spaces
    from embedtool.search.prefix import with_prefix

    found: dict[str, int | None] = {}
    for i in with_prefix(vectors.string_table, begun, MAX_WORDS).tolist():
        word = vectors.words[i]
        if word.isprintable() and split_spaces(word) == [word]:
            found[word] = None if vectors.counts is None else int(vectors.counts[i])
    return found
