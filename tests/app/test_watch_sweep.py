"""Watching a sweep shows what its driver records, in the view of `run`, and changes nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sweeper.app.watch_sweep import watch_sweep
from sweeper.protocol.sweep_summary import SweepState
from sweeper.record.optuna_study import OptunaStudy
from sweeper.terminal.output import PlainOutput
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import ProgressView
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.recorded_sweeps import RecordedSweep


class Driver:
    """A driver that does one thing each time that the watcher waits, and closes the record at last."""

    def __init__(self, sweep: RecordedSweep) -> None:
        self.study = OptunaStudy(sweep.spec, sweep.folder.journal, 1)
        self.steps = self._steps()

    def __call__(self, seconds: float) -> None:
        assert 0 < seconds < 60
        next(self.steps, None)

    def _steps(self) -> Iterator[None]:
        trial = self.study.ask(0)
        yield
        self.study.report(trial, ValidationReport(1, 1.0, {"validation/accuracy": 0.875, "validation/macro_f1": 0.5}))
        yield
        yield  # nothing new
        self.study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
        self.study.ask(1)
        self.study.close()
        yield


def test_each_trial_that_ends_is_a_line_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search()
    before = set(sweep.folder.path.iterdir())
    driver = Driver(sweep)
    snapshot = watch_sweep(PlainOutput(), sweep.folder, driver)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"watching {sweep.folder.name}: sst5, 2 systems")
    assert lines[1].startswith("trial   3  ce   completed")
    assert "0.8750" in lines[1]
    assert lines[2].startswith("  3 of 8 trials done, best 0.8750 by trial 3 (ce)")
    assert snapshot.summary.state == SweepState.INTERRUPTED
    assert snapshot.record(4).end is None
    assert set(sweep.folder.path.iterdir()) == before


def test_a_sweep_that_nobody_drives_is_returned_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED] * 4).finish()
    snapshot = watch_sweep(PlainOutput(), sweep.folder, lambda _: pytest.fail("it waits"))
    assert (snapshot.summary.state, capsys.readouterr().out) == (SweepState.FINISHED, "")


class SlotsOutput(PlainOutput):
    """An output that notes with how many slots and texts a view is made."""

    def make_view(self, sweep: WatchedSweep) -> ProgressView:
        """Return the view, and note what it gets."""
        self.slots, self.texts = sweep.slots, sweep.texts
        return super().make_view(sweep)


def test_the_view_learns_how_many_trials_run_at_a_time_also_when_fewer_run_now(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search()
    driver = Driver(sweep)
    trials = [driver.study.ask(0) for _ in range(3)]
    for trial in trials[:2]:
        driver.study.end_trial(trial, TrialEnd(Outcome.FAILED))
    output = SlotsOutput(progress=False)
    watch_sweep(output, sweep.folder, driver)
    assert output.slots == 3
    assert output.texts == sweep.folder.texts
