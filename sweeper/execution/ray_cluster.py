"""The nodes of a Ray cluster: how it is joined, what its nodes have, and what a trial asks of them."""

import re
import socket
import time
import traceback
from collections.abc import Callable
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.errors import UsageError
from sweeper.trials.resources import ACCELERATOR, Node, TrialResources

_LOOKS = 2.0  # seconds between two looks at the nodes
_PART = 0.001  # of the resource that says which accelerator a node has: it is a mark, not an amount


def live_nodes() -> list[Node]:
    """The nodes that live."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def wait_for_room(room: Callable[[], int], seconds: float = 20) -> None:
    """Wait until there is room for a trial, for so long: a cluster that has just started has not all its nodes yet."""
    last = time.monotonic() + seconds
    while not room() and time.monotonic() < last:
        time.sleep(1)


def run_on_each_node(check: Callable[[], str]) -> dict[str, str]:
    """What a function returns on each node that lives, by the node's name."""

    def asked_there() -> str:  # Ray takes functions alone, not all that can be called
        return check()

    task = ray.remote(num_cpus=0)(asked_there)
    asked = {
        node["NodeName"]: task.options(scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False))
        for node in ray.nodes()
        if node["Alive"]
    }
    return {name: ray.get(options.remote()) for name, options in asked.items()}


def resource_request(share: TrialResources) -> dict[str, float]:
    """What a trial asks of a node, in Tune's words."""
    asked = {"cpu": float(share.cpu), "gpu": share.gpu}
    return {**asked, ACCELERATOR + share.accelerator: _PART} if share.accelerator else asked


def connect(address: str, **options: Any) -> "HeadMonitor":
    """Make this process a driver of the cluster at `address`, with what `ray.init` takes; the cluster's head.

    Raises UsageError, in one line, for what is no address of a GCS, where nothing answers, or not without a token.
    """
    what = f"RAY_ADDRESS={address}"
    if address != "auto":
        if not re.fullmatch(r"[^/\s]+:\d+", address):
            raise UsageError(
                f"{what}: is not the address of a GCS, such as HEAD:6379; from outside of the cluster, send the sweep "
                "there: sweeper submit FILE --address http://HEAD:8265"
            )
        if not HeadMonitor(address).answers():
            raise UsageError(
                f"{what}: nothing answers there; is the cluster up? unset RAY_ADDRESS to run on this machine"
            )
    try:
        ray.init(address, **options)
    except ConnectionError as error:
        raise UsageError(f"{what}: {_refusal(error)}") from error
    return HeadMonitor(ray.get_runtime_context().gcs_address)


def _refusal(error: ConnectionError) -> str:
    """Why a cluster cannot be joined."""
    if "InvalidAuthToken" in "".join(traceback.format_exception(error)):  # somewhere among its causes
        return (
            "the cluster wants a token, and not the one that is here, if any: set RAY_AUTH_MODE=token and "
            "RAY_AUTH_TOKEN, which `ray get-auth-token` prints on its head"
        )
    return " ".join(str(error).split())


class HeadMonitor:
    """The head of the cluster, without which nothing is placed and nothing heard; `address` is its GCS's."""

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic, patience: float = 30) -> None:
        self.address, self.clock, self.patience = address, clock, patience
        self.looked, self.silent = clock(), 0.0

    def gone(self) -> bool:
        """Whether it has not answered for `patience` seconds. To be asked often: it is looked for now and then.

        Time counts only while somebody asks: a driver that was suspended does not take its head for lost.
        """
        since = self.clock() - self.looked
        if since > _LOOKS:
            self.silent = 0.0 if self.answers() else self.silent + min(since, 3 * _LOOKS)
            self.looked = self.clock()
        return self.silent > self.patience

    def answers(self) -> bool:
        """Whether it can be reached now; after two seconds it is taken for one that cannot."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=_LOOKS).close()
        except OSError:
            return False
        return True


class CachedCount:
    """A figure of the cluster that is asked for often, and looked at now and then."""

    def __init__(self, look: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self.look, self.clock = look, clock
        self.figure, self.looked = look(), clock()

    def __call__(self) -> int:
        """The figure, at most a few seconds old; at least 1, or nothing would ever ask for a node."""
        if self.clock() - self.looked > _LOOKS:
            self.figure, self.looked = self.look(), self.clock()
        return max(1, self.figure)
