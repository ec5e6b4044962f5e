"""Trials of an earlier sweep for tests, without that sweep."""

from collections.abc import Callable
from random import Random

from sweeper.search_space.random_settings import draw_setting
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import HYPERPARAMETERS, TrainConfig, is_active
from sweeper.trials.borrowed import BorrowedTrial, BorrowedTrials


def borrowed_trials(
    spec: SweepSpec, count: int, score: Callable[[TrainConfig], float] = lambda config: config.seed % 10 / 10
) -> BorrowedTrials:
    """Return so many trials of each system of a space, drawn at random. Every third one was stopped."""
    random, trials = Random(count), []
    for number in range(count * len(spec.systems)):
        system = number % len(spec.systems)
        config = spec.train_config(draw_setting(spec, system, random), seed=random.randrange(1000), threads=1)
        used = {name: getattr(config, name) for name in HYPERPARAMETERS}
        values = {name: value for name, value in used.items() if is_active(name, used)}
        best = score(config)
        trials.append(
            BorrowedTrial(number, dict(spec.systems[system]), values, None if number % 3 == 2 else best, {1: best})
        )
    ended = len(trials)
    return BorrowedTrials("sst5-0a1b2c3d", "1d", "sst5", "d1gest", True, ended, 0, 0, [], trials)
