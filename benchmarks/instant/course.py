"""The validations of a trial that takes no time."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

METRIC = "validation/accuracy"
_POLL = 0.05  # seconds


def course(learning_rate: float, validations: int, gate: Path | None = None) -> Iterator[float]:
    """Yield the accuracy of each validation. With a `gate`, wait after the first until that file exists."""
    accuracy = Random(learning_rate).random()
    yield accuracy
    while gate is not None and not gate.exists():
        time.sleep(_POLL)
    for _ in range(validations - 1):
        yield accuracy
