"""Opens the record of a sweep, to write to it or only to read it."""

from contextlib import AbstractContextManager, closing
from typing import TYPE_CHECKING

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder

if TYPE_CHECKING:
    from sweeper.record.optuna_study import OptunaStudy


def open_study(folder: SweepFolder, spec: SweepSpec) -> "AbstractContextManager[OptunaStudy]":
    """Return the record in a sweep's folder as a context manager that closes it.

    Raises SweepLockedError while another process runs the sweep, RecordError if the record is damaged.
    """
    from sweeper.record.optuna_study import OptunaStudy

    return closing(OptunaStudy(spec, folder.journal, folder.manifest.threads))


def read_study(folder: SweepFolder, spec: SweepSpec) -> "OptunaStudy":
    """Return the record in a sweep's folder as it is now, to read it only: nothing on the disk changes.

    It needs no lock, and works while the sweep runs and in a folder that cannot be written. Raises RecordError if the
    record is damaged.
    """
    from sweeper.record.optuna_study import OptunaStudy

    return OptunaStudy(spec, folder.journal, folder.manifest.threads, read_only=True)
