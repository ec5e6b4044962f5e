"""Finds the sweep that a search space continues among the folders of sweeps: the newest with its identity."""

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sweeper.errors import UsageError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import MANIFEST, SweepFolder, open_sweep, open_sweeps


def find_sweep(sweeps: Path, spec: SweepSpec) -> SweepFolder | None:
    """Return the newest sweep in the folder `sweeps` with the identity of `spec`, or None."""
    return next(iter(find_same(sweeps, spec.identity)), None)


def find_same(sweeps: Path, identity: Mapping[str, Any]) -> list[SweepFolder]:
    """Return the sweeps in the folder `sweeps` with this identity, the newest first.

    Of copies of a sweep, only the one with the name that it was made with is returned: the others are backups.
    """
    return _select_same(open_sweeps(sweeps), identity)


def find_continued(folder: SweepFolder) -> SweepFolder:
    """Return the sweep that the search space of a folder continues: this one, or another beside it.

    Another one continues if this one is a copy of it, or is older: it was begun anew. Folders that cannot be read are
    left out.
    """
    same = _select_same(_readable_sweeps(folder.path.parent), folder.manifest.identity)
    return folder if not same or same[0].path.resolve() == folder.path.resolve() else same[0]


def copies_beside(folder: SweepFolder) -> list[SweepFolder]:
    """Return the other folders of the same sweep beside one: its copies, or the original and other copies.

    Folders that cannot be read are left out.
    """
    return [
        other
        for other in _readable_sweeps(folder.path.parent)
        if other.manifest.id == folder.manifest.id != "" and other.path.resolve() != folder.path.resolve()
    ]


def _readable_sweeps(sweeps: Path) -> list[SweepFolder]:
    """Return the sweeps in the folder `sweeps` that can be read, by name."""
    folders = []
    for manifest in sorted(sweeps.glob(f"*/{MANIFEST}")):
        with suppress(UsageError):
            folders.append(open_sweep(manifest.parent))
    return folders


def _select_same(folders: Sequence[SweepFolder], identity: Mapping[str, Any]) -> list[SweepFolder]:
    """Return the sweeps of `folders` with this identity, the newest first, and no copies."""
    originals: dict[str, SweepFolder] = {}
    same = [folder for folder in folders if folder.manifest.identity == identity]
    for folder in sorted(newest_first(same), key=_name_rank):
        originals.setdefault(folder.manifest.id or str(folder.path), folder)
    return newest_first(list(originals.values()))


def _name_rank(folder: SweepFolder) -> tuple[float, int]:
    """Return a key that puts the name of a new sweep first, then NAME.2 and so on, and then all other names.

    Of two that are equal otherwise, the shorter one comes first, as before "copy-of-NAME".
    """
    match = re.fullmatch(rf".+-{folder.fingerprint}(?:\.(\d+))?", folder.name)
    return (math.inf if match is None else float(match[1] or 1)), len(folder.name)


def differing_keys(sweeps: Path, spec: SweepSpec) -> tuple[str, list[str]] | None:
    """Return the newest sweep of the same data set and the keys in which its identity differs from that of `spec`.

    None if there is no sweep of that data set.
    """
    name = spec.dataset_spec.name
    same = (folder for folder in newest_first(open_sweeps(sweeps)) if folder.name.rpartition("-")[0] == name)
    newest = next(same, None)
    if newest is None:
        return None
    before, now = newest.manifest.identity, spec.identity  # each lacks the keys that it has at their default
    return newest.name, [key for key in dict.fromkeys((*now, *before)) if before.get(key) != now.get(key)]


def newest_first(folders: Sequence[SweepFolder]) -> list[SweepFolder]:
    """Return sweeps by the time of their first start, the last one first."""
    return sorted(folders, key=lambda folder: folder.began_at, reverse=True)
