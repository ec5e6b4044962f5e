"""Trains one trial of a sweep again and exports its model: the same epoch is chosen, by the trainer's own rule."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from sweeper.app import mlflow_sync
from sweeper.app.kept_model import write_prediction_settings
from sweeper.app.open_study import announce_truncation, open_study, read_study
from sweeper.app.prepare_data import SEARCHED, PreparedSweep, load_training_data, prepare_sweep, tokenizer_of
from sweeper.app.refresh_results import refresh_results
from sweeper.atomic_write import write_json
from sweeper.errors import CheckpointError, SweeperError, UsageError
from sweeper.protocol.results import results_of_study
from sweeper.protocol.system_results import Metrics
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal import formatting
from sweeper.terminal.output import Output
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport
from sweeper.trials.trial import Trial

_RESULT = "result.json"
_STARTED = "training.json"  # while a training is not finished


class TestEvaluation(BaseModel):
    """Metrics on the test split, the class names, and the confusion matrix: rows are true classes.

    For `task: multi_label`, there is no accuracy and no confusion matrix.
    """

    model_config = ConfigDict(extra="allow")

    labels: list[str]
    accuracy: float | None = None
    confusion: list[list[int]] | None = None


class Training(BaseModel):
    """Says which training a folder is of: training.json in the folder, until the training is finished."""

    model_config = ConfigDict(ser_json_inf_nan="constants")

    sweep: str
    trial: int
    seed: int
    params: dict[str, Scalar]

    def __str__(self) -> str:
        return f"trial {self.trial} of {self.sweep}, seed {self.seed}"


class TrainedModel(Training):
    """A trained and exported model: result.json in its folder."""

    epoch: float
    metrics: Metrics
    test: TestEvaluation | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: what result.json holds."""
        return self.model_dump(mode="json", exclude_none=True)


def find_trial(folder: SweepFolder, number: int | None, seed: int | None) -> Trial:
    """Return a trial of a sweep, by default the best one, with another seed where one is given. Raises UsageError."""
    spec = folder.read_spec()
    study = read_study(folder, spec)
    records = study.all_trials()
    if number is None:
        number = results_of_study(spec, folder, study).best_trial
        if number is None:
            raise UsageError(
                f"{folder.path}: has no trial with a score yet; run its search space first, or name a trial"
            )
    trial = next((record.trial for record in records if record.trial.number == number), None)
    if trial is None:
        raise UsageError(f"{folder.path}: has no trial {number}, allowed: 1 to {len(records)}")
    return trial if seed is None else replace(trial, config=trial.config.model_copy(update={"seed": seed}))


def train_model(output: Output, folder: SweepFolder, trial: Trial, out: Path, *, test: bool) -> TrainedModel:
    """Train, export the model of the best epoch to `out`, and write result.json there last.

    An interrupted training continues from its last validation. With `test`, the model is scored on the test split, and
    the record notes the access before it happens. Raises UsageError if the data set has no test split, or `out` is the
    folder of another training.
    """
    spec, config = folder.read_spec(), trial.config
    training = _describe(folder, trial)
    _require_own_folder(out, training)
    output.set_log_dir(folder.path / "logs")
    prepared = prepare_sweep(output, spec, folder)
    if test and "test" not in prepared.dataset.splits:
        raise UsageError(f"--test: {spec.dataset_spec.name} has no test split; leave it out, or give the data set one")
    splits = (*SEARCHED, "test") if test else SEARCHED
    data = load_training_data(prepared, [config.encoder], splits, step=output.step)[config.encoder]
    output.line(f"{folder.name} trial {trial.number}: {formatting.format_params(config.active_params)}", style="bold")
    write_json(out / _STARTED, training.model_dump(mode="json"))
    model = _finished_model(out) or _train(output, spec, trial, training, data, out)
    if test and model.test is None:
        _record_test_access(output, prepared, folder, trial)
        model = model.model_copy(update={"test": _score(trial, data, out)})
    tokenizer_of(prepared, config.encoder).save(out / "encoder")
    write_prediction_settings(out, spec, config.active_params)
    write_json(out / _RESULT, model.to_dict())
    for state in ("checkpoint.pt", "model.pt", _STARTED):
        (out / state).unlink(missing_ok=True)
    if test:
        mlflow_sync.sync_if_needed(output, folder)
    return model


