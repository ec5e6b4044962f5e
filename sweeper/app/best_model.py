"""Keeps the model of a sweep: of the best confirmed setting, the seed that is best on validation.

It is chosen on validation only. The other models that confirmation left are deleted.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sweeper.app.kept_model import is_complete, train_again, write_prediction_settings
from sweeper.app.prepare_data import PreparedSweep, load_training_data, tokenizer_of
from sweeper.atomic_write import write_json
from sweeper.errors import CheckpointError
from sweeper.protocol.confirmation import best_model_trial
from sweeper.storage.predictions import load_predictions
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.trial_files import checkpoint_path, delete_trial_files, trial_folder
from sweeper.terminal.output import Output
from sweeper.trials.interfaces import CheckpointStorage
from sweeper.trials.trial import Trial, TrialRecord

if TYPE_CHECKING:
    from pathlib import Path

    from sweeper.tracking.tracker import MlflowTracker

_MODEL_URI = "mlflow.json"  # a file of the sweep's folder


def save_best_model(
    output: Output,
    prepared: PreparedSweep,
    folder: SweepFolder,
    records: Sequence[TrialRecord],
    storage: CheckpointStorage | None,
) -> None:
    """Write the best model to the folder's `model/`, config.json last. Write nothing if no setting was confirmed.

    Where its checkpoint cannot be read, one line says what makes the model, and the model in the folder stays.
    """
    best = best_model_trial(prepared.spec, records)
    if best is not None and saved_model_trial(folder) != best.trial.number:
        if storage is not None:
            storage.fetch(trial_folder(folder.path, best.trial))
        try:
            _export(output, prepared, folder, best.trial)
        except CheckpointError as error:
            output.line(_describe_lost(folder, best.trial, error))
    for record in records:
        if record.trial.source_trial:
            delete_trial_files(folder.path, record.trial, model=True, storage=storage)


def read_model_config(folder: SweepFolder) -> dict[str, Any] | None:
    """Return the trial and the hyperparameters of the model in the folder's `model/`; None if it is incomplete.

    config.json is written last. A file that is missing or cannot be read makes the model incomplete, so that it is
    written again.
    """
    path = folder.path / "model"
    config = _read_object(path / "config.json")
    is_model = config is not None and isinstance(config.get("trial"), int) and is_complete(path)
    return config if is_model else None


def saved_model_trial(folder: SweepFolder) -> int | None:
    """Return the trial whose model is in the folder's `model/`; None if there is none, or it is incomplete."""
    config = read_model_config(folder)
    return None if config is None else int(config["trial"])


def store_model_uri(folder: SweepFolder, tracker: "MlflowTracker") -> None:
    """Keep the address of the best model in MLflow, if MLflow has that model by now."""
    trial = saved_model_trial(folder)
    uri = None if trial is None else tracker.model_uri(trial)
    if uri is not None:
        write_json(folder.path / _MODEL_URI, {"trial": trial, "model": uri})


def stored_model_uri(folder: SweepFolder) -> str | None:
    """Return the address of the best model in MLflow; None if MLflow was never seen to have it."""
    stored = _read_object(folder.path / _MODEL_URI) or {}
    trial = stored.get("trial")
    return str(stored["model"]) if trial is not None and trial == saved_model_trial(folder) else None


def _read_object(path: "Path") -> dict[str, Any] | None:
    """Return the JSON object in a file; None if there is none that can be read."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _export(output: Output, prepared: PreparedSweep, folder: SweepFolder, trial: Trial) -> None:
    """Write the model of a trial. The one that is there stays until the new one is in memory.

    Raises CheckpointError if the trial's own cannot be read.
    """
    from sweeper.training import checkpoint, export
    from sweeper.training.trained_model import load_full_model

    encoder, out = trial.config.encoder, folder.path / "model"
    state = checkpoint.load_checkpoint(_model_file(folder, trial))
    data = load_training_data(prepared, [encoder], ("train",), step=output.step)[encoder]
    model = load_full_model(state, trial.config, data)
    (out / "config.json").unlink(missing_ok=True)
    export.save_model(model, trial.config, data, out)
    stored = load_predictions(folder.path, [trial.number], "validation", data.class_names)
    for thresholds in (scored.thresholds for scored in stored.values() if scored.thresholds is not None):
        export.save_thresholds(out, data.class_names, thresholds.tolist())
    tokenizer_of(prepared, encoder).save(out / "encoder")
    write_prediction_settings(out, prepared.spec, trial.config.active_params)
    write_json(out / "config.json", {"trial": trial.number, **trial.config.active_params})


def _model_file(folder: SweepFolder, trial: Trial) -> "Path":
    from sweeper.training.best_model import latest_best_model

    return latest_best_model(checkpoint_path(trial_folder(folder.path, trial), trial.attempt))


def _describe_lost(folder: SweepFolder, trial: Trial, error: CheckpointError) -> str:
    """Return the line on the best model that cannot be written, because its checkpoint is gone or damaged."""
    path = _model_file(folder, trial)
    damaged, gone = f"{path} cannot be read ({error})", "its weights are deleted once the sweep is finished"
    reason = damaged if path.exists() else gone
    kept = saved_model_trial(folder)
    stays = "" if kept is None else f"; {folder.path / 'model'} still has the model of trial {kept}"
    remedy = f"this makes it: {train_again(folder.path, trial.number)}"
    return f"the best model, of trial {trial.number}, cannot be kept: {reason}; {remedy}{stays}"
