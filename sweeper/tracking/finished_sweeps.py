"""The finished sweeps of an MLflow store, as the published table takes them: rebuilt from what is in the store alone.

A sweep is finished where its own run has results.json, and everything else of it is held against that. What is half
finished is left out, and said; what was altered is refused. What models answered is read when the table asks for it.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sweeper.errors import RecordError, UsageError
from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.protocol.sweep_results import SeedResult, SweepResults
from sweeper.tracking.client import creation_order
from sweeper.tracking.reader import LazyPredictions, Read, StoreReader

RESULTS = "results.json"
_AT_ONCE = 8  # files asked of a server


@dataclass(frozen=True)
class FinishedSweeps:
    """The finished sweeps of a store, and how often others in it opened the test split of each data set.

    `remarks` say what was left out, and why.
    """

    sweeps: tuple[FinishedSweep, ...]
    test_accesses: Mapping[str, int]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class _Sweep:
    """One sweep in the store: its own runs and those of its confirmed trials, of several the first made first.

    `results` is what its results.json says, or what is wrong with that file; None where it is not finished.
    """

    dataset: str
    name: str
    id: str
    own: Sequence[Any]
    trials: Mapping[int, Any]
    results: bytes | RecordError | None

    def meant(self, wanted: Iterable[tuple[str, str]]) -> bool:
        """Whether one of these names, with its id where one is given, is this sweep's."""
        return any(name == self.name and id in ("", self.id) for name, id in wanted)


def load_finished_sweeps(
    uri: str, read: Read, experiments: Sequence[str] = (), wanted: Sequence[tuple[str, str]] = ()
) -> FinishedSweeps:
    """The finished sweeps of the named experiments, or of all; where names (and ids, or "") are `wanted`, these alone.

    `read` reads a file of answers. Raises UsageError where a store, an experiment or a sweep is not there, RecordError
    where something was altered, SweeperError where MLflow does not answer.
    """
    store = StoreReader(uri)
    every = _sweeps(store, store.experiments(experiments))
    for one in wanted:
        if not any(sweep.meant([one]) for sweep in every):
            raise UsageError(f"{one[0]}: MLflow at {store.place} has no such sweep; sweeper sync SWEEP sends it")
    chosen = [sweep for sweep in every if not wanted or sweep.meant(wanted)]
    left = [f"{sweep.name} ({sweep.own[0].info.status})" for sweep in chosen if sweep.results is None]
    if len(left) == len(chosen):
        unfinished = f"; not finished, or not whole there: {', '.join(left)}" if left else ""
        raise UsageError(f"MLflow at {store.place} has no finished sweep for this table{unfinished}")
    found = [_finished(store, sweep, read) for sweep in chosen if sweep.results is not None]
    remarks = [remark for _, lines in found for remark in lines]
    if left:
        remarks.append(f"Left out, for they are not finished, or not whole in MLflow: {', '.join(left)}.")
    return FinishedSweeps(tuple(one for one, _ in found), _test_accesses(every, chosen), tuple(remarks))


def _sweeps(store: StoreReader, experiments: Sequence[str]) -> list[_Sweep]:
    """Every sweep in these experiments, by name."""
    own = _by_sweep(store.runs(experiments, "sweep"))
    confirmed = _by_sweep(store.runs(experiments, "confirm"))
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        results = list(pool.map(lambda runs: _results(store, runs), own.values()))
    return [
        _Sweep(key[0], f"{key[0]}-{key[1]}", key[2], runs, _by_trial(confirmed.get(key, ())), text)
        for (key, runs), text in sorted(zip(own.items(), results, strict=True), key=lambda pair: pair[0][0])
    ]


def _by_sweep(runs: Sequence[Any]) -> dict[tuple[str, str, str], list[Any]]:
    """Runs by data set, fingerprint and id: what tells a sweep from every other; the first made first."""
    found: dict[tuple[str, str, str], list[Any]] = {}
    for run in sorted(runs, key=creation_order):
        tags = run.data.tags
        key = tags["sweeper.dataset"], tags["sweeper.sweep"], tags.get("sweeper.id", "")
        found.setdefault(key, []).append(run)
    return found


