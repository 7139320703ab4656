"""embedtool transform: vectors moved, turned, cut down or scaled after training."""

from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import (
    NEW_FILE,
    Decorator,
    config_options,
    model_argument,
    overwrite_option,
)
from embedtool.cli.output.console import echo_err
from embedtool.config.tasks import TransformConfig
from embedtool.messages import counted

transform_options: Decorator[Any] = config_options(TransformConfig)


@click.command()
@model_argument
@click.argument("output", metavar="OUTPUT", type=NEW_FILE)
@transform_options
@overwrite_option
def transform(model: Path, output: Path, overwrite: bool, **options: Any) -> None:
    """Make a model OUTPUT of MODEL with its vectors transformed.

    It is queried, judged and exported like any other. The steps are done in the order in which they
    stand here, whatever the order on the command line; for another, transform twice. To see what a
    step would do to the scores without a new model: embedtool evaluate --variant.
    """
    config = TransformConfig.from_options(options)

    from embedtool.model import store
    from embedtool.model.transforms import transform as transformed

    store.check_target(output, overwrite)
    source = store.load(model)
    result = transformed(source, config)
    store.save(result, output)
    vectors = result.vectors
    echo_err(f"{output}: {counted(vectors.n_words, 'word')} x {vectors.vector_size:,}")
    if source.vectors.subwords is not None and vectors.subwords is None:
        echo_err("n-grams are left out: words outside the vocabulary have no vector any more")
