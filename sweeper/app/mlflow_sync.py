"""Finds the MLflow store of a sweep, makes its tracker, and syncs MLflow with its record."""

import logging
import os
import shlex
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app import provenance, sweep_artifacts
from sweeper.app.best_model import store_model_uri
from sweeper.app.open_study import announce_truncation, open_study
from sweeper.data.catalog import CATALOG, DATASETS
from sweeper.errors import SweeperError, UsageError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, is_sweep
from sweeper.terminal.output import Output
from sweeper.trials.run_status import RunStatus
from sweeper.trials.search_session import SearchSession
from sweeper.wording import count_noun

if TYPE_CHECKING:
    from sweeper.tracking.data_identity import DataIdentity
    from sweeper.tracking.tracker import MlflowTracker

_log = logging.getLogger(__name__)
_MAX_NAMED_FILES = 3
SYNC_TIMEOUT = 30.0  # seconds without any answer of MLflow after which a sync gives up


def tracking_uri(sweeps: Path) -> str:
    """Return MLFLOW_TRACKING_URI, else a SQLite database beside the sweeps."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{sweeps.resolve() / 'mlflow.db'}"


def is_store_named() -> bool:
    """Return True if MLFLOW_TRACKING_URI names the store of MLflow, and not the database beside the sweeps is used."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI"))


def mend_moved_store(sweeps: Path) -> None:
    """Let the runs in the database beside the sweeps find their files, if the folder was moved or copied.

    With MLFLOW_TRACKING_URI there is nothing to do: that store is not ours.
    """
    from sweeper.tracking.moved_store import mend_addresses

    database = sweeps.resolve() / "mlflow.db"
    if database.exists() and not is_store_named():
        try:
            mend_addresses(database, sweeps.resolve() / "artifacts")
        except sqlite3.Error:  # a folder that cannot be written, or a database that is no database: MLflow says so
            _log.warning("%s: the addresses of its files were not checked", database, exc_info=True)


def _artifact_location(sweeps: Path) -> str | None:
    return None if is_store_named() else (sweeps.resolve() / "artifacts").as_uri()


def check_mlflow(sweeps: Path, datasets: Sequence["DataIdentity"] = ()) -> str:
    """Return "" if MLflow can take the runs of these data sets, or in a few words why it does not answer now.

    Raises UsageError if that will not pass by itself: a wrong address, a wrong password, a deleted experiment.
    """
    from sweeper.tracking.store_check import check_store

    return check_store(tracking_uri(sweeps), datasets)


def announce_outage(output: Output, sweeps: Path) -> bool:
    """Check MLflow before sweeps run, and say so where it does not answer now. Return True if that was said.

    Raises what `check_mlflow` raises.
    """
    with output.step("looking for MLflow"):
        outage = check_mlflow(sweeps)
    if outage:
        training = "training starts all the same, and MLflow is synced once it is back"
        output.line(f"MLflow at {shown_uri(sweeps)}: {outage}; {training}")
    return bool(outage)


def shown_uri(sweeps: Path) -> str:
    """Return the tracking URI without a password."""
    uri = tracking_uri(sweeps)
    if "@" not in uri:
        return uri
    from sweeper.tracking.outage import redact_uri

    return redact_uri(uri)


def ui_hint(path: Path) -> str:
    """Return the address of a server that shows the runs of a sweep or a folder, or the command that starts one."""
    server = shown_uri(path.parent if is_sweep(path) else path)
    if server.startswith("http"):
        return server
    return f"sweeper ui {shlex.quote(str(path))}" if is_sweep(path) else f"sweeper ui --sweeps {shlex.quote(str(path))}"


def make_tracker(
    spec: SweepSpec,
    folder: SweepFolder,
    *,
    say: Callable[[str], None],
    status: RunStatus = RunStatus.RUNNING,
    is_outage_known: bool = False,
    sessions: Sequence[SearchSession] = (),
) -> "MlflowTracker":
    """Return the sweep's tracker, started. With RUNNING, what the sweep runs with is written to its folder first.

    With `is_outage_known`, the user was told already that MLflow does not answer. `sessions` are the commands that
    searched, oldest first.
    """
    from sweeper.tracking.tracked_sweep import TrackedSweep
    from sweeper.tracking.tracker import MlflowTracker

    sweeps = folder.path.parent
    mend_moved_store(sweeps)
    if status == RunStatus.RUNNING:
        provenance.write_provenance(spec, folder)
    sweep = TrackedSweep(
        name=folder.name,
        fingerprint=folder.fingerprint,
        id=folder.manifest.id,
        dataset=data_identity(spec, folder.manifest.resolved),
        started_at=sessions[0].began if sessions else None,
    )
    return MlflowTracker(
        tracking_uri(sweeps),
        sweep,
        provenance.describe_sweep(folder),
        artifacts=_artifact_location(sweeps),
        say=say,
        status=status,
        is_outage_known=is_outage_known,
    )


