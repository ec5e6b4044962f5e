"""A sweep on a cluster, watched from here: its driver's words cross in the job's log, and its view is drawn here.

The log is text for people, and between its lines a JSON text sequence (RFC 7464): each event is a line that begins with
the record separator. A sweep's view is such events alone; all else that the driver prints crosses as it is.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.line_view import LineView
from sweeper.terminal.terminal import EVENT, Terminal
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import ProgressView
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TestScore, Trial, TrialEnd, TrialRecord

_RAYS = re.compile(r"Running entrypoint for job |\S+ \S+ INFO job_manager\.py:")  # what Ray itself writes to the log


class EventEmitter:
    """The View of a driver whose user is elsewhere: what it is told is an event in the log."""

    def __init__(
        self, screen: Terminal, spec: SweepSpec, known: Iterable[TrialRecord], header: str, slots: int
    ) -> None:
        told = [encoded(one) for one in known]
        self._send = screen.event
        self._send(
            {"sweep": spec.model_dump(mode="json"), "known": told, "header": header, "slots": slots, "at": time.time()}
        )

    def update(self, recorded: TrialRecord) -> None:
        """Send the newest state of a trial, and when that was."""
        self._send({"at": time.time(), "trial": encoded(recorded)})

    def say(self, text: str) -> None:
        """Send what the user should know."""
        self._send({"say": text})

    def close(self, status: RunStatus) -> None:
        """Send that the view is over."""
        self._send({"close": status})


class RemoteViewer:
    """The other end: events become the view of a sweep here, other lines are printed. `results` are what was sent."""

    def __init__(self, screen: Terminal) -> None:
        self.screen = screen
        self.results: dict[str, Any] | None = None
        self.view: ProgressView | None = None
        self.at, self.heard = 0.0, 0.0  # the driver's time of the last event, and when it came

    def clock(self) -> float:
        """The driver's time, of which a log that is read again has more than passes here."""
        return self.at + time.monotonic() - self.heard

    def watch(self, log: Iterable[str]) -> None:
        """Follow a log to its end, or until what reads it is interrupted."""
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
        elif not _RAYS.match(line):
            self.screen.line(line)

    def _follow(self, event: Mapping[str, Any]) -> None:
        if "at" in event:
            self.at, self.heard = event["at"], time.monotonic()
        if "sweep" in event:
            self.view = self._view(event)
        elif "result" in event:
            self.results = event["result"]
        elif self.view is not None:
            self._show(self.view, event)

    def _view(self, event: Mapping[str, Any]) -> ProgressView:
        spec, known = SweepSpec.model_validate(event["sweep"]), [decoded(one) for one in event["known"]]
        return make_view(self.screen, spec, known, event["header"], event["slots"], self.clock)

    def _show(self, view: ProgressView, event: Mapping[str, Any]) -> None:
        if "trial" in event:
            view.update(decoded(event["trial"]))
        elif "say" in event:
            view.say(event["say"])
        elif "close" in event:
            self.view = None
            view.close(RunStatus(event["close"]))


def make_view(
    screen: Terminal, spec: SweepSpec, known: Iterable[TrialRecord], header: str, slots: int,
    clock: Callable[[], float] = time.time,
) -> ProgressView:  # fmt: skip
    """What the user watches here: the live view on a terminal, lines elsewhere."""
    if not screen.live:
        return LineView(screen, spec, known, clock)
    from sweeper.terminal.live_view import Dashboard, LiveView

    return LiveView(screen, spec, known, Dashboard(spec, header, slots, clock))


def _lines(log: Iterable[str]) -> Iterator[str]:
    """The lines of a log that comes in pieces of any size; an event that was cut off is none."""
    rest = ""
    for piece in log:
        *whole, rest = (rest + piece).split("\n")
        yield from whole
    if rest and not rest.startswith(EVENT):
        yield rest


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith(EVENT):
        return None
    found: dict[str, Any] = json.loads(line[1:])
    return found


def encoded(recorded: TrialRecord) -> dict[str, Any]:
    """A trial as JSON has it. What a model predicted stays where it is."""
    trial, finish = recorded.trial, recorded.end
    return {
        "trial": {**vars(trial), "params": dict(trial.params), "config": trial.config.model_dump(mode="json")},
        "reports": [[one.step, one.epoch, dict(one.metrics)] for one in recorded.reports],
        "times": recorded.report_times,
        "started": recorded.started_at,
        "ended": recorded.ended_at,
        "finish": asdict(finish) if finish else None,
        "test": asdict(recorded.test) if recorded.test else None,
    }


def decoded(found: Mapping[str, Any]) -> TrialRecord:
    """The trial that `encoded` made this of."""
    trial, finish, test = found["trial"], found["finish"], found["test"]
    return TrialRecord(
        trial=Trial(**{**trial, "config": TrainConfig.model_validate(trial["config"])}),
        reports=tuple(ValidationReport(*report) for report in found["reports"]),
        report_times=tuple(found["times"]),
        started_at=found["started"],
        ended_at=found["ended"],
        end=TrialEnd(**{**finish, "outcome": Outcome(finish["outcome"])}) if finish else None,
        test=TestScore(**test) if test else None,
    )
