"""The monitor of a cluster's head: when the head counts as lost."""

import socket

from sweeper.execution.head_monitor import HeadMonitor


def watch(head: HeadMonitor, now: list[float], seconds: float) -> bool:
    """Ask every 2.5 s for so long whether the head is lost, and return the last answer."""
    end, is_lost = now[0] + seconds, False
    while now[0] < end:
        now[0] += 2.5
        is_lost = head.is_lost()
    return is_lost


def test_head_is_lost_when_it_has_not_answered_for_a_while() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        head = HeadMonitor(f"127.0.0.1:{listening.getsockname()[1]}", lambda: now[0])
        assert not watch(head, now, 20)
    assert not watch(head, now, 30)
    assert watch(head, now, 2.5)


def test_a_lost_head_stays_lost_when_it_answers_again() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    head = HeadMonitor(f"127.0.0.1:{port}", lambda: now[0])
    assert watch(head, now, 40)
    with socket.create_server(("127.0.0.1", port)):
        assert head.is_reachable()
        assert watch(head, now, 10)


def test_suspended_driver_does_not_take_its_head_for_lost() -> None:
    now = [0.0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        head = HeadMonitor(f"127.0.0.1:{listening.getsockname()[1]}", lambda: now[0])
    now[0] = 3600  # and the network is not back yet
    assert not head.is_lost()
