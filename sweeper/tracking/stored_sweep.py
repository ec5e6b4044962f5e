"""One sweep in an MLflow store: its runs, its results, and the checks that both agree."""

import json
import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sweeper.errors import RecordError
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SeedResult
from sweeper.tracking.artifacts import RESULTS
from sweeper.tracking.client import creation_order, decode_infinity
from sweeper.tracking.metric_names import metric_key
from sweeper.tracking.reader import LazyPredictions, Read, StoreReader
from sweeper.tracking.sweep_description import TEST_ACCESSES_TAG, TEST_SPLIT_TAG

_CONCURRENT_DOWNLOADS = 8
_SEND_AGAIN = "delete that run in MLflow, and send it again with sweeper sync SWEEP"


@dataclass(frozen=True)
class StoredSweep:
    """One sweep in the store. If a run exists several times, the one created first counts.

    `parents` are the sweep's own runs, `confirmed` the runs of confirmed trials by number. `results` is the content of
    results.json, or the error that it was altered; None if the sweep has none, which means that it is not finished.
    """

    dataset: str
    name: str
    id: str
    parents: Sequence[Any]
    confirmed: Mapping[int, Any]
    results: bytes | RecordError | None

    @property
    def description(self) -> str:
        """Name and status, for messages."""
        return f"{self.shown_name} ({self.parents[0].info.status})"

    @property
    def shown_name(self) -> str:
        """The name of the sweep's folder, which may have been renamed."""
        return str(self.parents[0].data.tags.get("mlflow.runName", self.name))

    def has_name(self, name: str) -> bool:
        """Return True if this is the sweep's name, or that of its folder."""
        return name in (self.name, self.shown_name)

    @cached_property
    def _readable_results(self) -> SweepResults | None:
        try:
            return SweepResults.parse(json.loads(self.results)) if isinstance(self.results, bytes) else None
        except (ValueError, RecordError):
            return None

    @property
    def test_digest(self) -> str:
        """The digest of the rows of the test split; empty if there is none, or MLflow does not know it."""
        results = self._readable_results
        if results is not None and results.test_split is not None:
            return results.test_split.digest
        return str(self.parents[0].data.tags.get(TEST_SPLIT_TAG, ""))

    @property
    def num_reported_test_accesses(self) -> int:
        """The number of test accesses that the results know."""
        return 0 if self._readable_results is None else len(self._readable_results.test_accesses)

    @property
    def num_test_accesses(self) -> int:
        """The number of test accesses that MLflow knows: that of the record, or with the models scored since.

        A confirmed run is tagged once its model was scored, the sweep's own run at the end of a command.
        """
        results = self._readable_results
        reported_trials = {access.trial for access in results.test_accesses} if results else set()
        tested_trials = {trial for trial, run in self.confirmed.items() if run.data.tags.get("sweeper.tested")}
        counts = [run.data.tags.get(TEST_ACCESSES_TAG, "") for run in self.parents]
        recorded = max((int(count) for count in counts if count.isdecimal()), default=0)
        return max(recorded, self.num_reported_test_accesses + len(tested_trials - reported_trials))


def find_sweeps(store: StoreReader, experiments: Sequence[str]) -> list[StoredSweep]:
    """Return every sweep in these experiments, by name."""
    parents = _group_by_sweep(store.runs(experiments, "sweep"))
    confirmed = _group_by_sweep(store.runs(experiments, "confirm"))
    with ThreadPoolExecutor(_CONCURRENT_DOWNLOADS) as pool:
        results = dict(zip(parents, pool.map(lambda runs: _read_results(store, runs), parents.values()), strict=True))
    sweeps = []
    for key in sorted(parents):
        dataset, fingerprint, id = key
        trials = _by_trial(confirmed.get(key, ()))
        sweeps.append(StoredSweep(dataset, f"{dataset}-{fingerprint}", id, parents[key], trials, results[key]))
    return sweeps


