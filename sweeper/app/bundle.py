"""Packs what is sent to a cluster: each sweep as a file with every key, the files that it names, and a list of both.

NAME.yaml      a sweep; it names the files below
files/K/…      the user's own data, encoders that are folders, and earlier sweeps that a sweep learns from
parcel.json    the versions here, and the digest of every file
"""

import hashlib
import json
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.metadata import version
from itertools import count
from pathlib import Path
from typing import Any

from sweeper.app.output_paths import require_sweeps_folder
from sweeper.atomic_write import atomic_write
from sweeper.data.encoder_folder import needed_files
from sweeper.data.file_digest import file_digest
from sweeper.errors import UsageError
from sweeper.home_folder import expand_home
from sweeper.search_space.custom_dataset import CustomDataset
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint
from sweeper.search_space.yaml_file import dump_yaml
from sweeper.storage.sweep_folder import MANIFEST, RECORD, SPEC, is_sweep

NOTE = "parcel.json"
KEPT = ".sent"  # in the folder of the sweeps
_FILES = "files"


def pack(specs: Sequence[SweepSpec], folder: Path, *, shared_files: bool = False) -> tuple[tuple[str, ...], list[str]]:
    """Fill an empty folder with sweeps, and return their names and the names of their files there.

    These names are not those of the folders that the sweeps get: which versions of data and encoders there are is only
    known on the cluster.
    With `shared_files`, the files that the sweeps name are not copied: the cluster has them under the same path.
    """
    numbers, names, files = count(), [], []
    copy = _absolute_path if shared_files else partial(_copy, folder, numbers)
    for spec in specs:
        name = f"{spec.dataset_spec.name}-{fingerprint(spec.identity, {})}"
        path = folder / f"{name}.yaml"
        path.write_text(dump_yaml(_named_spec(spec, copy)), encoding="utf-8")
        names.append(name)
        files.append(path.name)
    digests = {str(path.relative_to(folder)): file_digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    (folder / NOTE).write_text(json.dumps({"versions": versions(), "files": digests}), encoding="utf-8")
    return tuple(names), files


def verify_bundle(note: Path) -> None:
    """Check that everything arrived as it was sent, and that the versions here are the sender's. Raises UsageError."""
    try:
        sent = json.loads(note.read_text(encoding="utf-8"))
        sender, files = dict(sent["versions"]), dict(sent["files"])
    except (OSError, ValueError, TypeError, KeyError):
        raise UsageError(f"--parcel {note}: is no list that `sweeper submit` wrote; leave the option out") from None
    here = versions()
    different = [name for name in here if here[name] != sender.get(name)]
    if different:
        raise UsageError(
            f"the cluster has {_list_versions(here, different)}, and you have {_list_versions(sender, different)}; "
            "install the same on both: cluster/README.md says how an image is made"
        )
    for name, digest in files.items():
        path = note.parent / name
        if not path.is_file() or file_digest(path) != digest:
            raise UsageError(f"{name}: is missing on the cluster, or differs from what was sent; submit it again")


def keep_files(note: Path, sweeps: Path) -> Path:
    """Copy a verified bundle into the folder of the sweeps, and return the folder where it is then.

    Ray deletes the folder in which a bundle arrives, and sweep.yaml names the files in it. Bundles with the same files
    share a folder, so the files are copied once. A bundle without any stays where it is. Raises UsageError if the
    folder of the sweeps cannot be written to, OSError if a file cannot.
    """
    digests: dict[str, str] = json.loads(note.read_text(encoding="utf-8"))["files"]
    files = {name: digest for name, digest in digests.items() if name.startswith(f"{_FILES}/")}
    if not files:
        return note.parent
    require_sweeps_folder(sweeps)
    content = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    folder = sweeps / KEPT / content[:16]
    for name, digest in digests.items():
        target = folder / name
        if not target.is_file() or file_digest(target) != digest:
            with atomic_write(target) as copy, (note.parent / name).open("rb") as source:
                shutil.copyfileobj(source, copy)
    return folder


def versions() -> dict[str, str]:
    """Return the versions that must be the same on both sides."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {"sweeper": version("sweeper"), "Ray": version("ray"), "Python": python}


def _list_versions(installed: Mapping[str, str], names: Sequence[str]) -> str:
    return ", ".join(f"{name} {installed.get(name, 'unknown')}" for name in names)


def _absolute_path(source: str) -> str:
    """Return a path as an absolute one. A symbolic link keeps its name: its target may lack the suffix of a format."""
    path = expand_home(source).absolute()
    return str(path.resolve() if path.name in ("", "..") else path)


def _copy(folder: Path, numbers: "count[int]", source: str) -> str:
    """Copy a file, or the needed files of an encoder or an earlier sweep. Return the copy's path below `folder`."""
    path = Path(_absolute_path(source))
    target = Path(_FILES) / str(next(numbers)) / path.name
    destination = folder / target if path.is_dir() else (folder / target).parent
    destination.mkdir(parents=True)
    for file in _files_to_copy(path):
        shutil.copy(file, destination / file.name)
    return str(target)


def _files_to_copy(path: Path) -> Sequence[Path]:
    """Return the files of a sweep that another sweep learns from, or those of an encoder, or the one file itself."""
    if is_sweep(path):
        return [path / name for name in (MANIFEST, SPEC, RECORD) if (path / name).is_file()]
    return needed_files(path) if path.is_dir() else [path]


def check_size(folder: Path, limit: int) -> None:
    """Raise UsageError if the files in a bundle have more bytes than the server takes."""
    sizes = {path: path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    total = sum(sizes.values())
    if total <= limit:
        return
    largest = max(sizes, key=lambda path: sizes[path])
    raise UsageError(
        f"{largest.name}: has {_megabytes(sizes[largest])} of the {_megabytes(total)} that would be sent, and the "
        f"cluster's job server takes {_megabytes(limit)}; name an encoder or a data set of the hub instead, or put the "
        "files on storage that all nodes see under the same path, and submit with --shared-files"
    )


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB"


def _named_spec(spec: SweepSpec, copy: Callable[[str], str]) -> dict[str, Any]:
    """Return a spec as JSON values that name each of its files as `copy` does."""
    values = spec.model_dump(mode="json", exclude_none=True)
    if isinstance(spec.dataset, CustomDataset):
        files = {split: copy(path) for split, path in spec.dataset.files.items()}
        values["dataset"] = {**values["dataset"], **files, "name": spec.dataset_spec.name}
    if spec.learn_from:
        values["learn_from"] = [copy(path) if is_sweep(Path(path)) else path for path in spec.learn_from]
    encoder_folders = {name: copy(name) for name in spec.encoders if expand_home(name).is_dir()}
    if encoder_folders:
        for section in ("compare", "search", "training", "start_with"):
            values[section] = _replace_names(values[section], encoder_folders)
    return values


def _replace_names(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {names.get(key, key): _replace_names(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replace_names(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value
