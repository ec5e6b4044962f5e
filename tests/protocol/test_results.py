"""Results: what trials had and cost, and which fresh seeds count."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.app.sweep_artifacts import summary_metrics
from sweeper.protocol.results import stored_results
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.sweep_results import SweepResults, TrialResult
from sweeper.reporting.winner import describe_winner, find_winner
from sweeper.trials.outcome import Outcome
from tests.support.recorded_sweeps import RecordedSweep

ONE_SYSTEM = {"encoder": ["gru"], "loss": ["ce"]}


def results_of(sweep: RecordedSweep) -> SweepResults:
    results = stored_results(sweep.folder)
    assert results is not None
    return results


@pytest.mark.parametrize(
    ("asked", "given", "gpu"),
    [(1, [0.0], 0.0), (2, [1.0], 1.0), (0.3, [0.3], 0.3), ("auto", [0.5], 0.5), (1, [0.0, 1.0], 0.5)],
)
def test_the_gpus_of_a_trial_are_those_that_it_got(
    asked: float | str, given: list[float], gpu: float, tmp_path: Path
) -> None:
    sweep = RecordedSweep(tmp_path, resources={"gpu": asked}, compare=ONE_SYSTEM, confirm={"seeds": 0}, asha="off")
    for gpus in given:
        with sweep.study() as study:
            study.begin_session(0.0, gpus)
        sweep.search()
    results = results_of(sweep.finish())
    assert results.gpu == pytest.approx(gpu)
    assert results.search is not None
    hours = results.systems[0].hours
    assert results.search.gpu_hours == pytest.approx(hours * gpu)


def test_a_fresh_seed_counts_if_it_left_a_model(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path, confirm={"seeds": 3}, compare=ONE_SYSTEM).search([Outcome.COMPLETED])
    results = results_of(sweep.finish(ends={3: Outcome.OUT_OF_MEMORY, 2: Outcome.COLLAPSED}))
    confirmation = results.systems[0].confirmation
    assert confirmation is not None
    reached = [seed.metrics["validation/accuracy"] for seed in confirmation.seeds]
    assert len(reached) == 3
    mean = sum(reached[:2]) / 2
    assert (confirmation.mean, confirmation.optimism) == pytest.approx((mean, confirmation.search_mean - mean))
    assert [candidate.seeds for candidate in confirmation.candidates] == [2]
    assert summary_metrics(results)["mean/validation/accuracy"] == pytest.approx(mean)
    winner = find_winner(results, {})
    assert winner is not None
    assert dict(describe_winner(winner, results, ["gru ce"]))["validation"].endswith(", 2 fresh seeds")


def test_a_setting_whose_seeds_all_broke_has_no_score(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path).search([Outcome.COMPLETED])
    results = results_of(sweep.finish(ends={1: Outcome.FAILED, 2: Outcome.OUT_OF_MEMORY}))
    assert [found.mean for found in results.confirmations] == [None, None]
    assert find_winner(results, {}) is None


def test_mlflow_gets_the_metrics_of_the_confirmed_setting_if_it_was_not_the_best_of_the_search(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path, confirm={"seeds": 1, "top": 2}, compare=ONE_SYSTEM, asha="off")
    results = results_of(sweep.search([Outcome.COMPLETED] * 2).finish())
    first, second = results.trial_results[:2]
    values = results.to_dict()
    assert values["systems"][0]["best"]["trial"] == first.number
    values["systems"][0]["confirmation"]["source_trial"] = second.number
    found = summary_metrics(SweepResults.parse(values))
    assert (found["best/trial"], found["best/epoch"]) == (second.number, second.epoch)
    assert found["best/validation/accuracy"] == second.metrics["validation/accuracy"]


def test_a_budget_that_is_spent_again_after_a_failed_round_is_not_over_too_early(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path, compare=ONE_SYSTEM, budget={"trials": 4}, confirm={"seeds": 0}, asha="off")
    failed = results_of(sweep.search([Outcome.FAILED] * 4).finish())
    assert is_search_over(sweep.spec, failed)  # it has failed; the same command spends the budget again
    begun = results_of(sweep.search([Outcome.COMPLETED]).finish())
    assert not is_search_over(sweep.spec, begun)
    ended = results_of(sweep.search([Outcome.COMPLETED] * 3).finish())
    assert is_search_over(sweep.spec, ended)


def test_the_limit_that_ends_a_second_round_is_named(tmp_path: Path) -> None:
    changes: dict[str, Any] = {"budget": {"trials": 4}, "confirm": {"seeds": 0}, "asha": "off"}
    objective = {"maximize": "validation/accuracy", "stop_at": 0.4}
    sweep = RecordedSweep(tmp_path, compare=ONE_SYSTEM, objective=objective, **changes)
    results = results_of(sweep.search([Outcome.FAILED] * 4).search([Outcome.COMPLETED]).finish())
    assert results.search is not None
    assert results.search.ended_by == "objective.stop_at"
    assert is_search_over(sweep.spec, results)


def test_a_table_of_trials_keeps_hyperparameters_beside_metrics_of_the_same_name(tmp_path: Path) -> None:
    search = {"learning_rate": [1e-3, 1e-2], "epochs": [1, 3]}
    sweep = RecordedSweep(tmp_path, compare=ONE_SYSTEM, search=search, training={}, confirm={"seeds": 0}, asha="off")
    results = results_of(sweep.search([Outcome.COMPLETED]).finish())
    rates = {"learning_rate": 1e-5, "validation/accuracy": 0.5}
    trials = [trial.model_copy(update={"metrics": rates}) for trial in results.trial_results]
    table = results.model_copy(update={"trial_results": trials}).trials()
    assert table.columns.is_unique
    for name in search:
        assert list(table[name]) == [trial.params[name] for trial in trials]
    assert list(table["metric/learning_rate"]) == [1e-5] * len(trials)
    assert list(table["trained_epochs"]) == [trial.epochs for trial in trials]
    columns = len(TrialResult.model_fields) - 3 + len(trials[0].params) + len(rates)
    assert len(table.columns) == columns
