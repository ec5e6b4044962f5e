"""Warnings of Ray's about what sweeper does on purpose. They would be printed in a program that uses the Python API.

Checked against Ray 2.60.0: the loggers and texts are no public API. Without this module, each run prints them.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

_NEEDLESS = {
    # Ray starts in a thread; signals.py handles signals.
    "ray._private.worker": "SIGTERM handler is not set because current thread",
    # Ray's default, which a user of sweeper has no reason to change.
    "ray._private.authentication.authentication_token_setup": "Token authentication is enabled for this Ray cluster",
    # Tune writes no files of metrics; the record has them.
    "ray.tune.analysis.experiment_analysis": "Failed to fetch metrics for",
}


@contextmanager
def needless_warnings_left_out() -> Iterator[None]:
    """Keep these warnings from all handlers of logging. Whatever else Ray logs passes."""
    for name in _NEEDLESS:
        logging.getLogger(name).addFilter(_is_needed)
    try:
        yield
    finally:
        for name in _NEEDLESS:
            logging.getLogger(name).removeFilter(_is_needed)


def _is_needed(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_NEEDLESS[record.name])
