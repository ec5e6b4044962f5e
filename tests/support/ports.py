"""Ports for servers that a test starts."""

import random
import socket
from contextlib import suppress

_RANGE = range(20_000, 30_000)  # the system gives none of these away by itself


def free_port() -> int:
    """Return a free port of loopback. Raises OSError if there is none.

    A port that the system gave away and took back may have another owner before its server has started.
    """
    for port in random.SystemRandom().sample(_RANGE, 1_000):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise OSError(f"no free port from {_RANGE[0]} to {_RANGE[-1]}")
