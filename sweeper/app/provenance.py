"""What a sweep is run with, noted in its folder each time, and what MLflow's run of the sweep says of it.

sweep.yaml has every key of the spec as it was last run, defaults too, and runs as it is; versions.json has the versions
of Python and packages, and the commit of the user's own files where they have one.
"""

import json
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, write_json

if TYPE_CHECKING:
    from sweeper.tracking.sweep_description import SweepDescription

_PACKAGES = ("sweeper", "ray", "optuna", "mlflow", "torch", "transformers")


def write_provenance(spec: SweepSpec, folder: SweepFolder) -> None:
    """Write sweep.yaml and versions.json to the folder of a sweep that is about to run."""
    from sweeper.app import git

    folder.write_spec(spec)
    commit = git.head_commit(Path.cwd())
    found = {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}}
    write_json(folder.path / "versions.json", found | ({"commit": commit} if commit else {}))


def describe_sweep(folder: SweepFolder) -> "SweepDescription":
    """What the sweep's own run says: what never changes are parameters, what a larger budget changes are tags."""
    from sweeper.tracking.sweep_description import SweepDescription

    spec = folder.spec
    asha = "off" if spec.asha == "off" else f"{spec.asha.grace_epochs:g}, {spec.asha.reduction_factor}"
    params = {
        "dataset": spec.dataset_spec.repository or spec.dataset_spec.name,
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
    return SweepDescription(params, tags, spec.dataset_spec.name, _splits(spec, folder))


def _versions(folder: SweepFolder) -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((folder.path / "versions.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found


def _splits(spec: SweepSpec, folder: SweepFolder) -> Any:
    """The splits of the data set as they were used, and where they come from."""
    from sweeper.tracking.sweep_description import SplitSummary

    splits = folder.manifest.splits.items()
    return {name: SplitSummary(rows["texts"], rows["digest"], *_source(spec, folder, name)) for name, rows in splits}


def _source(spec: SweepSpec, folder: SweepFolder, split: str) -> tuple[str, dict[str, str | None]]:
    """Where a split comes from, in MLflow's words: a kind of source, and what tells it from others of the kind."""
    data, revision = spec.dataset_spec, folder.manifest.resolved.get("dataset")
    if data.files:
        return "local", {"uri": data.files.get(split) or data.files["train"], "digest": revision}
    if data.repository.startswith("package:"):
        return "local", {"uri": data.repository}
    named = {"path": data.repository, "config_name": data.config, "revision": revision}
    return "hugging_face", named | {"split": data.splits.get(split, "train")}
