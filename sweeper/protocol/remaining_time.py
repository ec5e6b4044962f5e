"""The time that a running sweep still takes, from its record.

The rest of the sweep is drawn several times: other settings, other verdicts of early stopping, other trials that win.
In each draw, the trials are placed on the slots in their order, so slots that stay empty at the end of a stage count
too. The answer is within a third of as many draws as possible. All seconds are measured on the record (pace.py).
"""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from random import Random

from sweeper.protocol.likely_answer import likely_answer
from sweeper.protocol.pace import measure_pace
from sweeper.protocol.remaining_confirmation import RemainingConfirmation
from sweeper.protocol.remaining_search import RemainingSearch
from sweeper.protocol.search_budget import SearchBudget
from sweeper.protocol.sweep_moment import SweepMoment
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

_SHARE = 0.05  # of the time goes into estimates at most
_QUICK = 0.005  # seconds of an estimate that counts as nothing
_MOST_DRAWS, _FEWEST_DRAWS = 21, 3
_DRAWN_TRIALS = 2000  # in all draws together


class RemainingTime:
    """Estimates the remaining time of a sweep again and again, in a twentieth of the time at most.

    With a thousand trials an estimate takes a tenth of a second. Until the next is due, the last one runs down. It says
    nothing for a sweep that moves faster than time, as in a log that is read from its beginning.
    """

    def __init__(
        self,
        spec: SweepSpec,
        slots: int,
        sessions: Sequence[SearchSession] = (),
        texts: Mapping[str, int] | None = None,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Take the number of trials at a time, the runs of the command that searched, and the texts of each split."""
        self.spec, self.slots, self.sessions, self.texts, self._timer = spec, slots, sessions, texts or {}, timer
        self._left: float | None = None
        self._at = self._due = 0.0  # of the last estimate: its `now`, and the timer's time until which it is good
        self._longest = 0.0  # seconds that it may run down

    def seconds_left(self, records: Collection[TrialRecord], now: float) -> float | None:
        """Return an estimate for these records, as the function of this name does; None if none can be made now."""
        began = self._timer()
        if self._left is not None and began < self._due:
            passed = now - self._at
            return max(0.0, self._left - passed) if passed <= self._longest else None
        self._left = seconds_left(self.spec, list(records), self.slots, now, self.sessions, self.texts)
        self._at, ended = now, self._timer()
        pause = (ended - began) / _SHARE if ended - began > _QUICK else 0.0
        self._due, self._longest = ended + pause, 2 * pause
        return self._left


def seconds_left(
    spec: SweepSpec,
    records: Sequence[TrialRecord],
    slots: int,
    now: float,
    sessions: Sequence[SearchSession] = (),
    texts: Mapping[str, int] | None = None,
) -> float | None:
    """Return an estimate of the seconds until the last model is scored, with `slots` trials at a time.

    `now` is in seconds since 1970. `sessions` are the runs of the command that searched, the present one included;
    without them, no hours are taken to be used. `texts` is the number of texts in each split; without it, scoring a
    model is taken to be as long as a step. None before the first report, from which nothing can be known.
    """
    pace = measure_pace(records, len(spec.systems), max(1, slots), texts or {})
    if pace is None:
        return None
    moment = SweepMoment(spec, records, max(1, slots), now, pace)
    search, after = RemainingSearch(moment, SearchBudget(spec, records, sessions)), RemainingConfirmation(moment)
    random = Random(0)

    def draw() -> float:
        rest = search.draw(random)
        return rest.seconds + after.draw_seconds(rest, random)

    num_draws = max(_FEWEST_DRAWS, min(_MOST_DRAWS, _DRAWN_TRIALS // max(1, search.num_left)))
    return likely_answer([draw() for _ in range(num_draws)])
