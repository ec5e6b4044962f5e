"""Optuna's storage over the journal, with the lookups that Optuna's Study and Trial keep to themselves.

Optuna's studies and trials hold their storage and their ids in private attributes. This class is the same storage, made
here, so every lookup goes through public methods. All that depends on how Optuna works inside stands in this file, as
checked with Optuna 5.0.
"""

import copy
from collections.abc import Collection, Container

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.trial_attributes import RACE_OF
from sweeper.trials.outcome import Outcome


class RecordStorage(JournalStorage):
    """Optuna's storage over a journal.

    A sampler sees a trial that has paused at a rung as a stopped one, with its reports so far, until it has ended.
    Optuna's own state of it is that of a running trial, which TPE takes for a poor one.

    It sees a trial that went wrong as one that was stopped before its first report. TPE ranks stopped trials by their
    last step first, and would prefer a trial that diverged late to a sound one that was stopped earlier.
    """

    def __init__(self, journal: BaseJournalBackend, pausing_rungs: Collection[int] = ()) -> None:
        """Read the journal into memory. Trials outside of a race pause after the validations `pausing_rungs`."""
        super().__init__(journal)
        self._study_ids: dict[str, int] = {}
        self._pausing_rungs = frozenset(pausing_rungs)
        self._seen: dict[
            int, list[tuple[FrozenTrial, FrozenTrial]]
        ] = {}  # by study: each trial, and as what it is seen

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Return the trials of a study in these states.

        Sweeper queues no trials, so the answer for WAITING is always empty. `Study.ask` asks for the waiting trials at
        each proposal. Without this shortcut, it would walk over all trials each time: slower, but not wrong.
        """
        if states == (TrialState.WAITING,):
            return []
        stored, known = super().get_all_trials(study_id, deepcopy=False), self._seen.get(study_id, [])
        pairs = [
            pair if pair[0] is trial else (trial, self._as_seen(trial))  # the storage replaces a trial that changes
            for trial, pair in zip(stored, known, strict=False)
        ]
        pairs += [(trial, self._as_seen(trial)) for trial in stored[len(known) :]]
        self._seen[study_id] = pairs
        trials = [trial for _, trial in pairs if states is None or trial.state in states]
        return copy.deepcopy(trials) if deepcopy else trials

    def _as_seen(self, trial: FrozenTrial) -> FrozenTrial:
        """Return a trial as a sampler sees it. No sampler sees those of a confirmation, which do not pause either."""
        reports, went_wrong = trial.intermediate_values, _went_wrong(trial)
        if not reports or not (went_wrong or self._has_paused(trial)):
            return trial
        stopped = copy.copy(trial)
        stopped.state, stopped.value = TrialState.PRUNED, None if went_wrong else reports[max(reports)]
        stopped.intermediate_values = {} if went_wrong else reports
        return stopped

    def _has_paused(self, trial: FrozenTrial) -> bool:
        is_running = trial.state == TrialState.RUNNING and not trial.user_attrs.keys() & {"outcome", RACE_OF}
        return is_running and not self._pausing_rungs.isdisjoint(trial.intermediate_values)

    def stored_trials(self, study: optuna.Study) -> list[FrozenTrial]:
        """Return all trials of a study as the record has them now. They are not copied."""
        return super().get_all_trials(self._find_study(study), deepcopy=False)

    def running_trials(self, study: optuna.Study) -> list[FrozenTrial]:
        """Return the trials of a study that have not ended, those that wait at a rung included."""
        return super().get_all_trials(self._find_study(study), deepcopy=False, states=(TrialState.RUNNING,))

    def stored_trial(self, study: optuna.Study, number: int) -> FrozenTrial:
        """Return the trial with Optuna's `number` in `study` as the record has it now. It is not copied."""
        return self.get_trial(self._find_trial(study, number))

    def running_trial(self, study: optuna.Study, number: int) -> optuna.trial.Trial:
        """Return the trial with Optuna's `number` in `study` as one that takes reports again after a restart.

        Optuna's users get a Trial from `Study.ask` only, which begins a new one. The constructor is public, but Optuna
        recommends against it. If it changes, interrupted trials cannot be continued, and opening their record fails.
        """
        return optuna.trial.Trial(study, self._find_trial(study, number))

    def begin_trial(self, study: optuna.Study, template: FrozenTrial) -> optuna.trial.Trial:
        """Begin a trial with the params and attributes of `template`, all in one entry of the journal."""
        return optuna.trial.Trial(study, self.create_new_trial(self._find_study(study), template))

    def _find_study(self, study: optuna.Study) -> int:
        """Return the storage's id of a study."""
        name = study.study_name
        if name not in self._study_ids:
            self._study_ids[name] = self.get_study_id_from_name(name)
        return self._study_ids[name]

    def _find_trial(self, study: optuna.Study, number: int) -> int:
        """Return the storage's id of a trial."""
        return self.get_trial_id_from_study_id_trial_number(self._find_study(study), number)


def _went_wrong(trial: FrozenTrial) -> bool:
    """Return True if a trial has ended, and neither completed nor was stopped early."""
    is_pruned = trial.state == TrialState.PRUNED
    return is_pruned and "outcome" in trial.user_attrs and not Outcome(trial.user_attrs["outcome"]).is_healthy
