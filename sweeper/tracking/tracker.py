"""The port Tracker over MLflow: a projection of the record, made off the training path.

The tracker keeps for each trial the newest state that the record has, and no more: the record is the buffer. A thread
of its own brings the runs level one after the other; one that MLflow does not take is tried again behind the others, so
that it does not hold them up. Trouble is logged, told once while it lasts, and never the sweep's.
"""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sweeper.tracking.artifacts import Content
from sweeper.tracking.client import PARENT
from sweeper.tracking.outage import OutageState, is_transient, redact_uri
from sweeper.tracking.pending import PendingArtifacts
from sweeper.tracking.run_registry import RunRegistry
from sweeper.tracking.run_sync import RunSynchronizer
from sweeper.tracking.sweep_description import SweepDescription
from sweeper.tracking.trial_payload import run_status
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.tracking.model_export import ModelExport

_PATIENCE = 30.0  # seconds that `close` waits for MLflow to take what is left
_REFUSALS = 3  # in a row, after which `close` does not wait for a run
_INTERRUPTED = 5.0  # the same, where the user waits for the command to end


class _Wanted(NamedTuple):
    """What MLflow shall have of one run: the trial, None for the sweep's own run, and the sweep's status."""

    state: TrialRecord | None
    sweep: RunStatus


