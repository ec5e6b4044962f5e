"""The race at the end of a system's search: pure functions of the record.

The last trials of each system's share are its race. In each round, the best settings get further seeds; the rounds have
4 and 2 settings, for example, and one is named in the end. A round begins when all earlier trials of the system have
ended, and its settings follow from those trials alone. So a driver that starts again continues the same race. A budget
that grows after a race has the race of the larger share at its end.
"""

from collections import Counter
from collections.abc import Sequence

from sweeper.protocol.ranking import rank_settings, score_trial, setting_key
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialRecord


def is_race_trial(spec: SweepSpec, position: int, share: int) -> bool:
    """Return True if a system's trial number `position` (from 0, users' clones not counted) is in its race."""
    return spec.race is not None and position >= share - spec.race.num_trials


def may_begin(spec: SweepSpec, searched: Sequence[TrialRecord], system: int, share: int) -> bool:
    """Return True if the next trial of a system does not wait for others: each round waits for the earlier trials.

    `searched` are the trials of the search, ordered by number; `share` is what the system gets of them.
    """
    return all(record.end is not None for record in _earlier_trials(spec, searched, system, share))


def next_to_repeat(spec: SweepSpec, searched: Sequence[TrialRecord], system: int, share: int) -> Trial | None:
    """Return the first trial of the setting that the next trial of a system's race trains with another seed.

    None if no setting of the system has completed, so that the trial goes to a new setting.
    """
    begin, size = _round(spec, _positions(searched, system), share)
    earlier = _earlier_trials(spec, searched, system, share)
    scores = [score_trial(spec, record) for record in earlier]
    contestants = rank_settings(scores, system, spec.objective.sign, shrinks=True)[:size]
    if not contestants:
        return None
    in_round = _positions(searched, system)[begin:]
    counts = Counter(setting_key(record.trial.params) for record in in_round if record.trial.race_of)
    keys = [setting_key(contestant.trial.params) for contestant in contestants]
    chosen = min(keys, key=lambda key: counts[key])  # of equal counts the better one, which comes first
    completed = (record for record in earlier if record.outcome == Outcome.COMPLETED)
    return next(record.trial for record in completed if setting_key(record.trial.params) == chosen)


def _positions(searched: Sequence[TrialRecord], system: int) -> list[TrialRecord]:
    """Return the trials of a system that use its share, in order."""
    return [record for record in searched if record.trial.system == system and not record.trial.clone_of]


def _round(spec: SweepSpec, positions: Sequence[TrialRecord], share: int) -> tuple[int, int]:
    """Return the position at which the round of the next trial begins, and the number of its settings."""
    assert spec.race is not None
    begin, size = share - spec.race.num_trials, 0
    for size in spec.race.rounds:
        if len(positions) < begin + spec.race.seeds * size:
            break
        begin += spec.race.seeds * size
    return begin, size


def _earlier_trials(spec: SweepSpec, searched: Sequence[TrialRecord], system: int, share: int) -> list[TrialRecord]:
    """Return the trials of a system from before the round of its next trial, users' clones included."""
    positions = _positions(searched, system)
    begin, _ = _round(spec, positions, share)
    of_system = [record for record in searched if record.trial.system == system]
    if begin >= len(positions):
        return of_system
    return [record for record in of_system if record.trial.number < positions[begin].trial.number]
