"""Where a training runs: on this machine, or on the cluster that it is sent to.

In: a ClusterConfig. Out: what trains there, in the words of `trainers.training.train_model`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from embedtool.config.training import ClusterConfig

if TYPE_CHECKING:
    from embedtool.model.vectors import Model


@contextmanager
def trainer(settings: ClusterConfig) -> "Iterator[Callable[..., Model]]":
    """Yield what trains, the cluster joined until the end of the block."""
    if settings.cluster is None:
        from embedtool.trainers.training import train_model

        yield train_model
        return
    from embedtool.distributed.cluster import connect
    from embedtool.distributed.training import resolve_defaults, warm_up
    from embedtool.distributed.training import train_model as train_there

    with connect(settings.cluster, warm_up) as cluster:
        yield partial(train_there, cluster, resolve_defaults(settings, cluster))


@contextmanager
def resumer(address: str | None) -> "Iterator[Callable[..., Model]]":
    """Yield what goes on with a training, on the cluster at an address where there is one."""
    if address is None:
        from embedtool.trainers.training import resume_model

        yield resume_model
        return
    from embedtool.distributed.cluster import connect
    from embedtool.distributed.training import resume_model as resume_there
    from embedtool.distributed.training import warm_up

    with connect(address, warm_up) as cluster:
        yield partial(resume_there, cluster)
