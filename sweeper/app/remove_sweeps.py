"""Deletes a sweep's folder, and where asked for its runs in MLflow. A sweep that a driver holds is never deleted."""

import shlex
import shutil
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from sweeper.app.mlflow_sync import tracking_uri
from sweeper.app.open_study import read_study
from sweeper.app.sweep_list import folder_size
from sweeper.errors import RecordError, SweeperError, UsageError
from sweeper.record.test_accesses import read_test_accesses
from sweeper.storage.record_lock import hold_record, require_unlocked
from sweeper.storage.sweep_folder import MANIFEST, SweepFolder
from sweeper.storage.sweep_names import find_named_sweep
from sweeper.storage.sweep_search import copies_beside
from sweeper.terminal.sweeps_table import format_bytes
from sweeper.wording import count_noun


def find_removable_sweeps(names: Sequence[str | Path], sweeps: Path) -> list[SweepFolder]:
    """Return the named sweeps, each once. Raises UsageError if one does not exist, SweepLockedError if one runs now."""
    by_path: dict[Path, SweepFolder] = {}
    for name in names:
        folder = find_named_sweep(name, sweeps)
        by_path.setdefault(folder.path.resolve(), folder)
    for folder in by_path.values():
        require_unlocked(folder.journal)
    return list(by_path.values())


def describe_loss(folder: SweepFolder) -> str:
    """Return what is lost with a sweep: its size, and the test accesses that tables will no longer count."""
    size = format_bytes(folder_size(folder.path))
    try:
        accesses = len(read_test_accesses(folder.journal)) if folder.journal.exists() else 0
    except RecordError:
        return f"{folder.path}: {size}, and a record that cannot be read"
    counted = count_noun(accesses, "test access", "test accesses")
    return f"{folder.path}: {size}" + (f", and {counted} that tables will no longer count" if accesses else "")


def remove_sweep(sweep: str | PathLike[str], *, runs: bool = False, sweeps: str | Path = "sweeps") -> int:
    """Delete a sweep, and return the number of its runs that were deleted from MLflow.

    With `runs`, they are deleted first; where MLflow does not answer, or does not show all of them, nothing is. `mlflow
    gc` frees their space. While a copy of the sweep is beside it, its runs stay: they are those of the copy too.

    Raises:
        SweepLockedError: a driver runs the sweep.
        UsageError: there is no such sweep, or MLflow does not show runs that it was sent.
        SweeperError: MLflow does not answer.
    """
    folder = find_named_sweep(sweep, Path(sweeps))
    if runs and not folder.manifest.id:
        raise UsageError(f"--runs: {folder.path} has no id that tells its runs from others'; delete them in MLflow")
    with hold_record(folder.journal):
        deleted = _delete_runs(folder) if runs and not copies_beside(folder) else 0
        _delete_folder(folder.path)
    return deleted


def describe_kept_runs(folder: SweepFolder) -> str:
    """Return why a sweep's runs in MLflow stay when its folder is deleted; empty if they may be deleted with it."""
    copies = ", ".join(sorted(str(copy.path) for copy in copies_beside(folder)))
    return f"its runs in MLflow stay, because they are those of {copies} too" if copies else ""


def _delete_folder(path: Path) -> None:
    """Delete a sweep's folder. sweep.json goes last, so that an interrupted deletion can be repeated."""
    target = path.resolve()
    last = target / MANIFEST
    for child in target.iterdir():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        elif child != last:
            child.unlink(missing_ok=True)
    last.unlink(missing_ok=True)
    target.rmdir()
    if path.is_symlink():
        path.unlink()


def _delete_runs(folder: SweepFolder) -> int:
    """Delete a sweep's runs and models from MLflow. Raises UsageError and SweeperError."""
    from sweeper.tracking.client import identity_tags
    from sweeper.tracking.deletion import delete_runs
    from sweeper.tracking.outage import redact_uri
    from sweeper.tracking.store_check import check_store, describe_rejection

    uri = tracking_uri(folder.path.parent)
    place = f"--runs: MLflow at {redact_uri(uri)}"
    outage = check_store(uri, will_write=True)
    if not outage:
        try:
            return delete_runs(uri, identity_tags(folder.fingerprint, folder.manifest.id), _sent_trials(folder))
        except UsageError as error:
            remedy = f"sweeper sync {shlex.quote(str(folder.path))} sends them again"
            raise UsageError(
                f"{place} {error}; nothing was deleted: {remedy}, and without --runs the folder alone is deleted"
            ) from error
        except Exception as error:  # MLflow's, SQLAlchemy's or the HTTP library's
            reason = describe_rejection(uri, error)
            raise SweeperError(f"{place}: {reason}; {folder.path} was not deleted") from error
    raise SweeperError(f"{place}: {outage}; {folder.path} was not deleted: try again when MLflow is back")


def _sent_trials(folder: SweepFolder) -> list[int]:
    """Return the trials that surely have a run in MLflow: all that have started, where it is in sync with the record.

    An empty list where that is not known: the store is behind, or the record cannot be read.
    """
    if folder.needs_sync:
        return []
    try:
        records = read_study(folder, folder.read_spec()).all_trials()
        return [record.trial.number for record in records if record.trial.attempt]
    except (RecordError, UsageError):
        return []
