"""Replays: the surrogate follows the records, every arm spends its budget, and the figures say what they mean."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import KFold

from benchmarks.economy.arms import ARMS
from benchmarks.economy.clock import run_search
from benchmarks.economy.earlier import earlier_sweep, good_settings
from benchmarks.economy.figures import interval, share_interval, table_lines
from benchmarks.economy.matching import epochs_to_match, match_lines, needed_epochs
from benchmarks.economy.problem import Problem
from benchmarks.economy.record import SPACE
from benchmarks.economy.replay import Job, run_job
from benchmarks.economy.report import chosen_arms, describe_problem, make_jobs, open_problems, read_replayable
from benchmarks.economy.settings import FORMER_DEFAULT, LOSSES
from benchmarks.economy.surrogate import FOLDS, Records, Surrogate, describe_fit, read_records
from benchmarks.economy.sweeper_search import SweeperSearch
from sweeper.errors import UsageError
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.yaml_file import load_yaml
from sweeper.trials.borrowed import BorrowedTrials
from tests.benchmarks.fake_curves import fake_rows

NOISE = 0.01


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return fake_rows(parse_spec(load_yaml(SPACE)), settings=8, noise=NOISE)


@pytest.fixture(scope="module")
def problem(rows: pd.DataFrame) -> Problem:
    return Problem("mine", rows, candidates=32)


def test_the_surrogate_gives_recorded_settings_their_curves_and_their_noise(problem: Problem) -> None:
    records = problem.surrogate.records
    assert len(records.settings) == 3 * 8
    predicted = problem.surrogate.mean_curves(records.settings)
    assert np.sqrt(np.mean((predicted - records.curves) ** 2)) < NOISE
    deviations = np.concatenate([problem.surrogate.possible_curves(s) for s in records.settings[:8]]) - np.repeat(
        predicted[:8], 16, axis=0
    )
    assert NOISE / 2 < deviations.std() < 2 * NOISE
    assert len({tuple(problem.curve(records.settings[0], seed)) for seed in range(40)}) == 16
    assert np.array_equal(problem.curve(records.settings[0], 5), problem.curve(records.settings[0], 5))


def test_the_nearest_setting_is_of_the_same_system(rows: pd.DataFrame) -> None:
    surrogate = Problem("feelings", rows, nearest=True).surrogate
    assert np.array_equal(surrogate.mean_curves(surrogate.records.settings), surrogate.records.curves)


def test_the_error_of_the_nearest_setting_is_that_of_nearest(rows: pd.DataFrame) -> None:
    records = read_records(rows)
    wrong = []
    for train, test in KFold(FOLDS, shuffle=True, random_state=0).split(records.curves):
        of_train = Records(
            [records.settings[k] for k in train], records.curves[train], [records.deviations[k] for k in train]
        )
        curves = Surrogate(of_train, nearest=True).mean_curves([records.settings[k] for k in test])
        wrong += list(curves.max(axis=1) - records.curves[test].max(axis=1))
    assert describe_fit(records)["nearest_error"] == pytest.approx(np.sqrt(np.mean(np.square(wrong))))


def test_a_training_that_ended_early_keeps_its_last_value(rows: pd.DataFrame) -> None:
    is_cut = (rows["loss"] == "ce") & (rows["step"] > 2)
    curves = read_records(rows[~is_cut]).curves
    assert np.array_equal(curves[0][2:], np.repeat(curves[0][1], 4))


def test_rows_that_cannot_be_replayed_are_refused(rows: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    refused = {
        "no such file": None,
        "no trial of lcl": rows[rows["loss"] != "lcl"],
        "no trial of scl with batch size 16": rows[(rows["loss"] != "scl") | (rows["batch_size"] != 16)],
        "no setting of scl has two seeds": rows[(rows["loss"] != "scl") | (rows["sweep_seed"] == 0)],
    }
    for message, kept in refused.items():
        if kept is not None:
            kept.to_parquet(path)
        with pytest.raises(UsageError, match=message):
            read_replayable(path)
    rows.to_parquet(path)
    assert [problem.dataset for problem in open_problems([path], nearest=False)] == ["mine"]


@pytest.mark.parametrize("arm", ["ours: earlier sweeps", "ours: a good setting first"])
def test_a_search_begins_with_the_best_settings_of_the_other_data_sets(
    arm: str, rows: pd.DataFrame, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{name}.parquet" for name in ("a", "b", "c")]
    for path in paths:
        rows.to_parquet(path)
    problem = next(open_problems(paths, nearest=False))
    assert [sweep.dataset for sweep in problem.earlier] == ["b", "c"]
    with closing(ARMS[arm](problem, 18, 0)) as search:
        run_search(search, problem, 1)
        assert isinstance(search, SweeperSearch)
        first = {trial.config.loss: trial.params for trial in reversed(search.trials.values())}
    for loss in LOSSES:
        own = [trial for trial in problem.earlier[0].trials if trial.system["loss"] == loss]
        assert len(own) == 8
        best = max(own, key=lambda trial: trial.score or 0)
        assert first[loss].items() >= best.values.items()


def test_a_good_setting_was_tried_and_good_in_all_earlier_sweeps(rows: pd.DataFrame) -> None:
    recorded = [trial for trial in earlier_sweep("a", rows).trials if trial.system["loss"] == "ce"][:4]

    def sweep(name: str, *scores: float) -> BorrowedTrials:
        trials = [replace(trial, score=score) for trial, score in zip(recorded, scores, strict=False)]
        return replace(earlier_sweep(name, rows), trials=trials)

    found = good_settings([sweep("a", 0.2, 0.9, 0.7, 0.8), sweep("b", 0.29, 0.20, 0.28)])
    assert [recorded[2].values.items() >= setting.items() for setting in found] == [True]
    assert good_settings([]) == []


@pytest.mark.parametrize("arm", ARMS)
def test_an_arm_runs_to_its_end_and_chooses_a_setting_of_each_system(problem: Problem, arm: str) -> None:
    costs = {}
    for workers in (1, 4):
        with closing(ARMS[arm](problem, 12, 3)) as search:
            costs[workers] = run_search(search, problem, workers)
            choices = search.chosen()
            assert search.next_training() is None
        assert choices
        assert set(choices) <= set(LOSSES)
        assert 6 <= costs[workers].epochs <= 36 or "grid" in arm
        assert all(0.1 < choice.score < 0.7 for choice in choices.values())
        if "Ray" not in arm and "Optuna" not in arm:
            assert set(choices) == set(LOSSES)
    assert costs[4].hours < costs[1].hours


@pytest.mark.parametrize("arm", ["one-epoch screening", FORMER_DEFAULT])
def test_the_same_job_gives_the_same_result(problem: Problem, arm: str) -> None:
    assert run_job(problem, Job(arm, 9, 4, 0)) == run_job(problem, Job(arm, 9, 4, 0))
    assert run_job(problem, Job(arm, 9, 4, 0)) != run_job(problem, Job(arm, 9, 4, 1))


def test_more_trials_leave_less_regret(problem: Problem) -> None:
    few, many = (
        [run_job(problem, Job("random search", trials, 1, replay)) for replay in range(5)] for trials in (6, 45)
    )
    assert np.mean([result.regret for result in many]) < np.mean([result.regret for result in few])
    assert np.mean([result.optimism for result in many]) > 0


def test_an_arm_can_be_added_by_its_keys(problem: Problem) -> None:
    arms = chosen_arms(["former"], [["mine", "sampler=qmc", "asha=off"]])
    assert arms == {FORMER_DEFAULT: (), "mine": ("sampler=qmc", "asha=off")}
    assert list(chosen_arms(["ours: shared start", "screening"], [])) == ["one-epoch screening", "ours: shared start"]
    (job,) = make_jobs({"mine": arms["mine"]}, [6], [2], 1, seed=0)
    assert run_job(problem, job).epochs == 18
    for words, added in ((["nobody"], []), (None, [["mine"]]), (None, [[FORMER_DEFAULT, "asha=off"]])):
        with pytest.raises(UsageError, match="--arm"):
            chosen_arms(words, added)


def test_another_seed_gives_other_replays() -> None:
    numbers = {
        (seed, replays): {job.replay for job in make_jobs({FORMER_DEFAULT: ()}, [9], [1], replays, seed)}
        for seed in (0, 1, 2) for replays in (9, 18)
    }  # fmt: skip
    assert numbers[0, 9] == set(range(9))
    assert numbers[1, 9] < numbers[1, 18]
    assert not any(numbers[one, 18] & numbers[other, 9] for one in range(3) for other in range(3) if one != other)


def test_what_was_recorded_is_told(problem: Problem) -> None:
    text = describe_problem(problem)
    assert "24 recorded settings" in text
    assert text.index("Best recorded") < text.index("ce ") < text.index("scl") < text.index("lcl")


def test_regret_counts_from_the_best_recorded_setting(problem: Problem) -> None:
    for loss in LOSSES:
        recorded = [setting for setting in problem.surrogate.records.settings if setting["loss"] == loss]
        values = problem.surrogate.true_values(recorded)
        assert problem.best_recorded[loss] == pytest.approx(values.max())
        assert problem.typical[loss] < values.max()


def results(regrets: dict[str, list[float]]) -> pd.DataFrame:
    """Return results in which budgets are 10, 100 and 1000 epochs, and each replay is run twice."""
    budgets = (10, 100, 1000)
    return pd.DataFrame([
        {"arm": arm, "workers": 1, "trials": size, "epochs": size, "regret": regret, "replay": replay,
         "optimism": 0.01}
        for arm, values in regrets.items() for size, regret in zip(budgets, values, strict=True) for replay in (0, 1)
    ])  # fmt: skip


def test_epochs_to_match_lie_between_the_budgets() -> None:
    cases = (
        ([0.04, 0.02, 0.01], 0.03, 10**1.5),
        ([0.04, 0.02, 0.01], 0.05, 10),
        ([0.08, 0.07, 0.05], 0.06, 10**2.5),
        ([0.08, 0.09, 0.06], 0.07, 10**2.5),
        ([0.08, 0.07, 0.05], 0.04, np.inf),
    )
    budgets = np.array([[10.0, 100.0, 1000.0]] * len(cases)).T
    regrets, targets = np.array([regrets for regrets, _, _ in cases]).T, np.array([target for _, target, _ in cases])
    needed = epochs_to_match(budgets, regrets, targets)
    assert needed == pytest.approx([epochs for _, _, epochs in cases])
    assert np.array_equal(epochs_to_match(budgets[::-1], regrets[::-1], targets), needed)


def test_a_table_shows_where_the_reference_loses() -> None:
    table = results({FORMER_DEFAULT: [0.06, 0.04, 0.02], "fast": [0.04, 0.02, 0.01], "slow": [0.09, 0.08, 0.06]})
    lines = list(match_lines(table, FORMER_DEFAULT))
    assert lines[-2] == "| fast | at most 10 (10 to 10) | **at most 10 (10 to 10)** | **100 (100 to 100)** |"
    assert lines[-1] == "| slow | 1000 (1000 to 1000) | more than 1000 | more than 1000 |"
    line = next(line for line in table_lines(table) if line.startswith("| fast"))
    assert line.startswith("| fast | 1 | 10 | 10 | 4.00 (4.00 to 4.00) | 1.00 (1.00 to 1.00) |")


def test_the_interval_of_needed_epochs_is_as_wide_as_the_replays_differ() -> None:
    table = results({FORMER_DEFAULT: [0.06, 0.04, 0.02], "fast": [0.04, 0.02, 0.01]})
    table.loc[(table["arm"] == "fast") & (table["replay"] == 0), "regret"] += 0.015
    needed = needed_epochs(table, "fast", FORMER_DEFAULT, 100)
    assert needed.low < needed.epochs < needed.high <= 100
    assert needed.least == 10


def test_an_interval_holds_its_mean_and_ignores_missing_values() -> None:
    mean, low, high = interval(pd.Series([1.0, 2.0, 3.0, np.nan]))
    assert low < mean == 2.0 < high
    assert all(map(np.isnan, interval(pd.Series([np.nan]))))


def test_a_share_of_all_replays_is_not_certain() -> None:
    share, low, high = share_interval(pd.Series([True] * 5))
    assert share == 1
    assert high == pytest.approx(1)
    assert 0.5 < low < 0.6
