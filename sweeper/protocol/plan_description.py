"""The parts of a plan that a search space alone decides: systems, hyperparameters and their conditions, rungs."""

from collections.abc import Iterator, Sequence
from statistics import fmean

from sweeper.protocol.simulated_sweep import SimulatedSweep
from sweeper.protocol.sweep_plan import PlannedHyperparameter, PlannedRung, PlannedSystem, Span
from sweeper.search_space.space import ConditionalDomain
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import ACTIVE_WHEN, Scalar
from sweeper.wording import format_value


def plan_systems(spec: SweepSpec) -> list[PlannedSystem]:
    """Return the systems with their shares of the budget."""
    return [
        PlannedSystem(params=params, trials=spec.trial_budget(system), race=spec.race_trials)
        for system, params in enumerate(spec.systems)
    ]


def plan_hyperparameters(spec: SweepSpec) -> list[PlannedHyperparameter]:
    """Return what is searched, with the conditions in the file and those of losses and encoders."""
    return [
        PlannedHyperparameter(
            name=hyperparameter.name, values=str(branch.domain), when=_conditions(spec, hyperparameter.name, branch)
        )
        for hyperparameter in spec.space.searched_hyperparameters()
        for branch in hyperparameter.branches
    ]


def unused_hyperparameters(spec: SweepSpec) -> list[str]:
    """Return the searched hyperparameters that no trial can have, as alpha where only cross entropy is compared."""
    planned = plan_hyperparameters(spec)
    used = {hyperparameter.name for hyperparameter in planned if hyperparameter.when != "never"}
    return [name for name in dict.fromkeys(hyperparameter.name for hyperparameter in planned) if name not in used]


def _conditions(spec: SweepSpec, name: str, branch: ConditionalDomain) -> str:
    implied = dict(_implied(spec, name))
    conditions = {
        parent: [value for value in values if parent not in implied or value in implied[parent]]
        for parent, values in {**implied, **branch.when}.items()
    }
    if not all(conditions.values()):
        return "never"
    return ", ".join(
        f"{parent} is {' or '.join(format_value(value) for value in values)}" for parent, values in conditions.items()
    )


def _implied(spec: SweepSpec, name: str) -> Iterator[tuple[str, list[Scalar]]]:
    """Yield the hyperparameters on which one depends by itself, with the values of the space that make it apply."""
    for parent, allowed in ACTIVE_WHEN.get(name, {}).items():
        values = spec.values_of(parent)
        fitting = [value for value in values if value in allowed]
        if len(fitting) < len(values):
            yield parent, fitting


def plan_rungs(spec: SweepSpec, sweeps: Sequence[SimulatedSweep]) -> list[PlannedRung]:
    """Return the rungs, with the trials that are judged there and the share that passes in simulated sweeps."""
    rungs = []
    for rung in spec.rungs:
        arrivals = sum(sweep.arrivals[rung] for sweep in sweeps)
        passes = sum(sweep.passes[rung] for sweep in sweeps)
        epoch, share = rung / spec.validations_per_epoch, passes / arrivals if arrivals else None
        rungs.append(PlannedRung(epoch=epoch, trials=arrivals / len(sweeps), passing=share))
    return rungs


def span_of(values: Sequence[float], error: float = 0.0) -> Span:
    """Return the mean of simulated values, and the range of the middle four fifths, wider by a relative `error`."""
    ordered, cut = sorted(values), len(values) // 10
    low, high = ordered[cut], ordered[-1 - cut]
    return Span(expected=fmean(values), low=low * (1 - error), high=high * (1 + error))
