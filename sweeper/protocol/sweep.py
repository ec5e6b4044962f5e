"""The story of one sweep, told against ports only: search, confirm, test once.

The test split does not exist for the search, nor for what confirms it: it is made when the winners are decided, and
each winner's models are scored on it once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeper.errors import SweeperError
from sweeper.protocol.confirmation import trials_to_score
from sweeper.protocol.stages import ConfirmationStage, Say, SearchStage, TestStage, ignore
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.trial_files import delete_trial_files, traceback_path, trial_folder
from sweeper.training.types import ModelScores
from sweeper.trials.interfaces import Runner, Study, Tracker, TrainingJob
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialRecord
from sweeper.wording import format_value


@dataclass(frozen=True)
class StageJobs:
    """What the trials of each stage share.

    `score` is called once the winners are decided, and makes what has the test split; `keep` takes what a model
    answered, and has it on the disk when it returns.
    """

    search: TrainingJob
    confirm: TrainingJob
    make_test_job: Callable[[], TrainingJob]
    save_scores: Callable[[Trial, ModelScores], None]


def run_protocol(
    spec: SweepSpec, study: Study, runner: Runner, trackers: Sequence[Tracker], jobs: StageJobs, share: TrialResources,
    say: Say = ignore,
) -> bool:  # fmt: skip
    """Run what the budget allows and the record does not have yet; True where the sweep is done.

    Checkpoints of trials that have ended are gone afterwards; models of confirmed trials are the caller's to remove.
    `say` gets what the user should know meanwhile. Raises SweeperError where the first trials all failed alike, or a
    winner could not be scored.
    """
    search = SearchStage(spec, study, trackers, say)
    runner.run(search, jobs.search, share)
    _forget(study, jobs.search)
    if search.all_failed:
        raise _hopeless(search.ended, jobs.search)
    if search.has_pending:
        return False
    confirmation = ConfirmationStage(spec, study, trackers, say)
    if confirmation.has_pending:
        runner.run(confirmation, jobs.confirm, share)
        _forget(study, jobs.confirm)
    _score(spec, study, runner, trackers, jobs, share, say)
    return True


def _score(
    spec: SweepSpec,
    study: Study,
    runner: Runner,
    trackers: Sequence[Tracker],
    jobs: StageJobs,
    share: TrialResources,
    say: Say,
) -> None:
    """Open the test split for the models that won, once for each."""
    todo = trials_to_score(spec, study.all_trials())
    if not todo:
        return
    job = jobs.make_test_job()
    opens = any("test" in data.splits for data in job.data.values())
    scoring = TestStage(spec, study, trackers, todo, opens, jobs.save_scores, say)
    runner.run(scoring, job, share)
    if scoring.failed:
        number, finish = next(iter(scoring.failed.items()))
        where = traceback_path(trial_folder(job.folder, next(trial for trial in todo if trial.number == number)))
        raise SweeperError(
            f"trial {number}: its model could not be scored ({finish.reason}; {where}); the same command tries again"
        )


def _forget(study: Study, job: TrainingJob) -> None:
    for one in study.all_trials():
        if one.end is not None:
            delete_trial_files(job.folder, one.trial, storage=job.storage)


def _hopeless(ended: Sequence[TrialRecord], job: TrainingJob) -> SweeperError:
    trial, finish = ended[0].trial, ended[0].end
    setting = ", ".join(f"{name} {format_value(value)}" for name, value in trial.params.items())
    return SweeperError(
        f"the first {len(ended)} trials all failed: {finish.reason if finish else ''}\n"
        f"trial {trial.number}: {setting}; its traceback: {traceback_path(trial_folder(job.folder, trial))}\n"
        "mend what it says; then the same command goes on with the rest of the budget, and --fresh starts anew"
    )
