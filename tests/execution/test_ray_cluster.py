"""How a cluster is joined, what a trial asks of a node, and figures that are looked at now and then."""

import socket

import pytest

from sweeper.errors import UsageError
from sweeper.execution import ray_cluster
from sweeper.trials.resources import TrialResources


def test_a_figure_is_looked_at_every_few_seconds_and_there_is_always_room_to_ask_for_one() -> None:
    looks, now = iter([3, 5, 0]), [0.0]
    watched = ray_cluster.CachedCount(lambda: next(looks), lambda: now[0])
    assert [watched(), watched()] == [3, 3]
    now[0] += 3
    assert [watched(), watched()] == [5, 5]
    now[0] += 3
    assert watched() == 1


def test_a_trial_asks_for_its_accelerator_as_for_a_mark() -> None:
    assert ray_cluster.resource_request(TrialResources(2, 0.5, 1)) == {"cpu": 2, "gpu": 0.5}
    asked = ray_cluster.resource_request(TrialResources(2, 1, 1, accelerator="A100"))
    assert 0 < asked.pop("accelerator_type:A100") < 0.01
    assert asked == {"cpu": 2, "gpu": 1}


def asked(head: ray_cluster.HeadMonitor, now: list[float], seconds: float) -> bool:
    """Whether a head is gone when it was asked for every two and a half seconds, for so long."""
    end, gone = now[0] + seconds, False
    while now[0] < end:
        now[0] += 2.5
        gone = head.gone()
    return gone


def test_a_head_is_gone_when_it_has_not_answered_for_a_while() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        head = ray_cluster.HeadMonitor(f"127.0.0.1:{listening.getsockname()[1]}", lambda: now[0])
        assert not asked(head, now, 20)
    assert not asked(head, now, 30)
    assert asked(head, now, 2.5)


def test_a_driver_that_was_suspended_does_not_take_its_head_for_lost() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        head = ray_cluster.HeadMonitor(f"127.0.0.1:{listening.getsockname()[1]}", lambda: now[0])
    now[0] = 3600  # and the network is not there yet
    assert not head.gone()


@pytest.mark.parametrize("address", ["http://127.0.0.1:8265", "ray://127.0.0.1:10001", "nonsense"])
def test_what_is_no_address_of_a_gcs_says_what_to_do_from_outside(address: str) -> None:
    with pytest.raises(UsageError, match=f"^RAY_ADDRESS={address}: is not the address of a GCS.*sweeper submit"):
        ray_cluster.connect(address)


def test_a_cluster_that_does_not_answer_is_one_line_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
    with pytest.raises(UsageError, match=f"^RAY_ADDRESS={address}: nothing answers there; is the cluster up"):
        ray_cluster.connect(address)
