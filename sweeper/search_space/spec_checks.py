"""Checks of a whole spec: its data set, hyperparameters, budget and grid; early_stopping_checks.py has the others."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from sweeper.data.catalog import DATASETS
from sweeper.data.encoder_catalog import ENCODERS
from sweeper.data.local_files import FORMATS
from sweeper.search_space.combinations import check_combinations
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.early_stopping_checks import check_early_stopping, check_grace_epochs
from sweeper.search_space.file_checks import check_files
from sweeper.search_space.hyperparameter_syntax import HyperparameterSyntaxError
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.misplaced_keys import unknown_hyperparameter_rule
from sweeper.search_space.pydantic_errors import DATASET_EXAMPLE
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.space import count_up_to
from sweeper.search_space.start_with import as_listed, validate_start_with
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.task_checks import check_hyperparameters, check_labels, check_objective
from sweeper.search_space.validation import validate_space
from sweeper.training.config import HYPERPARAMETERS, RUNTIME_FIELDS, validation_error
from sweeper.training.metric_registry import find_metric
from sweeper.wording import allowed_classes, allowed_hint, nearest_listed, quote_value

_MAX_GRID = 10_000


def check_spec(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield the issues of a spec whose keys have the right types."""
    yield from _check_dataset(spec)
    yield from _check_learn_from(spec)
    if (spec.objective.maximize is None) == (spec.objective.minimize is None):
        got = "neither" if spec.objective.maximize is None else "both"
        yield SpecIssue(("objective",), f"needs exactly one of maximize and minimize, got {got}")
    else:
        yield from _check_objective(spec)
    early_stopping = list(check_early_stopping(spec))
    yield from early_stopping
    issues = list(_check_names(spec)) or _check_space(spec)
    yield from issues
    if not issues:
        yield from check_combinations(spec)
        yield from check_hyperparameters(spec) if _is_known_dataset(spec) else ()
        yield from _check_budget(spec)
        yield from () if early_stopping else check_grace_epochs(spec)


