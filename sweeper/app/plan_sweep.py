"""Plans a sweep: what would run, and what it would use by a calibration of a few training steps, which is kept."""

import time
from contextlib import ExitStack
from pathlib import Path

from sweeper.app.allocation import allocate_resources
from sweeper.app.api_arguments import require_spec
from sweeper.app.disk_space import checkpoint_disk, count_remaining_trainings, disk_problem, free_for_sweep
from sweeper.app.fit_checks import require_gpu_for_fp16
from sweeper.app.kept_calibration import keep_calibration
from sweeper.app.learn_from import borrowing_lines, suggest_learn_from
from sweeper.app.output_paths import require_sweeps_folder
from sweeper.app.prepare_data import prepare_sweep
from sweeper.app.share_gpus import allocate
from sweeper.app.time_trainings import Calibration, core_share, time_trainings
from sweeper.app.trial_runner import make_runner
from sweeper.execution.cluster_address import cluster_address
from sweeper.protocol.plan import find_exceeded, make_plan, plan_use, simulate
from sweeper.protocol.sweep_plan import PlannedUse, SweepPlan
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_search import find_sweep
from sweeper.terminal.output import Output, PlainOutput
from sweeper.trials.resources import TrialResources

_BUSY = 0.8  # share of a core below which something else runs here

_FULL = "the disk may become full: the most that checkpoints can take is more than is free"


def plan(
    spec: SweepSpec,
    *,
    calibrate: bool = True,
    sweeps: str | Path = "sweeps",
    inline: bool = False,
    progress: bool = True,
) -> SweepPlan:
    """Return what a search space would run and use, without running it: the same as `sweeper plan`.

    Args:
        spec: the search space, from `load`.
        calibrate: fetch data and encoders, and time a few training steps for each encoder, loss and batch size.
        sweeps: the folder where the sweep would be kept.
        inline: plan a run in one process, without Ray.
        progress: print a line for each step.

    Raises:
        UsageError: the input is wrong, or data or encoders cannot be had.
        SweeperError: no training can be timed.
    """
    require_spec(spec, "plan")
    output = PlainOutput(progress=progress)
    if calibrate:
        require_sweeps_folder(Path(sweeps))
    return plan_sweep(output, spec, Path(sweeps), calibrate=calibrate, inline=inline)


def plan_sweep(output: Output, spec: SweepSpec, sweeps: Path, *, calibrate: bool, inline: bool = False) -> SweepPlan:
    """Return the plan of a sweep in the folder `sweeps`, in which a calibration writes. `plan` explains it."""
    if calibrate:
        return _plan_with_use(output, spec, sweeps, inline=inline)
    resources, is_remote = allocate_resources(output, spec)
    return _draft(spec, sweeps, resources, is_remote=is_remote)


def _draft(spec: SweepSpec, sweeps: Path, resources: TrialResources, *, is_remote: bool) -> SweepPlan:
    """Return the plan without what the sweep would use."""
    draft = make_plan(spec, resources, simulate(spec, resources), is_remote=is_remote)
    folder = find_sweep(sweeps, spec)
    begun = [] if folder is None else [f"{folder.name} has begun: `sweeper run` runs only what is left of this plan"]
    borrowed = borrowing_lines(spec, sweeps) if spec.learn_from else ()
    suggested = filter(None, [suggest_learn_from(spec, sweeps)])
    return draft.model_copy(update={"notes": [*begun, *borrowed, *suggested, *draft.notes]})


def _plan_with_use(output: Output, spec: SweepSpec, sweeps: Path, *, inline: bool) -> SweepPlan:
    """Return the plan of a sweep with what it would use, and the limits that it would exceed."""
    require_gpu_for_fp16(spec, is_remote=not inline and cluster_address() is not None)
    output.capture_libraries()
    began = time.monotonic()
    prepared = prepare_sweep(output, spec, None)
    with ExitStack() as stack:
        with output.step("starting" if inline else "starting Ray"):
            runner = stack.enter_context(make_runner(output, spec, inline=inline))
        resources = allocate(runner, spec)
        startup = time.monotonic() - began
        calibration = time_trainings(output, runner, prepared, sweeps, resources, startup)
        resources = calibration.resources
        is_remote = runner.is_remote
    keep_calibration(sweeps, prepared, calibration, inline=inline)
    return _add_use(_draft(spec, sweeps, resources, is_remote=is_remote), spec, sweeps, calibration)


def _add_use(draft: SweepPlan, spec: SweepSpec, sweeps: Path, calibration: Calibration) -> SweepPlan:
    """Return a plan with the use that follows from a calibration, and with the limits that the sweep would exceed."""
    resources, timed = calibration.resources, calibration.timed
    simulated = simulate(spec, resources, timed, calibration.overhead)
    most, _ = checkpoint_disk(spec, calibration.data, resources.slots)
    folder = find_sweep(sweeps, spec)
    use = plan_use(resources, simulated, timed, most, free_for_sweep(sweeps, folder))
    notes = [*draft.notes, *calibration.notes, *_busy_note(core_share(timed, resources))]
    problem = None
    if draft.place == "this machine":  # a cluster's checkpoints are on its nodes
        problem = disk_problem(sweeps, folder, spec, calibration.data, resources.slots)
        if problem is None and _may_fill_disk(spec, folder, use):
            notes.append(_FULL)
    plan_with_use = draft.model_copy(update={"use": use, "notes": notes})
    exceeded = find_exceeded(spec, plan_with_use) + ([problem] if problem else [])
    return plan_with_use.model_copy(update={"exceeded": exceeded})


def _may_fill_disk(spec: SweepSpec, folder: SweepFolder | None, use: PlannedUse) -> bool:
    """Return True if the most that checkpoints can take is more than is free, and trainings are still to come."""
    if use.free_disk_bytes >= use.disk_bytes:
        return False
    return folder is None or count_remaining_trainings(folder, spec) != 0


def _busy_note(share: float) -> list[str]:
    text = f"this machine is busy: a training got {share:.0%} of a core while its steps were timed"
    return [text] if share < _BUSY else []
