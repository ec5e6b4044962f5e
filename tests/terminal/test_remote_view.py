"""A view that crosses in a log: what is watched elsewhere is what would have been watched there."""

import io
import json
import re

import pytest

from sweeper.terminal.line_view import LineView
from sweeper.terminal.remote_view import EventEmitter, RemoteViewer, decoded, encoded
from sweeper.terminal.terminal import Terminal
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord
from tests.support.fake_sweeps import Story
from tests.support.search_spaces import small

SPEC = small()
TOLD = Story(SPEC).search([Outcome.COMPLETED, Outcome.DIVERGED]).confirm().recorded


def page(*, relayed: bool = False) -> tuple[Terminal, io.StringIO]:
    screen = Terminal(relayed=relayed)
    screen.console.file = io.StringIO()
    return screen, screen.console.file


def shown(text: io.StringIO) -> str:
    return re.sub(r"\d+s$", "", text.getvalue(), flags=re.MULTILINE)


def log_of(recorded: list[TrialRecord]) -> str:
    screen, text = page(relayed=True)
    screen.line("fetching something …")
    relay = EventEmitter(screen, SPEC, recorded[:1], "a header", 2)
    relay.say("a word")
    for one in recorded:
        relay.update(one)
    relay.close(RunStatus.FINISHED)
    screen.line("the table")
    screen.result({"trials": 3})
    screen.close()
    return text.getvalue()


@pytest.mark.parametrize("recorded", TOLD, ids=lambda one: f"{one.trial.number}-{one.finish.outcome}")
def test_a_trial_crosses_whole(recorded: TrialRecord) -> None:
    assert decoded(json.loads(json.dumps(encoded(recorded)))) == recorded


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_what_is_watched_elsewhere_is_what_would_have_been_watched_there(size: int) -> None:
    log = log_of(TOLD)
    here, text = page()
    watcher = RemoteViewer(here)
    watcher.watch(log[k : k + size] for k in range(0, len(log), size))
    here.close()

    there, expected = page()
    there.line("fetching something …")
    lines = LineView(there, SPEC, TOLD[:1])
    lines.say("a word")
    for one in TOLD:
        lines.update(one)
    there.line("the table")
    there.close()
    assert shown(text) == shown(expected)
    assert watcher.results == {"trials": 3}


def test_a_log_that_breaks_off_closes_the_view_and_rays_own_lines_are_left_out() -> None:
    log = log_of(TOLD)
    cut = log[: log.index("the table") - 30]
    ray = (
        "2026-11-21 18:59:43,809 INFO job_manager.py:581 -- Runtime env is setting up.\nRunning entrypoint for job x: y"
    )
    here, text = page()
    watcher = RemoteViewer(here)
    watcher.watch([ray, "\n", cut])
    here.close()
    assert watcher.view is None
    assert watcher.results is None
    assert text.getvalue().startswith("fetching something …\n")
