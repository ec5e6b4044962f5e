"""Shows a sweep that runs on a cluster: its driver's events travel in the job's log, and the view is drawn here.

The log is text for people, and between its lines a JSON text sequence (RFC 7464): each event is a line that begins with
the record separator. A sweep's view consists of such events; everything else that the driver prints is passed on.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.line_view import LineView
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import ProgressView
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TestScore, Trial, TrialEnd, TrialRecord

if TYPE_CHECKING:
    from sweeper.terminal.terminal import Terminal

EVENT = "\x1e"  # begins a line that is an event
_RAYS_OWN_LINES = re.compile(r"Running entrypoint for job |\S+ \S+\s+INFO job_manager\.py:")


class EventEmitter:
    """The view of a driver whose user is elsewhere: it passes each call on to `send` as an event."""

    def __init__(self, send: Callable[[Mapping[str, Any]], None], sweep: WatchedSweep) -> None:
        self._send = send
        send(
            {
                "sweep": sweep.spec.model_dump(mode="json"),
                "known": [encode_record(record) for record in sweep.known_records],
                "header": sweep.name,
                "slots": sweep.slots,
                "sessions": [asdict(session) for session in sweep.sessions],
                "texts": dict(sweep.texts),
                "at": time.time(),
            }
        )

    def update(self, record: TrialRecord) -> None:
        """Send the newest state of a trial, and the time."""
        self._send({"at": time.time(), "trial": encode_record(record)})

    def say(self, text: str) -> None:
        """Send a message."""
        self._send({"say": text})

    def close(self, status: RunStatus) -> None:
        """Send that the view closes."""
        self._send({"close": status})


class RemoteViewer:
    """The receiving end: turns events into the view of a sweep here, and prints all other lines.

    `results` are the final results, once the driver has sent them.
    """

    def __init__(self, terminal: "Terminal") -> None:
        self.terminal = terminal
        self.results: dict[str, Any] | None = None
        self.view: ProgressView | None = None
        self.sent_at, self.received_at = 0.0, 0.0  # of the last event: the driver's clock, and our monotonic clock

    def clock(self) -> float:
        """Return the driver's time. It passes faster than here while an old log is read."""
        return self.sent_at + time.monotonic() - self.received_at

    def watch(self, log: Iterable[str]) -> None:
        """Follow a log to its end, or until its reader is interrupted."""
        try:
            for line in _lines(log):
                self._take(line)
        finally:
            if self.view is not None:
                self.view.close(RunStatus.KILLED)
                self.view = None

    def _take(self, line: str) -> None:
        event = _event(line)
        if event is not None:
            self._follow(event)
        elif self.view is not None:
            self.view.say(line.strip())
        elif not _RAYS_OWN_LINES.match(line):
            self.terminal.line(line)

    def _follow(self, event: Mapping[str, Any]) -> None:
        if "at" in event:
            self.sent_at, self.received_at = event["at"], time.monotonic()
        if "sweep" in event:
            self.view = self._open_view(event)
        elif "result" in event:
            self.results = event["result"]
        elif self.view is not None:
            self._show(self.view, event)

    def _open_view(self, event: Mapping[str, Any]) -> ProgressView:
        sweep = WatchedSweep(
            name=event["header"],
            spec=SweepSpec.model_validate(event["sweep"]),
            known_records=[decode_record(record) for record in event["known"]],
            slots=event["slots"],
            sessions=[SearchSession(**session) for session in event.get("sessions", ())],
            texts=event.get("texts", {}),
        )
        return make_view(self.terminal, sweep, self.clock)

    def _show(self, view: ProgressView, event: Mapping[str, Any]) -> None:
        if "trial" in event:
            view.update(decode_record(event["trial"]))
        elif "say" in event:
            view.say(event["say"])
        elif "close" in event:
            self.view = None
            view.close(RunStatus(event["close"]))


def make_view(terminal: "Terminal", sweep: WatchedSweep, clock: Callable[[], float] = time.time) -> ProgressView:
    """Return the view for this terminal: live where it can be redrawn, otherwise lines, and events if it has them."""
    spec, start, remaining_time = sweep.spec, sweep.start, sweep.make_remaining_time()
    if terminal.is_live:
        from sweeper.terminal.dashboard import Dashboard
        from sweeper.terminal.live_view import LiveView

        dashboard = Dashboard(spec, sweep.name, sweep.slots, clock, start, remaining_time)
        return LiveView(terminal, spec, sweep.known_records, dashboard)
    lines = LineView(terminal, spec, sweep.known_records, clock, start, remaining_time)
    if not terminal.as_events:
        return lines
    from sweeper.terminal.event_view import EventView

    return EventView(lines, terminal.write_event, sweep, clock, remaining_time)


def _lines(log: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a log that comes in pieces of any size. An event that was cut short is left out."""
    unfinished_line = ""
    for piece in log:
        *lines, unfinished_line = (unfinished_line + piece).split("\n")
        yield from lines
    if unfinished_line and not unfinished_line.startswith(EVENT):
        yield unfinished_line


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith(EVENT):
        return None
    event: dict[str, Any] = json.loads(line[1:])
    return event


def encode_record(record: TrialRecord) -> dict[str, Any]:
    """Return a trial as plain JSON values, without what its model predicted."""
    trial = record.trial
    return {
        "trial": {**vars(trial), "params": dict(trial.params), "config": trial.config.model_dump(mode="json")},
        "reports": [[report.step, report.epoch, dict(report.metrics)] for report in record.reports],
        "report_times": record.report_times,
        "started_at": record.started_at,
        "ended_at": record.ended_at,
        "end": asdict(record.end) if record.end else None,
        "test": asdict(record.test) if record.test else None,
        "borrowed": record.borrowed,
        "promoted_after": record.promoted_after,
    }


def decode_record(values: Mapping[str, Any]) -> TrialRecord:
    """Return the trial that `encode_record` turned into these values."""
    trial, end, test = values["trial"], values["end"], values["test"]
    return TrialRecord(
        trial=Trial(**{**trial, "config": TrainConfig.model_validate(trial["config"])}),
        reports=tuple(ValidationReport(*report) for report in values["reports"]),
        report_times=tuple(values["report_times"]),
        started_at=values["started_at"],
        ended_at=values["ended_at"],
        end=TrialEnd(**{**end, "outcome": Outcome(end["outcome"])}) if end else None,
        test=TestScore(**test) if test else None,
        borrowed=values.get("borrowed", 0),  # absent in the log of an older sweeper
        promoted_after=values.get("promoted_after", 0),
    )
