"""Ray Tune's side: a callback that tells the clock."""

from typing import Any

from ray import tune

from benchmarks.instant.trial_clock import TrialClock


class ClockCallback(tune.Callback):  # type: ignore[misc]  # Ray is not typed
    """Tells a clock of each report and each end."""

    def __init__(self, clock: TrialClock) -> None:
        self.clock = clock

    def on_trial_result(self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **info: Any) -> None:
        """A trial reported."""
        self.clock.trial_reported(trial.trial_id)

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **info: Any) -> None:
        """A trial ended, by itself or by the scheduler."""
        self.clock.trial_ended(trial.trial_id)
