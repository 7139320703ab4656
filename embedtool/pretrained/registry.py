"""The pretrained vectors of registry.toml: every model by name, with all that is known of it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args

from embedtool.errors import Call, ModelError

Kind = Literal["static", "fasttext"]
KINDS: tuple[Kind, ...] = get_args(Kind)
HUB = "hf:"
"""What the name of a repository of Hugging Face's begins with."""
HUB_NAME = re.compile(
    rf"{HUB}(?!(?:.*[/@])?\.\.?(?:[/@]|$))"
    r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?"
)
"""OWNER/NAME of a repository and its revision; no part is . or .., as its folder has its name."""
N_SUGGESTIONS = 3

REGISTRY = Path(__file__).with_name("registry.toml")


@dataclass(frozen=True)
class Pretrained:
    """Vectors that others trained; registry.toml describes each field."""

    name: str
    collection: str
    title: str
    kind: Kind
    language: str
    url: str
    page: str
    licence: str
    citation: tuple[str, ...] = ()
    dimensions: int | None = None
    words: int | None = None
    size: int | None = None
    md5: str | None = None
    format: str | None = None
    members: tuple[str, ...] = ()
    word_prefix: str | None = None
    by_frequency: bool = False


@dataclass(frozen=True)
class Collection:
    """A collection of pretrained vectors: the facts that its models share, and their values.

    Attributes
    ----------
    facts : mapping
        The fields of Pretrained; {value} in a text stands for a value of `each`.
    each : mapping of str to sequence of str
        The values that the models differ by, of which each combination is a model.
    pattern : mapping of str to str
        Regular expressions of values that are not listed.
    of : mapping of str to mapping
        What is particular to the models of one value.
    """

    key: str
    facts: Mapping[str, Any]
    each: Mapping[str, tuple[str, ...]]
    pattern: Mapping[str, str]
    of: Mapping[str, Mapping[str, Any]]

    @property
    def name(self) -> str:
        """The name of its models, with {value} for what they differ by."""
        return str(self.facts["name"])

    def model(self, values: Mapping[str, str]) -> Pretrained:
        """Return the model of these values."""
        facts: dict[str, Any] = dict(self.facts)
        for value in values.values():
            facts |= self.of.get(value, {})
        facts |= {name: values[name] for name in values if name in FIELDS}
        filled = {name: _filled(fact, values) for name, fact in facts.items()}
        for name in ("dimensions", "words", "size"):
            if name in filled:
                filled[name] = int(filled[name])
        return Pretrained(collection=self.key, **filled)

    def models(self) -> Iterator[Pretrained]:
        """Yield its models, as far as they can be listed."""
        if not self.pattern:
            for values in product(*self.each.values()):
                yield self.model(dict(zip(self.each, values, strict=True)))

    def named(self, name: str) -> Pretrained | None:
        """Return the model of a name that the collection's pattern matches, or None."""
        if not self.pattern:
            return None
        parts = re.split(r"{(\w+)}", self.name)
        expression = "".join(
            f"(?P<{part}>{self.pattern[part]})" if i % 2 else re.escape(part)
            for i, part in enumerate(parts)
        )
        match = re.fullmatch(expression, name)
        return self.model(match.groupdict()) if match else None


FIELDS = {field.name for field in fields(Pretrained)}


def _filled(fact: Any, values: Mapping[str, str]) -> Any:
    """Return a fact with values in place of their names."""
    if isinstance(fact, list):
        return tuple(_filled(each, values) for each in fact)
    if not isinstance(fact, str):
        return fact
    return re.sub(r"{(\w+)}", lambda match: values[match[1]], fact)


@cache
def collections() -> Mapping[str, Collection]:
    """Return all collections by key, in the order of registry.toml."""
    import tomllib

    with REGISTRY.open("rb") as file:
        entries = tomllib.load(file)
    citations = entries.pop("citations", {})
    lists = entries.pop("lists", {})
    found = {}
    for key, facts in entries.items():
        each, of = facts.pop("each", {}), facts.pop("of", {})
        cited = [facts, *of.values()]
        for some in cited:
            if "citation" in some:
                some["citation"] = [citations[name] for name in some["citation"]]
        patterns = {name: text[1:-1] for name, text in each.items() if text.startswith("/")}
        listed = {
            name: tuple(lists.get(text, text).split())
            for name, text in each.items()
            if name not in patterns
        }
        found[key] = Collection(key, facts, listed, patterns, of)
    return found


@cache
def registry() -> Mapping[str, Pretrained]:
    """Return all models that can be listed by name."""
    return {model.name: model for each in collections().values() for model in each.models()}


def known(name: str) -> Pretrained | None:
    """Return the model of a name, also of a repository of Hugging Face's, or None."""
    if HUB_NAME.fullmatch(name):
        return repository(name)
    if name in registry():
        return registry()[name]
    return next(filter(None, (each.named(name) for each in collections().values())), None)


def repository(name: str) -> Pretrained:
    """Return the entry of a repository of Hugging Face's, of which nothing is known before."""
    match = HUB_NAME.fullmatch(name)
    if match is None:
        raise ModelError(
            f"{name}: is no repository of Hugging Face's; write {HUB}OWNER/NAME, or "
            f"{HUB}OWNER/NAME@REVISION"
        )
    page = f"https://huggingface.co/{match['repository']}"
    return Pretrained(
        name, "hf", "a repository of Hugging Face's", "static", "", name, page, "see its page"
    )


def suggestions(name: str, more: Iterable[str] = ()) -> list[str]:
    """Return the names, of the registry or more, that a misspelt one may stand for, best first."""
    from difflib import get_close_matches

    folded = {each.lower(): each for each in (*registry(), *more)}
    return [folded[each] for each in get_close_matches(name.lower(), folded, N_SUGGESTIONS, 0.8)]


def find_pretrained(name: str, more: Iterable[str] = ()) -> Pretrained:
    """Return the model of this name; raise ModelError if there is none, with similar names."""
    if name.startswith(HUB):
        return repository(name)
    found = known(name)
    if found is None:
        call = Call("embedtool.list_models()", "embedtool models list")
        near = suggestions(name, more)
        advice = f"did you mean {' or '.join(near)}?" if near else f"see: {call}"
        raise ModelError(f"{name}: no model has this name; {advice}", call=call)
    return found
