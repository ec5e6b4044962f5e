"""The head of a Ray cluster, watched by a driver. Without it nothing is placed and no report arrives."""

import socket
import time
from collections.abc import Callable

_CHECK_INTERVAL = 2.0  # seconds between two connections to the head, and how long one may take


class HeadMonitor:
    """A watch on the head whose GCS has this address (host:port).

    The head counts as lost once it has not answered for `patience` seconds of watching. Time counts only while somebody
    asks, so a driver that was suspended does not take its head for lost.
    """

    def __init__(self, address: str, clock: Callable[[], float] = time.monotonic, patience: float = 30) -> None:
        self.address, self.clock, self.patience = address, clock, patience
        self.checked_at, self.silent_seconds = clock(), 0.0

    def is_lost(self) -> bool:
        """Return True if the head has not answered for too long. Call it often; it connects only now and then.

        A lost head stays lost, even if it answers again: those who stopped because of it must find the reason.
        """
        elapsed = self.clock() - self.checked_at
        if elapsed > _CHECK_INTERVAL and self.silent_seconds <= self.patience:
            silence = self.silent_seconds + min(elapsed, 3 * _CHECK_INTERVAL)
            self.silent_seconds = 0.0 if self.is_reachable() else silence
            self.checked_at = self.clock()
        return self.silent_seconds > self.patience

    def is_reachable(self) -> bool:
        """Return True if the head accepts a connection within two seconds."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=_CHECK_INTERVAL).close()
        except OSError:
            return False
        return True
