"""The protocol of a sweep: search, confirm, test once.

The test split does not exist for the search or the confirmation. It is loaded when the winners are decided, and each
winner's models are scored on it once.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from sweeper.errors import SweeperError, SweepInterrupted
from sweeper.protocol.collapse import count_validation_classes
from sweeper.protocol.confirmation import trials_to_score
from sweeper.protocol.failed_sweep import first_trials_failed, require_confirmation, require_success
from sweeper.protocol.search_budget import describe_search_end
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stage import Say, ignore
from sweeper.protocol.stages import ConfirmationStage, TestStage
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.requests import Request, no_requests
from sweeper.storage.trial_files import delete_trial_files, traceback_path, trial_folder
from sweeper.training.types import ModelScores
from sweeper.trials.interfaces import Runner, Study, Tracker, TrainingJob, Workers
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial


@dataclass(frozen=True)
class StageJobs:
    """The jobs of the stages.

    `make_test_job` is called once the winners are decided, and loads the test split. `save_scores` stores a model's
    predictions; they are on the disk when it returns.
    """

    search: TrainingJob
    confirm: TrainingJob
    make_test_job: Callable[[], TrainingJob]
    save_scores: Callable[[Trial, ModelScores], None]


def run_protocol(
    spec: SweepSpec,
    study: Study,
    runner: Runner,
    trackers: Sequence[Tracker],
    jobs: StageJobs,
    resources: TrialResources,
    say: Say = ignore,
    elapsed: float = 0.0,
    requests: Callable[[], Iterable[Request]] = no_requests,
) -> None:
    """Run what the budget allows and the record does not have yet: the search, then confirmation and test.

    Checkpoints of ended trials are deleted, those of interrupted ones stay; models of confirmed trials are left to the
    caller. `say` gets messages for the user. The command began `elapsed` seconds ago: the budget's hours cover them.
    `requests` returns what users have asked of this driver since its last call.

    Raises SweepFailedError if the first trials all failed alike, no trial or no fresh seed succeeded, or the search
    ended before a trial did, and SweeperError if a winner could not be scored.
    """
    class_counts = count_validation_classes(jobs.search.data)
    search = SearchStage(spec, study, trackers, say, class_counts, elapsed, resources.gpu)
    search.requests = requests
    search.discard = lambda trial: delete_trial_files(jobs.search.folder, trial, storage=jobs.search.storage)
    if spec.pausing_rungs:
        _delete_ended(study, jobs.search)  # what was stopped while a killed driver had no time to delete its files
    with runner.workers(resources) as workers:
        _run_search(search, workers, jobs.search)
        confirmation = ConfirmationStage(spec, study, trackers, say, class_counts)
        confirmation.requests = requests
        if confirmation.has_pending:
            workers.run(confirmation, jobs.confirm)
            _delete_ended(study, jobs.confirm)
        require_confirmation(spec, study.all_trials(), jobs.confirm)
        trials = trials_to_score(spec, study.all_trials())
        if trials:
            job = jobs.make_test_job()
            opens_test_split = any("test" in data.splits for data in job.data.values())
            test = TestStage(spec, study, trackers, trials, opens_test_split, jobs.save_scores, say)
            test.requests = requests
            workers.run(test, job)
            _require_all_scored(test, trials, job)


def _run_search(search: SearchStage, workers: Workers, job: TrainingJob) -> None:
    """Run the search to its end, and say what has ended it. Raises SweepFailedError if nothing in it succeeded."""
    try:
        workers.run(search, job)
    except SweepInterrupted:
        search.close()
        raise
    search.close()
    _delete_ended(search.study, job)
    end = search.find_end() if search.has_pending else None
    if search.all_failed:
        first = search.ended[: search.spec.fail_fast_after]
        raise first_trials_failed(first, job, has_pending=search.has_pending)
    require_success(search.recorded(), job, has_pending=search.has_pending, end=end)
    if end is not None:
        search.say(describe_search_end(end.reason, len(search.requeued), len(search.promotion.waiting)))


def _require_all_scored(test: TestStage, trials: Sequence[Trial], job: TrainingJob) -> None:
    """Raise SweeperError for the first trial whose model could not be scored."""
    for trial in trials:
        if trial.number in test.failed:
            reason = test.failed[trial.number].reason
            traceback = traceback_path(trial_folder(job.folder, trial))
            raise SweeperError(
                f"trial {trial.number}: its model could not be scored ({reason}; {traceback}); "
                "the same command tries again"
            )


def _delete_ended(study: Study, job: TrainingJob) -> None:
    """Delete the checkpoints of trials that have ended."""
    for record in study.all_trials():
        if record.end is not None:
            delete_trial_files(job.folder, record.trial, storage=job.storage)
