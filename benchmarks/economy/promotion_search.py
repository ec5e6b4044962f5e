"""sweeper's search with promotion instead of stopping: trials pause at rungs, and the best ones continue later."""

import copy
import warnings
from collections.abc import Container, Iterable, Mapping, Sequence
from typing import Any

import optuna
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from benchmarks.economy.clock import Choice, Training
from benchmarks.economy.ladder import Ladder
from benchmarks.economy.problem import Problem
from sweeper.protocol.ranking import TrialScore, best_setting
from sweeper.protocol.turns import Turns
from sweeper.record.proposals import Proposals
from sweeper.record.storage import RecordStorage
from sweeper.record.studies import SystemStudies
from sweeper.record.trial_records import TrialRecords
from sweeper.search_space.early_stopping import AshaSettings
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial


class PromotionSearch:
    """A sweep of the recorded search space whose `asha` pauses and promotes. Implements Search.

    Proposals, shares and the order of the systems are sweeper's. A free worker promotes: the trial continues after the
    rung at which it paused, and its earlier epochs are not trained again. Only where nothing may be promoted, a new
    trial starts. The number of trials is that of started ones. The search ends when all of them have started, and all
    that may be promoted have been. So it trains fewer epochs than a search that stops as many trials, and is to be
    compared by epochs. Loading a checkpoint takes no time on the clock.
    """

    def __init__(self, problem: Problem, trials: int, seed: int, overrides: Sequence[str]) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self.spec = problem.spec([f"budget.trials={trials}", f"seed={seed}", *overrides])
        settings = self.spec.early_stopping_settings
        assert isinstance(settings, AshaSettings)
        self.num_steps, systems = problem.num_steps, range(len(self.spec.systems))
        rungs = [step for step in self.spec.rungs if step < self.num_steps]
        self.ladders = [Ladder(rungs, settings.reduction_factor, self.spec.trial_budget(s)) for s in systems]
        self.storage = PausingStorage(_MemoryJournal())
        self.studies = SystemStudies(self.spec, self.storage)
        self.running: dict[int, optuna.trial.Trial] = {}
        records = TrialRecords(self.spec, self.storage, self.studies, threads=1)
        self.proposals = Proposals(self.spec, self.storage, self.studies, records, self.running)
        self.turns = Turns(self.spec, [])
        self.trials: dict[int, Trial] = {}
        self.values: dict[int, list[float]] = {}  # all validations of each trial
        self.completed: set[int] = set()

    def next_training(self) -> Training | None:
        """Return a trial to promote, from the highest rung that has one; else a new trial."""
        return self._promote() or self._start()

    def _promote(self) -> Training | None:
        for rung in reversed(range(len(self.ladders[0].rungs))):
            for ladder in self.ladders:
                if ladder.promotable(rung):
                    trial = self.trials[ladder.promote(rung)]
                    return Training(trial.number, trial.params, trial.config.seed, ladder.rungs[rung])
        return None

    def _start(self) -> Training | None:
        turn = self.turns.take(lambda: [])
        if turn is None:
            return None
        trial = self.proposals.propose(turn[0])
        self.trials[trial.number], self.values[trial.number] = trial, []
        return Training(trial.number, trial.params, trial.config.seed)

    def report(self, training: Training, step: int, accuracy: float) -> bool:
        """Record the validation. Pause at a rung."""
        number = training.number
        self.values[number].append(accuracy)
        self.running[number].report(accuracy, step)
        pauses = self.ladders[self.trials[number].system].pause(number, step, accuracy)
        if pauses:
            self.storage.paused.add(number)
        return not pauses

    def finish(self, training: Training) -> None:
        """Record that a trial completed."""
        number = training.number
        self.storage.paused.discard(number)
        self.completed.add(number)
        self.studies.of_trial(self.trials[number]).tell(self.running[number], self._score(number))

    def _score(self, number: int) -> float:
        keeps_last = self.trials[number].config.keeps_last
        return self.spec.objective.value_of(self.values[number], keeps_last=keeps_last)

    def chosen(self) -> Mapping[str, Choice]:
        """Return the settings that a confirmation would train again."""
        scores = [self._trial_score(trial) for trial in self.trials.values()]
        best = (best_setting(scores, system, self.spec.objective.sign) for system in range(len(self.spec.systems)))
        return {
            str(setting.trial.params["loss"]): Choice(setting.trial.params, setting.mean) for setting in best if setting
        }

    def _trial_score(self, trial: Trial) -> TrialScore:
        values = self.values[trial.number]
        score = self._score(trial.number) if values else None
        return TrialScore(
            number=trial.number,
            system=trial.system,
            params=trial.params,
            outcome=Outcome.COMPLETED if trial.number in self.completed else Outcome.STOPPED_EARLY,
            score=score,
            step=1 + values.index(score) if score is not None else 0,
            steps=len(values),
            metrics={},
        )

    def close(self) -> None:
        """Do nothing: the record is in memory."""


class PausingStorage(RecordStorage):
    """A record in which a sampler sees a trial that has paused as a stopped one, with its reports so far.

    Optuna's own state of it is that of a running trial, which TPE with `constant_liar` takes for a poor one. A promoted
    trial is seen in the same way until it has completed. `paused` are the numbers of those trials.
    """

    def __init__(self, journal: BaseJournalBackend) -> None:
        super().__init__(journal)
        self.paused: set[int] = set()

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study in these states."""
        seen = [self._as_seen(trial) for trial in super().get_all_trials(study_id, deepcopy)]
        return [trial for trial in seen if states is None or trial.state in states]

    def _as_seen(self, trial: FrozenTrial) -> FrozenTrial:
        if trial.user_attrs.get("number") not in self.paused:
            return trial
        stopped = copy.copy(trial)
        stopped.state, stopped.value = TrialState.PRUNED, trial.intermediate_values[max(trial.intermediate_values)]
        return stopped


class _MemoryJournal(BaseJournalBackend):
    """A journal in memory."""

    def __init__(self) -> None:
        self.entries: list[dict[str, Any]] = []

    def read_logs(self, log_number_from: int) -> Iterable[dict[str, Any]]:
        """Return the entries from this number on."""
        return self.entries[log_number_from:]

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append entries."""
        self.entries += logs
