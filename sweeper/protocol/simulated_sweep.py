"""A sweep played through with random settings and random verdicts of early stopping, without training: for a plan."""

import heapq
import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from sweeper.protocol.expected_epochs import deciding_rungs, draw_last_validation
from sweeper.protocol.makespan import makespan
from sweeper.protocol.race import is_race_trial
from sweeper.search_space.random_settings import draw_settings
from sweeper.search_space.space import Params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.training_cost import TrainingCost

CostOf = Callable[[TrainConfig], TrainingCost]


@dataclass(frozen=True)
class Overhead:
    """Seconds that a sweep takes beside its trainings.

    `start` passes before the first trial, `stage` at the begin of confirmation and test, `trial` between two trials of
    a worker, `test_data` before the test, and `end` after it.
    """

    start: float = 0.0
    stage: float = 0.0
    trial: float = 0.0
    test_data: float = 0.0
    end: float = 0.0


@dataclass
class SimulatedSweep:
    """The work and time, in seconds, of a simulated sweep; `arrivals` and `passes` count trials at each rung."""

    search_epochs: float = 0.0
    confirmation_epochs: float = 0.0
    num_trials: int = 0
    num_stopped: int = 0
    validations: int = 0
    search_seconds: float = 0.0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    search_gpu_seconds: float = 0.0
    gpu_seconds: float = 0.0
    arrivals: Counter[int] = field(default_factory=Counter)
    passes: Counter[int] = field(default_factory=Counter)


@dataclass(frozen=True)
class SimulatedTrial:
    """A simulated trial: its last validation, the rungs that decide about it, and if early stopping ends it there."""

    system: int
    config: TrainConfig
    last: int
    rungs: tuple[int, ...] = ()
    is_stopped: bool = False

    @property
    def is_complete(self) -> bool:
        """True if it is trained to its end."""
        return self.last == self.config.num_validations

    def up_to(self, validation: int) -> "SimulatedTrial":
        """Return the trial as one that is interrupted after this validation, if that is before its end."""
        return self if validation == self.last else replace(self, last=validation, is_stopped=False)


