"""Recorded curves as rows: one row per validation of a trial, in one compressed Parquet file per data set.

The columns of the settings are named as in a search space. The file's metadata say which versions trained, and which
machine wrote it.
"""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import sweeper
from benchmarks.processor import processor_name
from sweeper.app.open_study import read_study
from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, open_sweeps
from sweeper.trials.trial import TrialRecord

METRICS = ("validation/accuracy", "validation/macro_f1", "validation/loss", "train/loss")
REMEDY = "write it with `python -m benchmarks.economy rows`"
SETTING = ("loss", "batch_size", "learning_rate", "alpha", "normalize", "tau")
_OTHER_OUT = "use the same --set, or another --out"
_OTHER_KEPT = "use the same --set, or other rows with --kept"
_ORIGIN = b"sweeper.economy"  # the key of the file's metadata


def recorded_sweeps(dataset: str, sweeps: Path, design: SweepSpec | None = None) -> list[SweepFolder]:
    """Return the sweeps of a data set, by seed.

    Raises UsageError if one differs from the `design`, or without one from the others, in what makes rows comparable.
    """
    folders = [folder for folder in open_sweeps(sweeps) if folder.read_spec().dataset_spec.name == dataset]
    for folder in folders:
        _check_revisions(folder.path, folder.manifest.resolved, folders[0].manifest.resolved, _OTHER_OUT)
        spec, wanted = folder.read_spec(), design or folders[0].read_spec()
        check_key(folder.path, "compare", list(spec.systems), list(wanted.systems))
        check_key(folder.path, "training", spec.training, wanted.training)
        check_key(folder.path, "limit", spec.limit.model_dump(), wanted.limit.model_dump())
    return sorted(folders, key=lambda folder: folder.read_spec().seed)


def check_key(place: object, key: str, value: object, wanted: object, remedy: str = _OTHER_OUT) -> None:
    """Raise UsageError if a recorded sweep has another value of a key than the one that is wanted."""
    if value != wanted:
        raise UsageError(f"{place}: has {key} {value}, not {wanted}; {remedy}")


def check_kept(kept: Path, spec: SweepSpec, folder: SweepFolder | None = None) -> None:
    """Raise UsageError if the rows in the file `kept` cannot be joined with those of this spec.

    They must be of the same data set, systems, training and texts; with the `folder` of a sweep, the revisions of its
    texts and encoders must be the same, too.
    """
    for sweep in read_origin(kept):
        place = f"{kept}: {sweep['name']}"
        # older files have neither data set nor systems; a sweep's name begins with that of its data set
        dataset = sweep.get("dataset", sweep["name"].rpartition("-")[0])
        check_key(place, "dataset", dataset, spec.dataset_spec.name, _OTHER_KEPT)
        systems = [dict(system) for system in spec.systems]
        check_key(place, "compare", sweep.get("compare", systems), systems, _OTHER_KEPT)
        _check_encoders(place, sweep.get("resolved", {}), systems)
        check_key(place, "training", sweep["training"], spec.training, _OTHER_KEPT)
        check_key(place, "limit", sweep["limit"], spec.limit.model_dump(), _OTHER_KEPT)
        if folder is not None:
            _check_revisions(place, sweep.get("resolved", {}), folder.manifest.resolved, _OTHER_KEPT)


def _check_encoders(place: str, resolved: Mapping[str, str], systems: Sequence[Mapping[str, Any]]) -> None:
    """Raise UsageError if the encoders that were resolved are not those of the systems."""
    encoders = sorted(resolved.keys() - {"dataset", "rows"})
    if encoders:
        check_key(place, "encoders", encoders, sorted({str(system["encoder"]) for system in systems}), _OTHER_KEPT)


def _check_revisions(place: object, resolved: Mapping[str, str], wanted: Mapping[str, str], remedy: str) -> None:
    """Raise UsageError if texts or encoders that both have are resolved to other revisions."""
    for name in sorted(resolved.keys() & wanted.keys()):
        check_key(place, f"revision of {name}", resolved[name], wanted[name], remedy)


