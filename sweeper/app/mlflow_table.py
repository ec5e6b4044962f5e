"""Makes the published table of sweeps from MLflow alone, over data sets and machines."""

import gc
from collections.abc import Sequence
from pathlib import Path

from sweeper.app.mlflow_sync import tracking_uri
from sweeper.storage.sweep_folder import open_sweep
from sweeper.storage.sweep_names import named_folder


def render_table(
    sweeps: Sequence[str],
    folder: Path,
    experiments: Sequence[str],
    metric: str,
    format: str,
    *,
    published: bool,
    detail: bool,
) -> str:
    """Return the table of finished sweeps, by a metric of the test split, in a format.

    `sweeps` are folders or names, by default all that are finished, and `experiments` those of MLflow, by default all.
    `folder` is where sweeps are kept. Raises UsageError if one is not in MLflow, RecordError if MLflow's copy was
    altered.
    """
    from sweeper.reporting.table.render import render
    from sweeper.reporting.table.results_table import build_table
    from sweeper.storage.predictions import read_predictions
    from sweeper.tracking.finished_sweeps import load_finished_sweeps

    gc.disable()  # many objects are made and few dropped: the search for cycles took two fifths of the time
    try:
        wanted = [_name_and_id(name, folder) for name in sweeps]
        finished = load_finished_sweeps(tracking_uri(folder), read_predictions, experiments, wanted)
        table = build_table(
            finished.sweeps, metric, published=published, elsewhere=finished.test_accesses, remarks=finished.remarks
        )
        return render(table, format, detail=detail)
    finally:
        gc.enable()


def _name_and_id(name: str, sweeps: Path) -> tuple[str, str]:
    """Return the name of a sweep and, where its folder is at hand, its id."""
    path = named_folder(name, sweeps)
    if path is None:
        return Path(name).name, ""
    folder = open_sweep(path)
    return folder.name, folder.manifest.id
