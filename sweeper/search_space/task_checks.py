"""Checks of a spec against the task of its data set: one label for each text, or any number of them."""

from collections.abc import Iterator

from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.domains import Categorical, equal_values
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.space_values import domains_of, path_of
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.metric_registry import find_metric
from sweeper.training.tasks import TASKS, metric_fits, objectives_of
from sweeper.wording import format_value


def check_labels(dataset: CustomDataset) -> Iterator[SpecIssue]:
    """Yield the issues of the keys about labels, for the task of a user's data set."""
    if dataset.task == "multi_label" and dataset.label_order:
        rule = "is for task: single_label, because the labels of a text have no order; leave it out"
        yield SpecIssue(("dataset", "label_order"), rule)
    if dataset.task == "single_label" and dataset.label_separator is not None:
        rule = "is for task: multi_label, got task: single_label; leave it out, or set dataset.task: multi_label"
        yield SpecIssue(("dataset", "label_separator"), rule)


def check_objective(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield an issue if the objective is no metric of the task."""
    task = spec.dataset_spec.task
    if not metric_fits(find_metric(spec.objective.name), task):
        allowed = ", ".join(objectives_of(task, "higher" if spec.objective.sign > 0 else "lower"))
        rule = f"is no metric of task: {task}, got {spec.objective.metric}, allowed: {allowed}"
        yield SpecIssue(("objective", spec.objective.direction), rule)


def check_hyperparameters(spec: SweepSpec) -> Iterator[SpecIssue]:
    """Yield an issue for each hyperparameter with a value that the task has no meaning for."""
    task = spec.dataset_spec.task
    for name, allowed in TASKS[task].allowed.items():
        for domain in domains_of(spec.space, name):
            values = domain.values if isinstance(domain, Categorical) else (domain.low, domain.high)
            bad = [value for value in values if not any(equal_values(value, other) for other in allowed)]
            if bad:
                listed = ", ".join(map(format_value, allowed))
                rule = f"is not for task: {task}, got {format_value(bad[0])}, allowed: {listed}"
                yield SpecIssue(path_of(spec.space, name), f"{rule}; {TASKS[task].reasons[name]}")
                break
