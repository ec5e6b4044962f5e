"""Where the runs of a sweep are tracked, and how what MLflow lacks of them gets there."""

import os
import shlex
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.app import provenance, sweep_artifacts
from sweeper.errors import SweeperError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.terminal import Terminal
from sweeper.trials.run_status import RunStatus

if TYPE_CHECKING:
    from sweeper.tracking.tracker import MlflowTracker

WAIT = 30.0  # seconds for MLflow to answer something, where all that is left is to send


def tracking_uri(sweeps: Path) -> str:
    """Where runs are tracked: what MLFLOW_TRACKING_URI says, else a file beside the sweeps."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{sweeps.resolve() / 'mlflow.db'}"


def _artifacts(sweeps: Path) -> str | None:
    return None if os.environ.get("MLFLOW_TRACKING_URI") else (sweeps.resolve() / "artifacts").as_uri()


def _place(sweeps: Path) -> str:
    """The tracking URI as it may be shown: without a password."""
    uri = tracking_uri(sweeps)
    if "@" not in uri:
        return uri
    from sweeper.tracking.outage import redact_uri

    return redact_uri(uri)


def ui_hint(place: Path) -> str:
    """Where to look at the runs of a sweep, or of all in a folder: a server's address, or the command that is one."""
    is_sweep = (place / "sweep.json").exists()
    server = _place(place.parent if is_sweep else place)
    if server.startswith("http"):
        return server
    return f"sweeper ui {shlex.quote(str(place))}" if is_sweep else f"sweeper ui --sweeps {shlex.quote(str(place))}"


def make_tracker(
    spec: SweepSpec, folder: SweepFolder, *, say: Callable[[str], None], status: RunStatus = RunStatus.RUNNING
) -> "MlflowTracker":
    """The tracker of a sweep, at work. Of one that is RUNNING the folder gets what it is run with."""
    from sweeper.tracking.tracker import MlflowTracker

    sweeps = folder.path.parent
    if status == RunStatus.RUNNING:
        provenance.write_provenance(spec, folder)
    return MlflowTracker(
        tracking_uri(sweeps),
        sweep=folder.name,
        id=folder.manifest.id,
        dataset=spec.dataset_spec.name,
        about=provenance.describe_sweep(folder),
        artifacts=_artifacts(sweeps),
        say=say,
        status=status,
    )


def sync(screen: Terminal, folder: SweepFolder, wait: float = WAIT) -> str:
    """Bring MLflow level with the record of a sweep that nobody drives; a line that says so.

    Trials that were cut off are closed as KILLED. It goes on for as long as MLflow answers something every `wait`
    seconds. Raises BusyError where the sweep is driven, SweeperError where MLflow lacks something in the end.
    """
    from sweeper.record.optuna_study import OptunaStudy

    screen.set_log_dir(folder.path / "logs")
    with closing(OptunaStudy(folder.spec, folder.journal, folder.manifest.threads)) as study:
        recorded = study.all_trials()
        status = RunStatus.FINISHED if folder.read_results() else RunStatus.KILLED
        with screen.step(f"bringing MLflow level with {folder.name}"):
            tracker = make_tracker(folder.spec, folder, say=lambda _: None, status=status)
            for one in recorded:
                tracker.update(one)
            sweep_artifacts.attach_artifacts(tracker, folder)
            tracker.close(status, wait, while_answering=True)
        if tracker.pending_runs:
            raise SweeperError(sync_warning(folder, tracker))
        folder.mark_synced()
    return f"{folder.name}: {len(recorded)} trials are level in MLflow at {_place(folder.path.parent)}"


def sync_warning(folder: SweepFolder, tracker: "MlflowTracker") -> str:
    """What MLflow lacks, why, and how it gets it, in a line."""
    why = f" ({tracker.outage.error})" if tracker.outage.error else ""
    command = f"sweeper sync {shlex.quote(str(folder.path))}"
    return (
        f"{folder.name}: MLflow at {tracker.uri}{why} lacks {tracker.pending_runs} runs; when it is back: {command}"
    )
