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
    from embedtool.distributed.cluster import joined

    with joined(settings.cluster) as cluster:
        from embedtool.distributed.training import settled
        from embedtool.distributed.training import train_model as train_there

        yield partial(train_there, cluster, settled(settings, cluster))


@contextmanager
def resumer(address: str | None) -> "Iterator[Callable[..., Model]]":
    """Yield what goes on with a training, on the cluster at an address where there is one."""
    if address is None:
        from embedtool.trainers.training import resume_model

        yield resume_model
        return
    from embedtool.distributed.cluster import joined

    with joined(address) as cluster:
        from embedtool.distributed.training import resume_model as resume_there

        yield partial(resume_there, cluster)
