"""Searches as users of other tools write them, on the simulated clock: Ray Tune, Optuna, and one-epoch screening.

Each searches all systems in one study, with the system as a choice. Ray Tune and Optuna get one report per epoch;
screening looks at every validation.
"""

from collections import defaultdict
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import optuna

from benchmarks.economy.clock import Choice, Training
from benchmarks.economy.settings import LOSSES, Setting
from benchmarks.economy.space_of_users import suggest_setting, tune_space, used_setting

EPOCHS, VALIDATIONS_PER_EPOCH = 3, 2
PROMOTED = 4  # in screening, one setting in so many is trained to the end, at least one of each system


class ScoredTrials:
    """The scores of trials, and the best of each system: first of those that completed, then of all."""

    def __init__(self) -> None:
        self.settings: dict[int, Setting] = {}
        self.scores: dict[int, float] = {}
        self.completed: set[int] = set()

    def best(self, *, completed_first: bool) -> Mapping[str, Choice]:
        """Return the setting of each system with the best score."""
        choices: dict[str, tuple[bool, Choice]] = {}
        for number, score in self.scores.items():
            setting, is_first = self.settings[number], completed_first and number in self.completed
            before = choices.get(setting["loss"])
            if before is None or (is_first, score) > (before[0], before[1].score):
                choices[setting["loss"]] = is_first, Choice(setting, score)
        return {name: choice for name, (_, choice) in choices.items()}


class _InMemory:
    """A search that keeps nothing on the disk."""

    def close(self) -> None:
        """Do nothing."""


class RayTuneSearch(_InMemory):
    """Ray Tune's OptunaSearch with ASHAScheduler, their defaults except for the number of epochs. Implements Search.

    The best result is the one with the best last score, as in `ResultGrid.get_best_result`.
    """

    def __init__(self, trials: int, seed: int) -> None:
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.searcher = OptunaSearch(seed=seed)
        self.searcher.set_search_properties("accuracy", "max", tune_space())
        self.scheduler = ASHAScheduler(metric="accuracy", mode="max", max_t=EPOCHS)
        self.trials, self.seed = trials, seed
        self.scored = ScoredTrials()

    def next_training(self) -> Training | None:
        """Return the searcher's next suggestion."""
        number = len(self.scored.settings)
        config = self.searcher.suggest(str(number)) if number < self.trials else None
        if config is None:
            return None
        self.scheduler.on_trial_add(None, _trial(number))
        self.scored.settings[number] = used_setting(config)
        return Training(number, self.scored.settings[number], _seed(self.seed, number))

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        """Pass the validation at the end of an epoch to scheduler and searcher."""
        if step % VALIDATIONS_PER_EPOCH:
            return True
        self.scored.scores[training.number] = accuracy
        result = {"training_iteration": step // VALIDATIONS_PER_EPOCH, "accuracy": accuracy}
        action = self.scheduler.on_trial_result(None, _trial(training.number), result)
        self.searcher.on_trial_result(str(training.number), result)
        if action == "STOP":
            self.searcher.on_trial_complete(str(training.number), result)
        return bool(action != "STOP")

    def finish(self, training: Training) -> None:
        """Do nothing: the scheduler has stopped the trial at its last epoch."""

    def chosen(self) -> Mapping[str, Choice]:
        """Return the setting of each system with the best last score."""
        return self.scored.best(completed_first=False)


class OptunaSearch(_InMemory):
    """Optuna's TPESampler with HyperbandPruner, their defaults except for the number of epochs. Implements Search."""

    def __init__(self, trials: int, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=EPOCHS)
        sampler = optuna.samplers.TPESampler(seed=seed)
        self.study = optuna.create_study(study_name="search", direction="maximize", sampler=sampler, pruner=pruner)
        self.running: dict[int, optuna.trial.Trial] = {}
        self.trials, self.seed = trials, seed
        self.scored = ScoredTrials()

    def next_training(self) -> Training | None:
        """Return the study's next trial."""
        if len(self.scored.settings) == self.trials:
            return None
        trial = self.study.ask()
        self.running[trial.number] = trial
        self.scored.settings[trial.number] = setting = suggest_setting(trial)
        return Training(trial.number, setting, _seed(self.seed, trial.number))

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        """Report the validation at the end of an epoch, and prune."""
        if step % VALIDATIONS_PER_EPOCH:
            return True
        trial, epoch = self.running[training.number], step // VALIDATIONS_PER_EPOCH
        self.scored.scores[training.number] = accuracy
        trial.report(accuracy, epoch)
        if epoch == EPOCHS or not trial.should_prune():
            return True
        self.study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        return False

    def finish(self, training: Training) -> None:
        """Tell the study the last accuracy."""
        self.scored.completed.add(training.number)
        self.study.tell(self.running[training.number], self.scored.scores[training.number])

    def chosen(self) -> Mapping[str, Choice]:
        """Return the best completed setting of each system."""
        return self.scored.best(completed_first=True)


class ScreeningSearch(_InMemory):
    """Random settings, as many of each system, one epoch each; then the best of each system to the end.

    A paused training continues. Implements Search.
    """

    def __init__(self, trials: int, seed: int) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
        for k in range(trials):
            study.enqueue_trial({"loss": LOSSES[k % len(LOSSES)]})
        settings = [suggest_setting(study.ask()) for _ in range(trials)]
        self.waiting = [Training(k, setting, _seed(seed, k)) for k, setting in enumerate(settings)]
        self.screened: dict[str, list[tuple[float, Training]]] = defaultdict(list)
        self.trials = trials
        self.scored = ScoredTrials()
        self.scored.settings = dict(enumerate(settings))

    def next_training(self) -> Training | None:
        """Return the next setting to screen, then those to train to the end."""
        return self.waiting.pop(0) if self.waiting else None

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        """Keep the best validation. Pause after the first epoch."""
        scores = self.scored.scores
        scores[training.number] = max(accuracy, scores.get(training.number, accuracy))
        if step != VALIDATIONS_PER_EPOCH:
            return True
        self.screened[training.setting["loss"]].append((scores[training.number], training))
        if sum(map(len, self.screened.values())) == self.trials:
            for trainings in self.screened.values():
                best = sorted(trainings, key=lambda pair: -pair[0])[: max(1, len(trainings) // PROMOTED)]
                self.waiting += [Training(t.number, t.setting, t.seed, step) for _, t in best]
        return False

    def finish(self, training: Training) -> None:
        """Note that a training ran to its end."""
        self.scored.completed.add(training.number)

    def chosen(self) -> Mapping[str, Choice]:
        """Return the best completed setting of each system."""
        return self.scored.best(completed_first=True)


def _trial(number: int) -> Any:
    """Return all that Ray's scheduler asks of a trial."""
    return SimpleNamespace(trial_id=str(number))


def _seed(seed: int, number: int) -> int:
    """Return the seed of a trial."""
    return (seed * 1_000_003 + number * 7919) & 0x7FFFFFFF
