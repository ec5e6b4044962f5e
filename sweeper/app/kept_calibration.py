"""Keeps the times of `sweeper plan` beside the sweeps, so that `sweeper run` knows how long the same sweep takes."""

import os
import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from sweeper.app.prepare_data import PreparedSweep
from sweeper.app.time_trainings import Calibration
from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError
from sweeper.execution.cluster_address import cluster_address
from sweeper.protocol.plan import find_exceeded, make_plan, plan_use, simulate
from sweeper.protocol.simulated_sweep import Overhead
from sweeper.protocol.sweep_plan import Span
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost
from sweeper.trials.resources import TrialResources

_FOLDER = ".plans"


@dataclass(frozen=True)
class _KeptCalibration:
    """The content of the file. `measured_on` is what must be the same for the times to hold."""

    measured_on: Mapping[str, Any]
    resources: TrialResources
    timed: tuple[tuple[TrainConfig, TrainingCost], ...]
    overhead: Overhead


_KEPT = TypeAdapter(_KeptCalibration)


def keep_calibration(sweeps: Path, prepared: PreparedSweep, calibration: Calibration, *, inline: bool) -> None:
    """Write a calibration beside the sweeps. One that cannot be written is not kept."""
    spec = prepared.spec
    kept = _KeptCalibration(
        _conditions(spec, inline=inline), calibration.resources, tuple(calibration.timed), calibration.overhead
    )
    with suppress(OSError), atomic_write(_path(sweeps, prepared)) as file:
        file.write(_KEPT.dump_json(kept, indent=2))


def foreseen_hours(sweeps: Path, prepared: PreparedSweep, *, inline: bool) -> Span | None:
    """Return the wall time of a sweep that has not begun, in hours, or None if no calibration of it was kept.

    Raises UsageError if the search would exceed the budget's hours or GPU hours, in the words of `sweeper plan`.
    """
    spec, kept = prepared.spec, _load(_path(sweeps, prepared))
    if prepared.folder is not None or kept is None or kept.measured_on != _conditions(spec, inline=inline):
        return None
    simulated = simulate(spec, kept.resources, kept.timed, kept.overhead)
    use = plan_use(kept.resources, simulated, kept.timed, disk=0, free=0)
    plan = make_plan(spec, kept.resources, simulated, is_remote=False).model_copy(update={"use": use})
    exceeded = find_exceeded(spec, plan)
    if exceeded:
        raise UsageError("\n".join(exceeded))
    return use.hours


def _path(sweeps: Path, prepared: PreparedSweep) -> Path:
    spec = prepared.spec
    return sweeps / _FOLDER / f"{spec.dataset_spec.name}-{fingerprint(spec.identity, prepared.resolved)}.json"


def _load(path: Path) -> _KeptCalibration | None:
    """Return a kept calibration; None if there is none or it is damaged: `sweeper plan` makes it again."""
    try:
        kept = _KEPT.validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
    return kept if kept.timed else None


def _conditions(spec: SweepSpec, *, inline: bool) -> dict[str, Any]:
    """Return what the times depend on besides the search space and its data: version, machine and share of it."""
    place = None if inline else cluster_address()
    return {
        "version": version("sweeper"),
        "machine": place or f"{platform.node()}, {platform.machine()}, {os.cpu_count()} cores",
        "gpus": os.environ.get("CUDA_VISIBLE_DEVICES", "all"),
        "inline": inline,
        "resources": spec.resources.model_dump(mode="json"),
    }
