"""Records the settings and versions that a sweep runs with, and describes the sweep for its own run in MLflow.

sweep.yaml has every key of the search space as it was last run, defaults too, and runs as it is. versions.json has the
versions of Python and packages, the driver's machine, and the commit of the user's own files where they have one.
"""

import json
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app.git import head_commit
from sweeper.atomic_write import write_json
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.gpu_names import describe_gpus
from sweeper.wording import count_noun

if TYPE_CHECKING:
    from sweeper.tracking.sweep_description import SplitInput, SweepDescription

VERSIONS, MACHINE = "versions.json", "machine"  # a file, and a key in it
_PACKAGES = ("sweeper", "ray", "optuna", "mlflow", "torch", "transformers", "datasets", "numpy", "scipy")


def write_provenance(spec: SweepSpec, folder: SweepFolder) -> None:
    """Write sweep.yaml and versions.json to the folder of a sweep that is about to run."""
    folder.write_spec(spec)
    commit = head_commit(Path.cwd())
    versions = {"python": platform.python_version(), **{name: metadata.version(name) for name in _PACKAGES}}
    machine = describe_gpus() or f"{platform.machine()}, {os.cpu_count()} CPUs, no GPU"
    write_json(folder.path / VERSIONS, versions | {MACHINE: machine} | ({"commit": commit} if commit else {}))


def describe_sweep(folder: SweepFolder) -> "SweepDescription":
    """Return the description of the sweep's own run: parameters never change, tags change with a larger budget."""
    from sweeper.record.test_accesses import read_test_accesses
    from sweeper.tracking.sweep_description import TEST_ACCESSES_TAG, TEST_SPLIT_TAG, SweepDescription

    spec = folder.read_spec()
    params = {
        "dataset": spec.dataset_spec.repository or spec.dataset_spec.name,
        "objective": spec.objective.metric,
        "sampler": spec.sampler,
        "early_stopping": _early_stopping(spec),
        "seed": str(spec.seed),
    }
    test, accesses = folder.manifest.splits.get("test"), read_test_accesses(folder.journal)
    limits = [count_noun(spec.budget.trials, "trial"), *spec.budget.describe_limits()]
    tags = {
        "sweeper.budget": ", ".join(limits),
        "sweeper.confirm": f"{count_noun(spec.confirm.seeds, 'seed')}, top {spec.confirm.top}",
        "mlflow.runName": folder.name,
        TEST_ACCESSES_TAG: str(len(accesses)),
    }
    tags |= {TEST_SPLIT_TAG: test["digest"]} if test else {}
    commit = read_versions(folder).get("commit")
    tags |= {"mlflow.source.git.commit": commit} if commit else {}
    splits, searched = _split_inputs(spec, folder), _varied(spec)
    return SweepDescription(params, tags, spec.dataset_spec.name, splits, spec.objective, searched)


def _varied(spec: SweepSpec) -> list[str]:
    """Return the hyperparameters that differ between trials: those compared, then those searched."""
    compared = [name for name in spec.compare if len({str(system.get(name)) for system in spec.systems}) > 1]
    return list(dict.fromkeys([*compared, *spec.search]))


def _early_stopping(spec: SweepSpec) -> str:
    """Return the early stopping rule with its settings, or "off"."""
    rule, settings = spec.early_stopping_rule, spec.early_stopping_settings
    if rule is None or settings is None:
        return "off"
    return ", ".join([rule.label, *(f"{name} {value:g}" for name, value in settings.model_dump().items())])


def read_versions(folder: SweepFolder) -> dict[str, str]:
    """Return what versions.json has; nothing if it cannot be read."""
    try:
        versions: dict[str, str] = json.loads((folder.path / VERSIONS).read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return versions


def _split_inputs(spec: SweepSpec, folder: SweepFolder) -> "dict[str, SplitInput]":
    """Return the splits of the data set as they were used, and where they come from."""
    from sweeper.tracking.sweep_description import SplitInput

    return {
        name: SplitInput(rows["texts"], rows["digest"], *_source(spec, folder, name))
        for name, rows in folder.manifest.splits.items()
    }


def _source(spec: SweepSpec, folder: SweepFolder, split: str) -> tuple[str, dict[str, str | None]]:
    """Return where a split comes from, in MLflow's words: a kind of source, and what identifies it."""
    data, revision = spec.dataset_spec, folder.manifest.resolved.get("dataset")
    if data.files:
        return "local", {"uri": data.files.get(split) or data.files["train"], "digest": revision}
    if data.repository.startswith("package:"):
        return "local", {"uri": data.repository}
    source = {"path": data.repository, "config_name": data.config, "revision": revision}
    return "hugging_face", source | {"split": data.splits.get(split, "train")}