class SweepSimulator:
    """Plays a sweep through, as often as it is asked."""

    def __init__(
        self, spec: SweepSpec, cost_of: CostOf, slots: int, overhead: Overhead, gpus_of: Callable[[TrainConfig], float]
    ) -> None:
        """Let trainings cost what `cost_of` says, run `slots` of them at a time, and give each `gpus_of` GPUs."""
        self.spec, self.cost_of, self.overhead, self.gpus_of = spec, cost_of, overhead, gpus_of
        self.slots = max(1, slots)

    def run(self, random: Random) -> SimulatedSweep:
        """Simulate search, confirmation and test once, and return what they used."""
        sweep = SimulatedSweep()
        completed = self._search(sweep, random)
        sweep.search_seconds = sweep.seconds
        sweep.search_gpu_seconds = sweep.gpu_seconds
        self._confirm(sweep, completed, random)
        sweep.seconds += self.overhead.end
        return sweep

    def _search(self, sweep: SimulatedSweep, random: Random) -> list[list[TrainConfig]]:
        """Simulate the search. Return the configs that completed, by system."""
        trials = self._draw_trials(random)
        if self.spec.budget.epochs is not None:
            trials = self._end_at_limit(trials, self.spec.budget.epochs)
        completed: list[list[TrainConfig]] = [[] for _ in self.spec.systems]
        durations = []
        for trial in trials:
            self._count_rungs(sweep, trial)
            promotions = sum(rung < trial.last for rung in self.spec.pausing_rungs)
            durations.append(self._train(sweep, trial.config, trial.last) + promotions * self.overhead.trial)
            sweep.num_trials += 1
            sweep.num_stopped += trial.is_stopped
            sweep.search_epochs += trial.last / trial.config.validations_per_epoch
            if trial.is_complete:
                completed[trial.system].append(trial.config)
        sweep.seconds = self.overhead.start + makespan(durations, self.slots)
        return completed

    def _draw_trials(self, random: Random) -> list[SimulatedTrial]:
        """Draw the trials of the whole budget, each with the validation at which it would end."""
        arrivals: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)  # by system and bracket
        completed: list[list[TrainConfig]] = [[] for _ in self.spec.systems]
        trials, proposals = [], Counter[int]()
        for system, setting in self._proposals(random):
            config = self.spec.train_config(setting, seed=0, threads=1)
            bracket = self.spec.bracket_of(proposals[system])
            is_race = is_race_trial(self.spec, proposals[system], self.spec.trial_budget(system))
            proposals[system] += 1
            if is_race and completed[system]:
                config = random.choice(completed[system])
                trials.append(SimulatedTrial(system, config, config.num_validations))
                continue
            last = draw_last_validation(self.spec, config, arrivals[system, bracket], random, bracket=bracket)
            rungs = deciding_rungs(self.spec, config, bracket=bracket)
            trials.append(SimulatedTrial(system, config, last, tuple(rungs), is_stopped=last < config.num_validations))
            if last == config.num_validations:
                completed[system].append(config)
        return trials

    def _end_at_limit(self, trials: Sequence[SimulatedTrial], limit: float) -> list[SimulatedTrial]:
        """Return the trials that begin before the search has used `limit` epochs, as far as they are trained.

        The slots train side by side. Once the limit is reached, each trial under way ends at its next validation.
        """
        waiting, running, ended = iter(enumerate(trials)), list[tuple[float, int, int]](), dict[int, int]()
        for index, trial in itertools.islice(waiting, self.slots):
            heapq.heappush(running, (self._seconds_of_validation(trial), index, 1))
        used = 0.0
        while running:
            now, index, validation = heapq.heappop(running)
            trial = trials[index]
            used += 1 / trial.config.validations_per_epoch
            is_spent = used >= limit - 1e-9
            if validation < trial.last and not is_spent:
                heapq.heappush(running, (now + self._seconds_of_validation(trial), index, validation + 1))
                continue
            ended[index] = validation
            following = None if is_spent else next(waiting, None)
            if following is not None:
                heapq.heappush(running, (now + self._seconds_of_validation(following[1]), following[0], 1))
        return [trials[index].up_to(ended[index]) for index in sorted(ended)]

    def _seconds_of_validation(self, trial: SimulatedTrial) -> float:
        """Return the seconds from one validation to the next; without a calibration, this part of an epoch."""
        seconds = self.cost_of(trial.config).seconds(trial.config, trial.last) / trial.last
        return seconds or 1 / trial.config.validations_per_epoch

    def _proposals(self, random: Random) -> Iterator[tuple[int, Params]]:
        """Yield system and setting of each trial. The systems take turns."""
        drawn = [draw_settings(self.spec, system, random) for system in range(len(self.spec.systems))]
        for turn in itertools.zip_longest(*drawn):
            yield from ((system, setting) for system, setting in enumerate(turn) if setting is not None)

    def _count_rungs(self, sweep: SimulatedSweep, trial: SimulatedTrial) -> None:
        """Count the rungs that a trial reached and passed."""
        for rung in trial.rungs:
            if rung <= trial.last and rung < trial.config.num_validations:
                sweep.arrivals[rung] += 1
                sweep.passes[rung] += rung < trial.last

    def _train(self, sweep: SimulatedSweep, config: TrainConfig, validations: int) -> float:
        """Count a training up to a validation, and return its seconds."""
        cost = self.cost_of(config)
        seconds = cost.seconds(config, validations)
        sweep.validations += validations
        sweep.processor_seconds += cost.processor_seconds(config, validations)
        sweep.gpu_seconds += self.gpus_of(config) * cost.computing_seconds(config, validations)
        return seconds + self.overhead.trial

    def _confirm(self, sweep: SimulatedSweep, completed: Sequence[Sequence[TrainConfig]], random: Random) -> None:
        """Simulate the confirmation of completed settings, chosen at random, and the scoring of the winners."""
        confirm = self.spec.confirm
        trainings, scorings = [], []
        for configs in completed:
            for config in random.sample(configs, min(confirm.top, len(configs))):
                for _ in range(confirm.seeds):
                    trainings.append(self._train(sweep, config, config.num_validations))
                    sweep.confirmation_epochs += config.total_epochs
            if configs and confirm.seeds:
                cost = self.cost_of(configs[0])
                scorings += [cost.score + self.overhead.trial] * confirm.seeds
                sweep.processor_seconds += confirm.seeds * cost.processor * cost.score
        sweep.seconds += makespan(trainings, self.slots, self.overhead.stage)
        if scorings:
            sweep.seconds += self.overhead.test_data + makespan(scorings, self.slots, self.overhead.stage)
