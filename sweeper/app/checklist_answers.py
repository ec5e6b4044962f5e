"""A sweep's answers to a reviewer's checklist: its data and encoders, its cost, its search and its statistics."""

import math
import statistics
from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeper.app.best_model import read_model_config
from sweeper.app.provenance import MACHINE, read_versions
from sweeper.protocol.search_knowledge import (
    describe_clones,
    describe_earlier_sweeps,
    describe_first_settings,
    describe_race,
)
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SystemResult
from sweeper.reporting.table.metrics import metric_problem
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.training.registry import encoder_kind
from sweeper.wording import count_noun, format_hours, format_value

UNKNOWN = "unknown"


def describe_sources(spec: SweepSpec, results: SweepResults) -> list[str]:
    """Return the data set and the encoders, with the revisions that were used."""
    data = spec.dataset_spec
    lines = [f"Data set {data.name}: {data.description or results.source}{_revision(results, 'dataset')}."]
    return [*lines, *(describe_encoder(name, results) for name in spec.encoders)]


def describe_encoder(name: str, results: SweepResults) -> str:
    """Return an encoder, with its revision if it is pretrained."""
    kind = encoder_kind(name)
    what = f"Encoder {name}{_revision(results, name)}" if kind.is_pretrained else f"{kind.label} from scratch"
    return f"{what}."


def _revision(results: SweepResults, name: str) -> str:
    revision = results.resolved.get(name, "")
    return f", revision {revision[:12]}" if revision and revision != "files" else ""


def describe_licences(folder: SweepFolder, spec: SweepSpec) -> list[str]:
    """Return the licences, as far as they are known."""
    data = spec.dataset_spec
    lines = [f"Data set {data.name}: {data.licence or UNKNOWN}."]
    pretrained = [name for name in spec.encoders if encoder_kind(name).is_pretrained]
    return lines + [f"Encoder {name}: {encoder_licence(folder, name)}." for name in pretrained]


def encoder_licence(folder: SweepFolder, name: str) -> str:
    """Return the licence that a pretrained encoder's card named when the sweep began, or why it is unknown."""
    summary = folder.manifest.encoders.get(name)
    if summary is None:
        return f"{UNKNOWN} here; its page says it"
    if summary["licence"] is None:
        return f"{UNKNOWN}; it came without a model card"
    return summary["licence"] or f"{UNKNOWN}; its model card names none"


def describe_data(folder: SweepFolder, spec: SweepSpec) -> list[str]:
    """Return the texts by split and class, and of a split that `limit` cuts also how many it has in all."""
    heading = "; texts with each label: " if spec.dataset_spec.task == "multi_label" else ": "
    lines = []
    for split, summary in folder.manifest.splits.items():
        texts = count_noun(summary["texts"], "text", form=",")
        if "of" in summary:
            texts = f"{summary['texts']:,} of {summary['of']:,} texts were used"
        classes = ", ".join(f"{name} {count:,}" for name, count in summary.get("classes", {}).items())
        lines.append(f"{split}: {texts}{heading if classes else ''}{classes}.")
    return lines or [UNKNOWN]


def describe_parameters(folder: SweepFolder, spec: SweepSpec) -> list[str]:
    """Return the number of parameters of the model that the sweep keeps, and of each encoder."""
    model, encoders = folder.path / "model", folder.manifest.encoders
    encoder_of_model = ""
    reason = "the model that the sweep keeps is incomplete" if model.exists() else "the sweep keeps no model"
    lines = [f"Parameters of a model with its classifier: {UNKNOWN}, because {reason}."]
    if config := read_model_config(folder):
        encoder_of_model = config["encoder"]
        lines = [f"Parameters of the kept model ({encoder_of_model}): {_count_parameters(model)}."]
    for name in spec.encoders:
        if name in encoders:
            lines.append(f"Parameters of the encoder {name}: {encoders[name]['parameters']:,}.")
        elif not encoder_kind(name).is_pretrained:
            lines.append(f"Parameters of {name}, which is trained from scratch: they depend on the setting.")
        elif name != encoder_of_model:
            lines.append(f"Parameters with {name}: {UNKNOWN}.")
    return lines


def _count_parameters(model: Path) -> str:
    """Return the number of parameters in a model's files of weights, or why it is unknown."""
    from safetensors import SafetensorError, safe_open

    total = 0
    for path in (model / "classifier.safetensors", *sorted((model / "encoder").glob("*.safetensors"))):
        try:
            with safe_open(path, "numpy") as file:
                total += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
        except (SafetensorError, OSError):
            return f"{UNKNOWN}, because {path} cannot be read"
    return f"{total:,}"