class MlflowTracker:
    """The port Tracker. `status` is the sweep's to begin with, in MLflow's words: RUNNING while it runs."""

    def __init__(
        self,
        uri: str,
        *,
        sweep: str,
        id: str = "",
        dataset: str,
        about: SweepDescription,
        artifacts: str | None,
        say: Callable[[str], None] = lambda _: None,
        status: RunStatus = RunStatus.RUNNING,
    ) -> None:
        """`id` and `artifacts` as in Runs, `about` as in Level; `say` takes a line for the screen, from our thread."""
        self.uri, self.say, self.status = redact_uri(uri), say, status
        self.outage = OutageState(self.uri, self._tell)
        self.runs = RunRegistry(uri, sweep, dataset, artifacts, self._answered, id)
        self.level = RunSynchronizer(self.runs, about)
        self.states: dict[int, TrialRecord] = {}
        self.wanted: dict[int, _Wanted] = {PARENT: _Wanted(None, status)}
        self.kept = PendingArtifacts()
        self.answers = 0
        self._refused: Counter[int] = Counter()  # how often in a row MLflow said no to a run
        self._doubt = False  # whether a run may have been made that we do not know of
        self._changed = threading.Condition()
        self._over, self._abandoned = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self.thread.start()

    def update(self, recorded: TrialRecord) -> None:
        """Note the newest state of a trial. Never waits for MLflow."""
        with self._changed:
            self.states[recorded.trial.number] = recorded
            self._want(recorded.trial.number)

    def attach(self, number: int, files: Mapping[str, Content]) -> None:
        """Keep files with the run of a trial, or the sweep's own (PARENT), by their place among its artifacts.

        results.json of the sweep is sent when it is all that MLflow lacks: where it is, everything else is too.
        """
        with self._changed:
            self.kept.add(number, files)
            self._want(number)

    def attach_model(self, number: int, winner: "ModelExport") -> None:
        """Keep the model of a trial with its run, as a model of MLflow's own."""
        with self._changed:
            self.kept.winners[number] = winner
            self._want(number)

    def set_usage(self, figures: Mapping[str, float]) -> None:
        """Keep figures of what the whole sweep used so far with its own run."""
        with self._changed:
            self.kept.figures.update(figures)
            self._want(PARENT)

    def _want(self, number: int) -> None:
        if number == PARENT or number in self.states:
            self.wanted[number] = _Wanted(self.states.get(number), self.status)
            self._changed.notify_all()

    def close(self, status: RunStatus, patience: float | None = None, *, while_answering: bool = False) -> None:
        """Send what is left, and end the runs; waits `patience` seconds for MLflow, by default those of the status.

        `while_answering` waits on for as long as MLflow answers something in each time of that length; so it is where a
        sweep is FINISHED, for there may be files.
        """
        with self._changed:
            self.status = status
            cut_off = {number: state for number, state in self.states.items() if state.end is None}
            self.wanted |= {number: _Wanted(state, status) for number, state in cut_off.items()}
            self.wanted.pop(PARENT, None)
            self.wanted[PARENT] = _Wanted(None, status)  # last: it says that all is there
            self._over.set()
            self._changed.notify_all()
        if patience is None:
            patience = _PATIENCE if status == RunStatus.FINISHED else _INTERRUPTED
        try:
            self._wait(patience, while_answering or status == RunStatus.FINISHED)
        finally:
            with self._changed:
                self._abandoned.set()

    def _wait(self, patience: float, while_answering: bool) -> None:
        answers = -1
        while self.thread.is_alive() and answers != self.answers and not self._stuck():
            answers = self.answers
            self.thread.join(patience)
            if not while_answering:
                return

    def _stuck(self) -> bool:
        """Whether MLflow has said no to all that is left, again and again."""
        with self._changed:
            left = [number for number in self.wanted if number != PARENT] or list(self.wanted)
            return bool(left) and all(self._refused[number] >= _REFUSALS for number in left)

    @property
    def pending_runs(self) -> int:
        """How many runs MLflow does not have as the record has them, as far as known."""
        with self._changed:
            return len(self.wanted)

    # ---- the thread

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self.wanted or self._over.is_set())
                if not self.wanted or self._abandoned.is_set():
                    return
                number, wanted = next(iter(self.wanted.items()))
            answers = self.answers
            try:
                self._level(wanted)
            except Exception as error:
                self._failed(number, error)
            else:
                self._done(number, wanted, asked=self.answers > answers)

    def _level(self, wanted: _Wanted) -> None:
        self.outage.asking()
        if not self.runs.is_current or self.outage.failures > 1:
            self.runs.refresh()
        if wanted.state is not None:
            number = wanted.state.trial.number
            self.level.sync_trial(wanted.state, run_status(wanted.state, wanted.sweep), self.kept.of(number))
            if number in self.kept.winners:
                self.level.model(wanted.state, self.kept.winners[number])
        else:
            self._level_parent(wanted.sweep)

    def _level_parent(self, status: RunStatus) -> None:
        """End the sweep's run; after trouble, look at all once more when nothing else is left to send."""
        if status != RunStatus.RUNNING and self._doubt and len(self.wanted) == 1:
            self.runs.refresh()
            with self._changed:
                for number, state in self.states.items():
                    if not self.level.is_synced(state, run_status(state, status)):
                        self.wanted.setdefault(number, _Wanted(state, status))
                self._doubt = len(self.wanted) > 1
        if status == RunStatus.FINISHED:
            self.level.delete_other_runs(self.states)
        self.level.finish(status)
        with self._changed:
            last = self._over.is_set() and len(self.wanted) == 1
            files, figures = self.kept.own(last=last), dict(self.kept.figures)
            at = max((at for one in self.states.values() for at in (one.started_at, one.ended_at or 0)), default=0)
        self.level.sync_sweep(files, self.kept.gone(status), figures, at)

    def _done(self, number: int, wanted: _Wanted, *, asked: bool) -> None:
        """The run is level; where there is newer news of it by now, it waits behind the others once more."""
        with self._changed:
            newest = self.wanted.pop(number)
            self._refused.pop(number, None)
            again = number == PARENT and self._doubt and self._over.is_set()
            if newest is not wanted or again:
                self.wanted[number] = newest
        self.outage.over(asked=asked)

    def _answered(self) -> None:
        self.answers += 1
        self.outage.answered()

    def _failed(self, number: int, error: Exception) -> None:
        """Put the run behind the others, and wait a little, longer each time."""
        self._doubt |= number != PARENT or not self._over.is_set() or not self.runs.is_current
        with self._changed:
            self._refused[number] += not is_transient(error)
            self.wanted[number] = self.wanted.pop(number)
            self.wanted.setdefault(PARENT, _Wanted(None, self.status))  # for a request may come late: a last look
        pause = self.outage.failed(error, log=not self._abandoned.is_set())
        if self._over.wait(pause):
            self._abandoned.wait(min(pause, 1.0))

    def _tell(self, line: str) -> None:
        """Say a line, unless the command has closed the tracker meanwhile, and with it the screen."""
        with self._changed:
            if not self._abandoned.is_set():
                self.say(line)
