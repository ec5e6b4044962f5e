"""A sweep that minimizes a metric decides in all as one that maximizes its mirror image."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sweeper.protocol.borrowing import borrow_trials
from sweeper.protocol.confirmation import best_model_trial
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.sweep_summary import find_best
from sweeper.record.optuna_study import OptunaStudy
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.mirrored_sweeps import MirroredSweep, accuracy_of, metrics_of, run_mirrored


def rounded(value: float | None) -> float | None:
    """Return a value without the last digits, in which sums of mirror images may differ."""
    return None if value is None else round(value, 9)


def decisions(sweep: MirroredSweep) -> dict[str, Any]:
    """Return what a sweep decided, with its scores as those of the sweep that maximizes."""
    results, mirrored = sweep.results, sweep.mirrored
    best_model, best = best_model_trial(sweep.spec, sweep.records), find_best(results)
    return {
        "trials": [
            (trial.number, trial.system, trial.params, trial.seed, trial.outcome, trial.race_of, trial.source_trial)
            for trial in results.trial_results
        ],
        "scores": [(mirrored(trial.score), trial.epoch) for trial in results.trial_results],
        "tested": [access.trial for access in results.test_accesses],
        "chosen": [
            (system.best.trial, system.best.completed, system.best.repeats) for system in results.systems if system.best
        ],
        "means": [
            rounded(mirrored(mean))
            for system in results.systems
            if system.best
            for mean in (system.best.mean, system.best.shrunk_mean)
        ],
        "confirmed": [
            (confirmation.source_trial, [it.source_trial for it in confirmation.candidates])
            for confirmation in results.confirmations
        ],
        "optimism": [rounded(confirmation.optimism) for confirmation in results.confirmations],
        "ranking": list(results.ranked_confirmations),
        "best": (results.best_trial, best and best.trial, best_model and best_model.trial.number),
        "end": results.search and (results.search.ended_by, results.search.interrupted),
        "win shares": [rounded(study.win_share) for study in results.study_variance if study],
        "expected": [rounded(mirrored(study.mean)) for study in results.study_variance if study],
    }


CASES: dict[str, dict[str, Any]] = {
    "asha": {},
    "hyperband": {"early_stopping": {"hyperband": {"grace_epochs": 1, "reduction_factor": 2}}},
    "racing": {"racing": 4, "asha": "off", "sampler": "random"},
    "the last weights": {"training": {"epochs": 4, "average": "last"}, "asha": "off"},
    "siblings": {"tpe": {"siblings": 0.5, "start_trials": 4}},
    "priors": {"search": {"batch_size": {"int": [2, 64], "prior": 8}, "alpha": {"uniform": [0.1, 0.9], "prior": 0.2}}},
    "patience": {"budget": {"trials": 40, "patience": {"trials": 3, "noise": 0.02}}},
    "stop_at": {"stop_at": 0.625},
    "not confirmed": {"confirm": {"seeds": 0}},
    "one setting": {"confirm": {"seeds": 3}},
}


@pytest.mark.parametrize("changes", CASES.values(), ids=CASES)
def test_both_sweeps_decide_the_same(tmp_path: Path, changes: dict[str, Any]) -> None:
    higher, lower = run_mirrored(tmp_path, **changes)
    assert decisions(lower) == decisions(higher)
    assert is_search_over(lower.spec, lower.results)
    larger = higher.spec.budget.model_copy(update={"trials": 60})
    for sweep in (higher, lower):
        spec = sweep.spec.model_copy(update={"budget": larger})
        assert is_search_over(spec, sweep.results) == ("patience" in changes.get("budget", {}) or "stop_at" in changes)


def test_a_value_that_was_not_reached_leaves_both_searches_open(tmp_path: Path) -> None:
    larger = {"trials": 60}
    for sweep, missed in zip(run_mirrored(tmp_path, confirm={"seeds": 0}), (0.99, 0.01), strict=True):
        objective = sweep.spec.objective.model_copy(update={"stop_at": missed})
        budget = sweep.spec.budget.model_copy(update=larger)
        spec = sweep.spec.model_copy(update={"objective": objective, "budget": budget})
        assert not is_search_over(spec, sweep.results)


def test_the_sweeps_have_something_to_decide(tmp_path: Path) -> None:
    """Otherwise the test above would compare nothing."""
    _, lower = run_mirrored(tmp_path)
    trials = [trial for trial in lower.results.trial_results if trial.stage == "search"]
    assert {Outcome.COMPLETED, Outcome.STOPPED_EARLY, Outcome.DIVERGED} <= {trial.outcome for trial in trials}
    assert {trial.epoch for trial in trials if trial.outcome == Outcome.COMPLETED} == {3.0}
    assert any(trial.score is None for trial in trials)
    assert min(trial.score for trial in trials if trial.score is not None) in [
        system.best.score for system in lower.results.systems if system.best
    ]
    assert all(confirmation.optimism for confirmation in lower.results.confirmations)


def test_both_sweeps_lend_the_same_trials_and_begin_later_sweeps_alike(tmp_path: Path) -> None:
    """The next sweep begins with the best settings, and standardises the scores that it borrows."""
    lent, proposed = [], []
    for sweep in run_mirrored(tmp_path, tpe={"start_trials": 4}, asha="off"):
        borrowed = borrow_trials(sweep.spec, sweep.folder, sweep.spec, sweep.records)
        lent.append([(trial.values, sweep.mirrored(trial.score)) for trial in borrowed.trials])
        assert sum(score is not None for _, score in lent[-1]) > 10
        best = max((score, trial.number) for (_, score), trial in zip(lent[-1], borrowed.trials, strict=True) if score)
        with closing(
            OptunaStudy(sweep.spec, tmp_path / sweep.spec.objective.direction, 1, borrowed=[borrowed])
        ) as study:
            for k in range(10):
                trial = study.ask(k % 2)
                metrics = metrics_of(accuracy_of(trial.config, 1), "validation")
                study.report(trial, ValidationReport(1, 1.0, metrics))
                study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
            proposed.append([record.trial.params for record in study.all_trials()])
        earlier = {record.trial.number: record.trial.params for record in sweep.records}
        assert earlier[best[1]] in proposed[-1][:2]
    assert lent[0] == lent[1]
    assert proposed[0] == proposed[1]
