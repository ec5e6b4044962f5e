"""The rest of confirmation and test, in seconds.

They run in the processes of the search. On a cluster these start again, which is not foreseen.
"""

from collections.abc import Iterable, Sequence
from random import Random

from sweeper.protocol.confirmation import candidates, trials_to_score
from sweeper.protocol.drawn_search import DrawnTraining
from sweeper.protocol.makespan import makespan
from sweeper.protocol.remaining_search import RestOfSearch
from sweeper.protocol.sweep_moment import SweepMoment
from sweeper.training.config import TrainConfig

_Setting = tuple[float, list[TrainConfig]]
"""The value of a setting in the search, where more is better, and a config for each seed to be trained."""


class RemainingConfirmation:
    """Tells the seconds of confirmation and test, after a rest of the search that is drawn."""

    def __init__(self, moment: SweepMoment) -> None:
        self._moment = moment
        systems = range(len(moment.spec.systems)) if moment.spec.confirm.seeds else []
        self._known = [self._list_known(system) for system in systems]

    def _list_known(self, system: int) -> list[_Setting]:
        """Return the settings of a system to confirm, if the search is over."""
        spec = self._moment.spec
        system_records = [record for record in self._moment.records if record.trial.system == system]
        return [
            (
                spec.objective.sign * candidate.search_mean,
                [candidate.trial.config] * (spec.confirm.seeds - len(candidate.seeds)),
            )
            for candidate in candidates(spec, system_records, system)
        ]

    def draw_seconds(self, search: RestOfSearch, random: Random) -> float:
        """Return the seconds of the rest of confirmation and test."""
        moment, spec, fresh = self._moment, self._moment.spec, self._moment.fresh
        if not spec.confirm.seeds:
            return 0.0
        running = [record for record in fresh if record.end is None]
        seconds = [
            moment.rest_of_training(record, record.trial.config.num_validations - len(record.reports), random)
            for record in running
        ]
        scores = []
        for system, known in enumerate(self._known):
            untrained = self._choose(known, [training for training in search.completed if training.system == system])
            configs = [config for _, missing in untrained for config in missing]
            seconds += [moment.whole_training(system, config, config.num_validations, random) for config in configs]
            scores += [moment.pace.scores[system]] * (spec.confirm.seeds if untrained else 0)
        if seconds or search.seconds > 0:
            return makespan(seconds, moment.slots) + makespan(scores, moment.slots)
        return self._test_seconds()

    def _choose(self, known: Sequence[_Setting], completed: Iterable[DrawnTraining]) -> list[_Setting]:
        """Return the settings of a system to confirm, of those that are known and those that complete yet."""
        confirm = self._moment.spec.confirm
        new = [
            (training.value, [training.config] * confirm.seeds)
            for training in completed
            if training.value is not None and not training.is_race
        ]
        return sorted([*known, *new], key=lambda setting: setting[0], reverse=True)[: confirm.top]

    def _test_seconds(self) -> float:
        """Return the seconds of the rest of the test, once the confirmation is over."""
        moment = self._moment
        seconds = moment.pace.scores
        waiting = [seconds[trial.system] for trial in trials_to_score(moment.spec, moment.records)]
        scored = sorted(
            (record.test.at / 1000, record.trial.system) for record in moment.fresh if record.test is not None
        )
        if not waiting or not scored:
            ended = max((record.ended_at or 0) / 1000 for record in moment.fresh) if moment.fresh else moment.now
            return max(0.0, makespan(waiting, moment.slots) - (moment.now - ended))
        pairs = list(zip(scored, scored[moment.slots :], strict=False))  # of one slot: a model and the next one
        expected = sum(seconds[system] for _, (_, system) in pairs)
        if expected:
            measured = sum(later - earlier for (earlier, _), (later, _) in pairs)
            waiting = [scoring * measured / expected for scoring in waiting]
        since = [moment.now - at for at, _ in scored[-moment.slots :]]  # their slots score the next models
        begun = [max(0.0, scoring - passed) for scoring, passed in zip(waiting, since, strict=False)]
        return makespan([*begun, *waiting[len(begun) :]], moment.slots)
