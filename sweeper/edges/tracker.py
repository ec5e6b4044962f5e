"""The port Tracker over MLflow: a projection of the record, made off the training path.

The tracker keeps for each trial the newest state that the record has, and no more: the record is the buffer. A thread
of its own brings the runs level one after the other; one that MLflow does not take is tried again behind the others, so
that it does not hold them up. Trouble is logged, told once while it lasts, and never the sweep's.
"""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from sweeper.edges.copy import status_of
from sweeper.edges.level import Level
from sweeper.edges.mlflow import PARENT
from sweeper.edges.runs import Runs
from sweeper.ports import Recorded

_log = logging.getLogger(__name__)
_PAUSES = (0.2, 5.0)  # seconds until MLflow is tried again after an error: the first, and the longest
_SILENT = 1.0  # seconds without an answer that are told
_PATIENCE = 30.0  # seconds that `close` waits for MLflow to take what is left
_INTERRUPTED = 5.0  # the same, where the user waits for the command to end


class _Wanted(NamedTuple):
    """What MLflow shall have of one run: the trial, None for the sweep's own run, and the sweep's status."""

    state: Recorded | None
    sweep: str


class MlflowTracker:
    """The port Tracker. `status` is the sweep's to begin with, in MLflow's words: RUNNING while it runs."""

    def __init__(
        self,
        uri: str,
        *,
        sweep: str,
        id: str = "",
        dataset: str,
        facts: Mapping[str, str],
        artifacts: str | None,
        say: Callable[[str], None] = lambda _: None,
        status: str = "RUNNING",
    ) -> None:
        """`id` and `artifacts` as in Runs, `facts` as in Level; `say` takes a line for the screen, from our thread."""
        self.place, self.say, self.status = shown(uri), say, status
        self.runs = Runs(uri, sweep, dataset, artifacts, self._answered, id)
        self.level = Level(self.runs, facts)
        self.states: dict[int, Recorded] = {}
        self.wanted: dict[int, _Wanted] = {PARENT: _Wanted(None, status)}
        self.answers = 0
        self.trouble = ""  # the newest, in words
        self._failures = 0  # in a row, of whatever run
        self._silent = 0.0  # when the first request without an answer began
        self._told = False
        self._doubt = False  # whether a run may have been made that we do not know of
        self._changed = threading.Condition()
        self._over, self._abandoned = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._work, name="mlflow", daemon=True)
        self.thread.start()

    def update(self, recorded: Recorded) -> None:
        """Note the newest state of a trial. Never waits for MLflow."""
        with self._changed:
            self.states[recorded.trial.number] = recorded
            self.wanted[recorded.trial.number] = _Wanted(recorded, self.status)
            self._changed.notify_all()

    def close(self, status: str, patience: float | None = None, *, while_answering: bool = False) -> None:
        """Send what is left, and end the runs; waits `patience` seconds for MLflow, by default those of the status.

        `while_answering` waits on for as long as MLflow answers something in each time of that length.
        """
        with self._changed:
            self.status = status
            cut_off = {number: state for number, state in self.states.items() if state.finish is None}
            self.wanted |= {number: _Wanted(state, status) for number, state in cut_off.items()}
            self.wanted.pop(PARENT, None)
            self.wanted[PARENT] = _Wanted(None, status)  # last: it says that all is there
            self._over.set()
            self._changed.notify_all()
        if patience is None:
            patience = _PATIENCE if status == "FINISHED" else _INTERRUPTED
        try:
            self._wait(patience, while_answering)
        finally:
            with self._changed:
                self._abandoned.set()

    def _wait(self, patience: float, while_answering: bool) -> None:
        answers = -1
        while self.thread.is_alive() and answers != self.answers:
            answers = self.answers
            self.thread.join(patience)
            if not while_answering:
                return

    @property
    def behind(self) -> int:
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
        self._silent = self._silent or time.monotonic()
        if not self.runs.looked or self._failures > 1:
            self.runs.look()
        if wanted.state is not None:
            self.level.send(wanted.state, status_of(wanted.state, wanted.sweep))
        else:
            self._level_parent(wanted.sweep)

    def _level_parent(self, status: str) -> None:
        """End the sweep's run; after trouble, look at all once more when nothing else is left to send."""
        if status != "RUNNING" and self._doubt and len(self.wanted) == 1:
            self.runs.look()
            with self._changed:
                for number, state in self.states.items():
                    if not self.level.holds(state, status_of(state, status)):
                        self.wanted.setdefault(number, _Wanted(state, status))
                self._doubt = len(self.wanted) > 1
        if status == "FINISHED":
            self.level.keep_only(self.states)
        self.level.end(status)

    def _done(self, number: int, wanted: _Wanted, *, asked: bool) -> None:
        """The run is level; where there is newer news of it by now, it waits behind the others once more.

        Where MLflow had to be `asked` for nothing, that says nothing of an outage.
        """
        with self._changed:
            newest = self.wanted.pop(number)
            again = number == PARENT and self._doubt and self._over.is_set()
            if newest is not wanted or again:
                self.wanted[number] = newest
        if asked or not self._failures:
            self._failures, self._silent, self.trouble = 0, 0.0, ""
        if asked and self._told:
            self._told = False
            self._tell("MLflow is back")

    def _answered(self) -> None:
        self.answers += 1
        self._silent = 0.0

    def _failed(self, number: int, error: Exception) -> None:
        """Log and tell the trouble, put the run behind the others, and wait a little, longer each time."""
        self._failures += 1
        self._doubt |= number != PARENT or not self._over.is_set() or not self.runs.looked
        with self._changed:
            self.wanted[number] = self.wanted.pop(number)
            self.wanted.setdefault(PARENT, _Wanted(None, self.status))  # for a request may come late: a last look
        before, self.trouble = self.trouble, cause(error)
        if self.trouble != before and not self._abandoned.is_set():
            _log.warning("MLflow at %s: %s; it is tried again", self.place, self.trouble)
        if not self._told and self._silent and time.monotonic() - self._silent >= _SILENT:
            self._told = True
            self._tell(
                f"MLflow at {self.place}: {self.trouble}; training goes on, and what is missing is sent when it is back"
            )
        first, most = _PAUSES
        pause = min(most, first * 2 ** min(self._failures - 1, 10))
        if self._over.wait(pause):
            self._abandoned.wait(min(pause, 1.0))

    def _tell(self, line: str) -> None:
        """Say a line, unless the command has closed the tracker meanwhile, and with it the screen."""
        with self._changed:
            if not self._abandoned.is_set():
                self.say(line)


def shown(uri: str) -> str:
    """A URI as it may be shown: without the name and the password in it."""
    return re.sub(r"//[^/\s]*@", "//", uri)


def cause(error: BaseException) -> str:
    """Why MLflow could not be reached, in a few words."""
    for found in reversed(list(_chain(error))):
        if isinstance(found, TimeoutError):
            return "no answer"
        if isinstance(found, ConnectionError):
            return found.strerror or "closed the connection without an answer"
        if isinstance(found, OSError) and found.strerror:
            return found.strerror
    text = str(error).partition("\n")[0]
    code = re.search(r"(?:error code|too many) (\d{3})", text)
    return f"answers {code[1]}" if code else shown(text)[:200] or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    following: BaseException | None = error
    while following is not None:
        yield following
        following = following.__cause__ or following.__context__
