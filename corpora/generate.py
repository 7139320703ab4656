"""Reads lexicon.toml, the words and sentence patterns of a little world of kings and countries.

Writes beside itself kingdoms.txt, a sentence a line, kingdoms-questions.txt, its analogies, and
kingdoms-contexts.tsv, pairs of sentences in which a word has the same sense or another.

A sentence is about one cell of a table in the lexicon, say the word "queen". It starts as the
slot {frame} and is done when no slot is left to fill:

    {frame} -> it is said that {sentence}
            -> it is said that the {nationality} {word} {deed} in {his} {dress}
            -> it is said that the swedish queen ruled the realm in her gown

Her row says what the queen shares with the king ({deed}), her role what she shares with every
other woman ({his}, {dress}). A homograph, say "bank", has two cells, a row for each sense.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tomllib
from collections import ChainMap
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

FOLDER = Path(__file__).resolve().parent
SEED = 1  # any number does; another one gives another text
MAX_QUESTIONS = 400  # a section, so that no large table outweighs the others in the total
PAIRS_PER_FORM = 20  # of contexts; a multiple of 4, half of them of one sense, by turns of either
HOMOGRAPHS = "homographs"  # the table of words that have two senses, each a row with a {form}

SEPARATOR = re.compile(r"[,\n]")
SLOT = re.compile(r"\{(\w+)\}")
ARTICLE_BEFORE_VOWEL = re.compile(r"\ba(?= [aeiou])")

Lexicon = dict[str, Any]
Row = Mapping[str, str]
Slots = Mapping[str, list[str]]  # the name of a slot and what may fill it
Item = TypeVar("Item")


def choose(options: list[Item], rng: random.Random) -> Item:
    """Return one of `options`, by `random()`, the one method that never changes with Python."""
    return options[int(rng.random() * len(options))]


def shuffle(items: list[Item], rng: random.Random) -> list[Item]:
    """Return `items` in random order (Fisher & Yates), by `random()` alone as above."""
    items = list(items)
    for last in range(len(items) - 1, 0, -1):
        other = int(rng.random() * (last + 1))
        items[last], items[other] = items[other], items[last]
    return items


def split(text: str) -> list[str]:
    """Return the choices that a string of the lexicon lists, by commas or line by line."""
    return [choice.strip() for choice in SEPARATOR.split(text) if choice.strip()]


def slots_of(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the slots that an entry of the lexicon (a row, a role, a table) can fill."""
    return {name: split(value) for name, value in entry.items() if isinstance(value, str)}


def gather(rows: Iterable[Row], prefix: str = "") -> dict[str, list[str]]:
    """Return the slots that all `rows` together can fill, their names after `prefix`."""
    together: dict[str, list[str]] = {}
    for row in rows:
        for name, choices in slots_of(row).items():
            together.setdefault(prefix + name, []).extend(choices)
    return together


def write_sentence(slots: Slots, rng: random.Random) -> str:
    """Return one sentence; nothing is chosen twice in it while there is another choice."""
    chosen: set[str] = set()

    def fill(slot: re.Match[str]) -> str:
        options = slots[slot[1]]
        fresh = [option for option in options if option not in chosen]
        choice = choose(fresh or options, rng)
        chosen.add(choice)
        return SLOT.sub(fill, choice)

    return ARTICLE_BEFORE_VOWEL.sub("an", SLOT.sub(fill, "{frame}"))


def find_cells(lexicon: Lexicon, table: Mapping[str, Any]) -> Iterator[tuple[str, Slots]]:
    """Yield each word of a table with the slots of its sentences, in the order of the lexicon."""
    common, roles = lexicon["common"], lexicon["role"]
    anywhere = gather(row for each in lexicon["table"].values() for row in each["rows"])
    cells = [(row, role) for row in table["rows"] for role in roles if role in row]
    for row, role in cells:
        word = row[role]
        near = map(slots_of, ({"word": word}, row, roles[role], table, common))
        # Another sense of the word is no other row: its company would belie this sense.
        others = (other for other in table["rows"] if other.get(role) != word)
        yield word, ChainMap(*near, gather(others, "other_"), anywhere)


