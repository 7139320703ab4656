"""What several tests of commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from embedtool.cli.commands.repl import ShellSession

OpenSession = Callable[..., ShellSession]
"""Opens a session over the models of these names, else over that of Word2Vec."""

SETTINGS: dict[str, Any] = {
    "n": 3,
    "method": "3cosadd",
    "min_count": None,
    "restrict_vocab": None,
    "among": None,
    "include_query_words": False,
    "approximate": False,
    "as_json": False,
    "as_tsv": False,
}


@pytest.fixture
def open_session(models: dict[str, Path]) -> OpenSession:
    def opened(*names: str) -> ShellSession:
        return ShellSession([models[name] for name in names or ("word2vec",)], dict(SETTINGS))

    return opened


def tsv(output: str) -> list[list[str]]:
    return [line.split("\t") for line in output.splitlines()]
