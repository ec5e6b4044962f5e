"""Connecting to a cluster, the resources that a trial requests, and cached counts of slots."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import UsageError
from sweeper.execution import ray_cluster
from sweeper.trials.resources import TrialResources


def test_cached_count_is_refreshed_every_few_seconds_and_is_at_least_one() -> None:
    counts, now = iter([3, 5, 0]), [0.0]
    cached = ray_cluster.CachedCount(lambda: next(counts), lambda: now[0])
    assert [cached(), cached()] == [3, 3]
    now[0] += 3
    assert [cached(), cached()] == [5, 5]
    now[0] += 3
    assert cached() == 1


def test_trial_requests_its_accelerator_as_a_label() -> None:
    assert ray_cluster.resource_request(TrialResources(2, 0.5, 1)) == {"cpu": 2, "gpu": 0.5}
    request = ray_cluster.resource_request(TrialResources(2, 1, 1, accelerator="A100"))
    assert 0 < request.pop("accelerator_type:A100") < 0.01
    assert request == {"cpu": 2, "gpu": 1}


@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "ray://127.0.0.1:10001", "nonsense"])
def test_address_that_is_not_of_a_gcs_says_what_to_do_from_outside(address: str) -> None:
    with pytest.raises(UsageError, match=f"^RAY_ADDRESS={address}: is not the address of a GCS.*sweeper submit"):
        ray_cluster.connect(address)


def test_cluster_that_does_not_answer_is_one_line_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(UsageError, match=f"^RAY_ADDRESS={address}: nothing answers there; is the cluster up"):
        ray_cluster.connect(address)


def test_a_port_of_another_kind_is_one_line_instead_of_a_long_wait() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(UsageError, match=rf"^RAY_ADDRESS={address}: what answers there is not the GCS.*is 6379"):
            ray_cluster.connect(address, patience=0.3)


def test_auto_does_not_look_for_the_private_ray_of_another_sweep(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))  # no `ray start` has left its address there
    with pytest.raises(
        UsageError, match=r"^RAY_ADDRESS=auto: no cluster that `ray start` began or joined on this machine"
    ):
        ray_cluster.connect("auto")


class FakeTask:
    """A task of a fake Ray, pinned to a node. It gives a reference, and the result once all tasks were submitted."""

    def __init__(self, cluster: "FakeCluster", function: Callable[[], str], node_id: str = "") -> None:
        self.cluster, self.function, self.node_id = cluster, function, node_id

    def options(self, scheduling_strategy: Any) -> "FakeTask":
        return FakeTask(self.cluster, self.function, scheduling_strategy.node_id)

    def remote(self) -> "FakeTask":
        self.cluster.submitted.append(self.node_id)
        return self


class FakeCluster:
    """Ray's functions for nodes of these names. The last one is dead."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        self.submitted: list[str] = []

    def nodes(self) -> list[dict[str, Any]]:
        last = len(self.names) - 1
        return [{"NodeName": name, "NodeID": f"{k:056x}", "Alive": k < last} for k, name in enumerate(self.names)]

    def remote(self, **_: Any) -> Callable[[Callable[[], str]], FakeTask]:
        return lambda function: FakeTask(self, function)

    def get(self, references: list[FakeTask]) -> list[str]:
        assert len(self.submitted) == len(self.names) - 1, "nodes wait for each other"
        return [f"{task.function()} {int(task.node_id, 16)}" for task in references]


def test_all_nodes_are_checked_at_once_and_each_of_two_with_one_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "ray", FakeCluster(["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"]))
    assert ray_cluster.run_on_each_node(lambda: "node") == {
        f"10.0.0.1 (node {0:056x})": "node 0",
        "10.0.0.2": "node 1",
        f"10.0.0.1 (node {2:056x})": "node 2",
    }
