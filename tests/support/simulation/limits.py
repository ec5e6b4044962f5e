"""The limits of a simulated search, in which each report stands for REPORT_SECONDS of training."""

from collections.abc import Mapping
from typing import Any

from sweeper.search_space.budget import Budget
from sweeper.search_space.sweep_spec import SweepSpec
from tests.support.simulation.world import REPORT_SECONDS


def limits(limit: str, amount: int, metric: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the keys of a limit in `budget` and in `objective`. It allows about `amount` reports."""
    hours = amount * REPORT_SECONDS / 3600
    values = {
        "epochs": amount,
        "hours": hours,
        "gpu_hours": hours,
        "patience": {"trials": 1 + amount // 8, "noise": 0.1},
    }
    stop_at = 0.9 if "maximize" in metric else 0.1
    return {limit: values[limit]} if limit in values else {}, {"stop_at": stop_at} if limit == "stop_at" else {}


def has_limits(spec: SweepSpec) -> bool:
    """Return True if the search may end before all its trials were run."""
    return spec != without_limits(spec)


def without_limits(spec: SweepSpec) -> SweepSpec:
    """Return the spec with trials as the only limit."""
    objective = spec.objective.model_copy(update={"stop_at": None})
    return spec.model_copy(update={"budget": Budget(trials=spec.budget.trials), "objective": objective})


def with_more(spec: SweepSpec) -> SweepSpec:
    """Return the spec with one trial more, and a little more of each limit."""
    budget = spec.budget
    more = {
        "trials": budget.trials + 1,
        "epochs": budget.epochs and budget.epochs + 3,
        "hours": budget.hours and budget.hours + 3 * REPORT_SECONDS / 3600,
        "gpu_hours": budget.gpu_hours and budget.gpu_hours + 3 * REPORT_SECONDS / 3600,
        "patience": budget.patience and budget.patience.model_copy(update={"trials": budget.patience.trials + 1}),
    }
    return spec.model_copy(update={"budget": budget.model_copy(update=more)})
