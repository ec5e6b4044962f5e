"""The end of a search that its limits let one expect: pure functions of what it has used.

The hours, GPU hours and cost leave a time. Patience leaves a number of trials, with each trial as likely as the others
to be the best of its system. `objective.stop_at` leaves nothing once it is reached; before, nothing is foreseen of it.
"""

import math

from sweeper.protocol.patience import expect_trials
from sweeper.protocol.search_budget import SearchBudget
from sweeper.search_space.sweep_spec import SweepSpec


def allowed_seconds(spec: SweepSpec, budget: SearchBudget, slots: int, now: float) -> float:
    """Return the seconds that the hours, the GPU hours and the cost leave to the search; infinity without a limit.

    `now` is in seconds since 1970. Of the GPU hours, all `slots` are taken to train.
    """
    limits, used = spec.budget, budget.spending(int(1000 * now))
    seconds = [3600 * (limits.hours - used.hours)] if limits.hours is not None else []
    gpus = slots * (budget.sessions[-1].gpu if budget.sessions else spec.resources.most_gpus)
    gpu_hours = [limits.gpu_hours] if limits.gpu_hours is not None else []
    if limits.cost is not None:
        gpu_hours.append(limits.cost.usd / limits.cost.per_gpu_hour)
    if gpu_hours and gpus:
        seconds.append(3600 * (min(gpu_hours) - used.gpu_hours) / gpus)
    return max(0.0, min(seconds, default=math.inf))


def allowed_trials(spec: SweepSpec, budget: SearchBudget) -> float:
    """Return the trials that each system can be expected to end until patience ends the search; infinity without it."""
    patience = spec.budget.patience
    if patience is None:
        return math.inf
    ended, systems = budget.ended_trials(), len(spec.systems)
    return expect_trials(ended, systems, patience.trials, patience.noise, most=spec.trial_budget(0))
