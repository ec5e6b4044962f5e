"""Pairs of sweeps that differ in one thing: one maximizes a metric, the other minimizes its mirror image.

The trainings of both are the same. Each reports `validation/accuracy`, and as `validation/loss` one minus it, exactly.
So all that the two sweeps decide must be the same, and where a score is shown, one has the mirror image of the other's.
"""

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from sweeper.errors import DivergedError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import sweep
from sweeper.protocol.results import results_of_study
from sweeper.protocol.sweep_results import SweepResults
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Trainer, TrainingData, ValidationReport
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialRecord
from tests.support.fakes import scripted_jobs
from tests.support.search_spaces import small_spec

HIGHER, LOWER = {"maximize": "validation/accuracy"}, {"minimize": "validation/loss"}
_SPACE: dict[str, Any] = {
    "compare": {"encoder": ["m"], "loss": ["lcl", "scl"]},
    "search": {
        "batch_size": {"int": [2, 64]},
        "alpha": {"uniform": [0.1, 0.9]},
        "tau": {"log": [0.05, 1]},
        "learning_rate": {"log": [1e-5, 1e-3]},
    },
    "training": {"epochs": 4},
    "budget": {"trials": 40},
    "confirm": {"seeds": 3, "top": 2},
}
_STEPS = 1024  # scores are multiples of 1/1024, so that both they and their mirror images are exact


@dataclass(frozen=True)
class MirroredSweep:
    """A sweep that has run to its end, with its record."""

    spec: SweepSpec
    folder: SweepFolder
    records: list[TrialRecord]
    results: SweepResults

    def mirrored(self, score: float | None) -> float | None:
        """Return a score of this sweep as that of the sweep that maximizes."""
        return 1 - score if score is not None and self.spec.objective.sign < 0 else score


def accuracy_of(config: TrainConfig, step: int) -> float:
    """Return the accuracy of a training at a validation: it depends on the setting and the seed, and falls at last."""
    quality = 0.25 + config.batch_size / 200 + 0.15 * config.alpha - 0.1 * abs(step - 3) / config.epochs
    return rounded(quality + Random(config.seed).gauss(0, 0.04))


def rounded(accuracy: float) -> float:
    """Return the nearest accuracy of which one minus it is exact."""
    return round(accuracy * _STEPS) / _STEPS


def mirrored_trainer(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
    """Report both metrics. One seed in ten diverges after its first validation, and another before it."""
    for step in range(1, config.epochs + 1):
        if step == 2 - config.seed % 10:
            raise DivergedError("the training loss is not finite")
        yield ValidationReport(
            step, float(step), {**metrics_of(accuracy_of(config, step), "validation"), "seconds": 60.0}
        )


def metrics_of(accuracy: float, split: str) -> dict[str, float]:
    """Return the metrics of a model with this accuracy, a multiple of 1/1024."""
    metrics = {"accuracy": accuracy, "macro_f1": accuracy, "loss": 1 - accuracy, "largest_class": 0.5}
    return {f"{split}/{name}": value for name, value in metrics.items()}


def _score(config: TrainConfig, _: TrainingData, __: Path | None) -> Generator[ValidationReport, None, None]:
    yield ValidationReport(config.epochs, float(config.epochs), metrics_of(accuracy_of(config, 3), "test"))


def run_mirrored(sweeps: Path, *, train: Trainer = mirrored_trainer, **changes: Any) -> list[MirroredSweep]:
    """Run the sweep that maximizes and the one that minimizes, in `sweeps`. `changes` replace keys of their space.

    A `stop_at` of the objective is that of the sweep that maximizes.
    """
    stop_at = changes.pop("stop_at", None)
    objectives = [HIGHER, LOWER] if stop_at is None else [
        {**HIGHER, "stop_at": stop_at}, {**LOWER, "stop_at": 1 - stop_at}
    ]  # fmt: skip
    return [
        _run(sweeps, small_spec(**{**_SPACE, **changes, "objective": objective}), train) for objective in objectives
    ]


def _run(sweeps: Path, spec: SweepSpec, train: Trainer) -> MirroredSweep:
    splits = {"test": {"texts": 10, "digest": "0123456789abcdef"}}
    folder = create_sweep(sweeps, spec, {"dataset": "c0ffee"}, 1, ("a", "b", "c"), splits)
    scores: list[tuple[Trial, ModelScores]] = []
    jobs = scripted_jobs(folder.path, scores)
    search, test = replace(jobs.search, train=train), replace(jobs.make_test_job(), train=_score)
    jobs = replace(jobs, search=search, confirm=search, make_test_job=lambda: test)
    with closing(OptunaStudy(spec, folder.journal, threads=1)) as study:
        sweep.run_protocol(spec, study, InlineRunner(1, 0), [], jobs, TrialResources(1, 0, 1))
        records, results = list(study.all_trials()), results_of_study(spec, folder, study)
    folder.write_results(results.to_json())
    return MirroredSweep(spec, folder, records, results)
