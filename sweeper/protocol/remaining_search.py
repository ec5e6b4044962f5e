"""The rest of a search, drawn at random: its seconds, and the trials that complete."""

import math
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from sweeper.protocol.drawn_search import DrawnTraining, SearchDrawer
from sweeper.protocol.makespan import makespan, time_of_work
from sweeper.protocol.search_budget import STOP_AT, SearchBudget, SearchEnd
from sweeper.protocol.search_forecast import SearchForecast, find_limit_time
from sweeper.protocol.sweep_moment import SweepMoment
from sweeper.trials.trial import TrialRecord

_SHORTEST = 0.001  # seconds of a step


class RestOfSearch(NamedTuple):
    """The seconds of the rest of a search, and its trainings that end as whole ones."""

    seconds: float
    completed: Sequence[DrawnTraining]


class RemainingSearch:
    """Draws the rest of a search as often as it is asked, as far as its limits let it go."""

    def __init__(self, moment: SweepMoment, budget: SearchBudget) -> None:
        self._moment, self._budget = moment, budget
        self._end = budget.find_end(int(1000 * moment.now))
        searched = [record for record in moment.records if record.trial.is_of_search]
        self._limit_time = find_limit_time(moment.spec, searched, budget.sessions) if self._end is not None else None
        self._drawer = SearchDrawer(moment.spec, moment.records)
        self.num_left = self._drawer.num_left  # trainings
        self._limits = SearchForecast(moment.spec, budget, moment.slots, moment.now)

    def draw(self, random: Random) -> RestOfSearch:
        """Return the rest of the search."""
        moment, spec = self._moment, self._moment.spec
        trainings = self._drawer.draw(moment, random)
        if self._end is not None:
            return self._after_end(trainings, self._end, random)
        if not trainings:
            return RestOfSearch(0.0, [])
        limit = self._limits.seconds_until_limit(trainings)
        if spec.budget.epochs is not None:
            left = max(0.0, spec.budget.epochs - self._budget.spending().epochs) * spec.validations_per_epoch
            validations = [training.validations for training in trainings]
            if left < sum(validations):
                seconds = [training.end - training.begin for training in trainings]
                limit = min(limit, time_of_work(seconds, validations, moment.slots, left))
        begun = [
            (self._end_by(limit, training), training)
            for training in trainings
            if training.record is not None or training.begin < limit
        ]
        whole = [training for end, training in begun if training.is_whole and end >= training.end]
        return RestOfSearch(max((end for end, _ in begun), default=0.0), whole)

    def _end_by(self, limit: float, training: DrawnTraining) -> float:
        """Return the end of a training, which is its next report after a limit if that comes earlier."""
        if training.end <= limit:
            return training.end
        step = max(_SHORTEST, self._moment.pace.step(training.system, training.config))
        return training.end - math.floor((training.end - limit) / step) * step

    def _after_end(self, trainings: Sequence[DrawnTraining], end: SearchEnd, random: Random) -> RestOfSearch:
        """Return what is left until all that runs has ended, or is interrupted at its next report by a limit."""
        if self._moment.fresh:
            return RestOfSearch(0.0, [])
        seconds, whole = [], []
        for training in trainings:
            record = training.record
            if record is None or training.is_promoted:
                continue
            validations = training.validations
            if end.limit != STOP_AT or not self._budget.has_reached(record.trial.number):
                validations = 0 if self._is_interrupted(record) else min(1, validations)
            seconds.append(self._moment.rest_of_training(record, validations, random))
            whole += [training] if training.is_whole and validations == training.validations else []
        return RestOfSearch(makespan(seconds, self._moment.slots), whole)

    def _is_interrupted(self, record: TrialRecord) -> bool:
        """Return True if a trial has reported since a limit ended the search."""
        return self._limit_time is not None and bool(record.reports) and record.report_times[-1] >= self._limit_time
