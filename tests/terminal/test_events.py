"""`--events`: one JSON object a line for everything that happens, with fields that the documentation names."""

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from sweeper.cli.session import cli_session
from sweeper.terminal.event_view import EventView
from sweeper.terminal.events import EVENTS
from sweeper.terminal.line_view import LineView
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.terminal import Terminal
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd, TrialRecord
from tests.support.fake_sweeps import FakeSweep
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

SPEC = small_spec(confirm={"seeds": 1})
RECORDS = FakeSweep(SPEC).search([Outcome.COMPLETED, Outcome.DIVERGED]).confirm().records
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "sweeps-at-hand.md"


def told(records: Sequence[TrialRecord], known: Sequence[TrialRecord] = ()) -> list[dict[str, Any]]:
    lines: list[str] = []
    people = LineView(PlainOutput(progress=False), SPEC, known)
    view = EventView(people, lines.append, WatchedSweep("sst5-0a1b2c3d", SPEC, known, slots=2))
    for record in records:
        view.update(record)
    view.say("a \u2028 word\nof two lines, Grüße")
    view.close(RunStatus.KILLED)
    assert all(line.isascii() and line.count("\n") == 1 and line.endswith("\n") for line in lines)
    return [json.loads(line, parse_constant=lambda name: pytest.fail(name)) for line in lines]


def growing(record: TrialRecord) -> list[TrialRecord]:
    """Return the states of a trial in their order: started, after each report, ended."""
    count = len(record.reports)
    running = [
        replace(record, reports=record.reports[:k], report_times=record.report_times[:k], end=None, ended_at=None)
        for k in range(count + 1)
    ]
    return [*running, record]


def test_a_trial_is_told_step_by_step_and_nothing_twice() -> None:
    record = RECORDS[0]
    events = told([*growing(record), record, record])
    kinds = [event["event"] for event in events]
    reports = ["report"] * len(record.reports)
    assert kinds == [
        "sweep_began", "trial_started", *reports, "trial_ended", "progress", "message", "sweep_ended"
    ]  # fmt: skip
    assert events[-1]["status"] == "interrupted"
    assert events[-2]["text"] == "a \u2028 word\nof two lines, Grüße"
    progress = events[-3]
    assert progress["phases"]["search"] == {"done": 1, "total": 6}
    assert (progress["phase"], progress["best_trial"]) == ("search", 1)
    assert [event["at"] for event in events if event["event"] == "report"] == list(record.report_times)


def test_the_test_is_its_own_phase_if_a_system_has_nothing_to_confirm() -> None:
    sweep = FakeSweep(SPEC).search([Outcome.COMPLETED])
    sweep.records = [
        replace(record, end=TrialEnd(Outcome.FAILED)) if record.trial.system else record for record in sweep.records
    ]
    scored = sweep.confirm().records[-1]
    events = told([*sweep.records[:-1], replace(scored, test=None), scored])
    searched, confirmed, tested = [event for event in events if event["event"] == "progress"][-3:]
    assert (searched["phase"], searched["phases"]["confirmation"]) == ("confirmation", {"done": 0, "total": 1})
    assert (confirmed["phase"], confirmed["phases"]["confirmation"]) == ("test", {"done": 1, "total": 1})
    assert confirmed["phases"]["test"] == {"done": 0, "total": 1}
    assert (tested["phase"], tested["phases"]["test"]) == ("test", {"done": 1, "total": 1})


def test_a_fresh_seed_that_left_no_model_is_not_awaited_in_the_test() -> None:
    spec = small_spec(confirm={"seeds": 2})
    sweep = FakeSweep(spec).search([Outcome.COMPLETED]).confirm()
    *others, last = sweep.records
    lost = replace(last, end=TrialEnd(Outcome.FAILED), test=None)
    records = {record.trial.number: record for record in [*others, lost]}
    progress = SweepProgress(spec, records)
    assert [(phase.done, phase.total) for phase in progress.phases()] == [(6, 6), (4, 4), (3, 3)]
    assert progress.current_phase() == "test"


def test_confirmation_and_test_scores_are_told() -> None:
    events = told(RECORDS)
    fresh = [event for event in events if event["event"] == "trial_started" and event["stage"] == "confirm"]
    assert [event["source_trial"] for event in fresh] == [r.trial.source_trial for r in RECORDS if r.trial.source_trial]
    assert {event["trial"] for event in events if event["event"] == "test_scored"} == {
        record.trial.number for record in RECORDS if record.test
    }


def test_of_an_earlier_command_only_trials_under_way_are_told_and_a_new_attempt_is() -> None:
    ended, under_way = RECORDS[0], growing(RECORDS[1])[0]
    again = replace(under_way, trial=replace(under_way.trial, attempt=2))
    events = told([ended, under_way, again], known=[ended, under_way])
    started = [(event["trial"], event["attempt"]) for event in events if event["event"] == "trial_started"]
    assert started == [(under_way.trial.number, 1), (under_way.trial.number, 2)]
    assert not [event for event in events if event["event"] == "trial_ended"]


def test_a_metric_that_is_not_finite_is_null() -> None:
    record = growing(RECORDS[0])[0]
    bad = replace(report(1, 0.5), metrics={"validation/loss": math.inf, "validation/accuracy": math.nan})
    events = told([replace(record, reports=(bad,), report_times=(record.started_at,))])
    (metrics,) = [event["metrics"] for event in events if event["event"] == "report"]
    assert metrics == {"validation/loss": None, "validation/accuracy": None}


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.__name__)
def test_the_guide_names_every_event_and_field(event: type) -> None:
    fields = event.model_fields  # type: ignore[attr-defined]
    kind = fields["event"].default
    (row,) = [line for line in GUIDE.read_text(encoding="utf-8").splitlines() if line.startswith(f"| `{kind}` |")]
    named = set(row.split("`")[1::2]) - {kind}
    assert named == set(fields) - {"event", "at", "sweep"}


def test_stdout_has_events_only_and_people_read_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with cli_session(as_events=True) as terminal:
        terminal.line("for people")
        terminal.make_view(WatchedSweep("sst5-0a1b2c3d", SPEC, RECORDS, slots=2)).close(RunStatus.FINISHED)
        terminal.result({"num_trials": 2})
    out, err = capfd.readouterr()
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["sweep_began", "sweep_ended", "results"]
    assert err == "for people\n"


def test_events_and_json_exclude_each_other(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as end, cli_session(as_json=True, as_events=True):
        pass
    assert end.value.exit_code == 2
    assert capfd.readouterr().err == "--events: cannot be combined with --json; its last line has the same results\n"


def test_a_terminal_with_events_has_no_live_view() -> None:
    terminal = Terminal(as_events=True)
    assert not terminal.is_live
    terminal.close()
