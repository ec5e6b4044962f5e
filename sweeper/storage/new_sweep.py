"""Makes the folder of a new sweep, and its manifest."""

import itertools
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sweeper.atomic_write import write_json
from sweeper.errors import UsageError
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint
from sweeper.storage.record_lock import hold_record
from sweeper.storage.sweep_folder import MANIFEST, RECORD, RESULTS, SweepFolder, is_sweep, open_sweep
from sweeper.storage.sweep_manifest import EncoderSummary, SweepManifest
from sweeper.trials.borrowed import BorrowedTrials


def require_manifest(sweeps: Path, spec: SweepSpec, resolved: Mapping[str, str]) -> None:
    """Raise UsageError if the folder that a new sweep would get has a record or results, and no manifest."""
    path = sweeps / _first_name(spec, resolved)
    traces = _traces(path)
    if traces and MANIFEST not in traces:
        raise UsageError(
            f"{path / MANIFEST}: is missing, and {traces[0]} is there; restore a copy of it, or start the sweep again "
            "with --fresh"
        )


def _first_name(spec: SweepSpec, resolved: Mapping[str, str]) -> str:
    return f"{spec.dataset_spec.name}-{fingerprint(spec.identity, resolved)}"


def _traces(path: Path) -> list[str]:
    """Return the files in a folder that tell of a sweep that has begun there."""
    return [name for name in (MANIFEST, RECORD, RESULTS) if (path / name).exists()]


def create_sweep(
    sweeps: Path, spec: SweepSpec, resolved: Mapping[str, str], threads: int, labels: Sequence[str] = (),
    splits: Mapping[str, Any] | None = None, data_warnings: Sequence[str] = (), borrowed: Sequence[BorrowedTrials] = (),
    encoders: Mapping[str, EncoderSummary] | None = None, *, is_fresh: bool = True,
) -> SweepFolder:  # fmt: skip
    """Make the folder of a new sweep and write its manifest. If the name is taken, the folder is called NAME.2.

    A folder that a driver left behind before it had written the manifest is taken: it has neither record nor results.
    Raises UsageError if another command begins the same sweep at the same moment; also if one has begun it just before,
    unless `is_fresh` says that this is to be one more sweep.
    """
    first = _first_name(spec, resolved)
    names = itertools.chain([first], (f"{first}.{number}" for number in itertools.count(2)))
    name = next(name for name in names if not _traces(sweeps / name))
    if not is_fresh and is_sweep(sweeps / first) and open_sweep(sweeps / first).manifest.identity == spec.identity:
        raise begun_meanwhile(sweeps / first)
    manifest = SweepManifest(
        identity=spec.identity,
        resolved=dict(resolved),
        threads=threads,
        id=secrets.token_hex(4),
        labels=list(labels),
        splits=dict(splits or {}),
        data_warnings=list(data_warnings),
        borrowed=tuple(borrowed),
        encoders=dict(encoders or {}),
        dataset=spec.dataset_spec.name,
        began_at=int(time.time() * 1000),
    )
    folder = SweepFolder(sweeps / name, manifest)
    unused = {key for key in ("borrowed", "encoders") if not getattr(manifest, key)}  # as in earlier manifests
    folder.path.mkdir(parents=True, exist_ok=True)
    with hold_record(folder.journal):
        if _traces(folder.path):
            raise begun_meanwhile(folder.path)
        folder.write_spec(spec)
        write_json(folder.path / MANIFEST, {key: value for key, value in asdict(manifest).items() if key not in unused})
    return folder


def begun_meanwhile(path: Path) -> UsageError:
    """Return the error for a new sweep whose folder another command has made in the meantime."""
    return UsageError(f"{path}: another command has begun this sweep meanwhile; run this one again")
