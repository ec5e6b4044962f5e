"""A sweep is stopped whoever drives it, also if its driver had not yet said who it is."""

import threading
from pathlib import Path

from sweeper.app.stop_sweep import stop_sweep
from sweeper.protocol.sweep_summary import SweepState
from sweeper.storage.record_lock import holder_path, is_locked, write_holder
from sweeper.storage.requests import Requests, requests_folder
from tests.support.recorded_sweeps import RecordedSweep


def test_a_driver_that_names_itself_after_the_request_is_asked_again(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([None])
    journal, drives, ticks = sweep.folder.journal, threading.Event(), threading.Event()

    def drive() -> None:
        with sweep.study():
            holder_path(journal).write_text("the driver before")
            drives.set()
            while not list(requests_folder(journal).glob("*.json")):
                ticks.wait(0.01)
            write_holder(journal)
            requests = Requests(journal)
            while next(requests(), None) is None:
                ticks.wait(0.01)

    driver = threading.Thread(target=drive, daemon=True)
    driver.start()
    assert drives.wait(30)
    summary = stop_sweep(sweep.folder)
    driver.join(30)
    assert not is_locked(journal)
    assert summary.state == SweepState.INTERRUPTED
