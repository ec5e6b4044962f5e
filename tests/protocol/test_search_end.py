"""The limits of a search: what ends it, what becomes of trials under way, and that a restart decides the same."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import SweepFailedError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import sweep
from sweeper.protocol.results import build_results
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.sweep_results import SearchResult, SweepResults
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_manifest import SweepManifest
from sweeper.training.types import GPU_SHARE, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report, scripted_jobs
from tests.support.search_spaces import small_spec
from tests.support.studies import open_study

HOUR = 3600.0
LOST = TrialEnd(Outcome.FAILED, "its worker process died")


def spec(**changes: Any) -> SweepSpec:
    """Return a spec of two systems whose trials train three epochs and reach the accuracy `alpha`."""
    given = {"search": {"alpha": {"uniform": [0.1, 0.9]}}, "training": {"epochs": 3, "tau": 1.0}, "asha": "off"}
    return small_spec(**{"compare": {"encoder": ["m"], "loss": ["scl", "lcl"]}, **given, **changes})


def limited(trials: int = 8, objective: Any = None, gpu: float = 0, **limits: Any) -> SweepSpec:
    objective = {"maximize": "validation/accuracy", **(objective or {})}
    return spec(budget={"trials": trials, **limits}, objective=objective, resources={"gpu": gpu})


class Command:
    """One run of a command that searches, with a clock that the test sets. `now` is in seconds."""

    def __init__(self, spec: SweepSpec, folder: Path, now: float = 1e9, elapsed: float = 0.0, gpu: float = 0.0) -> None:
        self.now, self.spec, self.lines = now, spec, list[str]()
        self.study = OptunaStudy(spec, folder / "journal", threads=1, clock=lambda: self.now)
        self.search = SearchStage(
            spec, self.study, [], self.lines.append, elapsed=elapsed, gpu=gpu, clock=lambda: self.now
        )

    def start(self) -> Trial:
        trial = self.search.next_trial()
        assert trial is not None
        return trial

    def train(self, accuracy: float = 0.5, seconds: float = 0.0) -> Trial:
        """Run a trial to its end, or until it must stop."""
        trial = self.start()
        for step in range(1, 4):
            if not self.report(trial, step, accuracy, seconds):
                return trial
        self.search.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
        return trial

    def report(self, trial: Trial, step: int, accuracy: float = 0.5, seconds: float = 0.0) -> bool:
        self.now += seconds
        return self.search.report(trial, timed(report(step, accuracy), seconds))

    @property
    def is_over(self) -> bool:
        return self.search.next_trial() is None and self.search.is_exhausted()

    def results(self) -> SweepResults:
        folder = SweepFolder(Path("sweep"), SweepManifest({}, {}, 1))
        return build_results(self.spec, folder, self.study.all_trials(), (), self.study.sessions())

    def result(self) -> SearchResult:
        result = self.results().search
        assert result is not None
        return result


def timed(validation: ValidationReport, seconds: float) -> ValidationReport:
    return replace(validation, metrics={**validation.metrics, "seconds": seconds})


@contextmanager
def command(spec: SweepSpec, folder: Path, **arguments: float) -> Iterator[Command]:
    running = Command(spec, folder, **arguments)
    with closing(running.study):
        yield running


def run(spec: SweepSpec, folder: Path) -> list[TrialRecord]:
    with open_study(spec, folder) as study:
        sweep.run_protocol(spec, study, InlineRunner(1, 0), [], scripted_jobs(folder), TrialResources(1, 0, 1))
        return list(study.all_trials())


# ---- epochs, GPU hours and cost


@pytest.mark.parametrize(
    ("limits", "ended_by", "reason"),
    [
        ({"epochs": 7}, "budget.epochs", "the budget's 7 epochs are used"),
        ({"gpu_hours": 3.5}, "budget.gpu_hours", "the budget's 3.5 GPU hours are used"),
        ({"cost": {"usd": 7, "per_gpu_hour": 2}}, "budget.cost", "the budget's 7 USD are used, at 2 USD per GPU hour"),
        ({"gpu_hours": 99, "cost": {"usd": 7, "per_gpu_hour": 2.0}}, "budget.cost", "the budget's 7 USD are used"),
        ({"hours": 7}, "budget.hours", "the budget's 7 hours are over"),
    ],
)
def test_a_limit_ends_the_search_and_a_restart_decides_the_same(
    limits: dict[str, Any], ended_by: str, reason: str, tmp_path: Path
) -> None:
    bounded = limited(**limits, gpu=0.5)
    with command(bounded, tmp_path, gpu=0.5) as first:
        for _ in range(2):
            first.train(seconds=HOUR)
        cut = first.start()
        assert not first.report(cut, 1, seconds=HOUR)
        assert first.is_over
        assert first.lines[-1].startswith(f"trial {cut.number}: interrupted after epoch 1, because {reason}")
        assert (first.result().ended_by, first.result().interrupted) == (ended_by, 1)
        assert first.result().reason.startswith(reason)
    with command(bounded, tmp_path, gpu=0.5, now=2e9) as again:
        assert again.is_over
        assert is_search_over(bounded, again.results())
        assert [record.end is None for record in again.study.all_trials()] == [False, False, True]


def test_a_larger_limit_continues_the_interrupted_trial_under_its_number(tmp_path: Path) -> None:
    with command(limited(epochs=4), tmp_path) as first:
        first.train()
        assert not first.report(first.start(), 1)
        results = first.results()
    assert is_search_over(limited(epochs=3), results)
    assert not is_search_over(limited(epochs=5), results)
    assert not is_search_over(limited(), results)
    with command(limited(epochs=9), tmp_path) as more:
        trial = more.start()
        assert (trial.number, trial.attempt) == (2, 2)
        assert [more.report(trial, step) for step in (1, 2, 3)] == [True, True, True]


def test_confirmation_does_not_use_the_budget_of_the_search(tmp_path: Path) -> None:
    confirmed = spec(budget={"trials": 4, "epochs": 12}, confirm={"seeds": 2})
    run(confirmed, tmp_path)
    with command(confirmed, tmp_path) as again:
        assert again.result().epochs == 12
        assert again.result().ended_by == ""  # the trials were all run


def test_the_sweep_confirms_what_it_has_when_a_limit_ends_the_search(tmp_path: Path) -> None:
    records = run(spec(budget={"trials": 8, "epochs": 7}, confirm={"seeds": 2}), tmp_path)
    searched = [record for record in records if record.trial.is_of_search]
    assert [record.end is None for record in searched] == [False, False, True]
    assert sum(bool(record.test) for record in records) == 4
    assert [path.name for path in (tmp_path / "trials").glob("*/checkpoint*")] == ["checkpoint-1.pt"]
    assert (tmp_path / "trials" / "3" / "checkpoint-1.pt").exists()


def test_a_search_that_ends_before_a_trial_does_is_an_error_that_names_the_limit(tmp_path: Path) -> None:
    with pytest.raises(SweepFailedError, match=r"before a trial succeeded: the budget's 2 epochs are used\n") as error:
        run(limited(epochs=2), tmp_path)
    assert "the same command with another budget.epochs continues" in str(error.value)
    assert len(run(limited(epochs=99, trials=2), tmp_path)) == 2


def test_systems_have_equal_shares_as_far_as_a_limit_allows(tmp_path: Path) -> None:
    records = run(limited(trials=40, epochs=20), tmp_path)
    counts = [sum(record.trial.system == system for record in records) for system in (0, 1)]
    assert sorted(counts) == [3, 4]


# ---- hours


def test_hours_are_counted_over_all_commands_without_the_pauses(tmp_path: Path) -> None:
    bounded = limited(hours=4)
    with command(bounded, tmp_path, elapsed=HOUR) as first:  # an hour of download
        first.report(first.start(), 1, seconds=HOUR)
    with command(bounded, tmp_path, now=2e9) as second:
        assert second.result().hours == pytest.approx(2, abs=1e-6)
        trial = second.start()
        assert second.report(trial, 1)  # sent again
        assert second.report(trial, 2, seconds=1.5 * HOUR)
    with command(bounded, tmp_path, now=3e9) as third:
        assert third.result().hours == pytest.approx(3.5, abs=1e-6)
        third.start()
        third.now += 0.6 * HOUR
        assert third.search.next_trial() is None
        assert third.result().hours == pytest.approx(4.1, abs=1e-6)


def test_time_after_an_interruption_by_the_user_counts_once_it_is_recorded(tmp_path: Path) -> None:
    with command(limited(hours=4), tmp_path) as first:
        first.start()
        first.now += HOUR
        first.search.close()
        assert first.result().hours == pytest.approx(1, abs=1e-6)


def test_preparation_alone_may_end_the_hours(tmp_path: Path) -> None:
    with command(limited(hours=1), tmp_path, elapsed=3601) as first:
        assert first.is_over
        assert first.result().ended_by == "budget.hours"
    with command(limited(hours=1), tmp_path, elapsed=10) as again:
        assert again.is_over
    with command(limited(hours=2), tmp_path, elapsed=10) as more:
        more.start()


def test_a_command_that_finds_nothing_to_search_uses_no_hours(tmp_path: Path) -> None:
    bounded = limited(trials=2, hours=4)
    run(bounded, tmp_path)
    with command(bounded, tmp_path, elapsed=3 * HOUR) as again:
        assert again.is_over
        again.search.close()
        assert len(again.study.sessions()) == 1


def test_reports_that_a_resumed_trial_sends_again_do_not_interrupt_it(tmp_path: Path) -> None:
    with command(limited(hours=1), tmp_path) as first:
        trial = first.start()
        assert first.report(trial, 1)
        first.search.worker_lost(trial, LOST)
        again = first.start()
        first.now += HOUR
        assert first.report(again, 1)
        assert not first.report(again, 2)


def test_the_last_validation_of_a_trial_is_its_end(tmp_path: Path) -> None:
    with command(limited(epochs=3), tmp_path) as first:
        first.train()
        assert first.is_over
        assert [record.end for record in first.study.all_trials()] == [TrialEnd(Outcome.COMPLETED)]


# ---- stop_at


def test_the_search_ends_for_all_systems_when_a_trial_reaches_the_value(tmp_path: Path) -> None:
    bounded = limited(objective={"stop_at": 0.6})
    with command(bounded, tmp_path) as first:
        good, other = first.start(), first.start()
        assert first.report(good, 1, 0.61)  # it is trained to its end, so that it can be confirmed
        assert first.search.next_trial() is None
        assert not first.report(other, 1, 0.5)
    with command(bounded, tmp_path) as again:
        resumed = again.start()
        assert resumed.number == good.number
        assert again.search.next_trial() is None
        assert [again.report(resumed, step, 0.55) for step in (1, 2, 3)] == [True] * 3
        again.search.trial_ended(resumed, TrialEnd(Outcome.COMPLETED))
        assert again.is_over
        assert again.result().reason == "validation/accuracy reached 0.6 (0.6100 in trial 1)"
        assert is_search_over(bounded, again.results())
        assert not is_search_over(limited(objective={"stop_at": 0.7}), again.results())


def test_the_search_goes_on_when_the_trial_that_reached_the_value_fails(tmp_path: Path) -> None:
    with command(limited(objective={"stop_at": 0.6}), tmp_path) as first:
        good, other = first.start(), first.start()
        assert first.report(good, 1, 0.61)
        assert not first.report(other, 1, 0.5)
        first.search.trial_ended(good, TrialEnd(Outcome.FAILED, "broken"))
        assert first.start().number == other.number


def test_a_loss_is_reached_from_above(tmp_path: Path) -> None:
    bounded = spec(budget={"trials": 8}, objective={"minimize": "validation/loss", "stop_at": 0.6})
    with command(bounded, tmp_path) as first:
        trial = first.start()
        for step, loss in ((1, 0.7), (2, 0.6)):
            metrics = {"validation/loss": loss, "validation/largest_class": 0.5}
            assert first.search.report(trial, ValidationReport(step, float(step), metrics))
            assert (first.search.find_end() is not None) == (loss == 0.6)


# ---- patience


def test_patience_ends_the_search_of_all_systems_together(tmp_path: Path) -> None:
    bounded = limited(trials=40, patience=2)
    with command(bounded, tmp_path) as first:
        for accuracy in (0.5, 0.5, 0.6, 0.4, 0.6, 0.4):
            first.train(accuracy)
        assert first.search.find_end() is None
        first.train(0.6)
        assert first.is_over
        reason = "no system's best improved by more than the seed noise (0.0000) in its last 2 trials"
        assert first.result().reason == reason
        results = first.results()
    assert is_search_over(bounded, results)
    assert not is_search_over(limited(trials=40, patience=3), results)
    assert not is_search_over(limited(trials=40), results)
    with command(bounded, tmp_path) as again:
        assert again.is_over


def test_a_rise_within_the_given_noise_counts_as_none(tmp_path: Path) -> None:
    with command(limited(trials=40, patience={"trials": 2, "noise": 0.2}), tmp_path) as first:
        for accuracy in (0.5, 0.5, 0.55, 0.55, 0.6, 0.6):
            first.train(accuracy)
        assert first.is_over
        assert "more than the noise (0.2000)" in first.result().reason


def test_trials_with_shares_of_their_own_count_for_gpu_hours_by_their_shares(tmp_path: Path) -> None:
    auto = spec(budget={"trials": 8, "gpu_hours": 9}, resources={"gpu": "auto"})
    with command(auto, tmp_path, gpu=1) as first:
        for share in (0.25, 0.5, None):
            trial = first.start()
            validation = timed(report(1, 0.5), HOUR)
            metrics = {} if share is None else {GPU_SHARE: share}
            first.search.report(trial, replace(validation, metrics={**validation.metrics, **metrics}))
        assert first.result().gpu_hours == pytest.approx(0.25 + 0.5 + 1)  # without one, that of the command
        assert first.results().gpu == pytest.approx((0.25 + 0.5 + 1) / 3)
