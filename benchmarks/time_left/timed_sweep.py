"""A simulated sweep with a known end: the real protocol on a simulated clock, with trainings of random length."""

import copy
import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import NamedTuple

import numpy as np

from sweeper.protocol.confirmation import pending, trials_to_score
from sweeper.protocol.search_budget import STOP_AT, SearchBudget
from sweeper.protocol.turns import Turns
from sweeper.search_space.random_settings import draw_setting
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TestScore, Trial, TrialEnd, TrialRecord

BEGAN = 1_700_000_000_000  # milliseconds since 1970
_MOST_TRIES = 200  # to draw something that is still under way
_SEEDS_NOISE, _VALIDATION_NOISE = 0.1, 0.1  # standard deviations, where that of the settings is 1


@dataclass(frozen=True)
class Machine:
    """The speed of a simulated machine, in seconds.

    `text` is the training of a text in batches of 32. `systems` and `spread` make trainings of other systems and single
    validations slower or faster, as factors and as a standard deviation of their logarithm. `command` passes before
    the first trial, `processes` until the first trials of the search train, `trial` between two trials of a slot.
    Within `slow_part` of the first hours, everything takes `slowdown` times as long.
    """

    text: float
    systems: Sequence[float]
    spread: float
    command: float
    processes: float
    trial: float
    slowdown: float = 1.0
    slow_part: tuple[float, float] = (math.inf, math.inf)

    def training(self, config: TrainConfig, system: int, texts: int, random: Random) -> float:
        """Return the seconds that training takes until the next validation."""
        batches = 0.6 + 0.4 * 32 / config.batch_size
        return self.text * texts * self.systems[system] * batches * math.exp(random.gauss(0, self.spread))

    def stretched(self, now: float, seconds: float) -> float:
        """Return the seconds that something takes which begins now."""
        return seconds * (self.slowdown if self.slow_part[0] <= now < self.slow_part[1] else 1.0)


@dataclass
class TimedSweep:
    """A finished sweep: its spec, the number of slots, its record, its sessions, and the texts of each split."""

    spec: SweepSpec
    slots: int
    texts: dict[str, int]
    records: list[TrialRecord] = field(default_factory=list)
    sessions: list[SearchSession] = field(default_factory=list)


class _Step(NamedTuple):
    """A trial's training until its next validation, in seconds of the sweep. The first to end sorts first."""

    end: float
    number: int
    begin: float
    report: ValidationReport


