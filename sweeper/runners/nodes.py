"""The nodes of a Ray cluster: what they have, what an autoscaler may add, and what a trial asks of them."""

import time
from collections.abc import Callable
from pathlib import Path

import ray
from ray.autoscaler.v2.instance_manager.config import FileConfigReader
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.allocation import ACCELERATOR, Allocation, Node

_LOOKS = 2.0  # seconds between two looks at the nodes
_PART = 0.001  # of the resource that says which accelerator a node has: it is a mark, not an amount


def present() -> list[Node]:
    """The nodes that live."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def growth(bootstrap: Path | None = None) -> list[Node]:
    """All nodes that the cluster's autoscaler may have at once; none where it has none.

    `ray up` leaves its configuration on the head, which is where a driver runs that was submitted.
    """
    path = bootstrap or Path.home() / "ray_bootstrap_config.yaml"
    if not path.exists():
        return []
    types = FileConfigReader(str(path)).get_cached_autoscaling_config().get_node_type_configs()
    return [one.resources for one in types.values() for _ in range(one.max_worker_nodes)]


def waited(room: Callable[[], int], seconds: float = 20) -> None:
    """Wait until there is room for a trial, for so long: a cluster that has just started has not all its nodes yet."""
    last = time.monotonic() + seconds
    while not room() and time.monotonic() < last:
        time.sleep(1)


def on_each(check: Callable[[], str]) -> dict[str, str]:
    """What a function returns on each node that lives, by the node's name."""
    task = ray.remote(num_cpus=0)(check)
    asked = {
        node["NodeName"]: task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        for node in ray.nodes()
        if node["Alive"]
    }
    return {name: ray.get(options.remote()) for name, options in asked.items()}


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
