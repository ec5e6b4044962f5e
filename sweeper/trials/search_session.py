"""One run of the command that searches, as the record has it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class SearchSession:
    """A run of the command that searches. Times are in milliseconds since 1970.

    `began` is when the command began, `at` when this was recorded: just before its first trial. `ended` is when it was
    last known to have stopped searching; None if it was killed before it could say so. `gpu` is the number of GPUs that
    each of its trials got.
    """

    began: int
    at: int
    gpu: float
    ended: int | None = None


def session_at(sessions: Sequence[SearchSession], time: int) -> SearchSession | None:
    """Return the session in which something was recorded; None in records from before there were sessions."""
    index = bisect_right(sessions, time, key=lambda session: session.at)
    return sessions[index - 1] if index else None
