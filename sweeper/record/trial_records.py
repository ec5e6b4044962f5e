"""The records of all trials, kept in memory beside the storage.

A trial's TrainConfig is validated once, when its record is built. After that, only what is new is read.
"""

import optuna
from optuna.trial import FrozenTrial

from sweeper.record.storage import RecordStorage
from sweeper.record.studies import SystemStudies
from sweeper.record.trial_attributes import counted_trials, to_trial, to_trial_record, update_trial_record
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import Trial, TrialRecord


class TrialRecords:
    """The TrialRecord of each trial that counts, by number. Update it after a change is durable, never before."""

    def __init__(self, spec: SweepSpec, storage: RecordStorage, studies: SystemStudies, threads: int) -> None:
        """Build the records of all trials that are in the studies."""
        self.spec, self.storage, self.threads = spec, storage, threads
        self._records: dict[int, TrialRecord] = {}
        for system, study in studies.all_studies():
            for stored in counted_trials(study):
                self.add(system, study, stored)

    def add(self, system: int, study: optuna.Study, stored: FrozenTrial) -> Trial:
        """Build the record of a trial that is new here, and return the trial."""
        trial = to_trial(self.spec, system, stored, self.threads)
        self._records[trial.number] = to_trial_record(trial, study, stored)
        return trial

    def update(self, number: int, study: optuna.Study, trial: optuna.trial.Trial) -> TrialRecord:
        """Read the reports and the end of trial `number` that are new in the storage. Return its record."""
        stored = self.storage.stored_trial(study, trial.number)
        self._records[number] = update_trial_record(self._records[number], stored)
        return self._records[number]

    def replace(self, record: TrialRecord) -> None:
        """Replace the record of a trial."""
        self._records[record.trial.number] = record

    def get(self, number: int) -> TrialRecord:
        """Return the record of a trial."""
        return self._records[number]

    def all_records(self) -> list[TrialRecord]:
        """Return every record, ordered by number."""
        return [self._records[number] for number in sorted(self._records)]

    @property
    def last_number(self) -> int:
        """The number of the newest trial; 0 if there is none."""
        return max(self._records, default=0)

    @property
    def latest_time(self) -> int:
        """The latest time of a report or of a test score, in milliseconds since 1970; 0 if there is none."""
        records = self._records.values()
        reports = (at for record in records for at in record.report_times)
        return max((*reports, *(record.test.at for record in records if record.test)), default=0)