def check_stored_spec(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield the issues of the spec of a sweep that ran. The files that it names may be gone, so they do not count."""
    if not isinstance(spec.dataset, CustomDataset):
        yield from _check_dataset(spec)
    yield from check_early_stopping(spec)
    yield from list(_check_names(spec)) or _check_space(spec)


def _check_space(spec: SweepSpec) -> list[SpecIssue]:
    """Return the issues of the hyperparameters' values and conditions, and of `start_with`."""
    try:
        issues = validate_space(spec.space)
        return issues or validate_start_with(spec.space, [as_listed(spec.space, entry) for entry in spec.start_with])
    except HyperparameterSyntaxError as error:
        hint = f", {allowed_hint(error.names, error.word)}" if error.names else ""
        return [SpecIssue(error.path, error.rule + hint)]


def _check_dataset(spec: SweepSpec) -> Iterator[SpecIssue]:
    if isinstance(spec.dataset, CustomDataset):
        yield from _check_custom_dataset(spec.dataset)
    elif any(spec.dataset.lower().endswith(suffix) for suffix in FORMATS):
        yield SpecIssue(("dataset",), f"is a file, got {spec.dataset}; write dataset: {{train: {spec.dataset}}}")
    elif spec.dataset not in DATASETS:
        hint = allowed_hint(DATASETS, spec.dataset)
        yield SpecIssue(
            ("dataset",), f"unknown data set, got {spec.dataset}, {hint}; or your own, as {DATASET_EXAMPLE}"
        )


def _check_learn_from(spec: SweepSpec) -> Iterator[SpecIssue]:
    names = [Path(folder).resolve().name for folder in spec.learn_from]
    for position, folder in enumerate(spec.learn_from):
        if not folder.strip():
            yield SpecIssue(("learn_from", position), "is empty; name the folder of a sweep")
        elif names[position] in names[:position]:
            rule = f"names {quote_value(names[position])} twice; name each sweep once"
            yield SpecIssue(("learn_from", position), rule)


def _check_custom_dataset(dataset: CustomDataset) -> Iterator[SpecIssue]:
    if (dataset.hub is None) == (dataset.train is None):
        got = "neither" if dataset.hub is None else "both"
        yield SpecIssue(
            ("dataset",), f"needs train or hub, got {got}; write it as {DATASET_EXAMPLE} or {{hub: OWNER/NAME}}"
        )
    elif dataset.hub is not None and dataset.files:
        yield SpecIssue(("dataset",), "has files beside hub; keep hub, which has its own splits, or the files")
    yield from check_files(dataset.files) if dataset.hub is None else ()
    order = dataset.label_order or ()
    repeated = [label for position, label in enumerate(order) if str(label) in map(str, order[:position])]
    if repeated:
        yield SpecIssue(("dataset", "label_order"), f"names {quote_value(repeated[0])} twice; name each label once")
    yield from check_labels(dataset)
    data = dataset.dataset_spec
    if data.column_problem is not None:
        yield SpecIssue(("dataset", "label" if data.label in data.text else "text"), data.column_problem)


def _is_known_dataset(spec: SweepSpec) -> bool:
    return isinstance(spec.dataset, CustomDataset) or spec.dataset in DATASETS


def _check_objective(spec: SweepSpec) -> Iterator[SpecIssue]:
    if not _is_known_dataset(spec):
        return
    metric, data = find_metric(spec.objective.name), spec.dataset_spec
    yield from check_objective(spec)
    if metric.is_ordered and not data.label_order:
        rule = f"needs classes in order, got {spec.objective.metric}; set dataset.label_order, or use another metric"
        yield SpecIssue(("objective", spec.objective.direction), rule)
    classes = data.class_names or data.label_order  # without both, the rows say them
    if metric.class_name is not None and classes and metric.class_name not in classes:
        yield SpecIssue(("objective", spec.objective.direction), unknown_class_rule(metric.class_name, classes))


def unknown_class_rule(name: str, classes: Sequence[str]) -> str:
    """Return the rule that an objective breaks by naming a class that the data set does not have."""
    return f"names no class of the data set, got {quote_value(name)}, {allowed_classes(classes, name)}"


def _check_names(spec: SweepSpec) -> Iterator[SpecIssue]:
    for section in ("compare", "search", "training"):
        for name, value in getattr(spec, section).items():
            rule = _name_rule(section, name, value)
            if rule:
                yield SpecIssue((section, name), rule)
    if not any("encoder" in section for section in (spec.compare, spec.search, spec.training)):
        yield SpecIssue(("compare",), f"needs an encoder, such as encoder: [{ENCODERS[0]}]")


def _name_rule(section: str, name: str, value: object) -> str | None:
    """Return the rule that a hyperparameter breaks by standing in a section, or None."""
    if name in RUNTIME_FIELDS:
        return "is set by sweeper for each trial; use the top-level `seed`, or `resources`"
    if name not in HYPERPARAMETERS:
        return unknown_hyperparameter_rule(name)
    if section == "training":
        rule = validation_error(name, value)
        return f"{rule}, got {quote_value(value)}{nearest_listed(rule, value)}" if rule else None
    if name == "validations_per_epoch":
        return "cannot vary, because early stopping compares step with step; set it under training"
    return None


def _check_budget(spec: SweepSpec) -> Iterator[SpecIssue]:
    count = len(spec.systems)
    if spec.budget.trials < count:
        rule = f"each system needs a trial: at least {count} for {count} systems, got {spec.budget.trials}"
        yield SpecIssue(("budget", "trials"), rule)
    for key in ("gpu_hours", "cost"):
        if getattr(spec.budget, key) is not None and not spec.resources.gpu:
            rule = "counts GPU hours, but a trial gets no GPU (resources.gpu: 0); set resources.gpu, or limit hours"
            yield SpecIssue(("budget", key), rule)
    grid_issues = list(_check_grid(spec)) if SAMPLERS[spec.sampler].is_exhaustive else []
    yield from grid_issues
    if not grid_issues:  # a race counts the settings of the grid
        yield from _check_race(spec)
    if not SAMPLERS[spec.sampler].takes_tpe_settings:
        yield from _check_unused_tpe_settings(spec)


def _check_race(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Check that each system has trials enough for its race, and settings enough before it."""
    if spec.race is None or spec.budget.trials < len(spec.systems):
        return
    num_race, size, count = spec.race_trials, spec.race.settings, len(spec.systems)
    if spec.budget.trials // count < num_race + size:
        needed = f"{num_race + size} trials of each system, {size} before the race and {num_race} in it"
        rule = f"needs {needed}: at least {count * (num_race + size)} budget.trials, got {spec.budget.trials}"
        yield SpecIssue(("racing",), f"{rule}; raise budget.trials, or race fewer settings")
    elif spec.is_exhaustive and (fewest := min(len(spec.initial_settings(k)) for k in range(count))) < size:
        rule = f"a system has only {fewest} of the grid's settings, got {size}; race fewer, or list more values"
        yield SpecIssue(("racing", "settings"), rule)


def _check_unused_tpe_settings(spec: SweepSpec) -> Iterator[SpecIssue]:
    takers = " or ".join(name for name, sampler in SAMPLERS.items() if sampler.takes_tpe_settings)
    rule = f"only for sampler: {takers}, got {spec.sampler}; leave it out, or use sampler: {takers}"
    for key in ("tpe", "learn_from"):
        if key in spec.model_fields_set:
            yield SpecIssue((key,), f"is {rule}")
    for hyperparameter in spec.space.searched_hyperparameters():
        if any(branch.prior is not None for branch in hyperparameter.branches):
            yield SpecIssue(("search", hyperparameter.name), f"has a prior, which is {rule}")


def _check_grid(spec: SweepSpec) -> Iterator[SpecIssue]:
    hyperparameters = spec.space.searched_hyperparameters()
    unlisted = [
        hyperparameter.name
        for hyperparameter in hyperparameters
        if any(branch.domain.enumerate_values() is None for branch in hyperparameter.branches)
    ]
    for name in unlisted:
        rule = f"has no list of values for sampler: {spec.sampler}; use a list, or give a step"
        yield SpecIssue(("search", name), rule)
    names = {hyperparameter.name for hyperparameter in hyperparameters}
    if not unlisted and any(
        count_up_to(spec.space.enumerate_settings(names, system), _MAX_GRID + 1) > _MAX_GRID for system in spec.systems
    ):
        others = " or ".join(name for name, sampler in SAMPLERS.items() if not sampler.is_exhaustive)
        rule = f"a {spec.sampler} has at most {_MAX_GRID:,} settings for one system; use {others}"
        yield SpecIssue(("sampler",), rule)
