"""A sweep watched through a job's log looks as it would on the machine that runs it."""

import io
import json
import re
from dataclasses import replace

import pytest

from sweeper.protocol.remaining_time import RemainingTime
from sweeper.terminal.line_view import LineView
from sweeper.terminal.remote_view import EventEmitter, RemoteViewer, decode_record, encode_record
from sweeper.terminal.terminal import Terminal
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec

SPEC = small_spec()
RECORDS = FakeSweep(SPEC).search([Outcome.COMPLETED, Outcome.DIVERGED]).confirm().records


def page(*, relayed: bool = False) -> tuple[Terminal, io.StringIO]:
    terminal = Terminal(relayed=relayed)
    terminal.console.file = io.StringIO()
    return terminal, terminal.console.file


def shown(text: io.StringIO) -> str:
    """Return a text without the times at the end of its lines."""
    return re.sub(r"\d+s(, about .* left)?$", "", text.getvalue(), flags=re.MULTILINE)


def log_of(records: list[TrialRecord]) -> str:
    terminal, text = page(relayed=True)
    terminal.line("fetching something …")
    emitter = EventEmitter(terminal.event, WatchedSweep("a name", SPEC, records[:1], slots=2))
    emitter.say("a word")
    for record in records:
        emitter.update(record)
    emitter.close(RunStatus.FINISHED)
    terminal.line("the table")
    terminal.result({"trials": 3})
    terminal.close()
    return text.getvalue()


PROMOTED = replace(RECORDS[-1], borrowed=3, promoted_after=1)


@pytest.mark.parametrize(
    "record", [*RECORDS, PROMOTED], ids=lambda record: f"{record.trial.number}-{record.end.outcome}"
)
def test_a_trial_is_the_same_after_encoding_and_decoding(record: TrialRecord) -> None:
    assert decode_record(json.loads(json.dumps(encode_record(record)))) == record


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
def test_the_remote_view_shows_what_the_local_one_would_show(size: int) -> None:
    log = log_of(RECORDS)
    here, text = page()
    viewer = RemoteViewer(here)
    viewer.watch(log[k : k + size] for k in range(0, len(log), size))
    here.close()

    there, expected = page()
    there.line("fetching something …")
    lines = LineView(there, SPEC, RECORDS[:1], remaining_time=RemainingTime(SPEC, 2))
    lines.say("a word")
    for record in RECORDS:
        lines.update(record)
    there.line("the table")
    there.close()
    assert "left" in text.getvalue()
    assert shown(text) == shown(expected)
    assert viewer.results == {"trials": 3}


def test_a_log_that_breaks_off_closes_the_view_and_rays_own_lines_are_left_out() -> None:
    log = log_of(RECORDS)
    cut = log[: log.index("the table") - 30]
    ray = (
        "2026-11-21 18:59:43,809\tINFO job_manager.py:581 -- Runtime env is setting up.\nRunning entrypoint for job x:"
    )
    here, text = page()
    viewer = RemoteViewer(here)
    viewer.watch([ray, "\n", cut])
    here.close()
    assert viewer.view is None
    assert viewer.results is None
    assert text.getvalue().startswith("fetching something …\n")
