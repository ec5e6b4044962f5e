"""A simulated sweep with a known end: the real protocol on a simulated clock, with trainings of random length."""

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

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
_SEEDS_NOISE, _VALIDATION_NOISE = 0.1, 0.1  # standard deviations, where that of the settings is 1


@dataclass(frozen=True)
class Machine:
    """The speed of a simulated machine, in seconds.

    `text` is the training of a text in batches of 32. `systems` and `spread` make trainings of other systems and single
    validations slower or faster, as factors and as a standard deviation of their logarithm. `command` passes before
    the first trial, `processes` in each stage until its first trials train, `trial` between two trials of a slot.
    Within `slow_part` of the first hours, everything takes `slowdown` times as long.
    """

    text: float
    systems: Sequence[float]
    spread: float
    command: float
    processes: float
    trial: float
    slowdown: float = 1.0
    slow_part: tuple[float, float] = (0.0, 0.0)

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


class SweepPlayer:
    """Plays a sweep through on a simulated clock."""

    def __init__(self, spec: SweepSpec, slots: int, machine: Machine, texts: dict[str, int], random: Random) -> None:
        self.spec, self.slots, self.machine, self.texts, self.random = spec, slots, machine, texts, random
        self.records: dict[int, TrialRecord] = {}
        self.qualities: dict[int, float] = {}
        self.now = machine.command
        session = SearchSession(began=BEGAN, at=self._moment(), gpu=0.0)
        self.budget = SearchBudget(spec, (), [session])

    def play(self) -> TimedSweep:
        """Run search, confirmation and test, and return the sweep."""
        self._search()
        sessions = [replace(self.budget.sessions[0], ended=self._moment())]
        self._run(iter([self._fresh(*it) for it in pending(self.spec, self._all())]))
        self._test()
        return TimedSweep(self.spec, self.slots, self.texts, self._all(), sessions)

    def _all(self) -> list[TrialRecord]:
        return [self.records[number] for number in sorted(self.records)]

    def _moment(self) -> int:
        return BEGAN + int(1000 * self.now)

    # ---- the trials

    def _search(self) -> None:
        turns = Turns(self.spec, [])

        def proposals() -> Iterator[Trial]:
            while self.budget.find_end(self._moment()) is None and (turn := turns.take(self._all)) is not None:
                yield self._proposal(turn[0])

        self._run(proposals(), is_search=True)

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

    def _run(self, trials: Iterator[Trial], *, is_search: bool = False) -> None:
        """Run trials until none is left and all have ended. The first ones wait for the stage's processes."""
        running: list[tuple[float, int, ValidationReport]] = []
        opens = self.now + self.machine.stretched(self.now, self.machine.processes)
        while True:
            while len(running) < self.slots and (trial := next(trials, None)) is not None:
                self.records[trial.number] = replace(self.records[trial.number], started_at=self._moment())
                begin = max(self.now, opens) + self.machine.trial
                self._continue(running, trial, begin)
            if not running:
                return
            self.now, number, report = heapq.heappop(running)
            if self._report(number, report, is_search=is_search):
                self._continue(running, self.records[number].trial, self.now)

    def _continue(self, running: list[tuple[float, int, ValidationReport]], trial: Trial, begin: float) -> None:
        """Train a trial to its next validation."""
        step = len(self.records[trial.number].reports) + 1
        per_epoch = trial.config.validations_per_epoch
        texts = self.texts["train"] / per_epoch
        training = self.machine.training(trial.config, trial.system, round(texts), self.random)
        training = self.machine.stretched(begin, training)
        validation = self.machine.stretched(begin, self._scoring(trial.system, self.texts["validation"]))
        progress = 1 - math.exp(-3 * step / trial.config.num_validations)
        value = 0.5 + 0.05 * (self.qualities[trial.number] * progress + self.random.gauss(0, _VALIDATION_NOISE))
        metrics = {
            self.spec.objective.metric: value,
            "examples_per_second": texts / training,
            "seconds": training + validation,
        }
        report = ValidationReport(step, step / per_epoch, metrics)
        heapq.heappush(running, (begin + training + validation, trial.number, report))

    def _scoring(self, system: int, texts: int) -> float:
        """Return the seconds of scoring texts: a third of those of training them."""
        return self.machine.text * texts * self.machine.systems[system] / 3

    def _report(self, number: int, report: ValidationReport, *, is_search: bool) -> bool:
        """Record a report. Return True if the trial continues."""
        record = self.records[number]
        record = replace(record, reports=(*record.reports, report), report_times=(*record.report_times, self._moment()))
        is_stopped = is_search and self._is_stopped(record)
        is_over = report.step == record.trial.config.num_validations
        if is_stopped or is_over:
            outcome = Outcome.STOPPED_EARLY if is_stopped else Outcome.COMPLETED
            record = replace(record, end=TrialEnd(outcome), ended_at=self._moment())
        self.records[number] = record
        if is_search:
            self.budget.update(record)
            end = self.budget.find_end(self._moment())
            if end is not None and not (end.limit == STOP_AT and self.budget.has_reached(number)):
                return False
        return record.end is None

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
        trials = trials_to_score(self.spec, self._all())
        texts = self.texts["validation"] + self.texts.get("test", 0)
        loading = self.machine.processes * self.random.uniform(0.8, 1.4)
        free = [self.now + self.machine.stretched(self.now, loading)] * self.slots
        for trial in trials:
            seconds = self.machine.trial + self._scoring(trial.system, texts)
            self.now = free[0] + self.machine.stretched(free[0], seconds)
            heapq.heapreplace(free, self.now)
            score = TestScore(self._moment(), 1, {})
            self.records[trial.number] = replace(self.records[trial.number], test=score)
