"""Signals while trials run under Ray."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any


@contextmanager
def collect_signals() -> Iterator[list[int]]:
    """Collect the signals that would interrupt this process, so that Tune can be left between two of its steps.

    Yields the list of signals received so far; SIGHUP is listed as SIGTERM. The previous handlers are called too. Their
    KeyboardInterrupt is suppressed, but whatever else they do or raise takes effect. Ignored signals stay ignored.
    Outside the main thread, which alone gets signals, none are collected.
    """
    received: list[int] = []
    previous_handlers: dict[int, Any] = {}

    def collect(number: int, frame: FrameType | None) -> None:
        with suppress(KeyboardInterrupt):
            if callable(previous_handlers[number]):
                previous_handlers[number](number, frame)
        received.append(signal.SIGTERM if number == signal.SIGHUP else number)

    is_main = threading.current_thread() is threading.main_thread()
    for interrupting in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if is_main and signal.getsignal(interrupting) is not signal.SIG_IGN:
            previous_handlers[interrupting] = signal.getsignal(interrupting)
            signal.signal(interrupting, collect)
    try:
        yield received
    finally:
        for number, handler in previous_handlers.items():
            signal.signal(number, handler)
