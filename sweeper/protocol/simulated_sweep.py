"""A sweep played through with random settings and random verdicts of early stopping, without training: for a plan."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
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
        arrivals: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)  # by system and bracket
        completed: list[list[TrainConfig]] = [[] for _ in self.spec.systems]
        durations, proposals, limit = [], Counter[int](), self.spec.budget.epochs
        for system, setting in self._proposals(random):
            if limit is not None and sweep.search_epochs >= limit:
                break
            config = self.spec.train_config(setting, seed=0, threads=1)
            bracket = self.spec.bracket_of(proposals[system])
            is_race = is_race_trial(self.spec, proposals[system], self.spec.trial_budget(system))
            proposals[system] += 1
            if is_race and completed[system]:
                config = random.choice(completed[system])
                last = config.num_validations
            else:
                last = self._judge(sweep, config, bracket, arrivals[system, bracket], random)
            promotions = sum(rung < last for rung in self.spec.pausing_rungs)
            durations.append(self._train(sweep, config, last) + promotions * self.overhead.trial)
            sweep.num_trials += 1
            sweep.num_stopped += last < config.num_validations
            sweep.search_epochs += last / config.validations_per_epoch
            if last == config.num_validations:
                completed[system].append(config)
        sweep.seconds = self.overhead.start + makespan(durations, self.slots)
        return completed

    def _proposals(self, random: Random) -> Iterator[tuple[int, Params]]:
        """Yield system and setting of each trial. The systems take turns."""
        drawn = [draw_settings(self.spec, system, random) for system in range(len(self.spec.systems))]
        for turn in itertools.zip_longest(*drawn):
            yield from ((system, setting) for system, setting in enumerate(turn) if setting is not None)

    def _judge(
        self, sweep: SimulatedSweep, config: TrainConfig, bracket: int, arrivals: Counter[int], random: Random
    ) -> int:
        """Draw the validation at which a trial ends, and count the rungs that it reached and passed."""
        last = draw_last_validation(self.spec, config, arrivals, random, bracket=bracket)
        for rung in deciding_rungs(self.spec, config, bracket=bracket):
            if rung <= last and rung < config.num_validations:
                sweep.arrivals[rung] += 1
                sweep.passes[rung] += rung < last
        return last

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
