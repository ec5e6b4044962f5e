"""Connecting to a cluster, the resources that a trial requests, and cached counts of slots."""

import socket
from pathlib import Path

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
