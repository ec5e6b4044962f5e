"""Lists the sweeps in a folder with their state. Nothing is locked and nothing is written."""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from sweeper.app.open_study import read_study, require_record
from sweeper.errors import SweeperError
from sweeper.protocol.results import results_of_study, stored_results
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.sweep_summary import (
    SweepState,
    SweepSummary,
    count_planned,
    describe_failure,
    find_best,
    find_state,
)
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.record_lock import describe_holder, is_locked
from sweeper.storage.sweep_folder import MANIFEST, SweepFolder, open_sweep
from sweeper.storage.sweep_names import require_folder


def list_sweeps(sweeps: str | Path = "sweeps") -> Sequence[SweepSummary]:
    """Return the sweeps in the folder `sweeps`, the newest first. One that cannot be read is DAMAGED, with the reason.

    One that is deleted meanwhile is left out. Raises UsageError if `sweeps` is a file.
    """
    require_folder(Path(sweeps))
    summaries = [_summarize_path(path.parent) for path in Path(sweeps).glob(f"*/{MANIFEST}")]
    return sorted(filter(None, summaries), key=lambda summary: (-summary.began_at, summary.sweep))


def summarize(folder: SweepFolder) -> SweepSummary:
    """Return the state of a sweep. Raises SweeperError if its record or its spec is missing or cannot be read."""
    spec, driven = folder.read_spec(), is_locked(folder.journal)
    require_record(folder)
    stored = None if driven else stored_results(folder)
    return summarize_results(folder, spec, stored or current_results(folder, spec), driven=driven)


def summarize_results(folder: SweepFolder, spec: SweepSpec, results: SweepResults, *, driven: bool) -> SweepSummary:
    """Return the state of a sweep with these results."""
    state = find_state(spec, results, finished=folder.is_finished, driven=driven)
    ended = sum(trial.outcome is not None for trial in results.trial_results)
    return SweepSummary(
        **_place(folder.path),
        state=state,
        objective=results.objective,
        trainings_ended=ended,
        trainings_planned=ended if state == SweepState.FINISHED else count_planned(spec, results),
        best=None if state == SweepState.FAILED else find_best(results),
        driver=describe_holder(folder.journal) if driven else "",
        problem=describe_failure(spec, results) if state == SweepState.FAILED else "",
    )


def current_results(folder: SweepFolder, spec: SweepSpec) -> SweepResults:
    """Return the results that a sweep's record gives now."""
    return results_of_study(spec, folder, read_study(folder, spec))


def folder_size(path: Path) -> int:
    """Return the bytes of all files in a folder, without what links lead to. Files may vanish meanwhile."""
    size = 0
    for folder, _, names in os.walk(path):  # which passes over folders that vanish
        for name in names:
            with suppress(OSError):
                size += Path(folder, name).lstat().st_size
    return size


def _summarize_path(path: Path) -> SweepSummary | None:
    """Return the state of the sweep in a folder, or None if it is deleted meanwhile."""
    try:
        return summarize(open_sweep(path))
    except (SweeperError, OSError) as error:
        problem = str(error).splitlines()[0]
    try:
        return SweepSummary(**_place(path), state=SweepState.DAMAGED, problem=problem)
    except FileNotFoundError:
        return None


def _place(path: Path) -> dict[str, str | int]:
    """Return the values of a summary that any folder has."""
    began = int((path / MANIFEST).stat().st_mtime * 1000)
    return {"sweep": path.name, "path": str(path), "began_at": began, "bytes": folder_size(path)}
