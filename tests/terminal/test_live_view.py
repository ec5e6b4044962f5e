"""The live view fits any width and shows the same facts at each; without a terminal there are lines."""

import io
import os
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from rich.console import Console

from sweeper.protocol.remaining_time import RemainingTime
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.dashboard import Dashboard
from sweeper.terminal.line_view import LineView
from sweeper.terminal.literal_console import LiteralConsole
from sweeper.terminal.live_view import LiveView
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.progress import SweepProgress
from sweeper.terminal.terminal import Terminal
from sweeper.training.config import TrainConfig
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord, stopped_by_user
from tests.support.fake_sweeps import FakeSweep
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

SPEC = small_spec()
NOW = 1_763_700_000_000  # of the views' clock


def make_record(number: int, system: int, scores: list[float], outcome: Outcome | None) -> TrialRecord:
    loss = SPEC.systems[system]["loss"]
    params = {**SPEC.systems[system], "batch_size": 8, "alpha": 0.123456, "normalize": True, "tau": 0.07}
    config = TrainConfig.model_validate({"encoder": "m", "loss": loss, "epochs": 4})
    reports = tuple(report(step + 1, score) for step, score in enumerate(scores))
    reason = "" if outcome == Outcome.COMPLETED else "stopped after epoch 1: 0.2000, needed 0.3000"
    finish = TrialEnd(outcome, reason) if outcome else None
    times = tuple(NOW for _ in scores)
    return TrialRecord(
        Trial(number, system, params, config), reports, times, NOW - 60_000, finish, NOW if finish else None
    )


RECORDS = [
    make_record(1, 0, [0.3, 0.4, 0.45, 0.44], Outcome.COMPLETED),
    make_record(2, 1, [0.2], Outcome.STOPPED_EARLY),
    make_record(3, 0, [0.31, 0.5], None),
    make_record(4, 1, [], Outcome.FAILED),
]


def make_dashboard(spec: SweepSpec = SPEC) -> Dashboard:
    return Dashboard(spec, "sst5-0a1b2c3d", slots=2, clock=lambda: NOW / 1000)


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.close()


def drawn(width: int, height: int | None = None, spec: SweepSpec = SPEC) -> str:
    dashboard = make_dashboard(spec)
    dashboard.records = {record.trial.number: record for record in RECORDS}
    console = Console(file=io.StringIO(), width=width, color_system=None)
    lines = console.render_lines(dashboard, console.options.update(height=height), pad=False)
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


@pytest.mark.parametrize(("validations", "epoch"), [(1, "1"), (2, "0.5")])
def test_it_says_when_the_first_score_comes(validations: int, epoch: str) -> None:
    spec = small_spec(training={"epochs": 4, "validations_per_epoch": validations})
    dashboard = make_dashboard(spec)
    dashboard.records = {1: make_record(1, 0, [], None)}
    output = io.StringIO()
    console = Console(file=output, width=100, color_system=None)
    console.print(dashboard)
    dashboard.is_closed = True
    console.print(dashboard)
    running, closed = (line for line in output.getvalue().splitlines() if line.startswith("no score yet"))
    assert running.endswith(f"score first after epoch {epoch}")
    assert closed == "no score yet"


COMPLETED, RUNNING = make_record(1, 0, [0.3, 0.4], Outcome.COMPLETED), make_record(2, 0, [0.5], None)
STOPPED, COLLAPSED = make_record(3, 0, [0.6], Outcome.STOPPED_EARLY), make_record(4, 0, [0.7], Outcome.COLLAPSED)