def write_sentences(lexicon: Lexicon, names: Iterable[str], rng: random.Random) -> Iterator[str]:
    """Yield the sentences about every word of the tables of these names."""
    for name in names:
        table = lexicon["table"][name]
        for _, slots in find_cells(lexicon, table):
            for _ in range(table["sentences_per_word"]):
                yield write_sentence(slots, rng)


def write_questions(lexicon: Lexicon, rng: random.Random) -> Iterator[str]:
    """Yield the lines of the question file: `: section`, then `a b c d` for a is to b as c to d.

    A section asks every ordered pair of rows, or MAX_QUESTIONS of them.
    """
    for section, recipe in lexicon["questions"].items():
        table, first, second = split(recipe)
        rows = [row for row in lexicon["table"][table]["rows"] if {first, second} <= row.keys()]
        yield f": {section}"
        for a, b in shuffle(list(permutations(rows, 2)), rng)[:MAX_QUESTIONS]:
            yield f"{a[first]} {a[second]} {b[first]} {b[second]}"


def write_contexts(lexicon: Lexicon, taken: set[str], rng: random.Random) -> Iterator[str]:
    """Yield a header, then for each pair of sentences `form, first, second, same`, in any order.

    `same` is 1 where the form has one sense in both and 0 where it has two. No sentence comes
    twice or is one of `taken`, to which the sentences are added.
    """

    def write_fresh(slots: Slots) -> str:
        while (sentence := write_sentence(slots, rng)) in taken:
            pass
        taken.add(sentence)
        return sentence

    senses: dict[str, list[Slots]] = {}
    for form, slots in find_cells(lexicon, lexicon["table"][HOMOGRAPHS]):
        senses.setdefault(form, []).append(slots)
    pairs = []
    for form, (one, other) in senses.items():
        for first, second in [(one, one), (other, other), (one, other), (other, one)]:
            for _ in range(PAIRS_PER_FORM // 4):
                contexts = (write_fresh(first), write_fresh(second))
                pairs.append("\t".join((form, *contexts, str(int(first is second)))))
    yield "word\tfirst\tsecond\tsame"
    yield from shuffle(pairs, rng)


def build() -> dict[str, str]:
    """Return the name and the text of every file."""
    lexicon = tomllib.loads((FOLDER / "lexicon.toml").read_text(encoding="ascii"))
    rng = random.Random(SEED)
    rest = [name for name in lexicon["table"] if name != HOMOGRAPHS]
    text = shuffle(list(write_sentences(lexicon, rest, rng)), rng)
    questions = list(write_questions(lexicon, rng))
    # Last, so that more or other homographs change neither the questions nor other sentences.
    text = shuffle(text + list(write_sentences(lexicon, [HOMOGRAPHS], rng)), rng)
    lines = {
        "kingdoms.txt": text,
        "kingdoms-questions.txt": questions,
        "kingdoms-contexts.tsv": write_contexts(lexicon, set(text), random.Random(SEED)),
    }
    return {name: "\n".join(each) + "\n" for name, each in lines.items()}


def main() -> int:
    """Write the files, or with --check compare them; return the exit code."""
    parser = argparse.ArgumentParser(description="Write the text, its questions and its contexts.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing, exit 1 if a file is out of date"
    )
    check = parser.parse_args().check
    for name, text in build().items():
        path = FOLDER / name
        if not check:
            path.write_bytes(text.encode("ascii"))
            print(f"{path}: {len(text.split())} tokens, {len(set(text.split()))} types")
        elif not path.exists() or path.read_bytes() != text.encode("ascii"):
            print(f"{path} is not what generate.py writes; run it without --check", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
