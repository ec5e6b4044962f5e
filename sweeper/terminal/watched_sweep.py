"""The sweep that a view shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:  # `sweeper check` shows no time left
    from sweeper.protocol.remaining_time import RemainingTime


@dataclass(frozen=True)
class WatchedSweep:
    """A sweep at the moment at which a view of it opens.

    `known_records` are those of its trials so far; trials that have ended were shown before. `slots` trials run at a
    time. `sessions` are the runs of the command that searched, the present one last. `texts` is the number of texts in
    each split.
    """

    name: str
    spec: SweepSpec
    known_records: Sequence[TrialRecord]
    slots: int
    sessions: Sequence[SearchSession] = ()
    texts: Mapping[str, int] = field(default_factory=dict)

    @property
    def start(self) -> float | None:
        """The Unix time from which the time shown counts; None if it counts from now."""
        return self.sessions[-1].began / 1000 if self.sessions else None

    def make_remaining_time(self) -> "RemainingTime":
        """Return the estimates of the time that the sweep still takes."""
        from sweeper.protocol.remaining_time import RemainingTime

        return RemainingTime(self.spec, self.slots, self.sessions, self.texts)