def write_rows(folders: Sequence[SweepFolder], path: Path, kept: Path | None = None) -> None:
    """Write the trials of these sweeps that have ended to a Parquet file, also while a sweep is running.

    The rows of the file `kept` come first, without those of the same sweeps. Raises UsageError if there are no rows,
    or if those of `kept` differ in data set, systems, training, texts or encoders; a file that is there stays as it is.
    """
    if kept is not None:
        for folder in folders:
            check_kept(kept, folder.read_spec(), folder)
    rows = pd.DataFrame([row for folder in folders for row in sweep_rows(folder)])
    origin = [_describe_sweep(folder) for folder in folders]
    if kept is not None:
        names, older = {folder.name for folder in folders}, read_rows(kept)
        rows = pd.concat([older[~older["sweep"].isin(names)], rows], ignore_index=True)
        origin = [*(sweep for sweep in read_origin(kept) if sweep["name"] not in names), *origin]
    if rows.empty:
        raise UsageError(f"{path}: not written, because no trial has ended yet")
    table = pa.Table.from_pandas(rows)
    metadata = {**(table.schema.metadata or {}), _ORIGIN: json.dumps(origin).encode()}
    with atomic_write(path) as file:
        pq.write_table(table.replace_schema_metadata(metadata), file, compression="zstd")


def read_rows(path: Path) -> pd.DataFrame:
    """Return the rows of a file. Raises UsageError if it is missing, or no Parquet file."""
    return read_parquet_file(path, "recorded rows", REMEDY)


def read_parquet_file(path: Path, content: str, remedy: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Return a Parquet file with these columns, by default with all.

    Raises UsageError with the remedy if the file is missing, or is no Parquet file with the `content`.
    """
    try:
        return pd.read_parquet(path, columns=columns)
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; {remedy}") from None
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: not a file of {content}; {remedy}") from error


def read_origin(path: Path) -> list[dict[str, Any]]:
    """Return the sweeps that made a file's rows, each with its machine, its versions and its fixed keys.

    The machine is the one that wrote the rows. Of the one that trained, a sweep's versions only say the architecture
    and the number of processors. Raises UsageError if the file does not name its sweeps.
    """
    try:
        origin: list[dict[str, Any]] = json.loads(pq.read_schema(path).metadata[_ORIGIN])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path}: not a file of recorded rows; {REMEDY}") from error
    return origin


def sweep_rows(folder: SweepFolder) -> Iterator[dict[str, Any]]:
    """Yield one row per validation of each trial that has ended."""
    spec = sweeper.open(folder.path).spec
    for record in read_study(folder, spec).all_trials():
        if record.end is not None:
            yield from _trial_rows(folder.name, spec.seed, record)


def _trial_rows(sweep: str, sweep_seed: int, record: TrialRecord) -> Iterator[dict[str, Any]]:
    """Yield the rows of one trial. `seconds` are those of training and validation since the row before."""
    assert record.end is not None
    trial = record.trial
    setting = {name: trial.params.get(name) for name in SETTING}
    fixed = {"sweep": sweep, "sweep_seed": sweep_seed, "trial": trial.number, "seed": trial.config.seed, **setting}
    for report in record.reports:
        metrics = {name: report.metrics.get(name) for name in METRICS}
        seconds = report.metrics.get("seconds")
        ends = {"outcome": record.end.outcome.value, "attempts": trial.attempt}
        yield {**fixed, "step": report.step, "epoch": report.epoch, **metrics, "seconds": seconds, **ends}


def describe_machine() -> dict[str, Any]:
    """Return the processor, its number of usable cores, and the system."""
    return {
        "processor": processor_name(),
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
    }


def _describe_sweep(folder: SweepFolder) -> dict[str, Any]:
    versions = folder.path / "versions.json"
    spec = folder.read_spec()
    return {
        "name": folder.name,
        "machine": describe_machine(),
        "dataset": spec.dataset_spec.name,
        "compare": [dict(system) for system in spec.systems],
        "seed": spec.seed,
        "training": spec.training,
        "limit": spec.limit.model_dump(),
        "resolved": dict(folder.manifest.resolved),
        "threads": folder.manifest.threads,
        "versions": json.loads(versions.read_text(encoding="utf-8")) if versions.exists() else {},
    }