def _describe(folder: SweepFolder, trial: Trial) -> Training:
    params = {name: value for name, value in trial.config.active_params.items() if name != "seed"}
    return Training(sweep=folder.name, trial=trial.number, seed=trial.config.seed, params=params)


def _require_own_folder(out: Path, training: Training) -> None:
    """Raise UsageError if a folder has the model or the checkpoint of another training."""
    for path in (out / _RESULT, out / _STARTED):
        if not path.exists():
            continue
        try:
            earlier = Training.model_validate_json(path.read_bytes())
        except ValueError:
            raise UsageError(f"{path}: is not from sweeper train; name another folder with --out") from None
        if earlier != training:
            raise UsageError(f"{out}: has {earlier}, not {training}; name another folder with --out")


def _finished_model(out: Path) -> TrainedModel | None:
    """Return the result of an earlier training into the same folder, if it came to its end."""
    path = out / _RESULT
    return TrainedModel.model_validate(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else None


def _train(
    output: Output, spec: SweepSpec, trial: Trial, training: Training, data: TrainingData, out: Path
) -> TrainedModel:
    """Train to the end, and export the model of the best epoch."""
    from sweeper.training import checkpoint, export
    from sweeper.training.best_model import best_model_path

    state = out / "checkpoint.pt"
    reports = _run_training(output, spec, trial.config, data, state)
    if not any(spec.objective.metric in report.metrics for report in reports.values()):
        raise SweeperError(f"trial {trial.number}: the training has no validation to choose a model by")
    best = best_model_path(state)
    export.write_model(best, trial.config, data, out)
    export.tune_exported(out, trial.config, data)
    report = reports[checkpoint.load_checkpoint(best)["step"]]
    return TrainedModel(**training.model_dump(), epoch=report.epoch, metrics=dict(report.metrics))


def _run_training(
    output: Output, spec: SweepSpec, config: TrainConfig, data: TrainingData, state: Path
) -> dict[int, ValidationReport]:
    """Train, print a line for each epoch, and return the reports by step. The best model lies beside `state`."""
    metric, reports, best = spec.objective.metric, dict[int, ValidationReport](), None
    for event in _train_events(output, spec, config, data, state):
        if not isinstance(event, ValidationReport):
            continue
        reports[event.step] = event
        value = event.metrics.get(metric)
        if value is None:
            loss = formatting.format_score(event.metrics.get("train/loss"))  # none before an update
            output.line(f"  epoch {event.epoch:g}  train/loss {loss}")
            continue
        is_better = best is None or spec.objective.sign * value > spec.objective.sign * best
        best = value if is_better else best
        note = "  best so far" if is_better and not config.keeps_last else ""
        output.line(f"  epoch {event.epoch:g}  {metric} {formatting.format_score(value)}{note}")
    return reports


def _train_events(
    output: Output, spec: SweepSpec, config: TrainConfig, data: TrainingData, state: Path
) -> Iterator[ValidationReport | Heartbeat]:
    """Yield the events of a training from its checkpoint, or from the start if that cannot be used."""
    from sweeper.training.trainer import train_events

    try:
        yield from train_events(config, data, state, spec.objective)
    except CheckpointError as error:
        output.line(f"{state.name} cannot be used ({error}); the training starts from the beginning")
        state.unlink()
        yield from train_events(config, data, state, spec.objective)


def _record_test_access(output: Output, prepared: PreparedSweep, folder: SweepFolder, trial: Trial) -> None:
    """Record that the test split is about to be scored.

    Where the sweep is finished, its results, table and report count the access too before it happens.
    """
    with open_study(folder, prepared.spec) as study:
        announce_truncation(output, folder, study)
        study.record_test_access(trial)
        folder.mark_unsynced()
        if folder.is_finished:
            refresh_results(output, folder, prepared.spec, study, prepared.dataset)


def _score(trial: Trial, data: TrainingData, out: Path) -> TestEvaluation:
    """Score the exported model on the test split."""
    from sweeper.training import export

    return TestEvaluation.model_validate(export.evaluate_exported(out, trial.config, data, "test"))
