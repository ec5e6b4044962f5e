"""What MLflow gets of a sweep beside its trials, all of it from the sweep's folder: `sweeper sync` sends the same."""

import json
import platform
from collections.abc import Mapping
from functools import cache, partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.folder import SweepFolder, write
from sweeper.spec import SweepSpec

if TYPE_CHECKING:
    from sweeper.edges.about import About
    from sweeper.edges.artifacts import Content
    from sweeper.edges.tracker import MlflowTracker

_FILES = ("sweep.yaml", "versions.json", "table.md", "report.html", "results.json")
_PACKAGES = ("sweeper", "ray", "optuna", "mlflow", "torch", "transformers")


def note_versions(folder: SweepFolder) -> None:
    """Write to the sweep's folder with which Python, packages and commit of the user's own files it is run."""
    from sweeper.edges import git

    commit = git.commit(Path.cwd())
    found = {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}}
    write(folder.path / "versions.json", found | ({"commit": commit} if commit else {}))


def about(spec: SweepSpec, folder: SweepFolder) -> "About":
    """What the sweep's own run says: what never changes are parameters, what a larger budget changes are tags."""
    from sweeper.edges.about import About

    asha = "off" if spec.asha == "off" else f"{spec.asha.grace_epochs:g}, {spec.asha.reduction_factor}"
    params = {
        "dataset": spec.data.repository or spec.data.name,
        "objective": spec.objective.metric,
        "sampler": spec.sampler,
        "asha": asha,
        "seed": str(spec.seed),
    }
    hours = f", {spec.budget.hours:g} hours" if spec.budget.hours else ""
    tags = {
        "sweeper.budget": f"{spec.budget.trials} trials{hours}",
        "sweeper.confirm": f"{spec.confirm.seeds} seeds, top {spec.confirm.top}",
    }
    commit = _versions(folder).get("commit")
    tags |= {"mlflow.source.git.commit": commit} if commit else {}
    return About(params, tags, spec.data.name, _splits(spec, folder))


def _versions(folder: SweepFolder) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((folder.path / "versions.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _splits(spec: SweepSpec, folder: SweepFolder) -> Any:
    """The splits of the data set as they were used, and where they come from."""
    from sweeper.edges.about import Rows

    frozen = folder.frozen
    known: Mapping[str, Mapping[str, Any]] = getattr(frozen, "splits", {"test": frozen.test} if frozen.test else {})
    return {name: Rows(rows["texts"], rows["digest"], *_source(spec, folder, name)) for name, rows in known.items()}


def _source(spec: SweepSpec, folder: SweepFolder, split: str) -> tuple[str, dict[str, str | None]]:
    """Where a split comes from, in MLflow's words: a kind of source, and what tells it from others of the kind."""
    data, revision = spec.data, folder.frozen.resolved.get("dataset")
    if data.files:
        return "local", {"uri": data.files.get(split) or data.files["train"], "digest": revision}
    if data.repository.startswith("package:"):
        return "local", {"uri": data.repository}
    named = {"path": data.repository, "config_name": data.config, "revision": revision}
    return "hugging_face", named | {"split": data.splits.get(split, "train")}


def keep(tracker: "MlflowTracker", folder: SweepFolder) -> None:
    """Hand the tracker all that is in the folder of a sweep beside its record; before the tracker is closed."""
    from sweeper.edges.mlflow import PARENT

    tracker.keep(PARENT, {name: place for name in _FILES if (place := folder.path / name).exists()})
    for number, files in _confirmed(folder).items():
        tracker.keep(number, files)
    _keep_model(tracker, folder)
    results = folder.results()
    if results is not None:
        tracker.sum_up(used(results))


def _keep_model(tracker: "MlflowTracker", folder: SweepFolder) -> None:
    """The winner's model, where the sweep has one by now."""
    place = folder.path / "model"
    if (place / "config.json").exists():  # written last
        from sweeper.edges.model import Winner

        knobs = json.loads((place / "config.json").read_text(encoding="utf-8"))
        spec, trial = folder.spec, int(knobs.pop("trial"))
        tracker.keep_model(trial, Winner(place, folder.name, knobs, spec.most_tokens, len(spec.data.text)))


def used(results: Mapping[str, Any]) -> dict[str, float]:
    """What the stages of a sweep used: trials, epochs, and hours of training time summed over trials."""
    confirmed = [cell["confirm"] for cell in results["cells"] if cell["confirm"]]
    stages = {"search": results["cells"], "confirm": confirmed}
    found = {
        f"{stage}/{what}": float(sum(part[what] for part in parts))
        for stage, parts in stages.items()
        for what in ("epochs", "hours")
    }
    seeds = sum(candidate["seeds"] for part in confirmed for candidate in part["candidates"])
    return {"search/trials": float(results["trials"]), "confirm/trials": float(seeds)} | found


def _confirmed(folder: SweepFolder) -> dict[int, dict[str, "Content"]]:
    """The files of each confirmed trial: what its model answered, the weights that it learned, and pictures of both."""
    found: dict[int, dict[str, Content]] = {}
    for place in sorted((folder.path / "predictions").glob("*-*.*")):
        number, _, name = place.name.partition("-")
        found.setdefault(int(number), {}).update(_shown(folder, place, name))
    return found


def _shown(folder: SweepFolder, place: Path, name: str) -> "Mapping[str, Content]":
    """A file of a confirmed trial, and the picture of it, which is drawn when MLflow takes it."""
    labels = tuple(folder.frozen.labels)
    if name == "weights.json":
        number = int(place.name.partition("-")[0])
        return {name: place, "weights.png": cache(partial(_weights, folder.path, number, labels))}
    if name == "test.parquet":
        return {f"predictions/{name}": place, "confusion.png": cache(partial(_confusion, place, labels))}
    return {f"predictions/{name}": place}


def _weights(folder: Path, number: int, labels: tuple[str, ...]) -> bytes:
    from sweeper.edges import pictures, predictions

    matrix = predictions.weights(folder, number)
    assert matrix is not None
    return pictures.weights(labels, matrix)


def _confusion(place: Path, labels: tuple[str, ...]) -> bytes:
    from sweeper.edges import pictures, predictions

    found = predictions.read(place, labels)
    return pictures.confusion(labels, found.labels, found.probabilities.argmax(axis=1), "test")
