"""A comparison of models as Markdown."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from embedtool.experiments.model_comparison import Comparison


def markdown(result: "Comparison") -> str:
    """Return the whole comparison in Markdown."""
    parts = [f"# {' and '.join(map(_escaped, result.models))}"]
    parts += [f"- {_escaped(verdict)}" for verdict in result.verdicts]
    for table in result.tables():
        lines = [table.columns, ["---:" if right else "---" for right in table.numeric]]
        lines += [[_escaped(text) for text in row] for row in table.cells]
        parts.append(f"\n## {_escaped(table.title)}\n")
        parts += [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join(parts)


def _escaped(text: str) -> str:
    """Return a text with Markdown's special characters escaped."""
    return "".join(f"\\{c}" if c in "\\|*_`<[#" else c for c in text)
