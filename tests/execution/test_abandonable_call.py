"""Calls beside this thread: what they raise comes out, and one that hangs is left behind."""

import threading

import pytest

from sweeper.execution.abandonable_call import run_abandonable


def test_what_the_call_raises_is_raised() -> None:
    def call() -> None:
        raise SystemExit("over")

    with pytest.raises(SystemExit, match="over"):
        run_abandonable(call, lambda: None, 0)


def test_a_call_is_waited_for_where_there_is_no_reason_to_leave() -> None:
    done = threading.Event()
    run_abandonable(done.set, lambda: None, 0)
    assert done.is_set()


def test_a_call_that_does_not_come_back_for_a_reason_is_left_behind() -> None:
    never = threading.Event()
    run_abandonable(never.wait, lambda: "it is dead", 0.01)
    never.set()
