"""The benchmark of recipes: its design, its trainings, and the paired differences in its table."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.recipes import trainings
from benchmarks.recipes.__main__ import main
from benchmarks.recipes.design import COMPARED, PLAIN, RECIPES, Job, make_jobs, recipes_of
from benchmarks.recipes.table import best_scores, mean_change, paired_changes, significant_cells, table_lines
from benchmarks.recipes.trainings import run_job, train_job
from benchmarks.result_files import read_result
from sweeper.training.config import TrainConfig
from tests.support import tiny_training


def result(loss: str, recipe: str, seed: int, *scores: float) -> dict[str, Any]:
    return {"loss": loss, "recipe": recipe, "seed": seed, "scores": list(scores)}


def test_each_training_of_the_design_is_valid_and_another_one() -> None:
    jobs = make_jobs("sst5", 100, seeds=2, changes={"epochs": 2})
    assert len(jobs) == 2 * (len(COMPARED) * len(RECIPES) - 1)  # cross entropy has no memory
    assert len({job.key for job in jobs}) == len(jobs)
    for job in jobs:
        config = TrainConfig.model_validate(job.hyperparameters)
        assert all(name in config.active_params for name in RECIPES[job.recipe]), job.name


def test_a_training_gives_its_scores() -> None:
    job = next(job for job in make_jobs("sst5", 32, 1, {"epochs": 2, "batch_size": 8}) if job.loss == "scl")
    small = {**job.hyperparameters, "max_length": 24, "precision": "float32", "pooling": "mean"}
    outcome = train_job(replace(job, hyperparameters=small), tiny_training.data(rows=32))
    assert len(outcome["scores"]) == 2
    assert (outcome["loss"], outcome["recipe"], outcome["seed"], outcome["error"]) == ("scl", PLAIN, 0, "")


def test_a_training_that_diverges_keeps_what_it_reported() -> None:
    wild = {"encoder": "tiny", "learning_rate": 1e30, "epochs": 1, "max_length": 24, "seed": 0}
    job = Job("sst5", 32, "ce", PLAIN, wild)
    outcome = train_job(job, tiny_training.data(rows=32))
    assert outcome["scores"] == []
    assert "not finite" in outcome["error"]
    assert best_scores([outcome]) == {("ce", PLAIN): {0: 0.0}}


def test_differences_are_paired_by_seed() -> None:
    scores = best_scores([
        result("ce", PLAIN, 0, 0.2, 0.5), result("ce", PLAIN, 1, 0.7),
        result("ce", "`warmup: 0.1`", 1, 0.8, 0.1), result("ce", "`warmup: 0.1`", 2, 0.9),
    ])  # fmt: skip
    assert paired_changes(scores, ("ce", "`warmup: 0.1`"), ("ce", PLAIN)) == pytest.approx([0.1])


def test_a_large_steady_change_stands_and_a_doubtful_one_does_not() -> None:
    scores = best_scores([
        *(result("ce", PLAIN, seed, 0.5 + 0.01 * seed) for seed in range(5)),
        *(result("ce", "`warmup: 0.1`", seed, 0.6 + 0.011 * seed) for seed in range(5)),
        *(result("ce", "`average: ema`", seed, 0.5 + 0.02 * (-1) ** seed) for seed in range(5)),
    ])  # fmt: skip
    changes = {cell: paired_changes(scores, cell, ("ce", PLAIN)) for cell in scores if cell[1] != PLAIN}
    assert significant_cells(changes) == {("ce", "`warmup: 0.1`")}


def test_the_mean_over_losses_is_paired_by_seed_and_stands_by_itself() -> None:
    results = [result(loss, PLAIN, seed, 0.5 + 0.01 * seed) for loss in COMPARED for seed in range(5)]
    for up, down in (("ce", "scl"), ("lcl", "prototypes")):
        results += [result(up, "`warmup: 0.1`", seed, 0.52 + 0.01 * seed + 0.03 * (-1) ** seed) for seed in range(5)]
        results += [result(down, "`warmup: 0.1`", seed, 0.54 + 0.014 * seed - 0.03 * (-1) ** seed) for seed in range(4)]
    scores = best_scores(results)
    assert mean_change(scores, "`warmup: 0.1`") == pytest.approx([0.03, 0.032, 0.034, 0.036])
    assert next(line for line in table_lines(results) if "warmup" in line).endswith("| **+3.3 (+2.9 to +3.7)** |")


def test_the_mean_over_losses_is_empty_until_all_have_the_recipe() -> None:
    finished = [
        result(loss, recipe, seed, 0.5 + 0.02 * seed + len(recipe) / 100)
        for loss in COMPARED for recipe in recipes_of(loss) for seed in range(3)
    ]  # fmt: skip
    assert len(mean_change(best_scores(finished), "`memory: 256`")) == 3
    unfinished = [it for it in finished if it["loss"] != "lcl" or it["recipe"] == PLAIN]
    assert all(not len(mean_change(best_scores(unfinished), recipe)) for recipe in RECIPES if recipe != PLAIN)
    assert all(line.endswith("|  |") for line in list(table_lines(unfinished))[3 : 2 + len(RECIPES)])


def test_the_results_of_other_trainings_are_kept_if_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = make_jobs("sst5", 32, 1, {})[:3]

    def train(job: Job) -> dict[str, Any]:
        if job == jobs[0]:
            raise RuntimeError("no memory")
        return result(job.loss, job.recipe, job.seed, 0.5)

    monkeypatch.setattr(trainings, "run_job", train)
    monkeypatch.setattr(trainings, "worker_pool", ThreadPoolExecutor)
    with pytest.raises(RuntimeError, match="no memory"):
        trainings.train_missing(jobs, tmp_path)
    assert [read_result(tmp_path, job.key) is not None for job in jobs] == [False, True, True]


def test_the_table_has_a_row_for_each_recipe() -> None:
    results = [result(loss, PLAIN, seed, 0.5 + 0.02 * seed) for loss in ("ce", "scl") for seed in (0, 1)]
    results += [result("scl", "`warmup: 0.1`", seed, 0.6 + 0.022 * seed) for seed in (0, 1)]
    lines = list(table_lines(results))
    assert lines[0].startswith("|  | CE | SCL | LCL |")
    assert lines[2] == f"| {PLAIN} | 51.0 ± 1.4 (2 seeds) | 51.0 ± 1.4 (2 seeds) |  |  |  |"
    assert lines[3].startswith("| `warmup: 0.1` |  | **+10.1")
    assert lines[2 + len(RECIPES)].startswith("| its best recipe against the best of CE |  | +10.1")


def test_other_processes_can_train() -> None:
    assert run_job.__module__ == "benchmarks.recipes.trainings"  # a new process does not import __main__


def test_an_unknown_name_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sst5", "--only", "nothing", "--out", str(tmp_path)]) == 2
    assert main(["nothing", "--out", str(tmp_path)]) == 2
    errors = capsys.readouterr().err
    assert "--only nothing: no such training" in errors
    assert "nothing: no such data set, allowed are" in errors
