"""Makes the plan of a sweep from its search space and the cost of its trainings: pure functions."""

from collections.abc import Callable, Sequence
from random import Random
from statistics import fmean

from sweeper.protocol.calibration_points import cost_key, describe_point, nearest_point
from sweeper.protocol.expected_epochs import epochs_at_most
from sweeper.protocol.plan_description import plan_hyperparameters, plan_rungs, plan_systems, span_of
from sweeper.protocol.search_budget import count_search_trials
from sweeper.protocol.simulated_sweep import Overhead, SimulatedSweep, SweepSimulator
from sweeper.protocol.sweep_plan import PlannedUse, Span, SweepPlan, TimedTraining
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost
from sweeper.trials.resources import TrialResources

_SIMULATED_TRIALS = 20_000  # in all simulated sweeps together
_MOST_SWEEPS, _FEWEST_SWEEPS = 200, 10
_TIMING_ERROR = 0.15  # of the time of a whole training that a few of its steps give
_KEPT = 1.5  # memory of a worker after some trainings, as a multiple of that of its first (docs/benchmarks/plans.md)
_HOUR = 3600

Timed = Sequence[tuple[TrainConfig, TrainingCost]]


def simulate(
    spec: SweepSpec, resources: TrialResources, timed: Timed = (), overhead: Overhead | None = None
) -> list[SimulatedSweep]:
    """Return simulated sweeps, always the same ones. Without `timed` trainings, all times in them are 0."""
    random, num_trials = Random(spec.seed), count_search_trials(spec)
    simulator = SweepSimulator(spec, _cost_of(timed), resources.slots, overhead or Overhead(), _gpus_of(resources))
    count = max(_FEWEST_SWEEPS, min(_MOST_SWEEPS, _SIMULATED_TRIALS // num_trials))
    return [simulator.run(random) for _ in range(count)]


def _gpus_of(resources: TrialResources) -> Callable[[TrainConfig], float]:
    return lambda config: resources.share_of(config).gpu


def _cost_of(timed: Timed) -> Callable[[TrainConfig], TrainingCost]:
    if not timed:
        return lambda _: TrainingCost()
    points = [config for config, _ in timed]
    known: dict[tuple[object, ...], TrainingCost] = {}

    def cost_of(config: TrainConfig) -> TrainingCost:
        key = cost_key(config)
        if key not in known:
            known[key] = timed[nearest_point(config, points)][1]
        return known[key]

    return cost_of


def make_plan(
    spec: SweepSpec, resources: TrialResources, sweeps: Sequence[SimulatedSweep], *, is_remote: bool
) -> SweepPlan:
    """Return the plan of a sweep, from its search space and simulations of it, without what it uses."""
    trials, fresh = count_search_trials(spec), len(spec.systems) * spec.confirm.seeds
    return SweepPlan(
        dataset=spec.dataset_spec.name,
        systems=plan_systems(spec),
        hyperparameters=plan_hyperparameters(spec),
        trials=trials,
        epochs_at_most=epochs_at_most(spec),
        epochs=span_of([sweep.search_epochs for sweep in sweeps]),
        rule=spec.early_stopping_label if spec.rungs else "",
        brackets=len(spec.brackets),
        rungs=plan_rungs(spec, sweeps),
        stopped=fmean(sweep.num_stopped for sweep in sweeps),
        confirmation_trainings=fresh * spec.confirm.top,
        confirmation_epochs=fmean(sweep.confirmation_epochs for sweep in sweeps),
        scorings=fresh,
        validations=fmean(sweep.validations for sweep in sweeps),
        place="the cluster" if is_remote else "this machine",
        slots=resources.slots,
        cpu=resources.cpu,
        gpu=resources.gpu,
        notes=_notes(spec, resources),
    )


def _notes(spec: SweepSpec, resources: TrialResources) -> list[str]:
    notes = [resources.note] if resources.note else []
    has_rule = spec.budget.patience is not None or spec.objective.stop_at is not None
    if has_rule:
        notes.append("budget.patience or objective.stop_at may end the search before its trials are used up")
    if spec.race is not None:
        notes.append(f"racing: {spec.race.describe()}: {spec.race.describe_rounds()}")
        if has_rule or spec.budget.describe_limits():
            notes.append("the race comes last: a limit other than budget.trials may end the search before it")
    return notes


def plan_use(
    resources: TrialResources,
    sweeps: Sequence[SimulatedSweep],
    timed: Timed,
    disk: int,
    free: int,
) -> PlannedUse:
    """Return what a sweep uses, from simulations of it with the costs of `timed` trainings.

    `disk` is what checkpoints take, `free` what is free, in bytes.
    """

    def hours(seconds: Callable[[SimulatedSweep], float]) -> Span:
        return span_of([seconds(sweep) / _HOUR for sweep in sweeps], _TIMING_ERROR)

    points = [config for config, _ in timed]
    return PlannedUse(
        hours=hours(lambda sweep: sweep.seconds),
        search_hours=hours(lambda sweep: sweep.search_seconds),
        cpu_hours=hours(lambda sweep: sweep.processor_seconds),
        gpu_hours=hours(lambda sweep: sweep.gpu_seconds),
        search_gpu_hours=hours(lambda sweep: sweep.search_gpu_seconds),
        memory_bytes=round(_KEPT * resources.slots * max(cost.memory for _, cost in timed)),
        gpu_memory_bytes=max(cost.gpu_memory for _, cost in timed),
        disk_bytes=disk,
        free_disk_bytes=free,
        timed=[
            TimedTraining(
                params=describe_point(config, points),
                epoch_seconds=cost.epoch + (cost.validation + cost.checkpoint) * config.validations_per_epoch,
                memory_bytes=cost.memory,
                gpu_memory_bytes=cost.gpu_memory,
            )
            for config, cost in timed
        ],
    )


def find_exceeded(spec: SweepSpec, plan: SweepPlan) -> list[str]:
    """Return a line for each limit of the budget that the search is expected to exceed: the place, both amounts."""
    use, budget = plan.use, spec.budget
    if use is None:
        return []
    gpu_key = "cost" if budget.gpu_hours_limit != budget.gpu_hours else "gpu_hours"
    limits = (("hours", "hours", budget.hours, use.search_hours),
              (gpu_key, "GPU hours", budget.gpu_hours_limit, use.search_gpu_hours))  # fmt: skip
    lines = []
    for key, unit, limit, span in limits:
        if limit is None or span.expected <= limit:
            continue
        fitting = max(1, int(plan.trials * limit / span.expected))
        rule = f"the search takes about {span.expected:.3g} {unit} ({span.low:.3g} to {span.high:.3g}), got {limit:g}"
        lines.append(spec.message(("budget", key), f"{rule}; allow more, or ask for about {fitting} budget.trials"))
    return lines
