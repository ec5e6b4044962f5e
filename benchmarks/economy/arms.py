"""The searches that are compared: one entry each in ARMS. Add a search here."""

import json
from collections.abc import Callable, Mapping
from functools import partial

from benchmarks.economy.clock import Search
from benchmarks.economy.earlier import good_settings
from benchmarks.economy.peers import OptunaSearch, RayTuneSearch, ScreeningSearch
from benchmarks.economy.problem import Problem
from benchmarks.economy.settings import FORMER_DEFAULT, LOSSES
from benchmarks.economy.sweeper_search import SweeperSearch

Arm = Callable[[Problem, int, int], Search]  # problem, number of trials, seed

ASHA = "asha={grace_epochs: 1, reduction_factor: 3}"
_PAPER_GRID = (  # of sst5_paper_grid.yaml; tau 0.07 and batch size 4 are not recorded
    "sampler=grid", "asha=off", "search.batch_size=[8, 32]", "search.learning_rate=[2e-5]",
    "search.normalize=[false]", "search.alpha=[0.1, 0.2, 0.7]", "search.tau=[7, 10, 100, 1000]",
)  # fmt: skip
_HALF_EPOCHS = "asha={grace_epochs: 0.5, reduction_factor: 3}"  # rungs after 0.5 and 1.5 of 3 epochs
_PROMOTION = ("asha=null", "early_stopping={promotion: {grace_epochs: 1, reduction_factor: 3}}")
_HALF_PROMOTION = ("asha=null", "early_stopping={promotion: {grace_epochs: 0.5, reduction_factor: 3}}")
_HYPERBAND = ("asha=null", "early_stopping={hyperband: {grace_epochs: 1, reduction_factor: 3}}")
_HALF_HYPERBAND = ("asha=null", "early_stopping={hyperband: {grace_epochs: 0.5, reduction_factor: 3}}")
_START, _SIBLINGS = "tpe.start=quasi_random", "tpe.siblings=0.5"
_PRIORS = (  # values that papers on fine-tuning give
    "search.learning_rate={log: [1e-5, 5e-4], prior: 5e-5}", "search.batch_size={choice: [8, 16, 32], prior: 32}",
)  # fmt: skip
_WRONG_PRIORS = (  # the lowest rate with the largest batch learns the least in three epochs
    "search.learning_rate={log: [1e-5, 5e-4], prior: 1e-5}", "search.batch_size={choice: [8, 16, 32], prior: 32}",
    "search.alpha={uniform: [0.05, 0.9], prior: 0.9}",
)  # fmt: skip


def sweeper_arm(*overrides: str) -> Arm:
    """Return sweeper's search of the recorded space with keys replaced, as in `sampler=tpe`."""
    return partial(_sweeper, overrides)


def _sweeper(overrides: tuple[str, ...], problem: Problem, trials: int, seed: int) -> Search:
    return SweeperSearch(problem, trials, seed, overrides)


def learning_arm(*overrides: str) -> Arm:
    """Return sweeper's search that learns from earlier sweeps of the other data sets (`learn_from`)."""
    return lambda problem, trials, seed: SweeperSearch(problem, trials, seed, overrides, learns=True)


def starting_arm(*overrides: str) -> Arm:
    """Return sweeper's search that begins with the setting of each system that was good on the other data sets."""
    return partial(_starting, overrides)


def _starting(overrides: tuple[str, ...], problem: Problem, trials: int, seed: int) -> Search:
    start = json.dumps(good_settings(problem.earlier))
    return SweeperSearch(problem, trials, seed, (*overrides, f"start_with={start}"))


def racing_arm(settings: int, *overrides: str) -> Arm:
    """Return sweeper's search with a race at its end: of so many settings, or of fewer where shares are small."""
    return partial(_racing, settings, overrides)


def _racing(settings: int, overrides: tuple[str, ...], problem: Problem, trials: int, seed: int) -> Search:
    share = trials // len(LOSSES)
    most = next((count for count, least in ((4, 12), (2, 4)) if count <= settings and share >= least), None)
    return _sweeper((*overrides, f"racing={'off' if most is None else most}"), problem, trials, seed)


PEERS = (
    "random search",
    "grid of Modarres & Raeisi",
    "one-epoch screening",
    "Ray Tune, OptunaSearch and ASHA",
    "Optuna, TPE and Hyperband",
)
ARMS: Mapping[str, Arm] = {
    "random search": sweeper_arm("sampler=random", "asha=off"),
    "grid of Modarres & Raeisi": sweeper_arm(*_PAPER_GRID),
    "one-epoch screening": lambda problem, trials, seed: ScreeningSearch(trials, seed),
    "Ray Tune, OptunaSearch and ASHA": lambda problem, trials, seed: RayTuneSearch(trials, seed),
    "Optuna, TPE and Hyperband": lambda problem, trials, seed: OptunaSearch(trials, seed),
    "quasi-random": sweeper_arm("sampler=qmc", "asha=off"),
    FORMER_DEFAULT: sweeper_arm("sampler=tpe", ASHA),
    "ours: rungs within an epoch": sweeper_arm("sampler=tpe", _HALF_EPOCHS),
    "ours: promotion": sweeper_arm("sampler=tpe", *_PROMOTION),
    "ours: promotion within an epoch": sweeper_arm("sampler=tpe", *_HALF_PROMOTION),
    "ours: Hyperband": sweeper_arm("sampler=tpe", *_HYPERBAND),
    "ours: Hyperband within an epoch": sweeper_arm("sampler=tpe", *_HALF_HYPERBAND),
    "ours: shared start": sweeper_arm("sampler=tpe", ASHA, _START),
    "ours: shared start, promotion": sweeper_arm("sampler=tpe", *_PROMOTION, _START),
    "ours: shared start, promotion within an epoch": sweeper_arm("sampler=tpe", *_HALF_PROMOTION, _START),
    "ours: shared start, rungs within an epoch": sweeper_arm("sampler=tpe", _HALF_EPOCHS, _START),
    "ours: a good setting first": starting_arm("sampler=tpe", ASHA, _START),
    "ours: a good setting first, rungs within an epoch": starting_arm("sampler=tpe", _HALF_EPOCHS, _START),
    "ours: earlier sweeps": learning_arm("sampler=tpe", ASHA, _START),
    "ours: earlier sweeps, rungs within an epoch": learning_arm("sampler=tpe", _HALF_EPOCHS, _START),
    "ours: earlier sweeps, promotion within an epoch": learning_arm("sampler=tpe", *_HALF_PROMOTION, _START),
    "ours: siblings": sweeper_arm("sampler=tpe", ASHA, _SIBLINGS),
    "ours: shared start, siblings": sweeper_arm("sampler=tpe", ASHA, _START, _SIBLINGS),
    "ours: racing": racing_arm(4, "sampler=tpe", ASHA),
    "ours: racing two settings": racing_arm(2, "sampler=tpe", ASHA),
    "ours: priors": sweeper_arm("sampler=tpe", ASHA, *_PRIORS),
    "ours: wrong priors": sweeper_arm("sampler=tpe", ASHA, *_WRONG_PRIORS),
    "ours: shared start, siblings, priors": sweeper_arm("sampler=tpe", ASHA, _START, _SIBLINGS, *_PRIORS),
}
