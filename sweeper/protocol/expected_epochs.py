"""The validations and epochs that trials can be expected to train, early stopping included: pure functions.

Early stopping is foreseen from its rungs alone: each trial is taken to be as good as those before it, so its chance to
pass a rung depends only on how many trials reached the rung earlier. A sampler that learns makes later trials better,
and a few more of them pass.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from sweeper.protocol.failed_sweep import count_failed_rounds
from sweeper.protocol.promotion import promoted_shares, waiting_rung
from sweeper.protocol.race import is_race_trial
from sweeper.protocol.search_budget import count_search_trials
from sweeper.protocol.turns import count_of_share
from sweeper.search_space.random_settings import draw_setting
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.registry import LOSSES
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord

_NUM_DRAWN = 25  # settings whose median length stands for a system without trials

Arrivals = dict[int, float]
"""The number of trials of a system and bracket that have reached each rung, by validation (counted from 1)."""


@dataclass(frozen=True)
class ExpectedEpochs:
    """Epochs that are still to be trained, by system: `search` with early stopping, `confirmation` in full.

    `new_trials` is the number of trials of the search that have not begun, by system.
    """

    search: tuple[float, ...]
    confirmation: tuple[float, ...]
    new_trials: tuple[int, ...]

    @property
    def total(self) -> float:
        """All epochs of all systems and both stages."""
        return sum(self.search) + sum(self.confirmation)


@dataclass(frozen=True)
class ExpectedTraining:
    """The validations that a trial can be expected to make yet; `record` is None for one that has not begun."""

    system: int
    validations: float
    record: TrialRecord | None = None


def passing_share(spec: SweepSpec, num_earlier: float) -> float:
    """Return the expected share of trials that continue at a rung which `num_earlier` trials have reached."""
    rule, settings = spec.early_stopping_rule, spec.early_stopping_settings
    return 1.0 if rule is None or settings is None else rule.passing_share(num_earlier, settings)


def deciding_rungs(spec: SweepSpec, config: TrainConfig, after: int = 0, bracket: int = 0) -> list[int]:
    """Return the rungs of a bracket that a training reaches after validation `after`. A silent phase has none."""
    silent = config.contrastive_epochs if LOSSES[config.loss].has_two_phases else 0
    first = max(after, silent * config.validations_per_epoch)
    return [rung for rung in spec.rungs_of(bracket) if first < rung <= config.num_validations]


def expect_validations(
    spec: SweepSpec, config: TrainConfig, arrivals: Arrivals, after: int = 0, bracket: int = 0
) -> float:
    """Return the number of validations that a trial can be expected to make after validation `after`.

    The trial's expected arrivals at the rungs of its system and bracket are added to `arrivals`.
    """
    expected, reached, last = 0.0, 1.0, after
    for rung in deciding_rungs(spec, config, after, bracket):
        expected += reached * (rung - last)
        earlier = arrivals.get(rung, 0.0)
        arrivals[rung] = earlier + reached
        reached *= passing_share(spec, earlier)
        last = rung
    return expected + reached * (config.num_validations - last)


def draw_last_validation(
    spec: SweepSpec, config: TrainConfig, arrivals: Counter[int], random: Random, *, bracket: int = 0
) -> int:
    """Return the validation at which a trial ends: at a rung that it does not pass, or its last one.

    Its arrivals are added to `arrivals`.
    """
    for rung in deciding_rungs(spec, config, bracket=bracket):
        share = passing_share(spec, arrivals[rung])
        arrivals[rung] += 1
        if rung < config.num_validations and random.random() >= share:
            return rung
    return config.num_validations


def remaining_epochs(spec: SweepSpec, records: Sequence[TrialRecord]) -> ExpectedEpochs:
    """Return the epochs that a sweep still has to train, given its record, if no limit but the trials ends it.

    A trial that has not begun is as long as the mean of its system's trials so far. Running trials have what is left of
    them. The confirmation trains in full what it has not trained yet.
    """
    searched = [record for record in records if record.trial.is_of_search]
    fresh = [record for record in records if record.trial.source_trial]
    trainings = expect_search(spec, records)
    search, confirmation, new_trials = [], [], []
    for system in range(len(spec.systems)):
        system_records = [record for record in searched if record.trial.system == system]
        expected = [training for training in trainings if training.system == system]
        search.append(sum(training.validations for training in expected) / spec.validations_per_epoch)
        confirmation.append(_rest_of_confirmation(spec, system, system_records, fresh))
        new_trials.append(sum(training.record is None for training in expected))
    return ExpectedEpochs(tuple(search), tuple(confirmation), tuple(new_trials))


def expect_search(spec: SweepSpec, records: Sequence[TrialRecord]) -> list[ExpectedTraining]:
    """Return what the search still has to train, given the record: of each system what runs, then what is new."""
    searched = [record for record in records if record.trial.is_of_search]
    rounds = 1 + count_failed_rounds(spec, searched)
    trainings: list[ExpectedTraining] = []
    for system in range(len(spec.systems)):
        system_records = [record for record in searched if record.trial.system == system]
        num_new = max(0, rounds * spec.trial_budget(system) - count_of_share(system_records))
        trainings += _rest_of_search(spec, system, system_records, num_new)
    epochs = sum(training.validations for training in trainings) / spec.validations_per_epoch
    share = _affordable_share(spec, searched, epochs)
    return [replace(training, validations=share * training.validations) for training in trainings]


def _affordable_share(spec: SweepSpec, searched: Sequence[TrialRecord], epochs: float) -> float:
    """Return the share of the search's remaining epochs that `budget.epochs` allows."""
    if spec.budget.epochs is None or not epochs:
        return 1.0
    used = sum(len(record.reports) for record in searched) / spec.validations_per_epoch
    return min(1.0, max(0.0, spec.budget.epochs - used) / epochs)


