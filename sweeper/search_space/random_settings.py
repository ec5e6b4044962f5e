"""Settings drawn at random from a search space: what a plan takes for those that a sampler will propose."""

from random import Random

from sweeper.search_space.schema import PartialSetting
from sweeper.search_space.space import Params
from sweeper.search_space.sweep_spec import SweepSpec


def draw_setting(spec: SweepSpec, system: int, random: Random, planned: PartialSetting | None = None) -> Params:
    """Return a setting of a system, drawn at random; values in `planned` are kept. Compared values are included."""
    setting = dict(spec.systems[system])
    assigned = {**spec.space.fixed_values, **setting}
    for hyperparameter in spec.space.searched_hyperparameters():
        branch = hyperparameter.active_branch(assigned)
        if branch is None:
            continue
        name = hyperparameter.name
        value = (planned or {}).get(name)
        assigned[name] = setting[name] = branch.domain.value_at(random.random()) if value is None else value
    return setting


def draw_settings(spec: SweepSpec, system: int, random: Random) -> list[Params]:
    """Return a setting for each trial of a system's budget: those that the file plans first, then random ones."""
    planned = spec.initial_settings(system)[: spec.trial_budget(system)]
    rest: list[PartialSetting] = [{} for _ in range(spec.trial_budget(system) - len(planned))]
    return [draw_setting(spec, system, random, entry) for entry in (*planned, *rest)]
