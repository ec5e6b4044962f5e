"""Finds the pages of MLflow's UI that show the runs of a sweep, and compare them."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sweeper.app.mlflow_sync import data_identity
from sweeper.errors import SweeperError, UsageError
from sweeper.storage.sweep_folder import SweepFolder

_MAX_URL = 16_000  # characters: some 400 runs, and what browsers and servers accept


def require_store(uri: str, sweeps: Path, folder: SweepFolder | None) -> None:
    """Make sure that there is an MLflow store at `uri`, and that it answers; for a sweep, with its experiment.

    Raises UsageError if the address is wrong, or names a database file that does not exist: MLflow would make an empty
    one. Raises SweeperError if the store does not answer now.
    """
    from sweeper.tracking.client import sqlite_path
    from sweeper.tracking.outage import redact_uri
    from sweeper.tracking.store_address import check_address
    from sweeper.tracking.store_check import check_store

    check_address(uri)
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        missing = f"{path}: there are no runs yet"
        if folder is not None:
            raise UsageError(f"{missing}; this sends them: sweeper sync {shlex.quote(str(folder.path))}")
        raise UsageError(f"{missing}; `sweeper run` makes them, and --sweeps says where, got {sweeps}")
    datasets = [data_identity(folder.read_spec(), folder.manifest.resolved)] if folder else ()
    if outage := check_store(uri, datasets, will_write=False):
        raise SweeperError(f"MLflow at {redact_uri(uri)}: {outage}; no page is opened: try again when MLflow is back")


@dataclass(frozen=True)
class SweepLinks:
    """The pages of a sweep in MLflow's UI, as lines, and the one of them to open first, "" if there is none."""

    lines: list[str]
    first: str = ""


def find_links(address: str, uri: str, folder: SweepFolder) -> SweepLinks:
    """Return the pages of a sweep: its trials by score, its own run, its trials compared, in a UI at this address.

    The trials are listed and compared in the sweep's saved view, where MLflow has it. Where MLflow has no runs of the
    sweep, the line says how to send them.
    """
    from sweeper.tracking.client import find_view, identity_tags
    from sweeper.tracking.ui_server import run_url

    client, runs = _search_runs(uri, folder)
    if not runs:
        remedy = f"this sends them: sweeper sync {shlex.quote(str(folder.path))}"
        return SweepLinks([f"MLflow has no runs of {folder.name}; {remedy}"])
    experiment, ids = runs[0].info.experiment_id, [run.info.run_id for run in runs]
    key = find_view(client, experiment, identity_tags(folder.fingerprint, folder.manifest.id))
    listed, comparison = _trial_pages(address, experiment, folder, ids, key)
    lines = [f"its trials:   {listed}"]
    parent = runs[0].data.tags.get("mlflow.parentRunId", "")
    results = run_url(address, experiment, parent)
    if parent:
        lines.append(f"its results:  {results}")
    if len(comparison) <= _MAX_URL:
        lines.append(f"the {len(ids)} runs of its search compared: {comparison}")
        return SweepLinks(lines, comparison)
    return SweepLinks(lines, results)


def _trial_pages(address: str, experiment: str, folder: SweepFolder, runs: list[str], key: str) -> tuple[str, str]:
    """Return the pages that list the trials of the search by score, best first, and that compare them.

    `runs` are the ids of their runs, and `key` is that of the saved view, "" if there is none.
    """
    from sweeper.tracking.client import identity_tags
    from sweeper.tracking.saved_view import score_column, trial_filter
    from sweeper.tracking.ui_server import compare_url, runs_url, view_url

    if key:
        listed, compared = (view_url(address, experiment, key, with_charts=charts) for charts in (False, True))
        return listed, compared
    objective = folder.read_spec().objective
    tag_filter = trial_filter(identity_tags(folder.fingerprint, folder.manifest.id))
    listed = runs_url(address, experiment, tag_filter, score_column(objective), ascending=objective.sign < 0)
    return listed, compare_url(address, experiment, runs)


def _search_runs(uri: str, folder: SweepFolder) -> tuple[Any, list[Any]]:
    """Return a client for the store, and the runs of a sweep's search, by number."""
    from sweeper.tracking.outage import redact_uri
    from sweeper.tracking.store_check import describe_rejection

    try:
        client, runs = _find_trial_runs(uri, folder)
    except Exception as error:
        reason = describe_rejection(uri, error)
        raise SweeperError(f"MLflow at {redact_uri(uri)}: {reason}; no page is opened") from error
    return client, [run for run in runs if run.data.tags["sweeper.stage"] == "search"]


def find_trial_runs_of(uri: str, folder: SweepFolder) -> list[Any]:
    """Return MLflow's runs of a sweep's trials, of the search and of confirmation, by number."""
    return _find_trial_runs(uri, folder)[1]


def _find_trial_runs(uri: str, folder: SweepFolder) -> tuple[Any, list[Any]]:
    from sweeper.tracking.client import find_trial_runs, identity_tags

    identity = identity_tags(folder.fingerprint, folder.manifest.id)
    return find_trial_runs(uri, folder.read_spec().dataset_spec.name, identity)
