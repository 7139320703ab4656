"""The tables of --dry-run: the resources that a training needs, beside those available."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.output.console import format_coverage, print_table
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.corpus.corpus import Corpus
    from embedtool.distributed.cluster import Node
    from embedtool.distributed.resources import ClusterResources

MAX_NODE_ROWS = 16
"""With more nodes, one line summarises all of them."""


def report_local(
    settings: ClusterConfig, corpus: "Corpus", config: TrainerConfig, output: Path, **reading: Any
) -> None:
    """Read the text, and print the resources that training on it needs on this machine.

    Parameters
    ----------
    settings
        Not used: the training is local.
    corpus, config
        The text, and the options.
    output
        Where the model would be saved.
    **reading
        Arguments of `trainers.local_backend.LocalBackend`.

    Raises
    ------
    ResourceError
        If memory or disk is too small.
    """
    from shutil import disk_usage

    from embedtool.io.machine import available_memory
    from embedtool.trainers.local_backend import LocalBackend
    from embedtool.trainers.resources import check_resources, format_bytes

    backend = LocalBackend(config, **reading)
    with progress_reporter() as report:
        needed, vocabulary = backend.estimate(corpus, report)
    summary = vocabulary.summary()
    click.echo(f"{counted(summary['types_kept'], 'word')}, {format_coverage(summary)}")
    free, disk = format_bytes(available_memory()), format_bytes(disk_usage(output.parent).free)
    print_table(
        ("", "needed", "free"),
        [
            ("memory, about", format_bytes(needed.memory), free),
            ("  of it tables", format_bytes(needed.tables), ""),
            ("disk while training, at most", format_bytes(needed.work), disk),
            ("disk for the model, at most", format_bytes(needed.model), disk),
        ],
    )
    check_resources(needed, output)


def report_cluster(
    settings: ClusterConfig, corpus: "Corpus", config: TrainerConfig, output: Path, **reading: Any
) -> None:
    """Read the text on a cluster, and print the resources that training on it needs there.

    Parameters
    ----------
    settings, corpus, config
        The cluster, the text, and the options.
    output
        Where the model would be saved.
    **reading
        Arguments of `distributed.ray_backend.RayBackend`.

    Raises
    ------
    ResourceError
        If the memory of a node, or of this machine, which assembles the model, is too small.
    """
    from embedtool.distributed.ray_backend import connect_backend
    from embedtool.distributed.resources import check_nodes
    from embedtool.trainers.resources import FLOAT_BYTES, ResourceEstimate, check_resources

    with connect_backend(settings, config, **reading) as backend, progress_reporter() as report:
        needed, vocabulary = backend.estimate(corpus, report)
        settings, nodes = backend.settings, backend.cluster.nodes
    summary = vocabulary.summary()
    click.echo(f"{counted(summary['types_kept'], 'word')}, {format_coverage(summary)}")
    if not isinstance(config, GloveConfig):
        tables = "all tables" if needed.tables_replicated else "the rows it needs"
        replicas = counted(settings.replicas or 1, "replica")
        click.echo(f"{replicas}, {counted(settings.syncs or 1, 'sync')}; a node gets {tables}")
    _print_nodes(nodes)
    _print_resources(needed, nodes)
    check_nodes(needed, nodes)
    vectors = vocabulary.n_words * config.vector_size * FLOAT_BYTES
    check_resources(ResourceEstimate(needed.tables, needed.driver_memory, 0, vectors), output)


def _print_nodes(nodes: "Sequence[Node]") -> None:
    """Print a line per node, or one for all if they are many."""
    from embedtool.trainers.resources import format_bytes

    rows = [
        (node.address, node.n_cores, format_bytes(node.memory), format_bytes(node.object_store))
        for node in nodes
    ]
    if len(nodes) > MAX_NODE_ROWS:
        rows = [
            (f"{len(nodes):,} nodes, at least", min(node.n_cores for node in nodes),
             format_bytes(min(node.memory for node in nodes)),
             format_bytes(min(node.object_store for node in nodes)))
        ]  # fmt: skip
    click.echo()
    print_table(("node", "cores", "memory", "object store"), rows)


def _print_resources(needed: "ClusterResources", nodes: "Sequence[Node]") -> None:
    """Print the resources that a training needs beside those available."""
    from embedtool.io.machine import available_memory
    from embedtool.trainers.resources import format_bytes

    free = format_bytes(available_memory())
    click.echo()
    print_table(
        ("", "needed", "available"),
        [
            ("memory per node, about", format_bytes(needed.function_memory),
             format_bytes(min(node.memory for node in nodes))),
            ("  of one function", format_bytes(needed.min_function_memory), ""),
            ("object store per node, at most", format_bytes(needed.object_store),
             format_bytes(min(node.object_store for node in nodes))),
            ("  of one function", format_bytes(needed.min_object_store), ""),
            ("network per node, at most", format_bytes(needed.received), ""),
            ("memory here, about", format_bytes(needed.driver_memory), free),
            ("  of it tables", format_bytes(needed.tables), ""),
        ],
    )  # fmt: skip