def _by_trial(runs: Sequence[Any]) -> dict[int, Any]:
    """Runs by the number of their trial; of several the first made."""
    return {int(run.data.tags["sweeper.trial"]): run for run in reversed(runs)}


def _results(store: StoreReader, own: Sequence[Any]) -> bytes | RecordError | None:
    """results.json of the first of a sweep's own runs that has it, or what is wrong with that file."""
    for run in own:
        try:
            with store.opened(run, RESULTS) as place:
                if place is not None:
                    return place.read_bytes()
        except RecordError as error:
            return error
    return None


def _test_accesses(every: Sequence[_Sweep], chosen: Sequence[_Sweep]) -> dict[str, int]:
    """How often test splits were opened beyond what the results of the chosen sweeps say."""
    found = Counter[str]()
    for sweep in every:
        test_accesses = _test_accesses_in(sweep)
        tested = sum(
            trial not in test_accesses for trial, run in sweep.trials.items() if run.data.tags.get("sweeper.tested")
        )
        found[sweep.dataset] += tested + (0 if sweep in chosen else len(test_accesses))
    return dict(+found)


def _test_accesses_in(sweep: _Sweep) -> list[int]:
    """The trials of a sweep's looks, as its results have them; none where these say nothing."""
    if not isinstance(sweep.results, bytes):
        return []
    try:
        return [test_access.trial for test_access in SweepResults.parse(json.loads(sweep.results)).test_accesses]
    except (ValueError, RecordError):
        return []


# ---- one sweep, held against its runs


def _finished(store: StoreReader, sweep: _Sweep, read: Read) -> tuple[FinishedSweep, list[str]]:
    """A finished sweep for the table, and what is to be said of it. Raises RecordError."""
    if isinstance(sweep.results, RecordError):
        raise sweep.results
    try:
        values = json.loads(sweep.results or b"")
    except ValueError as error:
        raise RecordError(f"{sweep.name}: {RESULTS} in MLflow at {store.place} cannot be read ({error})") from error
    results = SweepResults.parse(values)
    if (results.sweep, results.dataset) != (sweep.name, sweep.dataset):
        raise RecordError(f"{sweep.name}: {RESULTS} in MLflow at {store.place} is that of {results.sweep}")
    seeds = [seed for confirmation in results.confirmations for seed in confirmation.seeds]
    for seed in seeds:
        if seed.trial in sweep.trials:
            _verify(sweep, seed, sweep.trials[seed.trial])
    answers = LazyPredictions(store, sweep.trials, tuple(results.labels), read)
    runs = {trial: run.info.run_id for trial, run in sweep.trials.items()}
    lost = [str(seed.trial) for seed in seeds if seed.test is not None and seed.trial not in sweep.trials]
    return FinishedSweep(results, answers, runs), [*_twins(sweep), *_lost(sweep, lost)]


def _verify(sweep: _Sweep, seed: SeedResult, run: Any) -> None:
    """Hold the run of a confirmed trial against the results."""
    for name, score in (seed.test or {}).items():
        there = run.data.metrics.get(name)
        if there is None or not (math.isclose(there, score, rel_tol=1e-9) or math.isnan(score)):
            raise RecordError(
                f"{sweep.name}: run {run.info.run_id} of trial {seed.trial} has {there} as {name}, {RESULTS} of the "
                f"sweep {score}: one of the two was altered. Delete that run, and sweeper sync SWEEP sends it again"
            )


def _twins(sweep: _Sweep) -> list[str]:
    if len(sweep.own) == 1:
        return []
    runs = ", ".join(run.info.run_id for run in sweep.own)
    return [
        f"{sweep.name} is more than once in MLflow, in the runs {runs}; of these the first that is finished counts."
    ]


def _lost(sweep: _Sweep, trials: Sequence[str]) -> list[str]:
    if not trials:
        return []
    return [f"{sweep.name}: the trials {', '.join(trials)} have no run in MLflow; their scores are those of {RESULTS}."]
