"""Calls in a thread of their own: they are waited for, their exceptions are raised, and hanging ones are abandoned."""

import threading

import pytest

from sweeper.execution.abandonable_call import run_abandonable


def test_exception_of_the_call_is_raised() -> None:
    def call() -> None:
        raise SystemExit("over")

    with pytest.raises(SystemExit, match="over"):
        run_abandonable(call, lambda: None, 0)


def test_call_is_waited_for_without_a_reason_to_stop() -> None:
    done = threading.Event()
    run_abandonable(done.set, lambda: None, 0)
    assert done.is_set()


def test_hanging_call_is_abandoned_once_there_is_a_reason() -> None:
    never = threading.Event()
    run_abandonable(never.wait, lambda: "it is dead", 0.01)
    never.set()
