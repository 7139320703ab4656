"""The table of the collections of pretrained vectors, for docs/pretrained.md."""

from embedtool.pretrained.registry import Collection, collections

SPELT_OUT = ("model", "corpus")
"""Values of which each has a name in the table."""
STARS = str.maketrans("{}", "**")
HEADER = "| name | models | becomes | what it was trained on | dimensions | words | licence |"


def table() -> str:
    """Return a row of Markdown for each collection."""
    rows = [_row(each) for each in collections().values()]
    return "\n".join([HEADER, "|" + " --- |" * 7, *rows])


def _row(collection: Collection) -> str:
    models = list(collection.models())
    facts = collection.facts
    names = [collection.name]
    for value in SPELT_OUT:
        for each in collection.each.get(value, ()):
            names.append(collection.name.replace(f"{{{value}}}", each))
    names = names[1:] or names
    sizes = sorted({each.dimensions for each in models if each.dimensions})
    words = sorted({each.words for each in models if each.words})
    cells = (
        ", ".join(f"`{name}`" for name in names), str(len(models) or "any"), facts["kind"],
        facts.get("title", "several corpora").replace(" ({corpus})", "").translate(STARS),
        ", ".join(map(str, sizes)) or "-",
        " to ".join(f"{each:,}" for each in dict.fromkeys(words[:1] + words[-1:])) or "-",
        facts.get("licence", "several"),
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"
