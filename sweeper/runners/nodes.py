"""The nodes of a Ray cluster: what they have, what an autoscaler may add, and what a trial asks of them."""

import time
from collections.abc import Callable

import ray
from ray._private.state import state

from sweeper.allocation import ACCELERATOR, Allocation, Node

_LOOKS = 2.0  # seconds between two looks at the nodes
_MOST = 64  # nodes of one type that are waited for at once, where an autoscaler knows no limit
_PART = 0.001  # of the resource that says which accelerator a node has: it is a mark, not an amount


def present() -> list[Node]:
    """The nodes that live."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def coming() -> list[Node]:
    """The nodes that the cluster's autoscaler may start; none where it has none."""
    config = state.get_cluster_config()
    if config is None:
        return []
    live = len(present())
    found: list[Node] = []
    for group in config.node_group_configs:
        most = _MOST if group.max_count < 0 else group.max_count
        found += [dict(group.resources)] * max(0, most - live)
    return found


def request(share: Allocation) -> dict[str, float]:
    """What a trial asks of a node, in Tune's words."""
    asked = {"cpu": float(share.cpu), "gpu": share.gpu}
    return {**asked, ACCELERATOR + share.accelerator: _PART} if share.accelerator else asked


class Watched:
    """A figure of the cluster that is asked for often, and looked at now and then."""

    def __init__(self, look: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self.look, self.clock = look, clock
        self.figure, self.looked = look(), clock()

    def __call__(self) -> int:
        """The figure, at most a few seconds old; at least 1, or nothing would ever ask for a node."""
        if self.clock() - self.looked > _LOOKS:
            self.figure, self.looked = self.look(), self.clock()
        return max(1, self.figure)
