"""The story of one sweep, told against ports only: search, confirm, test once.

The test split does not exist for the search, nor for what confirms it: it is made when the winners are decided, and
each winner's models are scored on it once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sweeper.allocation import Allocation
from sweeper.attempt import forget, trial_folder
from sweeper.confirmation import unscored
from sweeper.document import spell
from sweeper.errors import SweeperError
from sweeper.ports import Job, Runner, Study, Tracker
from sweeper.spec import SweepSpec
from sweeper.stages import Confirmation, Say, Scoring, Search, nobody
from sweeper.values import Recorded, Scored, Trial


@dataclass(frozen=True)
class Jobs:
    """What the trials of each stage share.

    `score` is called once the winners are decided, and makes what has the test split; `keep` takes what a model
    answered, and has it on the disk when it returns.
    """

    search: Job
    confirm: Job
    score: Callable[[], Job]
    keep: Callable[[Trial, Scored], None]


def run(
    spec: SweepSpec, study: Study, runner: Runner, trackers: Sequence[Tracker], jobs: Jobs, share: Allocation,
    say: Say = nobody,
) -> bool:  # fmt: skip
    """Run what the budget allows and the record does not have yet; True where the sweep is done.

    Checkpoints of trials that have ended are gone afterwards; models of confirmed trials are the caller's to remove.
    `say` gets what the user should know meanwhile. Raises SweeperError where the first trials all failed alike, or a
    winner could not be scored.
    """
    search = Search(spec, study, trackers, say)
    runner.run(search, jobs.search, share)
    _forget(study, jobs.search)
    if search.hopeless:
        raise _hopeless(search.ended, jobs.search)
    if search.left:
        return False
    confirmation = Confirmation(spec, study, trackers, say)
    if confirmation.left:
        runner.run(confirmation, jobs.confirm, share)
        _forget(study, jobs.confirm)
    _score(spec, study, runner, trackers, jobs, share, say)
    return True


def _score(
    spec: SweepSpec, study: Study, runner: Runner, trackers: Sequence[Tracker], jobs: Jobs, share: Allocation, say: Say
) -> None:
    """Open the test split for the models that won, once for each."""
    todo = unscored(spec, study.recorded())
    if not todo:
        return
    job = jobs.score()
    opens = any("test" in data.splits for data in job.data.values())
    scoring = Scoring(spec, study, trackers, todo, opens, jobs.keep, say)
    runner.run(scoring, job, share)
    if scoring.failed:
        number, finish = next(iter(scoring.failed.items()))
        where = trial_folder(job.folder, next(trial for trial in todo if trial.number == number)) / "error.txt"
        raise SweeperError(
            f"trial {number}: its model could not be scored ({finish.reason}; {where}); the same command tries again"
        )


def _forget(study: Study, job: Job) -> None:
    for one in study.recorded():
        if one.finish is not None:
            forget(job.folder, one.trial, storage=job.storage)


def _hopeless(ended: Sequence[Recorded], job: Job) -> SweeperError:
    trial, finish = ended[0].trial, ended[0].finish
    setting = ", ".join(f"{name} {spell(value)}" for name, value in trial.params.items())
    return SweeperError(
        f"the first {len(ended)} trials all failed: {finish.reason if finish else ''}\n"
        f"trial {trial.number}: {setting}; its traceback: {trial_folder(job.folder, trial) / 'error.txt'}\n"
        "mend what it says; then the same command goes on with the rest of the budget, and --fresh starts anew"
    )
