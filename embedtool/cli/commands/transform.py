"""The `transform` command: vectors centred, projected or scaled after training."""

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
    """Save a copy of MODEL with transformed vectors as OUTPUT.

    It is queried, evaluated and exported like any other model. The steps are applied in the order
    of the options below, not of the command line; for another order, transform twice. `embedtool
    evaluate --variant` shows the effect of a step on the scores without saving a model.
    """
    config = TransformConfig.from_options(options)

    from embedtool.model import store
    from embedtool.model.transforms import transform as transformed

    store.check_target(output, overwrite)
    source = store.load(model)
    result = transformed(source, config)
    store.save(result, output, overwrite=True)
    vectors = result.vectors
    echo_err(f"{output}: {counted(vectors.n_words, 'word')} x {vectors.vector_size:,}")
    if source.vectors.subwords is not None and vectors.subwords is None:
        echo_err("n-grams are left out: words outside the vocabulary no longer have a vector")