class SweepPlayer:
    """Plays a sweep on a simulated clock: through, or up to a moment from which it can go on in many ways."""

    def __init__(self, spec: SweepSpec, slots: int, machine: Machine, texts: dict[str, int], random: Random) -> None:
        self.spec, self.slots, self.machine, self.texts, self.random = spec, slots, machine, texts, random
        self.records: dict[int, TrialRecord] = {}
        self.qualities: dict[int, float] = {}
        self.now = machine.command
        self.session = SearchSession(began=BEGAN, at=self._moment(), gpu=0.0)
        self._known_until = -math.inf  # nothing that is drawn yet ended before
        self._is_searching = True
        self._unstarted: list[Trial] = []  # of the confirmation
        self._running: list[_Step] = []
        self._opens = self.now + machine.stretched(self.now, machine.processes)
        self._count_records()

    def play(self, until: float = math.inf) -> TimedSweep:
        """Run search, confirmation and test, as far as they go within `until` seconds, and return the sweep."""
        while self._advance(until):
            pass
        return TimedSweep(self.spec, self.slots, self.texts, self._all(), [self.session])

    def fork(self, machine: Machine, random: Random, at: float) -> "SweepPlayer":
        """Return a player that goes on from here, `at` seconds, with other random numbers.

        What is under way is drawn again, and ends later than now. It must not have scored a model.
        """
        other = copy.copy(self)
        other.machine, other.random, other._known_until = machine, random, at
        other.records, other.qualities = dict(self.records), dict(self.qualities)
        other._unstarted, other._running = list(self._unstarted), []
        other._count_records()
        for step in sorted(self._running):
            other._continue(self.records[step.number].trial, step.begin)
        return other

    def _count_records(self) -> None:
        self.budget = SearchBudget(self.spec, self._all(), [self.session])
        self._turns = Turns(self.spec, [record for record in self._all() if record.trial.is_of_search])

    def _all(self) -> list[TrialRecord]:
        return [self.records[number] for number in sorted(self.records)]

    def _moment(self) -> int:
        return BEGAN + int(1000 * self.now)

    # ---- the trials

    def _advance(self, until: float) -> bool:
        """Play what happens next. Return False at the end, and if it happens after `until` seconds."""
        while len(self._running) < self.slots and (trial := self._next_trial()) is not None:
            self.records[trial.number] = replace(self.records[trial.number], started_at=self._moment())
            self._continue(trial, max(self.now, self._opens) + self.machine.trial)
        if self._running:
            return self._running[0].end <= until and self._report(heapq.heappop(self._running))
        if self._is_searching:
            self._is_searching, self.session = False, replace(self.session, ended=self._moment())
            self._unstarted = [self._fresh(*pair) for pair in pending(self.spec, self._all())]
            return True
        if until == math.inf:
            self._test()
        return False

    def _next_trial(self) -> Trial | None:
        """Return a new trial of the stage, or None."""
        if not self._is_searching:
            return self._unstarted.pop(0) if self._unstarted else None
        if self.budget.find_end(self._moment()) is not None or (turn := self._turns.take(self._all)) is None:
            return None
        return self._proposal(turn[0])

    def _proposal(self, system: int) -> Trial:
        position = sum(record.trial.system == system for record in self.records.values())
        setting = draw_setting(self.spec, system, self.random)
        learned = 0.5 * math.log1p(position / 10)  # later proposals are better
        return self._trial(system, setting, self.random.gauss(learned, 1), bracket=self.spec.bracket_of(position))

    def _fresh(self, source: Trial, seed_index: int) -> Trial:
        quality = self.qualities[source.number]
        return self._trial(source.system, source.params, quality, source_trial=source.number, seed_index=seed_index)

    def _trial(self, system: int, setting: Mapping[str, Scalar], quality: float, **others: int) -> Trial:
        config = self.spec.train_config(setting, seed=1, threads=1)
        trial = Trial(len(self.records) + 1, system, setting, config, **others)
        self.qualities[trial.number] = self.random.gauss(quality, _SEEDS_NOISE)
        self.records[trial.number] = TrialRecord(trial)
        return trial

    def _continue(self, trial: Trial, begin: float) -> None:
        """Train a trial to its next validation."""
        step = len(self.records[trial.number].reports) + 1
        per_epoch = trial.config.validations_per_epoch
        texts = self.texts["train"] / per_epoch
        validation = self.machine.stretched(begin, self._scoring(trial.system, self.texts["validation"]))
        end = -math.inf
        for _ in range(_MOST_TRIES):
            training = self.machine.training(trial.config, trial.system, round(texts), self.random)
            training = self.machine.stretched(begin, training)
            end = begin + training + validation
            if end > self._known_until:
                break
        progress = 1 - math.exp(-3 * step / trial.config.num_validations)
        value = 0.5 + 0.05 * (self.qualities[trial.number] * progress + self.random.gauss(0, _VALIDATION_NOISE))
        metrics = {
            self.spec.objective.metric: value,
            "examples_per_second": texts / training,
            "seconds": training + validation,
        }
        report = ValidationReport(step, step / per_epoch, metrics)
        heapq.heappush(self._running, _Step(max(end, self._known_until), trial.number, begin, report))

    def _scoring(self, system: int, texts: int) -> float:
        """Return the seconds of scoring texts: a third of those of training them."""
        return self.machine.text * texts * self.machine.systems[system] / 3

    def _report(self, step: _Step) -> bool:
        """Record a report, and train on if the trial continues. Return True."""
        self.now, record = step.end, self.records[step.number]
        reports, times = (*record.reports, step.report), (*record.report_times, self._moment())
        record = replace(record, reports=reports, report_times=times)
        is_stopped = self._is_searching and self._is_stopped(record)
        if is_stopped or step.report.step == record.trial.config.num_validations:
            outcome = Outcome.STOPPED_EARLY if is_stopped else Outcome.COMPLETED
            record = replace(record, end=TrialEnd(outcome), ended_at=self._moment())
        self.records[step.number] = record
        if self._is_searching:
            self.budget.update(record)
        if record.end is None and not self._is_interrupted(step.number):
            self._continue(record.trial, self.now)
        return True

    def _is_interrupted(self, number: int) -> bool:
        """Return True if a limit of the search ends a trial at its report."""
        end = self.budget.find_end(self._moment()) if self._is_searching else None
        return end is not None and not (end.limit == STOP_AT and self.budget.has_reached(number))

    def _is_stopped(self, record: TrialRecord) -> bool:
        rule, settings, step = self.spec.early_stopping_rule, self.spec.early_stopping_settings, len(record.reports)
        if rule is None or settings is None or step not in self.spec.rungs_of(record.trial.bracket):
            return False
        metric, own = self.spec.objective.metric, record.trial
        values = [
            other.reports[step - 1].metrics[metric]
            for other in self.records.values()
            if other.trial.system == own.system and other.trial.bracket == own.bracket
            and other.trial.number != own.number and len(other.reports) >= step
        ]  # fmt: skip
        needed = rule.needed_value(np.array(values), settings)
        return needed is not None and record.reports[-1].metrics[metric] < needed

    # ---- the test

    def _test(self) -> None:
        """Score the models, the first of them later than what is known."""
        trials = trials_to_score(self.spec, self._all())
        for trial, time in zip(trials, self._scoring_times(trials), strict=True):
            self.now = max(time, self._known_until)
            score = TestScore(self._moment(), 1, {})
            self.records[trial.number] = replace(self.records[trial.number], test=score)

    def _scoring_times(self, trials: Sequence[Trial]) -> list[float]:
        """Return when each model is scored, if the slots are free now."""
        texts = self.texts["validation"] + self.texts.get("test", 0)
        free, times = [self.now] * self.slots, []
        for trial in trials:
            seconds = self.machine.trial + self._scoring(trial.system, texts)
            times.append(free[0] + self.machine.stretched(free[0], seconds))
            heapq.heapreplace(free, times[-1])
        return times