def _group_by_sweep(runs: Sequence[Any]) -> dict[tuple[str, str, str], list[Any]]:
    """Return runs by data set, fingerprint and id, which together identify a sweep; in order of creation."""
    groups: dict[tuple[str, str, str], list[Any]] = {}
    for run in sorted(runs, key=creation_order):
        tags = run.data.tags
        key = tags["sweeper.dataset"], tags["sweeper.sweep"], tags.get("sweeper.id", "")
        groups.setdefault(key, []).append(run)
    return groups


def _by_trial(runs: Sequence[Any]) -> dict[int, Any]:
    """Return runs, which are in order of creation, by the number of their trial. A trial's first run counts."""
    return {int(run.data.tags["sweeper.trial"]): run for run in reversed(runs)}


def _read_results(store: StoreReader, parents: Sequence[Any]) -> bytes | RecordError | None:
    """Return results.json of the first run that has it, or the error that it was altered."""
    for run in parents:
        try:
            with store.open_file(run, RESULTS) as path:
                if path is not None:
                    return path.read_bytes()
        except RecordError as error:
            return error
    return None


def load_finished_sweep(store: StoreReader, sweep: StoredSweep, read: Read) -> tuple[FinishedSweep, list[str]]:
    """Return a sweep that has results, and remarks on it for the table.

    Raises RecordError if its results are damaged, or a run contradicts them.
    """
    results = _parse_results(store, sweep)
    seeds = [seed for confirmation in results.confirmations for seed in confirmation.seeds]
    for seed in seeds:
        if seed.trial in sweep.confirmed:
            _check_scores(sweep, seed, sweep.confirmed[seed.trial])
    predictions = LazyPredictions(store, sweep.confirmed, tuple(results.labels), read)
    runs = {trial: run.info.run_id for trial, run in sweep.confirmed.items()}
    missing_trials = [str(seed.trial) for seed in seeds if seed.test is not None and seed.trial not in sweep.confirmed]
    return FinishedSweep(results, predictions, runs), _describe_oddities(sweep, missing_trials)


def _parse_results(store: StoreReader, sweep: StoredSweep) -> SweepResults:
    if isinstance(sweep.results, RecordError):
        raise sweep.results
    place = f"{sweep.name}: {RESULTS} in MLflow at {store.uri}"
    try:
        values = json.loads(sweep.results or b"")
    except ValueError as error:
        raise RecordError(f"{place} cannot be read ({error}); {_SEND_AGAIN}") from error
    results = SweepResults.parse(values, _SEND_AGAIN)
    has_other_identity = results.id != sweep.id if results.id and sweep.id else results.sweep != sweep.name
    if has_other_identity or results.dataset != sweep.dataset:
        raise RecordError(f"{place} belongs to {results.sweep}; {_SEND_AGAIN}")
    return results


def _check_scores(sweep: StoredSweep, seed: SeedResult, run: Any) -> None:
    """Raise RecordError if the run of a confirmed trial has other test metrics than the results."""
    for name, score in (seed.test or {}).items():
        stored = run.data.metrics.get(metric_key(name))
        logged = None if stored is None else decode_infinity(stored)
        if logged is None or not (math.isclose(logged, score, rel_tol=1e-9) or math.isnan(score)):
            raise RecordError(
                f"{sweep.name}: {name} of trial {seed.trial} is {logged} in run {run.info.run_id} and {score} in "
                f"{RESULTS}: one of the two was altered; {_SEND_AGAIN}"
            )


def _describe_oddities(sweep: StoredSweep, missing_trials: Sequence[str]) -> list[str]:
    """Return what readers of the table should know: duplicates of the sweep, and trials without a run."""
    remarks = []
    if len(sweep.parents) > 1:
        runs = ", ".join(run.info.run_id for run in sweep.parents)
        remarks.append(f"{sweep.name} is in MLflow more than once, in the runs {runs}; the first finished one counts.")
    if missing_trials:
        trials = ", ".join(missing_trials)
        remarks.append(f"{sweep.name}: MLflow has no run of the trials {trials}; their scores are from {RESULTS}.")
    return remarks
