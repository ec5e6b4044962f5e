"""Shows a sweep that another process drives, in the view of `run`, until nobody drives it. Nothing is written."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import accumulate

from sweeper.app.open_study import read_study
from sweeper.app.show_sweep import SweepSnapshot, take_snapshot
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.record_lock import is_locked
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal import formatting
from sweeper.terminal.output import Output
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.interfaces import ProgressView
from sweeper.trials.run_status import RunStatus
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord

_INTERVAL = 0.5  # seconds between two looks at the record
_SHARE = 0.2  # of the time goes into reading at most, however long the record is


def watch_sweep(output: Output, folder: SweepFolder, sleep: Callable[[float], None] = time.sleep) -> SweepSnapshot:
    """Show a sweep until nobody drives it or nobody reads, and return it as it is then.

    Trials that have ended before are not shown. The view reads the record as it grows. `sleep` waits between two looks.
    Raises UsageError or RecordError if the record cannot be read.
    """
    if is_locked(folder.journal):
        spec = folder.read_spec()
        watcher = _Watcher(folder, spec)
        records = watcher.read()
        output.line(f"watching {folder.name}: {formatting.describe_spec(spec)}")
        slots = _count_slots(records)
        view = output.make_view(WatchedSweep(folder.name, spec, records, slots, watcher.sessions, folder.texts))
        with _closed(view, folder):
            watcher.follow(view, output, sleep)
    return take_snapshot(folder)


def _count_slots(records: Sequence[TrialRecord]) -> int:
    """Return the most trials of a stage that ran at the same time, and at least 1. At its end, fewer run."""
    most = 1
    for stage in ("search", "confirm"):
        stage_records = [record for record in records if record.trial.stage == stage]
        changes: list[tuple[float, int]] = [(record.started_at, 1) for record in stage_records]
        changes += [(record.ended_at, -1) for record in stage_records if record.ended_at is not None]
        most = max(most, *accumulate((change for _, change in sorted(changes)), initial=0))
    return most


@contextmanager
def _closed(view: ProgressView, folder: SweepFolder) -> Iterator[None]:
    """Close a view with the state in which the sweep is left: FINISHED if it has its results."""
    try:
        yield
    finally:
        view.close(RunStatus.FINISHED if folder.is_finished else RunStatus.KILLED)


class _Watcher:
    """Reads the record of a sweep again whenever it has grown."""

    def __init__(self, folder: SweepFolder, spec: SweepSpec) -> None:
        self.folder, self.spec = folder, spec
        self.size = -1  # bytes of the record at the last look
        self.sessions: Sequence[SearchSession] = ()
        self.shown_records: dict[int, TrialRecord] = {}

    def read(self) -> Sequence[TrialRecord]:
        """Return the records of all trials."""
        with closing(read_study(self.folder, self.spec)) as study:
            self.sessions = study.sessions()
            return study.all_trials()

    def follow(self, view: ProgressView, output: Output, sleep: Callable[[float], None]) -> None:
        """Tell the view of each change, until nobody drives the sweep and all was shown, or nobody reads."""
        is_driven = True
        while is_driven and output.is_read:
            is_driven = is_locked(self.folder.journal)  # asked before the last look: nothing is missed
            seconds = self._show_changes(view)
            if is_driven:
                sleep(max(_INTERVAL, seconds / _SHARE))

    def _show_changes(self, view: ProgressView) -> float:
        """Tell the view what is new in the record, and return the seconds that it took."""
        began, size = time.monotonic(), self.folder.journal.stat().st_size
        if size != self.size:
            self.size = size
            for record in self.read():
                if self.shown_records.get(record.trial.number) != record:
                    self.shown_records[record.trial.number] = record
                    view.update(record)
        return time.monotonic() - began
