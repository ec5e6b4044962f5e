"""Asks for the remaining time of a finished sweep at moments of its past, when its record knew less."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path

from benchmarks.time_left.timed_sweep import TimedSweep
from sweeper.app.open_study import read_study
from sweeper.errors import UsageError
from sweeper.protocol.remaining_time import seconds_left
from sweeper.storage.sweep_folder import open_sweep
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

SHARES = tuple(k / 20 for k in range(5, 20))  # of the sweep's time: from the first quarter on


@dataclass(frozen=True)
class Estimate:
    """An estimate after a share of a sweep's time, and the truth, in seconds; None where nothing was known."""

    share: float
    estimate: float | None
    truth: float

    @property
    def is_close(self) -> bool:
        """True if the estimate is within a third of the truth."""
        return self.estimate is not None and abs(self.estimate - self.truth) <= self.truth / 3


def recorded_sweep(folder: Path) -> TimedSweep:
    """Return a recorded sweep. The most trials that ran at the same time count as its slots. Raises UsageError."""
    sweep = open_sweep(folder)
    study = read_study(sweep, sweep.read_spec())
    records, sessions = list(study.all_trials()), list(study.sessions())
    study.close()
    if not records:
        raise UsageError(f"{folder}: has no trials; name a finished sweep")
    return TimedSweep(sweep.read_spec(), _most_at_a_time(records), dict(sweep.texts), records, sessions)


def _most_at_a_time(records: Sequence[TrialRecord]) -> int:
    changes: list[tuple[float, int]] = [(record.started_at, 1) for record in records]
    changes += [(record.ended_at, -1) for record in records if record.ended_at is not None]
    return max(1, *accumulate(change for _, change in sorted(changes)))


def replay(sweep: TimedSweep) -> list[Estimate]:
    """Return the estimates of a sweep, from a quarter of its time on."""
    begin, end = find_span(sweep)
    estimates = []
    for share in SHARES:
        now = begin + share * (end - begin)
        records = [record_at(record, now) for record in sweep.records if record.started_at <= now]
        sessions = [_session_at(session, now) for session in sweep.sessions if session.at <= now]
        left = seconds_left(sweep.spec, records, sweep.slots, now / 1000, sessions, sweep.texts)
        estimates.append(Estimate(share, left, (end - now) / 1000))
    return estimates


def find_span(sweep: TimedSweep) -> tuple[float, float]:
    """Return when a sweep began and when the last thing in it happened, in milliseconds since 1970."""
    begin = sweep.sessions[0].began if sweep.sessions else sweep.records[0].started_at
    moments = [record.ended_at or 0 for record in sweep.records]
    moments += [record.test.at for record in sweep.records if record.test is not None]
    moments += [session.ended or 0 for session in sweep.sessions]
    return begin, max(moments)


def record_at(record: TrialRecord, now: float) -> TrialRecord:
    """Return the record of a trial as it was at a time, in milliseconds since 1970."""
    count = sum(time <= now for time in record.report_times)
    has_ended = record.ended_at is not None and record.ended_at <= now
    return replace(
        record,
        reports=record.reports[:count],
        report_times=record.report_times[:count],
        end=record.end if has_ended else None,
        ended_at=record.ended_at if has_ended else None,
        test=record.test if record.test is not None and record.test.at <= now else None,
    )


def _session_at(session: SearchSession, now: float) -> SearchSession:
    return replace(session, ended=session.ended if session.ended is not None and session.ended <= now else None)