def _rest_of_search(
    spec: SweepSpec, system: int, system_records: Sequence[TrialRecord], num_new: int
) -> Iterator[ExpectedTraining]:
    """Yield what the search of a system still has to train, given its trials so far."""
    arrivals: defaultdict[int, Arrivals] = defaultdict(dict)  # by bracket
    for record in system_records:
        bracket = record.trial.bracket
        for rung in spec.rungs_of(bracket):
            if len(record.reports) >= rung:
                arrivals[bracket][rung] = arrivals[bracket].get(rung, 0.0) + 1
    shares = promoted_shares(spec, system_records)
    for record in system_records:
        if record.end is None:
            trial, done = record.trial, len(record.reports)
            rest: float = trial.config.num_validations - done
            if not trial.race_of:
                rest = expect_validations(spec, trial.config, arrivals[trial.bracket], done, trial.bracket)
                rest *= shares.get(waiting_rung(spec, record), 1.0)
            yield ExpectedTraining(system, rest, record)
    config, begun = typical_config(spec, system, system_records), count_of_share(system_records)
    end = begun + num_new
    for proposal in range(begun, end):
        bracket = spec.bracket_of(proposal)
        rest = config.num_validations
        if not is_race_trial(spec, proposal, end):  # nothing in a race is stopped early
            rest = expect_validations(spec, config, arrivals[bracket], bracket=bracket)
        yield ExpectedTraining(system, rest)


def typical_config(spec: SweepSpec, system: int, records: Sequence[TrialRecord]) -> TrainConfig:
    """Return the config whose length is the median of a system's trials; of settings drawn at random without trials."""
    configs = [record.trial.config for record in records]
    if not configs:
        random = Random(spec.seed)
        settings = [draw_setting(spec, system, random) for _ in range(_NUM_DRAWN)]
        configs = [spec.train_config(setting, seed=0, threads=1) for setting in settings]
    return sorted(configs, key=lambda config: config.num_validations)[len(configs) // 2]


def _rest_of_confirmation(
    spec: SweepSpec, system: int, system_records: Sequence[TrialRecord], fresh: Sequence[TrialRecord]
) -> float:
    """Return the epochs that the confirmation of a system still needs.

    `system_records` are the system's trials of the search.
    """
    seeds = [record for record in fresh if record.trial.system == system]
    running = [record for record in seeds if record.end is None]
    completed = [record for record in system_records if record.outcome == Outcome.COMPLETED]
    length = typical_config(spec, system, completed or system_records).total_epochs
    validations = sum(record.trial.config.num_validations - len(record.reports) for record in running)
    left = validations / spec.validations_per_epoch
    return left + max(0, spec.confirm.seeds * spec.confirm.top - len(seeds)) * length


def epochs_at_most(spec: SweepSpec) -> int:
    """Return the epochs of the search if no trial is stopped and every one is as long as the space allows."""
    most = count_search_trials(spec) * spec.max_epochs
    return most if spec.budget.epochs is None else min(most, spec.budget.epochs)
