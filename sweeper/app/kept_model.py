"""Finds the model that a sweep or `sweeper train` has kept, with what it needs to predict.

prediction.json, in the model's folder: the hyperparameters that a prediction needs, the text columns of the data set,
and the replacements in its texts. Where it is missing, it follows from the sweep that the folder lies in.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from sweeper.atomic_write import write_json
from sweeper.data.dataset_spec import Task
from sweeper.errors import UsageError
from sweeper.home_folder import expand_home
from sweeper.protocol.results import stored_results
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, is_sweep, open_sweep
from sweeper.storage.sweep_names import find_named_sweep, named_folder
from sweeper.training.prediction_settings import prediction_settings
from sweeper.training.tasks import TASKS, THRESHOLDS
from sweeper.wording import quote_value

_WEIGHTS, _SETTINGS = "classifier.safetensors", "prediction.json"
_TRAIN_AGAIN = "restore a copy, or train the model again"
_WRITTEN_LAST = ("config.json", "result.json")  # of a sweep's best model, of `sweeper train`


_Json = TypeVar("_Json", list[Any], dict[str, Any])


@dataclass(frozen=True)
class KeptModel:
    """A trained model in a folder: see training/export.py for its files. `settings` is what prediction.json has."""

    folder: Path
    settings: Mapping[str, Any]

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return tuple(map(str, _read_json(self.folder / "labels.json", list)))

    @cached_property
    def thresholds(self) -> Mapping[str, float] | None:
        """The probability from which each label is predicted, by class name; None if the likeliest class is."""
        if TASKS[self.task].thresholds is None:
            return None
        path = self.folder / THRESHOLDS
        thresholds = _read_json(path, dict)
        if missing_labels := [label for label in self.labels if not isinstance(thresholds.get(label), int | float)]:
            raise UsageError(f"{path}: has no threshold of {quote_value(missing_labels[0])}; {_TRAIN_AGAIN}")
        return thresholds

    @property
    def task(self) -> Task:
        """The task of the training."""
        return "multi_label" if self.settings.get("task") == "multi_label" else "single_label"

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The text columns of the data set that it was trained on; two for pairs."""
        return tuple(self.settings["columns"])

    @property
    def replacements(self) -> Mapping[str, str]:
        """The strings that are replaced in each text."""
        return dict(self.settings["replacements"])

    @property
    def hyperparameters(self) -> Mapping[str, Any]:
        """All hyperparameters of its training, as far as its folder has them."""
        return _written_params(self.folder) or {}


def write_prediction_settings(folder: Path, spec: SweepSpec, params: Mapping[str, Any]) -> None:
    """Write prediction.json into the folder of a model that was trained with these hyperparameters."""
    write_json(folder / _SETTINGS, _settings(spec, params))


def find_model(name: str | PathLike[str], sweeps: Path) -> KeptModel:
    """Return the best model of a sweep, or the model in a folder, such as one of `sweeper train`. Raises UsageError."""
    folder = expand_home(name)
    if (folder / _WEIGHTS).is_file():
        return _open_model(folder)
    if folder.is_file():
        raise UsageError(f"{folder}: is a file, not a model; name a sweep, or the folder of a model")
    if folder.is_dir() and (folder.parent / _WEIGHTS).is_file():
        raise UsageError(f"{folder}: is a part of a model, without its classifier; name {folder.parent}")
    if folder.name == "model" and is_sweep(folder.absolute().parent):
        raise UsageError(_no_model(open_sweep(folder.parent)))
    if (folder / "encoder").is_dir() and named_folder(name, sweeps) is None:
        raise UsageError(f"{folder}: has no {_WEIGHTS}, so it is no trained model of sweeper; name the folder above it")
    sweep = find_named_sweep(name, sweeps)
    model = sweep.path / "model"
    if (model / "config.json").exists() and not _missing_weights(model):
        return _open_model(model)
    raise UsageError(_no_model(sweep))


