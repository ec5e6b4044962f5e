"""Opens the record of a sweep, to write to it or only to read it."""

from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app.record_coverage import require_covered
from sweeper.errors import RecordError, UsageError
from sweeper.protocol.results import stored_results
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.record_lock import holder_path
from sweeper.storage.sweep_folder import RESULTS, SweepFolder
from sweeper.terminal.output import Output

if TYPE_CHECKING:
    from sweeper.record.optuna_study import OptunaStudy


_TRACES = (RESULTS, "table.md", "report.html", "predictions", "model", "train", "trials", "needs_sync")


def require_record(folder: SweepFolder) -> None:
    """Raise UsageError if a sweep has results or trials, and its record is missing or empty.

    A sweep that was killed before its first trial has none of them, and begins. Raises RecordError if the record cannot
    be read.
    """
    path = folder.journal
    is_missing = not path.exists()
    if not is_missing and _first_entry(path):
        return
    traces = (*_TRACES, holder_path(path).name) if is_missing else _TRACES  # the holder's note follows the record
    trace = next((name for name in traces if (folder.path / name).exists()), None)
    if trace is not None:
        raise UsageError(
            f"{folder.path}: results without their record: {path.name} is {'missing' if is_missing else 'empty'}, and "
            f"{trace} is there; restore a copy of the record, or start the sweep again with --fresh"
        )


def _first_entry(path: Path) -> bytes:
    """Return the line below the header of a record; none if there is none."""
    try:
        with path.open("rb") as file:
            _header, first_line = file.readline(), file.readline()
    except OSError as error:
        remedy = "restore a copy of the record, or start the sweep again with --fresh"
        raise RecordError(f"{path}: cannot be read ({error.strerror}); {remedy}") from None
    return first_line


def open_study(folder: SweepFolder, spec: SweepSpec) -> "AbstractContextManager[OptunaStudy]":
    """Return the record in a sweep's folder as a context manager that closes it.

    Raises SweepLockedError while another process runs the sweep, RecordError if the record is damaged, and UsageError
    if it is missing, or lacks something that the results have.
    """
    from sweeper.record.optuna_study import OptunaStudy

    if folder.is_finished:
        read_study(folder, spec).close()  # a record that is refused stays as it is
    require_record(folder)
    manifest = folder.manifest
    return closing(OptunaStudy(spec, folder.journal, manifest.threads, borrowed=manifest.borrowed))


def read_study(folder: SweepFolder, spec: SweepSpec) -> "OptunaStudy":
    """Return the record in a sweep's folder as it is now, to read it only: nothing on the disk changes.

    It needs no lock, and works while the sweep runs and in a folder that cannot be written. Raises RecordError if the
    record is damaged, UsageError if it is missing, or lacks something that the results have.
    """
    from sweeper.record.optuna_study import OptunaStudy

    require_record(folder)
    stored = stored_results(folder)  # before the record, which a driver may extend meanwhile
    study = OptunaStudy(spec, folder.journal, folder.manifest.threads, read_only=True)
    require_covered(folder, stored, study)
    return study


def announce_truncation(output: Output, folder: SweepFolder, study: "OptunaStudy") -> None:
    """Print in one line what opening the record of a sweep dropped at its end, if it did."""
    if dropped := describe_truncation(study):
        output.line(f"{folder.name}: {dropped}")


def describe_truncation(study: "OptunaStudy") -> str:
    """Return a phrase about the last line of the record, if opening the record dropped it; else ""."""
    if not study.truncated_bytes:
        return ""
    return f"the record ended in {study.truncated_bytes} bytes of a half-written or damaged line, which were dropped"
