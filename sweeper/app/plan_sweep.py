"""Plans a sweep: what would run, and what it would use by a calibration of a few training steps. Nothing is kept."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from sweeper.app.allocation import allocate_resources
from sweeper.app.disk_space import checkpoint_disk
from sweeper.app.fit_checks import require_gpu_for_fp16
from sweeper.app.output_paths import require_sweeps_folder
from sweeper.app.prepare_data import PreparedSweep, load_training_data, prepare_sweep
from sweeper.protocol.calibration_points import calibration_points, describe_point
from sweeper.protocol.plan import Timed, find_exceeded, make_plan, plan_use, simulate
from sweeper.protocol.simulated_sweep import Overhead
from sweeper.protocol.sweep_plan import PlannedUse, SweepPlan
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.free_space import existing_parent, free_bytes
from sweeper.storage.sweep_folder import find_sweep
from sweeper.terminal import formatting
from sweeper.terminal.output import Output, PlainOutput
from sweeper.training.types import TrainingData
from sweeper.trials.resources import TrialResources

# Seconds on a machine of two cores; see docs/benchmarks.md.
_START, _WORKER, _TRIAL, _END = 10.0, 8.0, 0.5, 8.0


def plan(spec: SweepSpec, *, calibrate: bool = True, sweeps: str | Path = "sweeps", progress: bool = True) -> SweepPlan:
    """Return what a search space would run and use, without running it: the same as `sweeper plan`.

    Args:
        spec: the search space, from `load`.
        calibrate: fetch data and encoders, and time a few training steps for each encoder, loss and batch size.
        sweeps: the folder where the sweep would be kept.
        progress: print a line for each step.

    Raises:
        UsageError: the input is wrong, or data or encoders cannot be had.
    """
    return plan_sweep(PlainOutput(progress=progress), spec, Path(sweeps), calibrate=calibrate)


def plan_sweep(output: Output, spec: SweepSpec, sweeps: Path, *, calibrate: bool) -> SweepPlan:
    """Return the plan of a sweep in the folder `sweeps`. `plan` explains it."""
    resources, is_remote = allocate_resources(output, spec)
    draft = make_plan(spec, resources, simulate(spec, resources), is_remote=is_remote)
    draft = draft.model_copy(update={"notes": [*_begun(spec, sweeps), *draft.notes]})
    if not calibrate:
        return draft
    require_sweeps_folder(sweeps)
    require_gpu_for_fp16(spec, is_remote=is_remote)
    output.capture_libraries(Path(tempfile.mkdtemp(prefix="sweeper-plan-")))
    if is_remote:
        draft.notes.append("steps were timed on this machine; the cluster's may be faster or slower")
    whole = draft.model_copy(update={"use": _measure(output, spec, sweeps, resources)})
    return whole.model_copy(update={"exceeded": [*find_exceeded(spec, whole), *_too_little_disk(sweeps, whole)]})


def _begun(spec: SweepSpec, sweeps: Path) -> list[str]:
    folder = find_sweep(sweeps, spec)
    return [] if folder is None else [f"{folder.name} has begun: `sweeper run` runs only what is left of this plan"]


def _measure(output: Output, spec: SweepSpec, sweeps: Path, resources: TrialResources) -> PlannedUse:
    """Load the data, time a few steps of each kind of training, and return what the sweep would use."""
    began = time.monotonic()
    prepared = prepare_sweep(output, spec, None)
    data = load_training_data(prepared, spec.encoders, step=output.step)
    loading = time.monotonic() - began
    timed = _time_trainings(output, prepared, data, sweeps, resources)
    overhead = Overhead(_START + loading, _WORKER, _TRIAL, loading, _END)
    simulated = simulate(spec, resources, timed, overhead)
    needed, _ = checkpoint_disk(spec, data, resources.slots)
    return plan_use(resources, simulated, timed, needed, free_bytes(sweeps))


def _time_trainings(
    output: Output, prepared: PreparedSweep, data: Mapping[str, TrainingData], sweeps: Path, resources: TrialResources
) -> Timed:
    """Return trainings of each kind with their costs. Checkpoints are written where the sweep would write them."""
    from sweeper.training.calibration import calibrate

    test = prepared.dataset.splits.get("test")
    timed = []
    for config in calibration_points(prepared.spec, resources.cpu):
        with output.step(f"timing {formatting.format_params(describe_point(config))}"):
            cost = calibrate(config, data[config.encoder], existing_parent(sweeps), 0 if test is None else len(test))
        timed.append((config, cost))
    return timed


def _too_little_disk(sweeps: Path, plan: SweepPlan) -> list[str]:
    use = plan.use
    if use is None or plan.place != "this machine" or use.disk_bytes <= use.free_disk_bytes:
        return []
    return [
        f"--sweeps: {sweeps} has {use.free_disk_bytes / 1e9:,.1f} GB free, but checkpoints take up to "
        f"{use.disk_bytes / 1e9:,.1f} GB; free some space, or name another folder"
    ]
