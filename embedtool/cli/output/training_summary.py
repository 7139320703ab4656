"""The summary that is printed at the end of a training."""

from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.cli.output.console import echo_err, format_coverage
from embedtool.cli.output.progress_display import format_duration
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.model.vectors import ModelRecord


def print_summary(output: Path, model: "ModelRecord") -> None:
    """Print the size of a trained model, how much of the text it covers, and the time."""
    description = model.description
    summary, training = description["vocabulary"], description["training"]
    perplexity = training["epochs"][-1].get("perplexity") if training["epochs"] else None
    echo_err(
        f"{output}: {counted(summary['types_kept'], 'word')} x {model.vectors.vector_size}, "
        f"{format_coverage(summary)}, {format_duration(training['seconds'])}"
        + (f", perplexity {perplexity:.1f}" if perplexity else "")
    )
