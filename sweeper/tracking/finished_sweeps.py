"""Loads the finished sweeps of an MLflow store for the published table, from the store alone.

A sweep is finished if its own run has results.json; its other runs are checked against that file. Unfinished sweeps are
left out, with a remark. Altered ones are refused. Predictions are read when the table needs them.
"""

from collections import Counter
from collections.abc import Collection, Sequence

from sweeper.errors import UsageError
from sweeper.protocol.finished_sweep import FinishedSweeps
from sweeper.tracking.reader import Read, StoreReader
from sweeper.tracking.stored_sweep import StoredSweep, find_sweeps, load_finished_sweep


def load_finished_sweeps(
    uri: str,
    read: Read,
    experiments: Sequence[str] = (),
    wanted: Sequence[str] | None = None,
    *,
    at_hand: Collection[str] = (),
) -> FinishedSweeps:
    """Return the finished sweeps of the named experiments, or of all.

    `wanted` are names of the sweeps to return, None for all. Of sweeps whose ids are `at_hand`, only the runs are
    returned: their own record says more. `read` reads a file of predictions. Raises UsageError if a store, experiment
    or sweep does not exist, RecordError if something was altered, and SweeperError if MLflow does not answer.
    """
    store = StoreReader(uri)
    all_sweeps = find_sweeps(store, store.experiments(experiments))
    sweeps = [sweep for sweep in all_sweeps if not sweep.id or sweep.id not in at_hand]
    chosen = _choose(store, sweeps, wanted)
    unfinished_sweeps = [sweep.description for sweep in chosen if sweep.results is None]
    if len(unfinished_sweeps) == len(chosen) and not at_hand:
        reason = (
            f"; not finished, or not completely in MLflow: {', '.join(unfinished_sweeps)}" if unfinished_sweeps else ""
        )
        if deleted := store.deleted_experiments():
            reason += f"; deleted experiments, which `mlflow experiments restore` brings back: {', '.join(deleted)}"
        raise UsageError(
            f"MLflow at {store.uri} has no finished sweep for this table{reason}; sweeper sync SWEEP sends one"
        )
    loaded = [load_finished_sweep(store, sweep, read) for sweep in chosen if sweep.results is not None]
    remarks = [remark for _, sweep_remarks in loaded for remark in sweep_remarks]
    if unfinished_sweeps:
        remarks.append(f"Left out, because not finished or not completely in MLflow: {', '.join(unfinished_sweeps)}.")
    runs = {
        sweep.id: {trial: str(run.info.run_id) for trial, run in sweep.confirmed.items()}
        for sweep in all_sweeps
        if sweep not in sweeps
    }
    loaded_sweeps = tuple(sweep for sweep, _ in loaded)
    return FinishedSweeps(loaded_sweeps, _other_test_accesses(sweeps, chosen), tuple(remarks), runs)


def _choose(store: StoreReader, sweeps: Sequence[StoredSweep], wanted: Sequence[str] | None) -> Sequence[StoredSweep]:
    """Return the wanted sweeps. Raises UsageError if one of them is not in the store."""
    if wanted is None:
        return sweeps
    for name in wanted:
        if not any(sweep.has_name(name) for sweep in sweeps):
            raise UsageError(f"{name}: MLflow at {store.uri} does not have this sweep; send it: sweeper sync SWEEP")
    return [sweep for sweep in sweeps if any(map(sweep.has_name, wanted))]


def _other_test_accesses(sweeps: Sequence[StoredSweep], chosen: Sequence[StoredSweep]) -> dict[str, int]:
    """Count, by the digest of the test split, the test accesses that the results of the chosen sweeps do not know."""
    counts = Counter[str]()
    for sweep in sweeps:
        in_table = sweep.num_reported_test_accesses if sweep in chosen else 0
        counts[sweep.test_digest] += sweep.num_test_accesses - in_table
    return dict(+counts)
