"""The folder of a sweep, such as `sweeps/sst5-3f9a1c2e/`. The fingerprint of what the sweep is gives it its name.

sweep.json       everything that was fixed when the sweep first started
sweep.yaml       every key of the search space as last run, defaults too
record.journal   every proposal, report and outcome (record/optuna_study.py)
trials/          checkpoints of running trials, tracebacks of failed ones (trial_files.py)
predictions/     predictions of the confirmed models (predictions.py)
train/           models that `sweeper train` made
logs/            output of the libraries, one file for each start
gpu_memory.json  the GPU memory of each kind of training, with `gpu: auto` (gpu_memory_file.py)
requests/         what users ask of the driver (requests.py)
needs_sync       an empty file that exists while MLflow is not in sync with the record
results.json     written last, so a sweep is finished if it exists
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from sweeper.atomic_write import atomic_write
from sweeper.errors import UsageError
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.spec_checks import check_stored_spec
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint
from sweeper.search_space.yaml_file import dump_yaml, load_yaml
from sweeper.storage.sweep_manifest import SweepManifest

MANIFEST, SPEC, RECORD, RESULTS = "sweep.json", "sweep.yaml", "record.journal", "results.json"
_MANIFEST = TypeAdapter(SweepManifest)


class SweepFolder:
    """The folder of one sweep, with its manifest."""

    def __init__(self, path: Path, manifest: SweepManifest) -> None:
        self.path, self.manifest = path, manifest

    @property
    def name(self) -> str:
        """The name of the sweep: data set and fingerprint."""
        return self.path.name

    @property
    def fingerprint(self) -> str:
        """The fingerprint that the folder's name had at first. A renamed folder keeps it."""
        return fingerprint(self.manifest.identity, self.manifest.resolved)

    @property
    def validation_digest(self) -> str:
        """The digest of the validation split; "" if the manifest does not have it."""
        summary = self.manifest.splits.get("validation")
        return "" if summary is None else summary["digest"]

    @property
    def began_at(self) -> int:
        """The time of its first start in milliseconds since 1970; that of its manifest if an earlier version ran it."""
        return self.manifest.began_at or int((self.path / MANIFEST).stat().st_mtime * 1000)

    def require_present(self) -> None:
        """Raise UsageError if the folder was deleted or moved after it had been opened."""
        if not self.path.exists():
            raise UsageError(f"{self.path}: the folder of this sweep is gone; if it was moved, open it where it is now")

    @property
    def texts(self) -> Mapping[str, int]:
        """The number of texts in each split."""
        return {name: split["texts"] for name, split in self.manifest.splits.items()}

    @property
    def journal(self) -> Path:
        """The path of the record."""
        return self.path / RECORD

    def read_spec(self) -> SweepSpec:
        """Return the spec as last run, which may have a larger budget than at the first start.

        Raises UsageError if the folder is gone, or sweep.yaml is missing or damaged.
        """
        self.require_present()
        if not (path := self.path / SPEC).exists():
            raise UsageError(f"{path}: is missing; run the sweep's search space again")
        try:
            return self.named(_readable(SweepSpec.model_validate(load_yaml(path).values)))
        except (UsageError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{path}: cannot be read ({reason}); run the sweep's search space again") from None

    def named(self, spec: SweepSpec) -> SweepSpec:
        """Return a spec of this sweep with the name that the data set had when the sweep began.

        Without the key `name`, a data set has the name of the folder of its files, which may be moved or renamed.
        """
        name = self.manifest.dataset
        if not name and isinstance(spec.dataset, CustomDataset) and not spec.dataset.name:  # of an earlier version
            match = re.fullmatch(rf"([\w.]+)-{self.fingerprint}(\.\d+)?", self.name)
            name = match[1] if match else ""
        return spec.with_dataset_name(name) if name else spec

    def write_spec(self, spec: SweepSpec) -> None:
        """Write the spec that the sweep is about to run with, as a search space that runs as it is."""
        with atomic_write(self.path / SPEC) as file:
            file.write(self._spec_file(spec))

    def has_spec(self, spec: SweepSpec) -> bool:
        """Return True if sweep.yaml is there, and is what `write_spec` writes for this spec."""
        try:
            return (self.path / SPEC).read_bytes() == self._spec_file(spec)
        except FileNotFoundError:
            return False

    def _spec_file(self, spec: SweepSpec) -> bytes:
        pins = "".join(f"# {name}: {pin}\n" for name, pin in self.manifest.resolved.items())
        return (pins + dump_yaml(spec)).encode()

    @property
    def is_finished(self) -> bool:
        """True if the sweep has its results. They are written last."""
        return (self.path / RESULTS).exists()

    def read_results(self) -> str | None:
        """Return the text of results.json, or None if the sweep is not finished or the file is not UTF-8.

        Raises UsageError if the file cannot be read, as a folder.
        """
        try:
            return (self.path / RESULTS).read_text(encoding="utf-8")
        except (FileNotFoundError, ValueError):
            return None
        except OSError as error:
            raise UsageError(f"{self.path / RESULTS}: cannot be read ({error.strerror}); move it away") from None

    def mark_running(self) -> None:
        """Prepare for a growing record: delete the results of a smaller budget, and mark MLflow as out of sync."""
        self.mark_unsynced()
        (self.path / RESULTS).unlink(missing_ok=True)

    def write_results(self, text: str) -> None:
        """Write results.json atomically."""
        with atomic_write(self.path / RESULTS) as file:
            file.write(text.encode())

    @property
    def needs_sync(self) -> bool:
        """True if MLflow may not have everything that is in the record."""
        return (self.path / "needs_sync").exists()

    def mark_unsynced(self) -> None:
        """Note that the record has something that MLflow may not have."""
        (self.path / "needs_sync").touch()

    def mark_synced(self) -> None:
        """Note that MLflow has everything that is in the record."""
        (self.path / "needs_sync").unlink(missing_ok=True)


def _readable(spec: SweepSpec) -> SweepSpec:
    """Return a spec without issues. Raises ValueError otherwise."""
    for issue in check_stored_spec(spec):
        raise ValueError(f"{'.'.join(map(str, issue.path))}: {issue.rule}")
    return spec


def is_sweep(path: Path) -> bool:
    """Return True if `path` is the folder of a sweep."""
    return (path / MANIFEST).is_file()


def open_sweeps(sweeps: Path) -> list[SweepFolder]:
    """Return every sweep in the folder `sweeps`, by name. Raises UsageError if one cannot be read."""
    return [open_sweep(path.parent) for path in sorted(sweeps.glob(f"*/{MANIFEST}"))]


def open_sweep(path: Path) -> SweepFolder:
    """Open the folder of a sweep. Raises UsageError if `path` is not one, or is damaged."""
    path = path if path.name not in ("", "..") else path.resolve()  # "." has no name
    try:
        stored = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        return SweepFolder(path, _MANIFEST.validate_python(stored))
    except (FileNotFoundError, NotADirectoryError):
        raise UsageError(f"{path}: not the folder of a sweep; name one, such as sweeps/sst5-3f9a1c2e") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        reason = f"it is not what sweeper writes{f', at {place}' if place else ''}"
    except (ValueError, RecursionError, OSError) as error:
        reason = str(error.strerror if isinstance(error, OSError) else error)
    raise UsageError(f"{path / MANIFEST}: cannot be read ({reason}); move {path} away to start afresh") from None