@pytest.mark.parametrize(
    ("records", "best"),
    [
        ([COMPLETED, STOPPED, COLLAPSED], 1),
        ([COMPLETED, RUNNING, STOPPED, COLLAPSED], 2),
        ([STOPPED, COLLAPSED], 3),
        ([COLLAPSED], None),
    ],
)
def test_the_best_trial_is_one_that_the_results_can_use(records: list[TrialRecord], best: int | None) -> None:
    progress = SweepProgress(SPEC, {record.trial.number: record for record in records})
    for score in (progress.best(), progress.best(0)):
        assert (score.number if score else None) == best
    dashboard = make_dashboard()
    dashboard.records = progress.records
    output = io.StringIO()
    Console(file=output, width=100, color_system=None).print(dashboard)
    assert ("no score yet of a trial that ended well" in output.getvalue()) == (best is None)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_it_fits_the_width_and_shows_the_progress(width: int) -> None:
    text = drawn(width)
    assert max(len(line) for line in text.splitlines()) <= width
    assert re.search(r"search [━─]* ?3/6", text)
    assert "best 0.5000  trial 3, ce" in text
    assert re.search(r"ce\s+1/3\s+1\s+0", text)
    assert re.search(r"3 ce\s+2/4\s+0\.5000\s+▄┊█┊··", text)


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_the_title_says_whole_what_runs_and_what_all_trials_share(width: int) -> None:
    words = " ".join(drawn(width, spec=small_spec(confirm={"seeds": 3})).split())
    for fact in (
        "sst5-0a1b2c3d: 2 systems, best by validation/accuracy",
        "6 trials of up to 4 epochs, ASHA after epoch 1, 2, confirmed with 3 fresh seeds",
        "every trial: encoder m, epochs 4",
    ):
        assert fact in words
    assert len([line for line in drawn(80).splitlines() if line][:3]) == 3


def test_confirmation_and_test_are_seen_coming() -> None:
    text = drawn(80, spec=small_spec(confirm={"seeds": 3}))
    assert re.search(r"search ━+─+ 3/6  confirmation ─+ 0/6  test ─+ 0/6", text)


def test_finished_trials_say_how_they_ended_and_against_what() -> None:
    for width in (60, 80):
        assert re.search(r"2 lcl\s+stopped early\s+epoch 1: 0.2000, needed 0.3000", drawn(width))
        assert re.search(r"1 ce\s+completed\s+0.4500 at epoch 3", drawn(width))


def test_the_curves_have_an_axis() -> None:
    assert "curve: accuracy from ▁ 0.2000 to █ 0.5000, · to come, ┊ ASHA decides" in drawn(80)


@pytest.mark.parametrize("height", [12, 14, 18, 24, 40])
def test_it_fits_the_height_and_keeps_the_best_score_and_the_running_trials(height: int) -> None:
    text = drawn(80, height)
    assert len(text.splitlines()) <= height
    for fact in ("sst5-0a1b2c3d: 2 systems", "search ━", "best 0.5000  trial 3, ce", "running", "3 ce"):
        assert fact in text
    assert ("completed" in text) == (height > 18)  # finished trials go first


def test_it_shows_what_asha_saved_and_the_time_left() -> None:
    text = drawn(120)
    assert re.search(r"0s, 2 at a time, about \d.* left, ASHA saved 3 of 12 epochs", text)


def test_the_line_view_prints_each_trial_once_and_those_of_an_earlier_run_never(terminal: Terminal) -> None:
    terminal.console = LiteralConsole(file=io.StringIO(), width=100, color_system=None)
    lines = LineView(terminal, SPEC, known_records=[RECORDS[0]])
    for record in [*RECORDS, *RECORDS]:
        lines.update(record)
    out = terminal.console.file
    assert isinstance(out, io.StringIO)
    printed = [line for line in out.getvalue().splitlines() if line.startswith("trial")]
    assert [line.split()[1] for line in printed] == ["2", "4"]
    assert "stopped early  epoch 1: 0.2000, needed 0.3000" in printed[0]
    assert (
        "3 of 6 trials done, 1 stopped early, 1 ended badly, 1 running, best 0.5000 by trial 3 (ce)" in out.getvalue()
    )


def test_the_line_view_says_how_much_time_is_left_as_long_as_any_is() -> None:
    whole = FakeSweep(SPEC).search([Outcome.COMPLETED] * 6).records
    view = LineView(PlainOutput(progress=False), SPEC, [], lambda: NOW / 1000, remaining_time=RemainingTime(SPEC, 1))
    for ended in (1, 5, 6):
        view.records = {record.trial.number: record for record in whole[:ended]}
        said = re.search(r", 0s, about \d+m \d\ds left$", view.summary())
        assert (said is not None) == (ended < 6)


