"""Verdicts on reports: rungs and values that are not finite stop a trial, also after a crash."""

from pathlib import Path

import numpy as np
import pytest

from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.fakes import report
from tests.support.search_spaces import small_spec
from tests.support.studies import FLAT, open_study


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_ends_the_trial_as_diverged(tmp_path: Path, value: float) -> None:
    with open_study(small_spec(), tmp_path) as study:
        trial = study.ask(0)
        trial_end = study.report(trial, report(1, value)).end
        assert trial_end is not None
        assert trial_end.outcome == Outcome.DIVERGED
        assert study.get(trial).end == trial_end


def test_with_a_minimized_objective_high_values_are_stopped(tmp_path: Path) -> None:
    def loss(value: float) -> ValidationReport:
        return ValidationReport(1, 1.0, {"validation/loss": value})

    with open_study(small_spec(objective={"minimize": "validation/loss"}), tmp_path) as study:
        trials = [study.ask(0) for _ in range(3)]
        assert study.report(trials[0], loss(0.5)).end is None
        assert study.report(trials[1], loss(0.4)).end is None
        assert study.report(trials[2], loss(0.9)).end is not None


def asha_of_ray(values: list[float], reduction_factor: int) -> list[bool]:
    """Return which trials continue at a rung by the rule of Ray's scheduler, in the order of arrival."""
    seen: list[float] = []
    continues = []
    for value in values:
        cutoff = np.nanpercentile(seen, (1 - 1 / reduction_factor) * 100) if seen else None
        continues.append(cutoff is None or bool(value >= cutoff))
        seen.append(value)
    return continues


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_rungs_decide_as_ray_tunes_asha(tmp_path: Path, factor: int) -> None:
    values = [float(value) for value in np.random.default_rng(factor).random(25)]
    spec = small_spec(asha={"grace_epochs": 1, "reduction_factor": factor}, search=FLAT, sampler="random")
    with open_study(spec, tmp_path) as study:
        verdicts = [study.report(study.ask(0), report(1, value)).end is None for value in values]
    assert verdicts == asha_of_ray(values, factor)


def test_a_rung_gives_the_same_answer_after_a_crash(tmp_path: Path) -> None:
    spec = small_spec(asha={"grace_epochs": 1, "reduction_factor": 2}, search=FLAT, sampler="random")
    with open_study(spec, tmp_path) as study:
        early = study.ask(0)
        assert study.report(early, report(1, 0.1)).end is None  # the first
        assert study.report(study.ask(0), report(1, 0.9)).end is None
    with open_study(spec, tmp_path) as study:
        again = study.restart(study.all_trials()[0].trial)
        assert study.report(again, report(1, 0.1)).end is None  # it is below the other, but the other came later


def test_a_verdict_from_before_a_crash_is_not_changed_by_a_later_step(tmp_path: Path) -> None:
    spec = small_spec(search={**FLAT, "epochs": [2, 8]}, training={}, asha={"grace_epochs": 2, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        for number, value in ((1, 0.9), (2, 0.1)):
            trial = study.ask(0)
            while trial.config.epochs != (8 if number == 1 else 2):
                trial = study.ask(0)
            assert [study.report(trial, report(step, value)).end for step in (1, 2)] == [None, None]
    # The last trial was interrupted after its training, before its end was recorded.
    with open_study(spec, tmp_path) as study:
        again = study.restart(study.all_trials()[-1].trial)
        assert [study.report(again, report(step, 0.1)).end for step in (1, 2)] == [None, None]


def test_each_system_has_its_own_rungs(tmp_path: Path) -> None:
    with open_study(small_spec(), tmp_path) as study:
        assert study.report(study.ask(0), report(1, 0.9)).end is None
        assert study.report(study.ask(1), report(1, 0.1)).end is None


def test_a_report_without_the_objective_is_recorded_but_not_judged(tmp_path: Path) -> None:
    spec = small_spec(asha={"grace_epochs": 1, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        other = study.ask(0)
        study.report(other, report(1, 0.9))
        trial = study.ask(0)
        early = ValidationReport(1, 1.0, {"train/loss": 0.7})
        assert study.report(trial, early).end is None
        assert study.get(trial).reports == (early,)
        stopped = study.report(trial, report(2, 0.1)).end
        assert stopped is None  # no other trial has reached this rung


def test_the_last_report_of_a_trial_does_not_stop_it(tmp_path: Path) -> None:
    spec = small_spec(search={**FLAT, "epochs": [2, 8]}, training={}, asha={"grace_epochs": 2, "reduction_factor": 2})
    assert spec.rungs == (2, 4)
    with open_study(spec, tmp_path) as study:
        short = long = None
        while short is None or long is None:
            trial = study.ask(0)
            short, long = (trial, long) if trial.config.epochs == 2 else (short, trial)
        for step in (1, 2):
            study.report(long, report(step, 0.9))
        assert study.report(short, report(1, 0.1)).end is None
        # It is at a rung and below the other, but it is complete.
        assert study.report(short, report(2, 0.1)).end is None
        study.end_trial(short, TrialEnd(Outcome.COMPLETED))
        assert study.get(short).end == TrialEnd(Outcome.COMPLETED)


def test_a_rung_counts_the_trials_that_ended_at_it(tmp_path: Path) -> None:
    spec = small_spec(search={**FLAT, "epochs": [2, 8]}, training={}, asha={"grace_epochs": 2, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        trials = [study.ask(0) for _ in range(12)]
        short = next(trial for trial in trials if trial.config.epochs == 2)
        first, last = [trial for trial in trials if trial.config.epochs == 8][:2]
        for trial, value in ((first, 0.1), (short, 0.9), (last, 0.4)):
            verdicts = [study.report(trial, report(step, value)).end is None for step in (1, 2)]
            assert verdicts == [True, trial is not last]  # below the median of the two before it


def test_a_rung_counts_a_trial_that_went_wrong_later_also_after_a_crash(tmp_path: Path) -> None:
    spec = small_spec(training={"epochs": 3}, asha={"grace_epochs": 1, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        failed = study.ask(0)
        assert study.report(failed, report(1, 0.9)).end is None
        study.end_trial(failed, TrialEnd(Outcome.FAILED, "reason"))
    with open_study(spec, tmp_path) as study:
        trial_end = study.report(study.ask(0), report(1, 0.5)).end
        assert trial_end is not None
        assert "needed 0.9000" in trial_end.reason