def is_complete(folder: Path) -> bool:
    """Return True if the model in a folder has its weights, and its JSON files can be read."""
    if _missing_weights(folder):
        return False
    try:
        model = _open_model(folder)
        return bool(model.labels) and (model.thresholds is None or bool(model.thresholds))
    except UsageError:
        return False


def _missing_weights(folder: Path) -> str:
    """Return the name of a file of weights that a model has lost; empty if it has all of them."""
    if not (folder / _WEIGHTS).is_file():
        return _WEIGHTS
    return "" if any((folder / "encoder").glob("*.safetensors")) else "encoder/*.safetensors"


def _open_model(folder: Path) -> KeptModel:
    if missing_file := _missing_weights(folder):
        raise UsageError(f"{folder}: the model is incomplete: {missing_file} is missing; {_TRAIN_AGAIN}")
    if (folder / _SETTINGS).exists():
        settings = _read_json(folder / _SETTINGS, dict)
        if missing_keys := [key for key in ("columns", "replacements") if key not in settings]:
            raise UsageError(f"{folder / _SETTINGS}: has no {missing_keys[0]}; {_TRAIN_AGAIN}")
        return KeptModel(folder, settings)
    params = _written_params(folder)
    if params is None:
        raise UsageError(f"{folder}: the model is incomplete; run the command that makes it again")
    return KeptModel(folder, _settings(_sweep_above(folder).read_spec(), params))


def _written_params(folder: Path) -> Mapping[str, Any] | None:
    """Return the hyperparameters in the file that is written last; None if it is missing."""
    file = next((folder / name for name in _WRITTEN_LAST if (folder / name).exists()), None)
    if file is None:
        return None
    values = _read_json(file, dict)
    return {name: value for name, value in values.get("params", values).items() if name != "trial"}


def _read_json(path: Path, kind: type[_Json]) -> _Json:
    """Return the list or object in a file of a model. Raises UsageError if the file is missing or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(f"{path}: cannot be read ({reason}); {_TRAIN_AGAIN}") from None
    if not isinstance(values, kind):
        raise UsageError(f"{path}: must be a JSON {'list' if kind is list else 'object'}; {_TRAIN_AGAIN}")
    return values


def _sweep_above(folder: Path) -> SweepFolder:
    """Return the sweep that a model's folder lies in. Raises UsageError."""
    for parent in folder.absolute().parents:
        if is_sweep(parent):
            return open_sweep(parent)
    raise UsageError(
        f"{folder}: has no {_SETTINGS}, and lies in no sweep; put the folder back into its sweep, or train it again"
    )


def _settings(spec: SweepSpec, params: Mapping[str, Any]) -> dict[str, Any]:
    dataset = spec.dataset_spec
    needed = prediction_settings(params, spec.max_tokens, len(dataset.text))
    task = {} if dataset.task == "single_label" else {"task": dataset.task}
    return {**needed, **task, "columns": list(dataset.text), "replacements": dict(dataset.replacements)}


def train_again(sweep: Path, trial: int) -> str:
    """Return the command that trains a trial of the sweep in a folder again."""
    return f"sweeper train {shlex.quote(str(sweep))} {trial}"


def _no_model(sweep: SweepFolder) -> str:
    trained = sorted(path.parent for path in sweep.path.glob("train/*/result.json"))
    if trained:
        return f"{sweep.path}: has no model of a confirmed setting; name one that was trained: {trained[-1]}"
    results = stored_results(sweep)
    best = None if results is None else results.best_model_trial
    if best is not None:
        model = sweep.path / "model"
        missing = _missing_weights(model) or "config.json"
        problem = f"the model is incomplete: {missing} is missing" if model.exists() else "the model is gone"
        remedy = f"{train_again(sweep.path, best)} makes it again, and prints its folder to name here"
        return f"{model}: {problem}; {remedy}"
    return (
        f"{sweep.path}: has no model: it keeps one when a setting is confirmed; sweeper train {sweep.path} makes one, "
        f"and prints its folder to name here"
    )
