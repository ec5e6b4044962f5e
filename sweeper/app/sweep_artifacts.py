"""Gives the tracker what a sweep has in MLflow besides its trials: files, the best model, and its usage.

All of it comes from the sweep's folder, so that `sweeper sync` sends the same.
"""

import statistics
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app.best_model import read_model_config
from sweeper.app.results_note import results_note
from sweeper.protocol.results import stored_results
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import RESULTS, SPEC, SweepFolder

if TYPE_CHECKING:
    from sweeper.tracking.artifacts import Content
    from sweeper.tracking.tracker import MlflowTracker

_ALWAYS = (SPEC, "versions.json")
_WHEN_FINISHED = ("table.md", "report.html", RESULTS)  # out of date while a larger budget is being spent


def attach_artifacts(tracker: "MlflowTracker", folder: SweepFolder, spec: SweepSpec) -> None:
    """Give the tracker all files of a sweep's folder that belong in MLflow. Call it before the tracker is closed."""
    from sweeper.tracking.client import PARENT

    results = stored_results(folder)
    names = _ALWAYS if results is None else _ALWAYS + _WHEN_FINISHED
    tracker.attach(PARENT, {name: path for name in names if (path := folder.path / name).exists()})
    for number, files in _prediction_files(folder, spec).items():
        tracker.attach(number, files)
    _attach_model(tracker, folder, spec)
    if results is not None:
        tracker.add_usage(usage_metrics(results) | summary_metrics(results))
        _describe_results(tracker, folder, results)


def _describe_results(tracker: "MlflowTracker", folder: SweepFolder, results: SweepResults) -> None:
    """Give the tracker the note of the sweep's run, and the trial whose setting won.

    It won by its fresh seeds or, without any, by its search.
    """
    from sweeper.app.winner import winner_of_folder
    from sweeper.tracking.sweep_description import NOTE_TAG, TEST_ACCESSES_TAG

    winner = winner_of_folder(folder, results)
    note = results_note(folder, results, winner)
    tracker.set_tags({TEST_ACCESSES_TAG: str(len(results.test_accesses)), NOTE_TAG: note})
    trial = winner.confirmation.source_trial if winner else results.best_trial
    if trial is not None:
        tracker.set_winner(trial)


def _attach_model(tracker: "MlflowTracker", folder: SweepFolder, spec: SweepSpec) -> None:
    """Give the tracker the best model, if the sweep has one by now."""
    from sweeper.tracking.model_export import ModelExport

    path = folder.path / "model"
    config = read_model_config(folder)
    if config is None:
        return
    trial = int(config.pop("trial"))
    tracker.attach_model(trial, ModelExport(path, folder.name, config, spec.max_tokens, len(spec.dataset_spec.text)))


def usage_metrics(results: SweepResults) -> dict[str, float]:
    """Return the usage of a sweep's stages: trials, epochs, and hours of training summed over trials."""
    systems, seeds = results.systems, results.fresh_seeds
    return {
        "search/trials": float(results.num_trials),
        "confirm/trials": float(len(seeds)),
        "search/epochs": float(sum(system.epochs for system in systems)),
        "search/hours": float(sum(system.hours for system in systems)),
        "confirm/epochs": float(sum(seed.epochs for seed in seeds)),
        "confirm/hours": float(sum(seed.hours for seed in seeds)),
    }


def summary_metrics(results: SweepResults) -> dict[str, float]:
    """Return the best of a sweep for the list of its runs in MLflow.

    `best/…` are the metrics of the best trial of the search at its best epoch, with its number and that epoch. `mean/…`
    are means over the fresh seeds of the best confirmed setting that left a model, on validation and on test.
    """
    best = next((trial for trial in results.trial_results if trial.number == results.best_trial), None)
    metrics = {f"best/{name}": value for name, value in best.metrics.items()} if best else {}
    if best is not None and best.epoch is not None:
        metrics |= {"best/epoch": best.epoch, "best/trial": float(best.number)}
    models = [
        model.metrics | (model.test or {})
        for confirmation in results.confirmations
        if confirmation.source_trial == results.best_trial
        for model in confirmation.models
    ]
    shared_names = set.intersection(*map(set, models)) if models else set()
    means = {f"mean/{name}": statistics.fmean(model[name] for model in models) for name in sorted(shared_names)}
    return metrics | means


def _prediction_files(folder: SweepFolder, spec: SweepSpec) -> dict[int, dict[str, "Content"]]:
    """Return the files of each confirmed trial: its model's predictions, its class weights, and pictures of both."""
    files: dict[int, dict[str, Content]] = {}
    for path in sorted((folder.path / "predictions").glob("*-*.*")):
        number, _, name = path.name.partition("-")
        if number.isdecimal():
            files.setdefault(int(number), {}).update(_with_picture(folder, spec, path, name))
    return files


def _with_picture(folder: SweepFolder, spec: SweepSpec, path: Path, name: str) -> "Mapping[str, Content]":
    """Return a file of a confirmed trial, and its picture, which is drawn when MLflow takes it.

    The confusion matrix is that of the test split where there is one, else of validation.
    """
    labels = tuple(folder.manifest.labels)
    if name == "weights.json":
        number = int(path.name.partition("-")[0])
        return {name: path, "weights.png": cache(partial(_draw_weights, folder.path, number, labels))}
    if name == "test.parquet" or (name == "validation.parquet" and "test" not in folder.manifest.splits):
        if spec.dataset_spec.is_multi_label:  # no class is taken for another
            return {f"predictions/{name}": path}
        split = name.removesuffix(".parquet")
        return {f"predictions/{name}": path, "confusion.png": cache(partial(_draw_confusion, path, labels, split))}
    return {f"predictions/{name}": path}


def _draw_weights(folder: Path, number: int, labels: tuple[str, ...]) -> bytes:
    from sweeper.storage import predictions
    from sweeper.tracking.images import draw_class_weights

    matrix = predictions.load_class_weights(folder, number)
    assert matrix is not None
    return draw_class_weights(labels, matrix)


def _draw_confusion(path: Path, labels: tuple[str, ...], split: str) -> bytes:
    from sweeper.storage import predictions
    from sweeper.tracking.images import draw_confusion_matrix

    stored = predictions.read_predictions(path, labels)
    return draw_confusion_matrix(labels, stored.labels, stored.predicted_classes, split)
