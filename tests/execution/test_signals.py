"""Signals are collected while trials run, those that this process ignores are ignored still, and handlers come back."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from sweeper.execution.signals import collect_signals

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def set_handlers() -> Iterator[Callable[[Any], None]]:
    """Yield a function that sets one handler for all signals. The handlers from before come back."""
    before = {number: signal.getsignal(number) for number in NUMBERS}

    def set_all(handler: Any) -> None:
        for number in NUMBERS:
            signal.signal(number, handler)

    yield set_all
    for number, handler in before.items():
        signal.signal(number, handler)


def test_ignored_signals_stay_ignored(set_handlers: Callable[[Any], None]) -> None:
    """As SIGHUP under nohup, and SIGINT in a background job of a shell."""
    set_handlers(signal.SIG_IGN)
    with collect_signals() as received:
        for number in NUMBERS:
            signal.raise_signal(number)
    assert received == []
    assert {signal.getsignal(number) for number in NUMBERS} == {signal.SIG_IGN}


def test_a_signal_is_collected_as_soon_as_its_handler_is_there(
    set_handlers: Callable[[Any], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    set_handlers(signal.default_int_handler)
    install = signal.signal

    def install_and_raise(number: int, handler: Any) -> Any:
        previous = install(number, handler)
        signal.raise_signal(number)
        return previous

    with monkeypatch.context() as patch:
        patch.setattr(signal, "signal", install_and_raise)
        with collect_signals() as received:
            patch.undo()
    assert received == [signal.SIGINT, signal.SIGTERM, signal.SIGTERM]


def test_other_signals_are_collected_and_their_handlers_are_called_too(set_handlers: Callable[[Any], None]) -> None:
    handled: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        handled.append(number)
        raise KeyboardInterrupt

    set_handlers(interrupt)
    with collect_signals() as received:
        for number in NUMBERS:
            signal.raise_signal(number)
    assert handled == [*NUMBERS]
    assert received == [signal.SIGINT, signal.SIGTERM, signal.SIGTERM]
    assert {signal.getsignal(number) for number in NUMBERS} == {interrupt}


def test_a_run_in_another_thread_leaves_signals_to_the_main_thread(set_handlers: Callable[[Any], None]) -> None:
    """As with asyncio.to_thread: Python sets handlers in the main thread only."""

    def collect() -> list[int]:
        with collect_signals() as received:
            assert {signal.getsignal(number) for number in NUMBERS} == {signal.default_int_handler}
        return received

    set_handlers(signal.default_int_handler)
    with ThreadPoolExecutor(1) as thread:
        assert thread.submit(collect).result() == []
