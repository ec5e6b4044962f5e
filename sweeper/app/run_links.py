"""Finds the pages of a sweep's trials in MLflow, for the report."""

from sweeper.app.mlflow_sync import tracking_uri
from sweeper.app.ui_links import find_trial_runs_of
from sweeper.storage.sweep_folder import SweepFolder

_PORT = 5000  # of the UI that the note of a local store names


def find_run_links(folder: SweepFolder, *, ask_server: bool) -> tuple[dict[int, str], str]:
    """Return the page of each trial's run by number, and a sentence that says when they can be opened.

    Both are empty if the store is a file that does not exist, or not a file and `ask_server` is False: a server that is
    down would hold up the end of a sweep. A local store has no address until `sweeper ui` runs.
    """
    from sweeper.tracking.client import run_number, sqlite_path
    from sweeper.tracking.outage import redact_uri
    from sweeper.tracking.ui_server import run_url

    uri = tracking_uri(folder.path.parent)
    database, is_server = sqlite_path(uri), uri.startswith(("http://", "https://"))
    is_at_hand = ask_server if database is None else database.exists()
    if not is_at_hand:
        return {}, ""
    address = redact_uri(uri).rstrip("/") if is_server else f"http://127.0.0.1:{_PORT}"
    note = "" if is_server else f"They open while this runs: sweeper ui --port {_PORT} {folder.name}"
    urls = {
        run_number(run): run_url(address, run.info.experiment_id, run.info.run_id)
        for run in find_trial_runs_of(uri, folder)
    }
    return urls, note
