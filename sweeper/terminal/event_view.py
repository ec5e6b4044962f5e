"""A view of a sweep for programs: it writes an event for everything that happens."""

import threading
import time
from collections.abc import Callable
from typing import Literal

from sweeper.protocol.promotion import is_waiting
from sweeper.protocol.ranking import best_report
from sweeper.protocol.remaining_time import RemainingTime
from sweeper.terminal import events
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.interfaces import ProgressView
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

_STATUS: dict[RunStatus, Literal["finished", "failed", "interrupted"]] = {
    RunStatus.FINISHED: "finished",
    RunStatus.FAILED: "failed",
    RunStatus.KILLED: "interrupted",
}


class EventView:
    """A view that writes events, and passes everything on to the `view` for people.

    `write` takes one line. Known trials that have ended are not told again; those under way are told from their
    beginning.
    """

    def __init__(
        self,
        view: ProgressView,
        write: Callable[[str], None],
        sweep: WatchedSweep,
        clock: Callable[[], float] = time.time,
        remaining_time: RemainingTime | None = None,
    ) -> None:
        self.view, self._write, self.spec, self.sweep = view, write, sweep.spec, sweep.name
        self.remaining_time = remaining_time or sweep.make_remaining_time()
        self.clock, self._lock = clock, threading.Lock()
        self.records = {record.trial.number: record for record in sweep.known_records}
        self._told = {number: record for number, record in self.records.items() if record.end is not None}
        self._tell_plan(sweep.slots)

    def _tell_plan(self, slots: int) -> None:
        spec, progress = self.spec, SweepProgress(self.spec, self.records)
        self._send(
            events.SweepBegan(
                at=self._now(),
                sweep=self.sweep,
                dataset=spec.dataset_spec.name,
                objective=spec.objective.metric,
                direction=spec.objective.direction,
                systems=[dict(system) for system in spec.systems],
                trials=progress.total,
                confirmations=progress.to_confirm,
                slots=slots,
            )
        )

    def _now(self) -> int:
        return int(1000 * self.clock())

    def _send(self, event: events.Event) -> None:
        with self._lock:  # messages come from any thread
            self._write(event.line())

    def update(self, record: TrialRecord) -> None:
        """Write what is new about a trial."""
        self.view.update(record)
        number = record.trial.number
        told = self._told.get(number)
        self._told[number] = self.records[number] = record
        if record.trial.attempt > (told.trial.attempt if told else 0):
            self._tell_start(record)
        self._tell_reports(record, len(told.reports) if told else 0)
        if is_waiting(self.spec, record) and not (told and is_waiting(self.spec, told)):
            paused = events.TrialPaused(
                at=record.last_moment, sweep=self.sweep, trial=number, epoch=record.reports[-1].epoch
            )
            self._send(paused)
        has_ended = record.end is not None and (told is None or told.end is None)
        is_scored = record.test is not None and (told is None or told.test is None)
        if has_ended:
            self._tell_end(record)
        if is_scored:
            self._tell_score(record)
        if has_ended or is_scored:
            self._tell_progress()

    def _tell_start(self, record: TrialRecord) -> None:
        trial = record.trial
        self._send(
            events.TrialStarted(
                at=record.started_at if trial.attempt == 1 else self._now(),
                sweep=self.sweep,
                trial=trial.number,
                attempt=trial.attempt,
                stage=trial.stage,
                system=trial.system,
                params=dict(trial.params),
                source_trial=trial.source_trial,
                clone_of=trial.clone_of,
                race_of=trial.race_of,
            )
        )

    def _tell_reports(self, record: TrialRecord, first: int) -> None:
        for report, moment in list(zip(record.reports, record.report_times, strict=True))[first:]:
            self._send(
                events.Reported(
                    at=moment,
                    sweep=self.sweep,
                    trial=record.trial.number,
                    step=report.step,
                    epoch=report.epoch,
                    metrics=dict(report.metrics),
                )
            )

    def _tell_end(self, record: TrialRecord) -> None:
        best, end = best_report(self.spec, record), record.end
        if end is not None:
            self._send(
                events.TrialEnded(
                    at=int(record.ended_at) if record.ended_at else self._now(),
                    sweep=self.sweep,
                    trial=record.trial.number,
                    outcome=end.outcome,
                    reason=end.reason,
                    score=best.metrics[self.spec.objective.metric] if best else None,
                    epoch=best.epoch if best else None,
                )
            )

    def _tell_score(self, record: TrialRecord) -> None:
        if record.test is not None:
            metrics = dict(record.test.metrics)
            self._send(
                events.ModelScored(at=record.test.at, sweep=self.sweep, trial=record.trial.number, metrics=metrics)
            )

    def _tell_progress(self) -> None:
        progress = SweepProgress(self.spec, self.records)
        best = progress.best()
        self._send(
            events.Progress(
                at=self._now(),
                sweep=self.sweep,
                phase=progress.current_phase(),
                phases={
                    phase.name: events.PhaseCount(done=phase.done, total=phase.total) for phase in progress.phases()
                },
                best_trial=best.number if best else None,
                best_score=best.score if best else None,
                seconds_left=self.remaining_time.seconds_left(self.records.values(), self.clock()),
            )
        )

    def say(self, text: str) -> None:
        """Write a message."""
        self.view.say(text)
        self._send(events.Message(at=self._now(), sweep=self.sweep, text=text))

    def close(self, status: RunStatus) -> None:
        """Write in which state the sweep is left."""
        self.view.close(status)
        self._send(events.SweepEnded(at=self._now(), sweep=self.sweep, status=_STATUS[status]))
