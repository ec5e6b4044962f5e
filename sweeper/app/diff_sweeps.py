"""Compares the questions of two sweeps: what each searches, on which data, with which versions."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sweeper.app.specs import load_spec, shipped_spaces
from sweeper.errors import UsageError
from sweeper.storage.sweep_folder import MANIFEST, SweepFolder, open_sweep
from sweeper.storage.sweep_names import find_named_sweep, named_folder
from sweeper.wording import allowed_hint

_PINS = "resolved"
_FILE_SUFFIXES = (".yaml", ".yml")


class Difference(BaseModel):
    """One key whose values differ. A value of None stands for a key that is not there."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="the key, such as search.tau; resolved.NAME is the revision or digest of a source")
    kind: Literal["question", "spending"] = Field(
        description="question: it makes another sweep; spending: budget, resources and the like, which do not"
    )
    first: Any = Field(description="its value in the first sweep")
    second: Any = Field(description="its value in the second sweep")


@dataclass(frozen=True)
class _Question:
    """The keys of a search space by kind: those that make another sweep, and those of what is spent on it."""

    identity: Mapping[str, Any]
    spending: Mapping[str, Any]


def diff_sweeps(
    first: str | PathLike[str], second: str | PathLike[str], *, sweeps: str | Path = "sweeps"
) -> list[Difference]:
    """Return the keys in which two sweeps differ; each is a sweep, or a search space file or name.

    The revisions and digests of data and encoders are compared if both are sweeps. Raises UsageError.
    """
    a, b = (_read(name, Path(sweeps)) for name in (first, second))
    if _PINS not in a.identity or _PINS not in b.identity:
        a, b = _without_pins(a), _without_pins(b)
    return [*_compare(a.identity, b.identity, "question"), *_compare(a.spending, b.spending, "spending")]


def _read(name: str | PathLike[str], sweeps: Path) -> _Question:
    folder = named_folder(name, sweeps)
    path = Path(name)
    if folder is None and (path.suffix in _FILE_SUFFIXES or not _looks_like_sweep(path)):
        _require_known(path, sweeps)
        spec = load_spec(path)
        return _Question(dict(spec.identity), _spending(spec.model_dump(mode="json"), spec.identity))
    return _of_sweep(find_named_sweep(name, sweeps) if folder is None else open_sweep(folder))


def _require_known(path: Path, sweeps: Path) -> None:
    """Raise UsageError for a bare name that is neither that of a sweep nor that of a search space."""
    spaces = shipped_spaces()
    with suppress(OSError):  # a name that no file can have
        if path.suffix or path.exists() or path.name in spaces:
            return
    names = [*sorted(manifest.parent.name for manifest in sweeps.glob(f"*/{MANIFEST}")), *spaces]
    rule = f"neither a sweep in {sweeps} nor a file nor a shipped search space, {allowed_hint(names, path.name)}"
    raise UsageError(f"{path}: {rule}")


def _looks_like_sweep(path: Path) -> bool:
    """Return True for a name with a fingerprint, or a path: a message about sweeps helps more then."""
    return "-" in path.name or len(path.parts) > 1


def _of_sweep(folder: SweepFolder) -> _Question:
    identity = folder.manifest.identity
    spending = _spending(folder.read_spec().model_dump(mode="json"), identity)
    return _Question({**identity, _PINS: dict(folder.manifest.resolved)}, spending)


def _spending(values: Mapping[str, Any], identity: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in identity}


def _without_pins(question: _Question) -> _Question:
    return _Question({key: value for key, value in question.identity.items() if key != _PINS}, question.spending)


def _compare(a: Mapping[str, Any], b: Mapping[str, Any], kind: Literal["question", "spending"]) -> list[Difference]:
    """Return the differences of two mappings, those inside a section by its keys."""
    first, second = _flatten(a), _flatten(b)
    return [
        Difference(key=key, kind=kind, first=first.get(key), second=second.get(key))
        for key in dict.fromkeys((*first, *second))
        if first.get(key) != second.get(key)
    ]


def _flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values by key, those of a section by `section.key`, and digests by `dataset.files.train`."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if not isinstance(value, dict):
            flat[key] = value
            continue
        section = _flatten(value) if key == "dataset" else value
        flat |= {f"{key}.{name}": inner for name, inner in section.items()}
    return flat
