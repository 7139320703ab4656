"""What a training would need, beside what there is: the tables of --dry-run."""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.output.console import format_coverage, print_table
from embedtool.cli.output.progress_display import format_duration, progress_reporter
from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.corpus.corpus import Corpus
    from embedtool.corpus.vocabulary import Vocabulary
    from embedtool.distributed.cluster import Node
    from embedtool.distributed.cost import Cost
    from embedtool.trainers.resources import ResourceEstimate

MOST_NODES = 16
"""Where there are more nodes, one line tells of all."""


def needs_here(
    settings: ClusterConfig, corpus: "Corpus", config: TrainerConfig, output: Path, **reading: Any
) -> None:
    """Read the text and tell what training on it takes on this machine.

    reading : as `trainers.training.estimate_for` has it
    Raises ResourceError where there is too little.
    """
    from embedtool.trainers.training import estimate_for

    with progress_reporter() as report:
        needs, vocabulary = estimate_for(corpus, config, report=report, **reading)
    _print_needs(needs, vocabulary, output)


def _print_needs(needs: "ResourceEstimate", vocabulary: "Vocabulary", output: Path) -> None:
    """What a training needs beside what there is. Raises ResourceError where it cannot have it."""
    from shutil import disk_usage

    from embedtool.trainers.resources import available_memory, check_resources, format_bytes

    summary = vocabulary.summary()
    click.echo(f"{counted(summary['types_kept'], 'word')}, {format_coverage(summary)}")
    memory, disk = available_memory(), format_bytes(disk_usage(output.parent).free)
    free = "not known" if memory is None else format_bytes(memory)
    print_table(
        ("", "needed", "free"),
        [
            ("memory, about", format_bytes(needs.memory), free),
            ("  of it tables", format_bytes(needs.tables), ""),
            ("disk while training, at most", format_bytes(needs.work), disk),
            ("disk for the model, at most", format_bytes(needs.model), disk),
        ],
    )
    check_resources(needs, output)


def needs_there(
    settings: ClusterConfig, corpus: "Corpus", config: TrainerConfig, output: Path, **reading: Any
) -> None:
    """Read the text on a cluster and tell what training on it takes there.

    reading : `only`, `initial` and `cache`, as `distributed.training.train_model` has them
    Raises ResourceError where a node has too little, or this machine, where the model is put
    together.
    """
    from embedtool.corpus.sources import total_size
    from embedtool.distributed import cost
    from embedtool.distributed.cluster import connect
    from embedtool.distributed.partition_reading import encode_text, read_text
    from embedtool.distributed.training import check_options, resolve_defaults, warm_up
    from embedtool.trainers.resources import FLOAT_BYTES, ResourceEstimate, check_resources

    check_options(config)
    if reading["initial"] is not None:
        reading["initial"].check(config)
    with connect(settings.cluster or "", warm_up) as cluster, progress_reporter() as report:
        began = time.monotonic()
        scanned = read_text(cluster, corpus, report, reading["cache"])
        text = encode_text(cluster, scanned, config, reading["only"], reading["initial"])
        seconds = time.monotonic() - began
        settings = resolve_defaults(settings, cluster)
        nodes = cluster.nodes
    sizes = cost.sizes_of(config, text.vocabulary, text.n_tokens, total_size(corpus.sources) or 0)
    needed = replace(cost.cost(config, settings, sizes, nodes), reading=seconds)
    summary = text.vocabulary.summary()
    click.echo(f"{counted(summary['types_kept'], 'word')}, {format_coverage(summary)}")
    if not isinstance(config, GloveConfig):
        tables = "all tables" if needed.whole else "the rows it needs"
        replicas = counted(settings.replicas or 1, "replica")
        click.echo(f"{replicas}, {counted(settings.syncs or 1, 'sync')}; a node gets {tables}")
    _print_nodes(nodes)
    _print_cost(needed, nodes)
    cost.check(needed, nodes)
    vectors = sizes.n_words * config.vector_size * FLOAT_BYTES
    check_resources(ResourceEstimate(needed.tables, needed.driver, 0, vectors), output)


def _print_nodes(nodes: "Sequence[Node]") -> None:
    """What there is: a line a node, or one of all where they are many."""
    from embedtool.trainers.resources import format_bytes

    rows = [
        (node.address, node.n_cores, format_bytes(node.memory), format_bytes(node.object_store))
        for node in nodes
    ]
    if len(nodes) > MOST_NODES:
        rows = [
            (f"{len(nodes):,} nodes, least", min(node.n_cores for node in nodes),
             format_bytes(min(node.memory for node in nodes)),
             format_bytes(min(node.object_store for node in nodes)))
        ]  # fmt: skip
    click.echo()
    print_table(("node", "cores", "memory", "store"), rows)


def _print_cost(needed: "Cost", nodes: "Sequence[Node]") -> None:
    """What a training needs, and takes, beside what there is."""
    from embedtool.trainers.resources import available_memory, format_bytes

    memory = available_memory()
    free = "not known" if memory is None else format_bytes(memory)
    click.echo()
    print_table(
        ("", "needed", "there"),
        [
            ("memory of a node, about", format_bytes(needed.memory),
             format_bytes(min(node.memory for node in nodes))),
            ("store of a node, about", format_bytes(needed.store),
             format_bytes(min(node.object_store for node in nodes))),
            ("  of it at once", format_bytes(needed.at_once), ""),
            ("memory here, about", format_bytes(needed.driver), free),
            ("  of it tables", format_bytes(needed.tables), ""),
            ("network of a node, in all", format_bytes(needed.network), ""),
            ("reading, as it was", format_duration(needed.reading), ""),
            *(
                [("counting pairs", format_duration(needed.counting), "")]
                if needed.counting else []
            ),
            ("training", format_duration(needed.training), ""),
            ("  of it exchange", format_duration(needed.exchange), ""),
        ],
    )  # fmt: skip
