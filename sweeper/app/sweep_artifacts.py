"""What MLflow gets of a sweep beside its trials, all of it from the sweep's folder: `sweeper sync` sends the same."""

import json
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.protocol.results import stored_results
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from sweeper.tracking.artifacts import Content
    from sweeper.tracking.tracker import MlflowTracker

_NOTED = ("sweep.yaml", "versions.json")
_FINISHED = ("table.md", "report.html", "results.json")  # old ones where a larger budget is not spent yet


def attach_artifacts(tracker: "MlflowTracker", folder: SweepFolder) -> None:
    """Hand the tracker all that is in the folder of a sweep beside its record; before the tracker is closed."""
    from sweeper.tracking.client import PARENT

    results = stored_results(folder)
    names = _NOTED if results is None else _NOTED + _FINISHED
    tracker.attach(PARENT, {name: place for name in names if (place := folder.path / name).exists()})
    for number, files in _confirmed(folder).items():
        tracker.attach(number, files)
    _keep_model(tracker, folder)
    if results is not None:
        tracker.set_usage(usage_metrics(results))


def _keep_model(tracker: "MlflowTracker", folder: SweepFolder) -> None:
    """The winner's model, where the sweep has one by now."""
    place = folder.path / "model"
    if (place / "config.json").exists():  # written last
        from sweeper.tracking.model_export import ModelExport

        hyperparameters = json.loads((place / "config.json").read_text(encoding="utf-8"))
        spec, trial = folder.spec, int(hyperparameters.pop("trial"))
        tracker.attach_model(
            trial, ModelExport(place, folder.name, hyperparameters, spec.max_tokens, len(spec.dataset_spec.text))
        )


def usage_metrics(results: SweepResults) -> dict[str, float]:
    """What the stages of a sweep used: trials, epochs, and hours of training time summed over trials."""
    systems, confirmations = results.systems, results.confirmations
    seeds = sum(candidate.seeds for confirmation in confirmations for candidate in confirmation.candidates)
    return {
        "search/trials": float(results.num_trials),
        "confirm/trials": float(seeds),
        "search/epochs": float(sum(system.epochs for system in systems)),
        "search/hours": float(sum(system.hours for system in systems)),
        "confirm/epochs": float(sum(confirmation.epochs for confirmation in confirmations)),
        "confirm/hours": float(sum(confirmation.hours for confirmation in confirmations)),
    }


def _confirmed(folder: SweepFolder) -> dict[int, dict[str, "Content"]]:
    """The files of each confirmed trial: what its model answered, the weights that it learned, and pictures of both."""
    found: dict[int, dict[str, Content]] = {}
    for place in sorted((folder.path / "predictions").glob("*-*.*")):
        number, _, name = place.name.partition("-")
        found.setdefault(int(number), {}).update(_shown(folder, place, name))
    return found


def _shown(folder: SweepFolder, place: Path, name: str) -> "Mapping[str, Content]":
    """A file of a confirmed trial, and the picture of it, which is drawn when MLflow takes it."""
    labels = tuple(folder.manifest.labels)
    if name == "weights.json":
        number = int(place.name.partition("-")[0])
        return {name: place, "weights.png": cache(partial(_weights, folder.path, number, labels))}
    if name == "test.parquet":
        return {f"predictions/{name}": place, "confusion.png": cache(partial(_confusion, place, labels))}
    return {f"predictions/{name}": place}


def _weights(folder: Path, number: int, labels: tuple[str, ...]) -> bytes:
    from sweeper.storage import predictions
    from sweeper.tracking import images

    matrix = predictions.load_class_weights(folder, number)
    assert matrix is not None
    return images.draw_class_weights(labels, matrix)


def _confusion(place: Path, labels: tuple[str, ...]) -> bytes:
    from sweeper.storage import predictions
    from sweeper.tracking import images

    found = predictions.read_predictions(place, labels)
    return images.draw_confusion_matrix(labels, found.labels, found.classes, "test")
