"""Makes the published table of many sweeps: from the records at hand and, where asked for, from MLflow."""

import gc
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.app.recorded_sweeps import RecordedSweeps, load_recorded_sweeps, require_known
from sweeper.errors import UsageError
from sweeper.protocol.finished_sweep import FinishedSweeps


@dataclass(frozen=True)
class SweepSelection:
    """The sweeps of a table: those in the folder `sweeps` that are finished, or of these only the named ones.

    `names` are folders or names of sweeps. MLflow adds the sweeps that have no folder here: with `tracking_uri`, with
    MLFLOW_TRACKING_URI, or with `experiments`, which are the only ones that then count.
    """

    sweeps: Path
    names: Sequence[str] = ()
    experiments: Sequence[str] = ()
    tracking_uri: str | None = None

    @property
    def named_uri(self) -> str | None:
        """The address of MLflow that the user named; None if there is none."""
        return self.tracking_uri or os.environ.get("MLFLOW_TRACKING_URI")


def render_table(
    selection: SweepSelection,
    metric: str | None,
    format: str,
    *,
    published: bool = False,
    detail: bool = False,
    colour: bool = False,
) -> str:
    """Return the table of finished sweeps, by a metric of the test split, by default that of their tasks, in a format.

    `published` adds the scores of papers, `detail` settings and cost, and `colour` shades cells by significance. Raises
    UsageError if a sweep does not exist, or the format has no colours; RecordError if a record or MLflow's copy was
    altered.
    """
    from sweeper.reporting.table.formats import FORMATS
    from sweeper.reporting.table.metrics import metric_of_tasks
    from sweeper.reporting.table.render import render
    from sweeper.reporting.table.results_table import build_table

    if colour and not FORMATS[format].has_colours:
        coloured = " or ".join(name for name, entry in FORMATS.items() if entry.has_colours)
        raise UsageError(f"--colour: the format {format} has no colours; use --format {coloured}")
    was_collecting = gc.isenabled()
    gc.disable()  # many objects are made and few dropped: the search for cycles took two fifths of the time
    try:
        finished = _load(selection)
        name = metric or metric_of_tasks([sweep.results.task for sweep in finished.sweeps])
        table = build_table(
            finished.sweeps, name, published=published, elsewhere=finished.test_accesses, remarks=finished.remarks
        )
        return render(table, format, detail=detail, colour=colour)
    finally:
        if was_collecting:
            gc.enable()


def _load(selection: SweepSelection) -> FinishedSweeps:
    recorded = load_recorded_sweeps(selection.sweeps, selection.names)
    if selection.named_uri is None and not selection.experiments:
        require_known(recorded, selection.sweeps)
        return recorded.finished
    return _with_mlflow(recorded, selection)


def _with_mlflow(recorded: RecordedSweeps, selection: SweepSelection) -> FinishedSweeps:
    """Return the recorded sweeps with those that only MLflow has, and the ids of MLflow's runs."""
    from sweeper.app.mlflow_sync import mend_moved_store, tracking_uri
    from sweeper.storage.predictions import read_predictions
    from sweeper.tracking.finished_sweeps import load_finished_sweeps

    if selection.named_uri is None:
        mend_moved_store(selection.sweeps)
    uri = selection.named_uri or tracking_uri(selection.sweeps)
    missing_names = list(recorded.unknown) if selection.names else None
    remote = load_finished_sweeps(uri, read_predictions, selection.experiments, missing_names, at_hand=recorded.ids)
    here = [
        replace(sweep, runs=remote.runs.get(sweep.results.id, {}))
        for sweep in recorded.finished.sweeps
        if not selection.experiments or sweep.results.id in remote.runs
    ]
    counts = Counter(recorded.finished.test_accesses) + Counter(remote.test_accesses)
    finished = FinishedSweeps((*here, *remote.sweeps), counts, (*recorded.finished.remarks, *remote.remarks))
    if not finished.sweeps:
        require_known(replace(recorded, finished=finished, unknown=()), selection.sweeps)
    return finished
