"""Sweeper's way from a trial's proposal to its first update, on Ray, with the time of each part."""

import statistics
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from benchmarks.speed import inputs
from benchmarks.speed.arms.instant import ray_runner
from benchmarks.speed.cases import Measurement
from benchmarks.speed.settings import Settings
from benchmarks.speed.spaces import FIRST_STEP
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space import parser, yaml_file
from sweeper.storage.new_sweep import create_sweep
from sweeper.training.config import TrainConfig
from sweeper.training.trainer import train_events
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import TrialRecord

_CALLED, _STEPPED, _SECOND = "called", "stepped", "second"  # times, sent as metrics


def train_two_steps(
    config: TrainConfig, data: TrainingData, _: Path | None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """Train two batches, and report when the trainer was called, and when each update was done. Implements Trainer."""
    called = time.time()
    events = train_events(config, data)
    next(events)
    stepped = time.time()
    next(events)
    metrics = {"validation/accuracy": 0.5, _CALLED: called, _STEPPED: stepped, _SECOND: time.time()}
    events.close()
    yield ValidationReport(1, 1.0, metrics)


def measure(settings: Settings, sweeps: Path, trials: int, seed: int) -> Measurement:
    """Run so many trials in turn. Return the median seconds of all but the first, which starts the worker."""
    overrides = [f"budget.trials={trials}", f"seed={seed}", f"compare.encoder=[{settings.encoder}]"]
    spec = parser.parse_spec(yaml_file.load_yaml(FIRST_STEP, overrides))
    data = inputs.training_data(settings)
    sweep = create_sweep(sweeps, spec, {}, settings.threads, data.class_names, {})
    runner = ray_runner()
    with closing(OptunaStudy(spec, sweep.journal, settings.threads)) as study:
        job = TrainingJob(train_two_steps, {settings.encoder: data}, sweep.path)
        with runner.workers(runner.allocate(settings.threads, 0)) as workers:
            workers.run(SearchStage(spec, study, ()), job)
        parts = [_parts(record) for record in study.all_trials()[1:]]
    medians = {name: statistics.median(part[name] for part in parts) for name in parts[0]}
    return Measurement(
        statistics.median(sum(part.values()) for part in parts), {f"s {k}": v for k, v in medians.items()}
    )


def _parts(record: TrialRecord) -> dict[str, float]:
    """Return the seconds of each part of the way, by name."""
    if not record.reports:
        raise RuntimeError(f"trial {record.trial.number}: {record.end}")
    times, proposed = record.reports[0].metrics, record.started_at / 1000
    step = times[_SECOND] - times[_STEPPED]
    return {
        "from the proposal to the call of the trainer": times[_CALLED] - proposed,
        "for model and optimizer": times[_STEPPED] - times[_CALLED] - step,
        "for a step": step,
    }
