"""EmoInt's benchmark: its trainer is sweeper's, measures gradients, and the same command continues."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.emoint.__main__ import main, train_missing
from benchmarks.emoint.design import Job, make_jobs
from benchmarks.emoint.measured_training import order_batches, summarize_norms, train_measured
from benchmarks.emoint.table import HEADER, table_lines
from benchmarks.result_files import read_result
from sweeper.training.trainer import train
from sweeper.training.types import TrainingData
from tests.support import tiny_training

LCL = {"loss": "lcl", "weighting": "shared", "alpha": 0.2, "tau": 0.3, "epochs": 2, "batch_size": 8}


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return tiny_training.data(rows=32, dropout=0.0)


def small_jobs() -> list[Job]:
    """Return two trainings of the design, shortened."""
    jobs = [job for job in make_jobs(1, 1, 32) if job.name.startswith(("CE", "sum, raw, file"))][1:3]
    small = {"batch_size": 16, "max_length": 24, "epochs": 1, "precision": "float32", "threads": 1}
    return [replace(job, hyperparameters={**job.hyperparameters, **small}) for job in jobs]


def test_each_row_of_the_design_is_another_training() -> None:
    jobs = make_jobs(seeds=2, epochs=4, rows=None)
    assert len(jobs) == 2 * 23
    assert len({job.key for job in jobs}) == len(jobs)
    assert len({job.name for job in jobs}) == 23


def test_measuring_does_not_change_a_training(data: TrainingData) -> None:
    config = tiny_training.config(**LCL)
    measured = [epoch["validation/loss"] for epoch in train_measured(config, data, "shuffled")]
    assert measured == [report.metrics["validation/loss"] for report in train(config, data)]


def test_the_sum_scales_the_contrastive_gradient_with_the_batch(data: TrainingData) -> None:
    changes = {**LCL, "batch_size": 32, "epochs": 1, "precision": "float32"}
    of_sum, of_mean = (
        next(train_measured(tiny_training.config(**changes, reduction=reduction), data, "shuffled"))
        for reduction in ("sum", "mean")
    )
    assert of_sum["gradient/ce"] == pytest.approx(of_mean["gradient/ce"], rel=1e-4)
    assert of_sum["gradient/ratio"] == pytest.approx(32 * of_mean["gradient/ratio"], rel=1e-3)


def test_the_loss_without_contrast_has_no_gradients_to_compare(data: TrainingData) -> None:
    epoch = next(train_measured(tiny_training.config(loss="ce", epochs=1), data, "shuffled"))
    assert not [name for name in epoch if name.startswith("gradient/")]


def test_a_file_sorted_by_class_makes_batches_of_one_class(data: TrainingData) -> None:
    split, config = data.splits["train"], tiny_training.config(batch_size=4)
    batches = order_batches(split, config, "file", epoch=0)
    assert sorted(np.concatenate(batches)) == list(range(32))
    assert np.mean([len(set(split.labels[rows])) for rows in batches]) < 1.5


def test_clipping_keeps_the_share_of_a_gradient_that_its_norm_allows() -> None:
    assert summarize_norms([(0.5, 4.0, 4.0)], clip_norm=1.0)["gradient/kept"] == pytest.approx(0.25)
    assert summarize_norms([(0.5, 0.2, 0.6)], clip_norm=1.0)["gradient/kept"] == 1


def test_a_training_that_has_ended_is_not_repeated(data: TrainingData, tmp_path: Path) -> None:
    jobs = small_jobs()

    def refuse(rows: int | None) -> TrainingData:
        raise AssertionError(rows)

    train_missing(jobs, tmp_path, lambda _: data)
    train_missing(jobs, tmp_path, refuse)
    results = [read_result(tmp_path, job.key) for job in jobs]
    assert [result["name"] for result in results if result] == [job.name for job in jobs]
    assert [len(result["epochs"]) for result in results if result] == [1, 1]


def test_the_table_has_means_and_deviations_over_seeds() -> None:
    epochs = [
        {
            "validation/accuracy": accuracy,
            "validation/largest_class": 0.5,
            "classes_per_batch": 4.0,
            "gradient/kept": 0.5,
        }
        for accuracy in (0.3, 0.6)
    ]
    lines = list(table_lines([{"name": "a", "epochs": epochs[:1]}, {"name": "a", "epochs": epochs[1:]}]))
    assert lines[2] == "| a | 2 | 45.0 ± 21.2 | 45.0 ± 21.2 | 50.0 ± 0.0 | 4 |  |  |  | 50 |"
    diverged = list(table_lines([{"name": "b", "epochs": []}]))[2]
    assert diverged.startswith("| b | 1 | diverged |")
    assert diverged.count("|") == HEADER.count("|")


def test_an_unknown_training_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "nothing", "--out", str(tmp_path)]) == 2
    assert "--only nothing: no such training, allowed are parts of: CE, learning rate 2e-05" in capsys.readouterr().err
