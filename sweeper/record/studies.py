"""The Optuna studies of a sweep: one for each system's search, and one for its confirmation once that has begun."""

from collections.abc import Iterator, Mapping, Sequence

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial

from sweeper.record.rung_pruner import RungPruner
from sweeper.record.samplers import PerTrialSampler
from sweeper.record.storage import RecordStorage
from sweeper.record.system_history import SystemHistory
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.trial import Trial

_CONFIRM = "confirm "  # before the system's name, in the name of its confirmation's study


class SystemStudies:
    """The Optuna studies of a sweep, by system."""

    def __init__(self, spec: SweepSpec, storage: RecordStorage, borrowed: Sequence[BorrowedTrials] = ()) -> None:
        """Open or create the study of each search. Open the studies of the confirmations that have begun."""
        self.spec, self.storage = spec, storage
        systems = range(len(spec.systems))
        self.searches = [self._open(spec.system_name(system), spec.brackets) for system in systems]
        histories = [SystemHistory(spec, system, self.searches, borrowed) for system in systems]
        self.samplers = [PerTrialSampler(history) for history in histories]
        for study, sampler in zip(self.searches, self.samplers, strict=True):
            study.sampler = sampler
        names = {study.study_name for study in storage.get_all_studies()}
        begun = [system for system in systems if _CONFIRM + spec.system_name(system) in names]
        self.confirmations = {system: self._open_confirmation(system) for system in begun}

    def begin_confirmation(self, system: int) -> optuna.Study:
        """Return the study of a system's confirmation, and create it if there is none."""
        if system not in self.confirmations:
            self.confirmations[system] = self._open_confirmation(system)
        return self.confirmations[system]

    def of_trial(self, trial: Trial) -> optuna.Study:
        """Return the study that holds a trial."""
        return self.confirmations[trial.system] if trial.source_trial else self.searches[trial.system]

    def of_system(self, system: int) -> list[optuna.Study]:
        """Return the studies of a system, the search first."""
        return [self.searches[system], *([self.confirmations[system]] if system in self.confirmations else [])]

    def needed_value(self, trial: Trial, stored: FrozenTrial) -> float | None:
        """Return the value that a trial needs at its last report to continue, once its study's pruner was asked."""
        study = self.of_trial(trial)
        assert isinstance(study.pruner, RungPruner)
        return study.pruner.needed_value(study, stored)

    def all_studies(self) -> Iterator[tuple[int, optuna.Study]]:
        """Yield every study with its system, in the order of systems."""
        for system in range(len(self.spec.systems)):
            for study in self.of_system(system):
                yield system, study

    def _open_confirmation(self, system: int) -> optuna.Study:
        """Open or create a study apart from the search: its sampler never sees it, and nothing is stopped early."""
        return self._open(_CONFIRM + self.spec.system_name(system), {})

    def _open(self, name: str, brackets: Mapping[int, Sequence[int]]) -> optuna.Study:
        return optuna.create_study(
            study_name=name,
            storage=self.storage,
            pruner=RungPruner(brackets, self.spec.needed_value, self.storage.stored_trials),
            direction=StudyDirection.MAXIMIZE if self.spec.objective.sign > 0 else StudyDirection.MINIMIZE,
            load_if_exists=True,
        )
