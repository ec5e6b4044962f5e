"""A Ray cluster: connecting to it, its nodes, and the resources that a trial requests from them."""

import os
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import grpc
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from sweeper.errors import UsageError
from sweeper.execution.head_monitor import HeadMonitor
from sweeper.execution.ray_internals import job_config, started_cluster_address
from sweeper.execution.ray_messages import WRONG_TOKEN_TEXT
from sweeper.trials.resources import ACCELERATOR, Node, TrialResources

_CACHE_SECONDS = 2.0
_ACCELERATOR_SHARE = 0.001  # nodes have 1 of it as a label of their GPU's type; a trial needs the label, not an amount


def connect(address: str, *, patience: float = 10, **options: Any) -> HeadMonitor:
    """Make this process a driver of the cluster at `address` and return a monitor of its head.

    "auto" is the cluster that the latest `ray start` on this machine joined. `patience` is the number of seconds in
    which the head must answer; `options` are passed to `ray.init`. Raises UsageError, in one line, if `address` is not
    that of a GCS, if nothing answers there, or if the cluster asks for a token that is missing or wrong.
    """
    variable = f"RAY_ADDRESS={address}"
    gcs_address = _find_started_cluster(variable) if address == "auto" else address
    _check_gcs_address(gcs_address, variable, patience)
    try:
        ray.init(gcs_address, job_config=job_config(), **options)
    except ConnectionError as error:
        raise UsageError(f"{variable}: {_explain_refusal(error)}") from error
    return HeadMonitor(ray.get_runtime_context().gcs_address)


def _find_started_cluster(variable: str) -> str:
    address = started_cluster_address()
    if address is None:
        raise UsageError(
            f"{variable}: no cluster that `ray start` began or joined on this machine is found (one with its own "
            "--temp-dir never is); name one, such as HEAD:6379, or unset RAY_ADDRESS to run on this machine"
        )
    return address


def _check_gcs_address(address: str, variable: str, patience: float) -> None:
    if not re.fullmatch(r"[^/\s]+:\d+", address):
        raise UsageError(
            f"{variable}: is not the address of a GCS, such as HEAD:6379; from outside the cluster, submit the sweep "
            "instead: sweeper submit FILE --address http://HEAD:8265"
        )
    if not HeadMonitor(address).is_reachable():
        raise UsageError(
            f"{variable}: nothing answers there; is the cluster up? unset RAY_ADDRESS to run on this machine"
        )
    if os.environ.get("RAY_USE_TLS", "0") in ("", "0") and not _speaks_grpc(address, patience):
        raise UsageError(
            f"{variable}: what answers there is not the GCS of a Ray cluster, whose port is 6379 unless `ray start "
            "--port` changed it; 8265 is the dashboard's, for `sweeper submit --address`"
        )


def _speaks_grpc(address: str, patience: float) -> bool:
    """Return True if a server answers in the protocol of a GCS. `ray.init` would wait for minutes for any other one."""
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=patience)
        except grpc.FutureTimeoutError:
            return False
    return True


def _explain_refusal(error: ConnectionError) -> str:
    """Return the reason why the cluster cannot be joined."""
    if WRONG_TOKEN_TEXT in "".join(traceback.format_exception(error)):  # it is somewhere among the causes
        return (
            "the cluster asks for a token, which is missing or wrong here; set RAY_AUTH_MODE=token and "
            "RAY_AUTH_TOKEN, which `ray get-auth-token` prints on its head"
        )
    return " ".join(str(error).split())


def live_nodes() -> list[Node]:
    """Return the resources of each live node."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def wait_for_slots(count: Callable[[], int], seconds: float = 20) -> None:
    """Wait until `count` returns at least one slot, for at most `seconds`.

    A cluster that has just started does not have all its nodes yet.
    """
    deadline = time.monotonic() + seconds
    while not count() and time.monotonic() < deadline:
        time.sleep(1)


def run_on_each_node(check: Callable[[], str]) -> dict[str, str]:
    """Call `check` on all live nodes at the same time, and return the results by node name.

    The names of nodes that share one, as two on one machine do, are followed by their ids.
    """

    def run_check() -> str:  # `ray.remote` takes functions only, and `check` may be another callable
        return check()

    task = ray.remote(num_cpus=0)(run_check)
    nodes = [node for node in ray.nodes() if node["Alive"]]
    counts = Counter(node["NodeName"] for node in nodes)
    results = ray.get([task.options(scheduling_strategy=_pinned_to(node["NodeID"])).remote() for node in nodes])
    names = [
        node["NodeName"] if counts[node["NodeName"]] == 1 else f"{node['NodeName']} (node {node['NodeID']})"
        for node in nodes
    ]
    return dict(zip(names, results, strict=True))


def _pinned_to(node_id: str) -> NodeAffinitySchedulingStrategy:
    return NodeAffinitySchedulingStrategy(node_id, soft=False)


def resource_request(resources: TrialResources, gpu: float | None = None) -> dict[str, float]:
    """Return what a trial requests from a node, in the form that Tune takes. `gpu` is its own share of a GPU."""
    request = {"cpu": float(resources.cpu), "gpu": resources.gpu if gpu is None else gpu}
    if resources.accelerator:
        request[ACCELERATOR + resources.accelerator] = _ACCELERATOR_SHARE
    return request


def count_gpus(nodes: Iterable[Node]) -> int:
    """Return the number of GPUs on the nodes."""
    return sum(int(node.get("GPU", 0)) for node in nodes)


class CachedCount:
    """A count of slots that is read often, but counted again only every few seconds."""

    def __init__(self, count: Callable[[], int], clock: Callable[[], float] = time.monotonic) -> None:
        self.count, self.clock = count, clock
        self.value, self.counted_at = count(), clock()

    def __call__(self) -> int:
        """Return the count, at most a few seconds old. It is at least 1, because a request makes a cluster grow."""
        if self.clock() - self.counted_at > _CACHE_SECONDS:
            self.value, self.counted_at = self.count(), self.clock()
        return max(1, self.value)