def describe_cost(folder: SweepFolder, results: SweepResults) -> list[str]:
    """Return the hours of training, and what they were spent on."""
    search = sum(system.hours for system in results.systems)
    confirmation = sum(seed.hours for seed in results.fresh_seeds)
    units, kind = (results.gpu, "GPU") if results.gpu else (float(results.threads), "CPU thread")
    spent = f"{format_hours(units * search)} in the search, {format_hours(units * confirmation)} with fresh seeds"
    per_trial = f"{results.gpu:g} GPU" if results.gpu else count_noun(results.threads, "CPU thread")
    return [
        f"{kind} hours: {format_hours(units * (search + confirmation))} ({spent}); a trial had {per_trial}.",
        f"Machine of the last run: {read_versions(folder).get(MACHINE, UNKNOWN)}.",
    ]


def describe_search(spec: SweepSpec, results: SweepResults) -> list[str]:
    """Return what was searched, how, and the best values of each system."""
    lines = [
        f"{hyperparameter.section} {hyperparameter.name}: {hyperparameter.describe_values()}."
        for hyperparameter in spec.space.hyperparameters
    ]
    if spec.training:
        fixed = ", ".join(f"{name} {format_value(value)}" for name, value in spec.training.items())
        lines.append(f"The same in all trials: {fixed}.")
    stopping = spec.early_stopping_label if spec.rungs else "none"
    trials = f"{count_noun(results.num_trials, 'trial')} of up to {count_noun(spec.max_epochs, 'epoch')}"
    lines.append(
        f"{trials}, with settings from {SAMPLERS[spec.sampler].label}; early stopping: {stopping}; "
        f"objective: {results.direction} {results.objective}; seed of the sweep: {spec.seed}."
    )
    return [*lines, *_other_settings(spec, results), *map(_best_values, results.systems)]


def _other_settings(spec: SweepSpec, results: SweepResults) -> Iterator[str]:
    """Yield the settings that the sampler did not choose by the sweep's own trials, as sentences."""
    yield from describe_first_settings(spec)
    yield from describe_earlier_sweeps(results)
    yield from describe_clones(results)
    yield from describe_race(spec, results)


def _best_values(system: SystemResult) -> str:
    setting = system.confirmation or system.best
    params = {} if setting is None else setting.params
    values = ", ".join(f"{name} {format_value(value)}" for name, value in params.items())
    return f"Best of {_name(system)}: {values or 'nothing was searched, or nothing completed'}."


def describe_statistics(results: SweepResults) -> list[str]:
    """Return the scores of the fresh seeds of each system, and how they came about."""
    lines = []
    for system in results.systems:
        seeds = system.confirmation.seeds if system.confirmation else []
        models = system.confirmation.models if system.confirmation else []
        split = "test" if any(seed.test for seed in models) else "validation"
        name = results.objective.removeprefix("validation/")
        metrics = [(seed.test or {}) if split == "test" else seed.metrics for seed in models]
        scores = [values[f"{split}/{name}"] for values in metrics if f"{split}/{name}" in values]
        described = f"{split} {name} {describe_scores(scores)}" if scores else "no score with fresh seeds"
        lines.append(f"{_name(system)}: {described}; seeds {', '.join(str(seed.seed) for seed in seeds) or 'none'}.")
    accesses = count_noun(len(results.test_accesses), "test access", "test accesses")
    top = max((confirmation.top for confirmation in results.confirmations), default=1)
    role = "which chose nothing" if top == 1 else f"whose mean on validation chose it among the best {top}"
    return [
        f"Mean ± standard deviation (n - 1) over fresh seeds of the best setting, {role}:",
        *lines,
        f"{accesses}. Intervals: {_table_command(results)} --detail; tests of the leads: --format json.",
    ]


def _table_command(results: SweepResults) -> str:
    """Return the command that prints the table by the metric of the objective, if a table can show it."""
    metric = results.objective.removeprefix("validation/")
    return f"sweeper table {results.sweep}{'' if metric_problem(metric) else f' --metric {metric}'}"


def describe_scores(scores: Sequence[float]) -> str:
    """Return the mean, standard deviation (n - 1) and number of the finite scores: 0.5560 ± 0.0130 (n = 5)."""
    finite = list(filter(math.isfinite, scores))
    if not finite:
        return "undefined"
    sd = f" ± {statistics.stdev(finite):.4f}" if len(finite) > 1 else ""
    return f"{statistics.fmean(finite):.4f}{sd} (n = {len(finite)})"


def _name(system: SystemResult) -> str:
    return " ".join(map(str, system.system.values())) or "all"


def describe_packages(folder: SweepFolder) -> list[str]:
    """Return the versions that the sweep ran with."""
    versions = {name: version for name, version in read_versions(folder).items() if name != MACHINE}
    return [", ".join(f"{name} {version}" for name, version in versions.items()) + "."] if versions else [UNKNOWN]