def text_left_on_screen(terminal: Terminal, width: int, status: RunStatus) -> str:
    """Return what is on the screen after a live view of the trials has closed."""
    out = io.StringIO()
    terminal.console = LiteralConsole(file=out, width=width, height=40, force_terminal=True, color_system=None)
    view = LiveView(terminal, SPEC, [], make_dashboard())
    for record in RECORDS:
        view.update(record)
    view.close(status)
    return out.getvalue().rpartition("\x1b[?1049l")[2]  # after the other terminal is gone


def test_trials_that_ended_under_the_live_view_are_printed_when_it_closes(terminal: Terminal) -> None:
    left = text_left_on_screen(terminal, 60, RunStatus.FINISHED).splitlines()
    assert [line.split()[1] for line in left if line.startswith("trial")] == ["1", "2", "4"]
    assert "epoch 1: 0.2000, needed 0.3000" in " ".join(" ".join(left[1:3]).split())  # the setting is cut, this is not
    assert "batch_size" not in "".join(left[1:3])


def test_an_interrupted_sweep_leaves_its_state_on_the_screen(terminal: Terminal) -> None:
    left = text_left_on_screen(terminal, 80, RunStatus.KILLED)
    assert re.search(r"unfinished\s+epoch\s+best.*\n3 ce\s+2/4", left)
    assert "search" in left
    assert "best 0.5000  trial 3, ce" in left


def test_without_colours_it_is_live_all_the_same(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    out = io.StringIO()
    terminal.console = LiteralConsole(file=out, width=80, height=40, force_terminal=True, color_system="standard")
    assert terminal.is_live
    view = LiveView(terminal, SPEC, [], make_dashboard())
    for record in RECORDS:
        view.update(record)
    view.live.refresh()
    view.close(RunStatus.KILLED)
    assert "\x1b[1m" in out.getvalue()  # bold is no colour
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", out.getvalue())


def test_messages_are_drawn_and_printed_when_the_view_closes(terminal: Terminal) -> None:
    out = io.StringIO()
    terminal.console = LiteralConsole(file=out, width=100, height=40, force_terminal=True, color_system=None)
    view = LiveView(terminal, SPEC, [], make_dashboard())
    view.say("trial 3: its worker process died; it continues from its last checkpoint")
    view.say("MLflow is away")
    view.live.refresh()
    assert "MLflow is away" in out.getvalue()
    view.close(RunStatus.FINISHED)
    view.say("MLflow is back")
    left = out.getvalue().rpartition("\x1b[?1049l")[2].splitlines()
    said = [line.strip() for line in left if line.startswith("  ")]
    assert said == [
        "trial 3: its worker process died; it continues from its last checkpoint",
        "MLflow is away",
        "MLflow is back",
    ]


def test_writing_to_a_closed_pipe_is_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    ours, theirs = os.pipe()
    os.close(ours)
    before = os.dup(1)
    os.dup2(theirs, 1)
    try:
        terminal = Terminal()
    finally:
        os.dup2(before, 1)
    terminal.line("into the void")
    terminal.close()
    for descriptor in (theirs, before):
        os.close(descriptor)


def test_early_stopping_did_not_save_what_the_user_stopped() -> None:
    stopped = {number: replace(RECORDS[1], trial=replace(RECORDS[1].trial, number=number)) for number in (1, 2)}
    stopped[2] = replace(stopped[2], end=stopped_by_user(1))
    progress = SweepProgress(SPEC, stopped)
    assert progress.saved_epochs() == (3, 8)
    assert progress.count([Outcome.STOPPED_EARLY]) == 2


def test_trials_confirmed_by_an_earlier_run_with_more_seeds_are_all_planned(terminal: Terminal) -> None:
    fresh = replace(RECORDS[0], trial=replace(RECORDS[0].trial, number=5, source_trial=1, seed_index=1))
    lines = LineView(terminal, SPEC, known_records=[])  # a spec without confirmation
    lines.records = {record.trial.number: record for record in [*RECORDS, fresh]}
    assert "1 of 1 confirmed" in lines.summary()
