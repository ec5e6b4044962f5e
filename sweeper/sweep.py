"""The story of one sweep, told against ports only: search, then results.

A report reaches the record first, then the pruner (whose answer is in the record too), then the trackers. Whatever is
not in the record did not happen; whatever is in it is never done again.
"""

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from sweeper.allocation import Allocation
from sweeper.attempt import forget, trial_folder
from sweeper.document import spell
from sweeper.errors import SweeperError
from sweeper.outcome import Outcome
from sweeper.ports import Finish, Job, Recorded, Report, Runner, Study, Tracker, Trial
from sweeper.results import best_report
from sweeper.spec import SweepSpec

_LARGEST = "validation/largest_class"
ONE_CLASS = 0.98  # share of the validation texts; a trial that gives so many one and the same class has collapsed


class Search:
    """The port Trials: shares the budget among the cells, resumes what was cut off, and keeps record before all."""

    def __init__(
        self, spec: SweepSpec, study: Study, trackers: Sequence[Tracker], say: Callable[[str], None] = lambda _: None
    ) -> None:
        self.spec, self.study, self.trackers, self.say = spec, study, trackers, say
        recorded = study.recorded()
        self.asked = [sum(r.trial.cell == cell for r in recorded) for cell in range(len(spec.cells))]
        self.cut_off = deque(r.trial for r in recorded if r.finish is None)
        self.running: dict[int, Trial] = {}
        self.losses: Counter[int] = Counter()
        self.ended: list[Recorded] = []  # since this command began
        hours = spec.budget.hours
        self.deadline = time.monotonic() + hours * 3600 if hours else float("inf")
        for one in recorded:
            self._tell(one)

    def next(self) -> Trial | None:
        """A trial that was cut off, else a new one of the cell that is furthest behind its share."""
        if time.monotonic() >= self.deadline or self.hopeless:
            return None
        if self.cut_off:
            trial = self.study.restart(self.cut_off.popleft())
        else:
            cell = self._behind()
            if cell is None:
                return None
            self.asked[cell] += 1
            trial = self.study.ask(cell)
        self.running[trial.number] = trial
        self._tell(self.study.of(trial))
        return trial

    def _behind(self) -> int | None:
        open_cells = [cell for cell, asked in enumerate(self.asked) if asked < self.spec.share(cell)]
        return min(open_cells, key=lambda cell: self.asked[cell], default=None)

    def exhausted(self) -> bool:
        """Whether nothing runs and nothing will come: the budget is spent, or its hours are over."""
        if self.running:
            return False
        return not self.left or time.monotonic() >= self.deadline or self.hopeless

    @property
    def hopeless(self) -> bool:
        """Whether the first trials of this command all failed with one and the same error."""
        first = self.ended[: self.spec.fail_fast_after]
        ends = {one.finish for one in first}
        return len(first) == self.spec.fail_fast_after and len(ends) == 1 and _failed(first[0])

    @property
    def left(self) -> bool:
        """Whether the budget still has trials to start."""
        return bool(self.cut_off) or self._behind() is not None

    def report(self, trial: Trial, report: Report) -> bool:
        """Keep a report; False where it ended the trial, or comes from an attempt that was given up."""
        if not self._runs(trial):
            return False
        finish = self.study.report(trial, report)
        if finish is None and _collapses(self.spec, self.study.of(trial), report.step):
            finish = Finish(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, twice running")
            self.study.finish(trial, finish)
        if finish is not None:
            self._over(trial)
        self._tell(self.study.of(trial))
        return finish is None

    def finish(self, trial: Trial, finish: Finish) -> None:
        """Keep the end of a trial. One that predicts a single class even at its best has collapsed."""
        if not self._runs(trial):
            return
        if finish.outcome == Outcome.COMPLETED:
            finish = _judged(self.spec, self.study.of(trial))
        self.study.finish(trial, finish)
        self._over(trial)
        self._tell(self.study.of(trial))

    def lost(self, trial: Trial, finish: Finish) -> None:
        """Start a trial whose worker was lost once more, from its checkpoint; give it up after several times."""
        if not self._runs(trial):
            return
        self.losses[trial.number] += 1
        if self.losses[trial.number] > self.spec.retries:
            self.finish(trial, replace(finish, reason=f"{finish.reason}, {_times(self.losses[trial.number])}"))
        else:
            del self.running[trial.number]
            self.cut_off.append(trial)
            self.note(trial, f"{finish.reason}; it goes on from its last checkpoint")

    def note(self, trial: Trial | None, text: str) -> None:
        """Say what the user should know, of a trial or of the whole."""
        self.say(text if trial is None else f"trial {trial.number}: {text}")

    def _runs(self, trial: Trial) -> bool:
        """Whether it is this attempt at the trial that runs now."""
        running = self.running.get(trial.number)
        return running is not None and running.attempt == trial.attempt

    def _over(self, trial: Trial) -> None:
        self.running.pop(trial.number, None)
        self.ended.append(self.study.of(trial))

    def _tell(self, recorded: Recorded) -> None:
        for tracker in self.trackers:
            tracker.update(recorded)


def run(
    spec: SweepSpec,
    study: Study,
    runner: Runner,
    trackers: Sequence[Tracker],
    job: Job,
    share: Allocation,
    say: Callable[[str], None] = lambda _: None,
) -> bool:
    """Run what the budget allows and the record does not have yet; True where the budget is spent.

    Checkpoints of trials that have ended are gone afterwards: those too that a worker left whose driver was killed.
    `say` gets what the user should know meanwhile. Raises SweeperError where the first trials all failed alike.
    """
    search = Search(spec, study, trackers, say)
    runner.run(search, job, share)
    for one in study.recorded():
        if one.finish is not None:
            forget(job.folder, one.trial)
    if search.hopeless:
        raise _hopeless(search.ended, job)
    return not search.left


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _failed(recorded: Recorded) -> bool:
    return recorded.finish is not None and recorded.finish.outcome == Outcome.FAILED


def _hopeless(ended: Sequence[Recorded], job: Job) -> SweeperError:
    trial, finish = ended[0].trial, ended[0].finish
    setting = ", ".join(f"{name} {spell(value)}" for name, value in trial.params.items())
    return SweeperError(
        f"the first {len(ended)} trials all failed: {finish.reason if finish else ''}\n"
        f"trial {trial.number}: {setting}; its traceback: {trial_folder(job.folder, trial) / 'error.txt'}\n"
        "mend what it says; then the same command goes on with the rest of the budget, and --fresh starts anew"
    )


def _collapses(spec: SweepSpec, recorded: Recorded, step: int) -> bool:
    """Whether the last two validations past the grace epochs, up to `step`, both gave (nearly) all texts one class."""
    told = [report for report in recorded.reports if report.step <= step]  # one that is sent again has later ones
    judged = [report for report in told if _LARGEST in report.metrics][spec.grace :]
    return len(judged) > 1 and all(map(_one_class, judged[-2:]))


def _one_class(report: Report) -> bool:
    """Whether (nearly) all texts were given one class, and not because nearly all are of one."""
    most = min(1.0, max(ONE_CLASS, report.metrics.get("validation/majority", 0) + 0.01))
    return report.metrics.get(_LARGEST, 0) >= most


def _judged(spec: SweepSpec, recorded: Recorded) -> Finish:
    report = best_report(spec, recorded)
    if report is None:
        return Finish(Outcome.DIVERGED, f"{spec.objective.metric} was never finite")
    if _one_class(report):
        return Finish(Outcome.COLLAPSED, f"gives {ONE_CLASS:.0%} of the texts one class, at its best validation too")
    return Finish(Outcome.COMPLETED)
