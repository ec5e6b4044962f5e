"""The trials that run: their reports, what early stopping decides on them, and their ends."""

import math

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.rung_pruner import describe_stop
from sweeper.record.storage import RecordStorage
from sweeper.record.studies import SystemStudies
from sweeper.record.trial_attributes import PROMOTED_AFTER, REPORT, stored_reports
from sweeper.record.trial_records import TrialRecords
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord


class RunningTrials:
    """Optuna's objects for the trials that run, and what is recorded of them.

    `by_number` has them by the number of the trial. Those that end in this command stay in it.
    """

    def __init__(self, spec: SweepSpec, storage: RecordStorage, studies: SystemStudies, records: TrialRecords) -> None:
        self.spec, self.storage, self.studies, self.records = spec, storage, studies, records
        self.by_number: dict[int, optuna.trial.Trial] = {}

    def restore(self, study: optuna.Study, running: optuna.trial.Trial, stored: FrozenTrial) -> None:
        """Take up a trial that an earlier command left: one whose end is in the record has ended."""
        number = stored.user_attrs["number"]
        if "outcome" in stored.user_attrs:
            self._tell(study, running, number)
            self.records.update(number, study, running)
            return
        self.by_number[number] = running
        for report, _ in stored_reports(stored):
            self._report_value(running, stored, report)

    def promote(self, trial: Trial) -> TrialRecord:
        """Record that a trial which waits at a rung may continue, and return its record."""
        running, study = self.by_number[trial.number], self.studies.of_trial(trial)
        running.set_user_attr(PROMOTED_AFTER, self.records.get(trial.number).reports[-1].step)
        return self.records.update(trial.number, study, running)

    def report(self, trial: Trial, report: ValidationReport, at: int) -> TrialRecord:
        """Record a report, and then the trial's end if early stopping ends it here. Return the trial's record.

        The metrics come before the value that the pruner reads. The first report of a step counts. `at` is the time in
        milliseconds since 1970.
        """
        running, study = self.by_number[trial.number], self.studies.of_trial(trial)
        stored = self.storage.stored_trial(study, running.number)
        key = f"{REPORT}{report.step}"
        if key not in stored.user_attrs:
            attributes = {"time": at, "epoch": report.epoch, "attempt": trial.attempt}
            running.set_user_attr(key, {**attributes, "metrics": dict(report.metrics)})
        record = self.records.update(trial.number, study, running)
        value = self._report_value(running, stored, report)
        trial_end = None if value is None else self._verdict(trial, report.step, value)
        return record if trial_end is None else self.end(trial, trial_end)

    def _report_value(self, running: optuna.trial.Trial, stored: FrozenTrial, report: ValidationReport) -> float | None:
        """Record the value of a report for the pruner, if it is not there yet. Return it.

        None means that the report has no value: it comes from a phase without a classifier. Neither the pruner nor the
        sampler learns of it.
        """
        value = report.metrics.get(self.spec.objective.metric)
        if value is not None and report.step not in stored.intermediate_values:
            running.report(value if math.isfinite(value) else math.nan, report.step)
        return value

    def _verdict(self, trial: Trial, step: int, value: float) -> TrialEnd | None:
        """Return the end that early stopping decides on after the report of `step`, or None.

        The pruner is asked at every report, because a rung also counts the trials that end at it. Its answer does not
        matter in a race, at a trial's last report, nor at one that is sent again after later ones.
        """
        running, study = self.by_number[trial.number], self.studies.of_trial(trial)
        stored = self.storage.stored_trial(study, running.number)
        values = stored.intermediate_values
        is_safe = math.isfinite(value) and (trial.race_of > 0 or step == trial.config.num_validations)
        is_below = running.should_prune()
        if is_safe or step < max(values, default=0) or not is_below:
            return None
        if not math.isfinite(value):
            return TrialEnd(Outcome.DIVERGED, f"{self.spec.objective.metric} is {value}")
        needed = self.studies.needed_value(trial, stored)
        epoch = step / trial.config.validations_per_epoch
        return TrialEnd(Outcome.STOPPED_EARLY, describe_stop(epoch, value, needed, self.spec.objective.sign))

    def end(self, trial: Trial, trial_end: TrialEnd) -> TrialRecord:
        """Record how a trial ended, and return its record. Only the first end counts.

        The outcome is recorded as an attribute first, then the state that the sampler learns from.
        """
        running, study = self.by_number[trial.number], self.studies.of_trial(trial)
        attributes = self.storage.stored_trial(study, running.number).user_attrs
        if "outcome" not in attributes:
            running.set_user_attr("reason", trial_end.reason)
            if trial_end.traceback or "traceback" in attributes:  # of an attempt that was interrupted while it failed
                running.set_user_attr("traceback", trial_end.traceback)
            running.set_user_attr("outcome", trial_end.outcome.value)
        self._tell(study, running, trial.number)
        return self.records.update(trial.number, study, running)

    def _tell(self, study: optuna.Study, trial: optuna.trial.Trial, number: int) -> None:
        """Tell the sampler how trial `number` ended.

        A trial that did not complete is reported as pruned: TPE ignores failed trials, and would propose their settings
        again. The sampler sees those that went wrong without their reports, which gives them the worst rank.
        """
        stored = self.storage.stored_trial(study, trial.number)
        values = [value for _, value in sorted(stored.intermediate_values.items())]
        if stored.user_attrs["outcome"] == Outcome.COMPLETED and values:
            value = self.spec.objective.value_of(values, keeps_last=self.records.get(number).trial.config.keeps_last)
            study.tell(trial, value, skip_if_finished=True)
        else:
            study.tell(trial, state=TrialState.PRUNED, skip_if_finished=True)
