"""The rungs at which early stopping decides about a trial that is shown."""

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import Trial


def rungs_of(spec: SweepSpec, trial: Trial) -> tuple[int, ...]:
    """Return the validations at which early stopping decides about a trial. Its last one and fresh seeds have none."""
    rungs = () if trial.source_trial else spec.rungs_of(trial.bracket)
    return tuple(rung for rung in rungs if rung < trial.config.num_validations)
