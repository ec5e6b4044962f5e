"""Optuna: the memory of a sweep. One study for each cell, one more for what confirms it, all in one journal.

Every report is in the record before anybody acts on it, and so is the verdict on it. What a sampler or a pruner
answers is a function of the record and of seeds derived from the sweep's, so that a sweep which was cut off goes on as
if it had not been: nothing else has to be saved.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from sweeper.record import trial_records
from sweeper.record.asha import AshaPruner
from sweeper.record.journal import Journal, RecordStorage
from sweeper.record.samplers import PerTrialSampler, suggest_params
from sweeper.record.trial_records import interrupted_trials, stored_trial
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, Trial, TrialEnd, TrialRecord

_CONFIRM = "confirm "  # before a cell's name: the study of what confirms it
_RETRIES = 20  # proposals that repeat a stopped setting before one of them is taken after all


class OptunaStudy:
    """The record of one sweep, and the proposals that follow from it: the port Study."""

    def __init__(self, spec: SweepSpec, path: Path, threads: int) -> None:
        """Open or create the record at `path`. Raises BusyError, RecordError or StorageError."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
        self.spec, self.threads = spec, threads
        self.journal = Journal(path)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        """Open or create the studies, and take up what was cut off."""
        self.storage, systems = RecordStorage(self.journal), range(len(self.spec.systems))
        self.searches = [self._study(self.spec.system_name(system), self.spec.rungs) for system in systems]
        self.samplers = [
            PerTrialSampler(self.spec, system, study.get_trials(deepcopy=False))
            for system, study in enumerate(self.searches)
        ]
        for study, sampler in zip(self.searches, self.samplers, strict=True):
            study.sampler = sampler
        known = {study.study_name for study in self.storage.get_all_studies()}
        begun = [system for system in systems if _CONFIRM + self.spec.system_name(system) in known]
        self.confirmations = {system: self._confirmation(system) for system in begun}
        self.running: dict[int, optuna.trial.Trial] = {}
        recorded = self.all_trials()
        self.last = max((one.trial.number for one in recorded), default=0)  # the newest trial's number
        known_times = (at for one in recorded for at in (*one.report_times, one.test.at if one.test else 0))
        self._now = trial_records.increasing_timestamps(max(known_times, default=0))
        for system in systems:
            self._reopen(system)

    def _study(self, name: str, rungs: Sequence[int]) -> optuna.Study:
        spec = self.spec
        return optuna.create_study(
            study_name=name,
            storage=self.storage,
            pruner=AshaPruner(rungs, spec.asha.reduction_factor if spec.asha != "off" else 2),
            direction=StudyDirection.MAXIMIZE if spec.objective.sign > 0 else StudyDirection.MINIMIZE,
            load_if_exists=True,
        )

    def _confirmation(self, system: int) -> optuna.Study:
        """The study of what confirms a cell, apart: the sampler never hears of it, and nothing is stopped early."""
        return self._study(_CONFIRM + self.spec.system_name(system), ())

    def _reopen(self, system: int) -> None:
        """Take up the trials of a cell that were cut off.

        A trial whose end is in the record has ended; a proposal that was cut off halfway is completed, and a trial that
        was to confirm dropped: it is asked for again.
        """
        for study in self._studies(system):
            for trial, entry in interrupted_trials(study):
                if "outcome" in entry.user_attrs:
                    self._tell(study, trial)
                elif "number" in entry.user_attrs:
                    self.running[entry.user_attrs["number"]] = trial
                    self._complete(trial, entry)
                elif study is self.searches[system]:
                    self._settle(system, trial)
                else:
                    self._skip(study, trial, "was cut off before it began")

    def _studies(self, system: int) -> list[optuna.Study]:
        return [self.searches[system], *([self.confirmations[system]] if system in self.confirmations else [])]

    def _all(self) -> Iterator[tuple[int, optuna.Study]]:
        for system in range(len(self.spec.systems)):
            for study in self._studies(system):
                yield system, study

    def _of(self, trial: Trial) -> optuna.Study:
        """The study that a trial is in."""
        return self.confirmations[trial.system] if trial.source_trial else self.searches[trial.system]

    def _complete(self, trial: optuna.trial.Trial, entry: FrozenTrial) -> None:
        """Tell the pruner the value of a report that was cut off after its metrics: it came before what follows."""
        for key, kept in entry.user_attrs.items():
            if key.startswith("report:"):
                self._value(trial, entry, ValidationReport(int(key.partition(":")[2]), kept["epoch"], kept["metrics"]))

    def _value(self, trial: optuna.trial.Trial, entry: FrozenTrial, report: ValidationReport) -> float | None:
        """Tell the pruner the value of a report, once: it is what the record has, and None where it has none."""
        value = report.metrics.get(self.spec.objective.metric)
        if value is not None and report.step not in entry.intermediate_values:
            trial.report(value if math.isfinite(value) else math.nan, report.step)
        return value

    @property
    def truncated_bytes(self) -> int:
        """Bytes of a record that a crash left half written, and that were dropped on opening."""
        return self.journal.dropped

    def close(self) -> None:
        """Close the record."""
        self.journal.close()

    # ---- proposals

    def ask(self, system: int) -> Trial:
        """Propose the next trial of a cell: what is planned for it first, then the sampler's choice."""
        study = self.searches[system]
        for retry in range(_RETRIES + 1):
            trial = study.ask()
            if self._settle(system, trial, anyway=retry == _RETRIES):
                break
        return self._trial(system, stored_trial(study, trial))

    def _settle(self, system: int, trial: optuna.trial.Trial, *, anyway: bool = False) -> bool:
        """Let the sampler choose, and take its choice as the next trial: False where it repeats a stopped setting."""
        suggest_params(self.spec, system, trial)
        if not anyway and ("skipped" in trial.user_attrs or self.samplers[system].repeats_stopped(trial)):
            self._skip(self.searches[system], trial, "repeats a setting that was stopped")
            return False
        self._begin(trial)
        return True

    def _begin(self, trial: optuna.trial.Trial) -> None:
        """Count a trial: from now on it is one."""
        trial.set_user_attr("number", self.last + 1)
        self.last += 1
        self.running[self.last] = trial

    def _skip(self, study: optuna.Study, trial: optuna.trial.Trial, why: str) -> None:
        trial.set_user_attr("skipped", why)
        study.tell(trial, state=TrialState.FAIL)

    def confirm(self, source: Trial, seed_index: int) -> Trial:
        """Record a new trial that trains the setting of `source` with its system's fresh seed number `seed_index`."""
        study = self.confirmations.setdefault(source.system, self._confirmation(source.system))
        trial = study.ask()
        for name, value in (("params", dict(source.params)), ("confirms", source.number), ("repeat", seed_index)):
            trial.set_user_attr(name, value)
        self._begin(trial)
        return self._trial(source.system, stored_trial(study, trial))

    # ---- the record

    def restart(self, trial: Trial) -> Trial:
        """The same trial for another attempt, counted in the record."""
        self.running[trial.number].set_user_attr("attempt", trial.attempt + 1)
        return replace(trial, attempt=trial.attempt + 1)

    def report(self, trial: Trial, report: ValidationReport) -> TrialEnd | None:
        """Keep a report, its metrics before the value that the pruner reads, and the verdict on it."""
        running, study = self.running[trial.number], self._of(trial)
        if f"report:{report.step}" not in running.user_attrs:
            kept = {"time": self._now(), "epoch": report.epoch, "attempt": trial.attempt}
            running.set_user_attr(f"report:{report.step}", {**kept, "metrics": dict(report.metrics)})
        value = self._value(running, stored_trial(study, running), report)
        if value is None:  # a phase without a classifier: neither the pruner nor the sampler hears of it
            return None
        values = stored_trial(study, running).intermediate_values
        last = report.step == trial.config.num_validations and math.isfinite(value)
        below = running.should_prune()  # asked at every report: a rung counts those whose last it is too
        if last or report.step < max(values, default=0) or not below:
            return None
        stop = TrialEnd(Outcome.STOPPED_EARLY, f"below the others at its validation {report.step}")
        diverged = TrialEnd(Outcome.DIVERGED, f"{self.spec.objective.metric} is {value}")
        self.end_trial(trial, stop if math.isfinite(value) else diverged)
        return self.get(trial).end

    def end_trial(self, trial: Trial, trial_end: TrialEnd) -> None:
        """Keep how a trial ended: the outcome in an attribute, then the state that the sampler learns from."""
        running = self.running[trial.number]
        if "outcome" not in running.user_attrs:
            running.set_user_attr("reason", trial_end.reason)
            if trial_end.traceback or "traceback" in running.user_attrs:  # an attempt's that was cut off while it failed
                running.set_user_attr("traceback", trial_end.traceback)
            running.set_user_attr("outcome", trial_end.outcome.value)
        self._tell(self._of(trial), running)

    def _tell(self, study: optuna.Study, trial: optuna.trial.Trial) -> None:
        """Tell the sampler. What did not complete is pruned, the worst rank: TPE ignores failures, and repeats them."""
        values = list(stored_trial(study, trial).intermediate_values.values())
        if trial.user_attrs["outcome"] == Outcome.COMPLETED and values:
            best = max(values) if self.spec.objective.sign > 0 else min(values)
            study.tell(trial, best, skip_if_finished=True)
        else:
            study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)

    def record_test_access(self, trial: Trial) -> None:
        """Keep that the test split is opened for a trial."""
        study, at = self._of(trial), self._now()
        study.set_user_attr(f"look:{at}", {"at": at, "trial": trial.number, "seed": trial.config.seed})

    def record_test_score(self, trial: Trial, report: ValidationReport) -> None:
        """Keep what the model of a trial that has ended scored on the test split. The first score counts."""
        study, name = self._of(trial), f"test:{trial.number}"
        if name not in study.user_attrs:
            study.set_user_attr(name, {"at": self._now(), "step": report.step, "metrics": dict(report.metrics)})

    def test_accesses(self) -> Sequence[TestAccess]:
        """Every look at the test split, by time."""
        return trial_records.test_accesses([study for _, study in self._all()])

    def all_trials(self) -> Sequence[TrialRecord]:
        """Every trial, by number; proposals that were skipped are none."""
        found = [
            trial_records.to_trial_record(self.spec, system, study, entry, self.threads)
            for system, study in self._all()
            for entry in trial_records.counted_trials([study])
        ]
        return sorted(found, key=lambda recorded: recorded.trial.number)

    def get(self, trial: Trial) -> TrialRecord:
        """One trial as the record has it."""
        study = self._of(trial)
        running = self.running.get(trial.number)
        entry = stored_trial(study, running) if running else _entry(study, trial.number)
        return trial_records.to_trial_record(self.spec, trial.system, study, entry, self.threads)

    def _trial(self, system: int, entry: FrozenTrial) -> Trial:
        return trial_records.to_trial(self.spec, system, entry, self.threads)


def _entry(study: optuna.Study, number: int) -> FrozenTrial:
    """The entry of a trial that ended before this command began."""
    return next(entry for entry in trial_records.counted_trials([study]) if entry.user_attrs["number"] == number)