def data_identity(spec: SweepSpec, resolved: Mapping[str, str]) -> "DataIdentity":
    """Return the identity of a sweep's data set in MLflow. `resolved` has the digest of its rows."""
    from sweeper.tracking.data_identity import DataIdentity

    name, is_own = spec.dataset_spec.name, spec.data_source != CATALOG
    return DataIdentity(name, resolved.get("rows", ""), is_renamed=is_own and name in DATASETS)


def sync(output: Output, folder: SweepFolder, timeout: float = SYNC_TIMEOUT) -> str:
    """Make MLflow equal to the record of a sweep that is not running, and return a line that says so.

    Runs of interrupted trials are closed as KILLED. It continues for as long as MLflow answers something every
    `timeout` seconds. Raises SweepLockedError while the sweep runs, SweeperError where MLflow is missing runs or files
    in the end.
    """
    output.set_log_dir(folder.path / "logs")
    spec = folder.read_spec()
    check_mlflow(folder.path.parent, [data_identity(spec, folder.manifest.resolved)])
    with open_study(folder, spec) as study:
        announce_truncation(output, folder, study)
        records = study.all_trials()
        status = RunStatus.FINISHED if folder.is_finished else RunStatus.KILLED
        with output.step(f"syncing MLflow with {folder.name}"):
            sessions = study.sessions()
            tracker = make_tracker(spec, folder, say=lambda _: None, status=status, sessions=sessions)
            for record in records:
                tracker.update(record)
            sweep_artifacts.attach_artifacts(tracker, folder, spec)
            tracker.close(status, timeout, while_answering=True)
        store_model_uri(folder, tracker)
        problem = sync_problem(folder, tracker)
        if problem:
            raise SweeperError(problem)
        folder.mark_synced()
    synced = f"{count_noun(len(records), 'trial is', 'trials are')} in sync"
    return f"{folder.name}: {synced} with MLflow at {shown_uri(folder.path.parent)}"


def sync_if_needed(output: Output, folder: SweepFolder) -> None:
    """Sync MLflow where it may be missing something. A sync that fails is a line, not an error."""
    if folder.needs_sync:
        try:
            output.line(sync(output, folder))
        except SweeperError as error:
            output.line(str(error))


def sync_all(output: Output, folders: Sequence[SweepFolder], timeout: float = SYNC_TIMEOUT) -> None:
    """Sync every sweep, the others too where one fails. Raises SweeperError with a line for each that failed.

    It is a UsageError if the user's input is wrong in each case, such as a sweep that runs.
    """
    failures: list[SweeperError] = []
    for folder in folders:
        try:
            output.line(sync(output, folder, timeout))
        except SweeperError as error:
            failures.append(error)
    if failures:
        lines = "\n".join(dict.fromkeys(map(str, failures)))
        is_usage_error = all(isinstance(error, UsageError) for error in failures)
        raise UsageError(lines) if is_usage_error else SweeperError(lines)


def sync_problem(folder: SweepFolder, tracker: "MlflowTracker") -> str:
    """Return a line that says what MLflow is missing, why, and which command sends it; "" if it is in sync."""
    command = f"sweeper sync {shlex.quote(str(folder.path))}"
    if tracker.pending_runs:
        reason = f" ({tracker.outage.error})" if tracker.outage.error else ""
        missing = f"MLflow at {tracker.uri}{reason} is missing {count_noun(tracker.pending_runs, 'run')}"
        return f"{folder.name}: {missing}; {_remedy(folder, tracker)}: {command}"
    if tracker.skipped_files:
        files = _name_files(tracker.skipped_files)
        return f"{folder.name}: MLflow at {tracker.uri} has everything but {files}; this tries again: {command}"
    return ""


def _remedy(folder: SweepFolder, tracker: "MlflowTracker") -> str:
    """Return what to do before the next sync. A damaged database can be moved away: the records have it all."""
    from sweeper.tracking.client import sqlite_path

    if not tracker.outage.is_rejection:
        return "when it is back"
    database = sqlite_path(tracker.uri)
    if database is None or database.parent.resolve() != folder.path.parent.resolve():
        return "once that is put right"
    return f"put that right, or move {database} away, and send this and the other sweeps to a new one"


def _name_files(reasons: Mapping[str, str]) -> str:
    """Return a phrase that names the first few files, each with its reason."""
    named = ", ".join(f"{file} ({reason})" for file, reason in list(reasons.items())[:_MAX_NAMED_FILES])
    num_unnamed = len(reasons) - _MAX_NAMED_FILES
    return f"{named} and {num_unnamed} more, which the log names" if num_unnamed > 0 else named
