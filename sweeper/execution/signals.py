"""Signals, of which Ray has ideas of its own."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


@contextmanager
def shield_signals() -> Iterator[None]:
    """What Ray starts does not hear of a terminal that is closed, and Ray's own handler of SIGTERM does not stay."""
    hangup, terminate = signal.signal(signal.SIGHUP, signal.SIG_IGN), signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, hangup)
        signal.signal(signal.SIGTERM, terminate)


@contextmanager
def collect_signals() -> Iterator[list[int]]:
    """Note the signals that would interrupt this process, to leave Tune between two steps instead.

    Their own handlers are called all the same: one that does more than raise KeyboardInterrupt has its way.
    """
    caught: list[int] = []
    earlier: dict[int, Any] = {}

    def note(number: int, frame: FrameType | None) -> None:
        with suppress(KeyboardInterrupt):
            if callable(earlier[number]):
                earlier[number](number, frame)
        caught.append(signal.SIGTERM if number == signal.SIGHUP else number)

    for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(which) is not signal.SIG_IGN:
            earlier[which] = signal.signal(which, note)
    try:
        yield caught
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
