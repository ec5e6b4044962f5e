"""Pages of the choices that a search space and the commands make by name: from the registries of the code."""

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, is_dataclass
from pathlib import Path
from typing import Any

from docs.generator.markdown import code, page, table
from docs.generator.schema import field_table

ROOT = Path(__file__).resolve().parents[2]


def registry(path: str) -> Mapping[str, Any]:
    """Return the dictionary `module:NAME` of the package sweeper."""
    module, _, name = path.partition(":")
    found: Mapping[str, Any] = getattr(importlib.import_module(f"sweeper.{module}"), name)
    return found


def entry_table(path: str, *, more: tuple[str, ...] = ()) -> str:
    """Return the entries of a registry as a table: name, label, description and the fields `more` of each entry."""
    entries = registry(path)
    columns = [
        name for name in ("label", "description", *more) if any(hasattr(entry, name) for entry in entries.values())
    ]
    rows = [(code(name), *(_text(getattr(entry, column, "")) for column in columns)) for name, entry in entries.items()]
    source = f"From `{_file(path)}`."
    return table(["name", *(column.replace("_", " ") for column in columns)], rows) + "\n" + source


def search() -> str:
    """Return the page of samplers and early stopping rules."""
    rules = registry("search_space.early_stopping:EARLY_STOPPING")
    settings = [f"### `{name}`\n\n{field_table(rule.settings)}" for name, rule in rules.items()]
    return page(
        "Samplers and early stopping",
        "How settings are proposed, and how poor trials are stopped.",
        "## Samplers",
        "The values of `sampler`.",
        entry_table("search_space.samplers:SAMPLERS"),
        "## Early stopping",
        entry_table("search_space.early_stopping:EARLY_STOPPING"),
        *settings,
    )


def losses_and_encoders() -> str:
    """Return the page of losses, encoder kinds, poolings, schedules and averages."""
    return page(
        "Losses and encoders",
        "[The guide](../guides/losses-and-encoders.md) explains how to choose.",
        "## Losses",
        "The values of `loss`, and the hyperparameters that not every loss uses.",
        entry_table("training.registry:LOSSES", more=("hyperparameters",)),
        "## Encoder kinds",
        "An encoder whose name is not in this table is pretrained.",
        entry_table("training.registry:ENCODER_KINDS", more=("hyperparameters",)),
        "## Poolings",
        entry_table("training.registry:POOLINGS"),
        "## Schedules",
        "The values of `schedule`.",
        entry_table("training.registry:SCHEDULES"),
        "## Averages",
        "The values of `average`.",
        entry_table("training.registry:AVERAGES", more=("hyperparameters",)),
    )


def metrics() -> str:
    """Return the page of metrics."""
    return page(
        "Metrics",
        "All shares are in [0, 1].",
        "## Of each split",
        "Reported as `validation/NAME` after each validation, and as `test/NAME` for confirmed models.",
        "A metric with an entry under *better* can be the `objective`.",
        entry_table("training.metric_registry:METRICS", more=("better",)),
        "## Of one class",
        "Written with the name of the class: `f1/joy`, and `validation/f1/joy` as the `objective`.",
        entry_table("training.metric_registry:CLASS_METRICS", more=("better",)),
        "## Of each trial",
        "`system/...` needs `tracking: {system_metrics: true}`.",
        _metric_table(TRIAL_METRICS),
        "## Of a sweep",
        "On the sweep's own run in MLflow.",
        _metric_table(SWEEP_METRICS),
    )


# Metrics that the code reports beside those of the registry: of a trial, and of the sweep's own run in MLflow.
TRIAL_METRICS = {
    "train/loss": "Mean loss since the last validation; in the first phase of two, the contrastive term.",
    "train/ce": "Mean cross entropy of the classifier since the last validation.",
    "train/weighting_ce": "Mean cross entropy of LCL's weighting network.",
    "train/contrastive": "Mean contrastive term.",
    "train/divergence": "Mean divergence between the predictions of two passes of a text, if `consistency` is used.",
    "train/truncated": "Share of the training texts that are longer than `max_length` and are cut.",
    "weights/true_class": "Mean weight that LCL's weighting network gives the true class.",
    "batches/classes": "Mean number of classes in a batch of the first epoch.",
    "anchors/without_positive": "Share of anchors without a positive in the batch or its `memory`; 0 with prototypes.",
    "soup/validations": "Number of validations whose weights are in the greedy soup, with `average: soup`.",
    "learning_rate": "Learning rate of the last update; missing before the first.",
    "seconds": "Seconds of training and validation since the last validation.",
    "examples_per_second": "Training texts per second.",
    "system/cpu_cores": "CPU cores in use.",
    "system/gpu_share": "GPUs of the trial, with `gpu: auto`.",
    "system/memory_megabytes": "Memory of the worker that is not swapped out.",
    "system/gpu_0_memory_megabytes": "Memory in use on a GPU, by whichever process; `gpu_1` is the next one.",
    "system/gpu_0_utilization_percentage": "Use of that GPU, by whichever process.",
}
SWEEP_METRICS = {
    f"{stage}/{name}": f"{meaning} of the {'search' if stage == 'search' else 'confirmation'}."
    for stage in ("search", "confirm")
    for name, meaning in (("trials", "Trials"), ("epochs", "Epochs"), ("hours", "Hours of training"))
}


def _metric_table(metrics: Mapping[str, str]) -> str:
    return table(["name", "meaning"], [(code(name), meaning) for name, meaning in metrics.items()])


def _text(item: Any) -> str:
    if isinstance(item, tuple):
        return ", ".join(code(part) for part in item)
    return "" if item is None else str(item)


def _file(path: str) -> str:
    path = "sweeper/" + path.partition(":")[0].replace(".", "/")
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def plain_fields(entry: Any) -> Iterator[tuple[str, Any]]:
    """Yield the fields of a dataclass that differ from their defaults."""
    assert is_dataclass(entry)
    assert not isinstance(entry, type)
    values = asdict(entry)
    yield from ((field.name, values[field.name]) for field in fields(entry) if values[field.name] != field.default)
