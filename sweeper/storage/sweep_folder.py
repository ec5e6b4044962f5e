"""The folder of a sweep, `sweeps/sst5-3f9a1c2e/`, named by what the sweep is.

sweep.json       the question as it was put, and what was frozen when it was first put
sweep.yaml       every key as it was last run with, defaults too
record.journal   every proposal, report and outcome (record/study.py)
trials/          checkpoints of the trials that run, tracebacks of those that failed
train/           models that `sweeper train` made
logs/            what the libraries had to say, a file for each start
unsent           an empty file, there while MLflow lacks something of the record
results.json     written last: it is there, so the sweep is finished
"""

import itertools
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint


@dataclass(frozen=True)
class SweepManifest:
    """What is fixed when a sweep first starts: data and encoders as they then were, and the threads of a trial.

    `spec` is the whole spec as it then was, `question` what the sweep is of it. `resolved` maps `dataset` and each
    encoder to a commit or digest, and `rows` to the digest of the rows. `id` tells two sweeps of one question apart.
    `splits` says how many texts each split has, and their digest.
    """

    identity: Mapping[str, Any]
    spec: Mapping[str, Any]
    resolved: Mapping[str, str]
    threads: int
    id: str = ""
    labels: Sequence[str] = ()
    splits: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class SweepFolder:
    """One sweep's folder, and what it is: `name` is the folder's, `fingerprint` the digits in it."""

    def __init__(self, path: Path, frozen: SweepManifest) -> None:
        self.path, self.manifest = path, frozen

    @property
    def name(self) -> str:
        """The sweep's name: data set and fingerprint."""
        return self.path.name

    @property
    def fingerprint(self) -> str:
        """The fingerprint alone."""
        return self.path.name.rpartition("-")[2]

    @property
    def journal(self) -> Path:
        """The record's file."""
        return self.path / "record.journal"

    @property
    def spec(self) -> SweepSpec:
        """The spec as it was last run: a larger budget and the like may have come since the first start."""
        try:
            lines = (self.path / "sweep.yaml").read_text(encoding="utf-8").splitlines()
            pairs = (line.partition(": ") for line in lines if not line.startswith("#"))
            return SweepSpec.model_validate({key: json.loads(value) for key, _, value in pairs})
        except (FileNotFoundError, ValueError):
            return SweepSpec.model_validate(self.manifest.spec)

    def write_spec(self, spec: SweepSpec) -> None:
        """Keep what the sweep is about to run with, as a file that runs as it is: each value is JSON, and so YAML."""
        values = spec.model_dump(mode="json", exclude_none=True)
        pins = [f"# {name}: {pin}" for name, pin in self.manifest.resolved.items()]
        lines = [*pins, *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())]
        with atomic_write(self.path / "sweep.yaml") as file:
            file.write("".join(f"{line}\n" for line in lines).encode())

    def backfill(self, labels: Sequence[str], splits: Mapping[str, Mapping[str, Any]]) -> None:
        """Freeze what a folder of an earlier version does not have."""
        if not self.manifest.labels:
            self.manifest = replace(self.manifest, labels=list(labels), splits=dict(splits))
            write_json(self.path / "sweep.json", asdict(self.manifest))

    def read_results(self) -> str | None:
        """Return the text of results.json; None where the sweep is not finished, or the file is not UTF-8."""
        try:
            return (self.path / "results.json").read_text(encoding="utf-8")
        except (FileNotFoundError, ValueError):
            return None

    def mark_running(self) -> None:
        """The record is about to grow: results of a smaller budget go, and MLflow will lack something."""
        (self.path / "unsent").touch()
        (self.path / "results.json").unlink(missing_ok=True)

    def write_results(self, text: str) -> None:
        """Write results.json, whole or not at all."""
        with atomic_write(self.path / "results.json") as file:
            file.write(text.encode())

    @property
    def needs_sync(self) -> bool:
        """Whether MLflow lacks something of the record, as far as known."""
        return (self.path / "unsent").exists()

    def mark_synced(self) -> None:
        """MLflow has all that is in the record."""
        (self.path / "unsent").unlink(missing_ok=True)


def find_sweep(sweeps: Path, spec: SweepSpec) -> SweepFolder | None:
    """The sweep in `sweeps` that asked the same question, the newest where there are several."""
    found = [folder for folder in list_sweeps(sweeps) if folder.manifest.identity == spec.identity]
    return _newest(found)


def differing_keys(sweeps: Path, spec: SweepSpec) -> tuple[str, list[str]] | None:
    """The newest sweep of the same data set, and the keys in which a spec asks another question; None without one."""
    newest = _newest([folder for folder in list_sweeps(sweeps) if folder.name.startswith(f"{spec.dataset_spec.name}-")])
    if newest is None:
        return None
    before, now = newest.manifest.identity, spec.identity
    return newest.name, [key for key in now if before.get(key) != now[key]]


def _newest(folders: Sequence[SweepFolder]) -> SweepFolder | None:
    """The folder whose sweep began last."""
    return max(folders, key=lambda folder: (folder.path / "sweep.json").stat().st_mtime, default=None)


def list_sweeps(sweeps: Path) -> list[SweepFolder]:
    """Every sweep in `sweeps`."""
    return [open_sweep(path.parent) for path in sorted(sweeps.glob("*/sweep.json"))]


def open_sweep(path: Path) -> SweepFolder:
    """The sweep in a folder. Raises UsageError where there is none."""
    try:
        stored = json.loads((path / "sweep.json").read_text(encoding="utf-8"))
        return SweepFolder(path, SweepManifest(**stored))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: is no sweep's folder; name one, such as sweeps/sst5-3f9a1c2e") from None
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path / 'sweep.json'}: cannot be read ({error}); move {path} away to start anew") from None


def create_sweep(
    sweeps: Path, spec: SweepSpec, resolved: Mapping[str, str], threads: int, labels: Sequence[str] = (),
    splits: Mapping[str, Mapping[str, Any]] | None = None,
) -> SweepFolder:  # fmt: skip
    """Make the folder of a new sweep, and freeze what it is about; beside one of the same name, as NAME.2."""
    first = f"{spec.dataset_spec.name}-{fingerprint(spec.identity, resolved)}"
    names = itertools.chain([first], (f"{first}.{number}" for number in itertools.count(2)))
    name = next(name for name in names if not (sweeps / name / "sweep.json").exists())
    whole = spec.model_dump(mode="json")
    frozen = SweepManifest(
        spec.identity, whole, dict(resolved), threads, secrets.token_hex(4), list(labels), dict(splits or {})
    )
    folder = SweepFolder(sweeps / name, frozen)
    write_json(folder.path / "sweep.json", asdict(folder.manifest))
    return folder


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write JSON to a file that is there whole or not at all."""
    with atomic_write(path) as file:
        file.write((json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())
