"""People see which trials wait at a rung for their promotion, and which lost it."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from sweeper.protocol.sweep_summary import SweepState
from sweeper.terminal.dashboard import Dashboard
from sweeper.terminal.event_view import EventView
from sweeper.terminal.line_view import LineView
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.sweep_view import end_label
from sweeper.terminal.trial_view import rivals_line
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.pausing_searches import begin, pausing_spec, searching, wait_with
from tests.support.search_spaces import small_spec

SPEC = pausing_spec(trials=8, factor=3, epochs=4)


@pytest.fixture
def records(tmp_path: Path) -> list[TrialRecord]:
    """Two trials that wait, one that was promoted, one that runs, and two that were stopped."""
    with searching(SPEC, tmp_path / "journal") as (study, stage):
        wait_with(stage, 0.5, 0.7, 0.6)
        assert begin(stage).number == 2
        wait_with(stage, 0.4)
        last, _ = begin(stage), begin(stage)
        stage.report(last, report(1, 0.3))
        return list(study.all_trials())


def test_trials_that_wait_are_counted_apart_from_those_that_run(records: list[TrialRecord]) -> None:
    view = LineView(PlainOutput(progress=False), SPEC, [])
    for record in records:
        view.records[record.trial.number] = record
    assert view.summary().startswith(
        "2 of 8 trials done, 2 stopped early, 2 running, 2 waiting, best 0.7000 by trial 2"
    )


@pytest.mark.parametrize(("width", "head"), [(100, "done  running  waiting"), (60, "done  run  wait")])
def test_the_live_view_has_a_column_for_them(records: list[TrialRecord], width: int, head: str) -> None:
    dashboard = Dashboard(SPEC, "sst5-0a1b2c3d", slots=2)
    dashboard.records = {record.trial.number: record for record in records}
    screen = draw(dashboard, width)
    assert head in screen
    assert " ".join(screen.partition(head)[2].splitlines()[1].split()).endswith("2/8 2 2 2 0 0.7000")
    assert "unfinished" not in screen
    dashboard.is_closed = True
    unfinished = draw(dashboard, width).partition("unfinished")[2]
    assert {line.split()[0] for line in unfinished.splitlines()[1:5]} == {"1", "2", "3", "6"}
    without = Dashboard(small_spec(), "sst5-0a1b2c3d", slots=2)
    assert "wait" not in draw(without, width)


def draw(dashboard: Dashboard, width: int) -> str:
    console = Console(file=StringIO(), width=width, color_system=None)
    lines = console.render_lines(dashboard, console.options, pad=False)
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


@pytest.mark.parametrize("state", [SweepState.RUNNING, SweepState.INTERRUPTED])
def test_a_trial_that_waits_is_neither_running_nor_interrupted(records: list[TrialRecord], state: SweepState) -> None:
    labels = [end_label(SPEC, record, state) for record in records]
    moving = "running" if state == SweepState.RUNNING else "interrupted"
    assert labels == ["waiting", moving, "waiting", "stopped early", "stopped early", moving]


def test_events_tell_once_that_a_trial_waits(records: list[TrialRecord]) -> None:
    lines: list[str] = []
    people = LineView(PlainOutput(progress=False), SPEC, [])
    view = EventView(people, lines.append, WatchedSweep("sst5-0a1b2c3d", SPEC, [], slots=2))
    for record in [*records, *records]:
        view.update(record)
    events = [json.loads(line) for line in lines]
    assert [(event["trial"], event["epoch"]) for event in events if event["event"] == "trial_paused"] == [
        (1, 1),
        (3, 1),
    ]


def test_a_stopped_trial_was_compared_with_all_that_reached_its_rung(records: list[TrialRecord]) -> None:
    others = "trial 2 0.7000, trial 3 0.6000, trial 1 0.5000"
    assert rivals_line(SPEC, records[3], records).startswith(f"at epoch 1: {others}")
    failed = replace(records[1], end=TrialEnd(Outcome.FAILED, "a broken trial"))
    left = rivals_line(SPEC, records[3], [records[0], failed, *records[2:]])
    assert "trial 2" not in left
    assert "trial 3" in left
