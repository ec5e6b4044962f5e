"""Asks the driver of a sweep for something, and waits until it has answered, or drives the sweep no more."""

import time

from sweeper.storage.record_lock import is_locked
from sweeper.storage.requests import Request, current_driver, make_request
from sweeper.storage.sweep_folder import SweepFolder

_INTERVAL = 0.1  # seconds between two looks


def ask_driver(folder: SweepFolder, request: Request) -> bool:
    """Make a request and return once it is answered: True if its driver still drives the sweep, False if it ended.

    A driver that is asked to stop the sweep answers by ending.
    """
    driver, path = current_driver(folder.journal), make_request(folder.journal, request)
    while path.exists() and _is_driven_by(folder, driver):
        time.sleep(_INTERVAL)
    path.unlink(missing_ok=True)
    return _is_driven_by(folder, driver)


def _is_driven_by(folder: SweepFolder, driver: str) -> bool:
    return is_locked(folder.journal) and current_driver(folder.journal) == driver
