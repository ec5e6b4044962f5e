"""The turns of the systems in a search: which one begins the next trial, and if that trial is part of its race."""

from collections.abc import Callable, Iterable, Sequence

from sweeper.protocol.failed_sweep import count_failed_rounds
from sweeper.protocol.race import is_race_trial, may_begin, next_to_repeat
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import Trial, TrialRecord


def count_of_share(trials: Iterable[TrialRecord]) -> int:
    """Return how many trials of a system use its share of the budget: users' clones do not."""
    return sum(not record.trial.clone_of for record in trials)


class Turns:
    """Counts the trials of each system that use its share of the budget."""

    def __init__(self, spec: SweepSpec, searched: Sequence[TrialRecord]) -> None:
        """Start from the recorded trials of the search, ordered by number."""
        self.spec = spec
        rounds = 1 + count_failed_rounds(spec, searched)  # times that the budget is spent
        systems = range(len(spec.systems))
        self._shares = [rounds * spec.trial_budget(system) for system in systems]
        self._counts = [
            count_of_share(record for record in searched if record.trial.system == system) for system in systems
        ]

    def open_systems(self) -> list[int]:
        """Return the systems that have not had their share of the budget."""
        return [system for system, count in enumerate(self._counts) if count < self._shares[system]]

    def count_new(self) -> list[int]:
        """Return the trials of each system that have not begun, those of its race apart."""
        in_race = self.spec.race.num_trials if self.spec.race else 0
        return [max(0, share - in_race - count) for share, count in zip(self._shares, self._counts, strict=True)]

    def take(self, searched: Callable[[], Sequence[TrialRecord]]) -> tuple[int, Trial | None] | None:
        """Count a new trial for the system that has had the fewest, and return the system.

        Also return the trial whose setting it repeats in a race, or None. The answer is None if no system may begin a
        trial now. `searched` returns the trials of the search so far; only a race asks for them.
        """
        ready = [system for system in self.open_systems() if self._may_begin(searched, system)]
        if not ready:
            return None
        system = min(ready, key=lambda system: self._counts[system])
        is_race = is_race_trial(self.spec, self._counts[system], self._shares[system])
        repeated = next_to_repeat(self.spec, searched(), system, self._shares[system]) if is_race else None
        self._counts[system] += 1
        return system, repeated

    def _may_begin(self, searched: Callable[[], Sequence[TrialRecord]], system: int) -> bool:
        share = self._shares[system]
        is_race = is_race_trial(self.spec, self._counts[system], share)
        return not is_race or may_begin(self.spec, searched(), system, share)
