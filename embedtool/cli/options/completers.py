"""How the shell completes arguments: models by path or name, words of the model named before."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from embedtool.model.vectors import VectorTable

MAX_WORDS = 100
"""Maximum number of completions; more are too many to read."""


def complete_installed(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Complete the name of an installed model."""
    from embedtool.pretrained.installed import installed

    return [CompletionItem(name) for name in installed() if name.startswith(incomplete)]


def complete_pretrained(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Complete the name of a model that can be fetched."""
    from embedtool.pretrained.registry import registry

    return [CompletionItem(name) for name in registry() if name.startswith(incomplete)]


def complete_word(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """Complete a word from the vocabulary of the MODEL named before it."""
    from embedtool.errors import EmbedtoolError
    from embedtool.model import store
    from embedtool.pretrained.installed import model_path

    folder = Path(os.path.expandvars(context.params.get("model") or "")).expanduser()
    prefix = partial_word(incomplete)
    try:
        words = words_with_prefix(store.load(model_path(folder)).vectors, prefix)
    except (EmbedtoolError, OSError):
        return []
    return [CompletionItem(incomplete.removesuffix(prefix) + word) for word in words]


def partial_word(text: str) -> str:
    """Return the part of a word with which a text ends, without its weight: `ki` of `0.5*ki`."""
    from embedtool.corpus.tokens import split_spaces
    from embedtool.search.expression import WEIGHT

    last = split_spaces(f"{text}.")[-1].removesuffix(".")
    weighted = WEIGHT.match(last)
    return last[weighted.end() :] if weighted else last


def words_with_prefix(vectors: "VectorTable", prefix: str) -> dict[str, int | None]:
    """Return the most frequent words with a prefix that can be typed, with their counts."""
    from embedtool.corpus.tokens import split_spaces
    from embedtool.search.candidates import with_prefix

    words: dict[str, int | None] = {}
    for i in with_prefix(vectors.string_table, prefix, MAX_WORDS).tolist():
        word = vectors.words[i]
        if word.isprintable() and split_spaces(word) == [word]:
            words[word] = None if vectors.counts is None else int(vectors.counts[i])
    return words
