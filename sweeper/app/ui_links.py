"""Finds the pages of MLflow's UI that show the runs of a sweep, and compare them."""

import shlex
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
        raise UsageError(
            f"{path}: there are no runs yet; `sweeper run` makes them, and --sweeps says where, got {sweeps}"
        )
    datasets = [data_identity(folder.spec, folder.manifest.resolved)] if folder else ()
    if outage := check_store(uri, datasets, will_write=False):
        raise SweeperError(f"MLflow at {redact_uri(uri)}: {outage}")


def find_links(address: str, uri: str, folder: SweepFolder) -> list[str]:
    """Return lines with the pages of a sweep's runs and of their comparison, in a UI at this address.

    Where MLflow has no runs of the sweep, the line says how to send them.
    """
    from sweeper.tracking.client import identity_tags
    from sweeper.tracking.ui_server import compare_url, runs_url

    runs = _search_runs(uri, folder)
    if not runs:
        return [f"MLflow has no runs of {folder.name}; this sends them: sweeper sync {shlex.quote(str(folder.path))}"]
    experiment, ids = runs[0].info.experiment_id, [run.info.run_id for run in runs]
    links = [f"its runs:     {runs_url(address, experiment, identity_tags(folder.fingerprint, folder.manifest.id))}"]
    comparison = compare_url(address, experiment, ids)
    if len(comparison) <= _MAX_URL:
        links.append(f"the {len(ids)} runs of its search compared: {comparison}")
    return links


def _search_runs(uri: str, folder: SweepFolder) -> list[Any]:
    """Return MLflow's runs of a sweep's search, by number."""
    from sweeper.tracking.outage import describe_error, redact_uri

    try:
        runs = find_trial_runs_of(uri, folder)
    except Exception as error:
        raise SweeperError(f"MLflow at {redact_uri(uri)}: {describe_error(error)}") from error
    return [run for run in runs if run.data.tags["sweeper.stage"] == "search"]


def find_trial_runs_of(uri: str, folder: SweepFolder) -> list[Any]:
    """Return MLflow's runs of a sweep's trials, of the search and of confirmation, by number."""
    from sweeper.tracking.client import find_trial_runs, identity_tags

    identity = identity_tags(folder.fingerprint, folder.manifest.id)
    return find_trial_runs(uri, folder.spec.dataset_spec.name, identity)[1]
