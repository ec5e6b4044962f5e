"""Finished sweeps for a table, read from the records in their folders. MLflow is not needed, and nothing is written."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.app.folder_predictions import finished_sweep
from sweeper.app.open_study import read_study, require_record
from sweeper.errors import RecordError, UsageError
from sweeper.protocol.finished_sweep import FinishedSweep, FinishedSweeps
from sweeper.protocol.results import results_of_study
from sweeper.record.test_accesses import read_test_accesses
from sweeper.storage.sweep_folder import SweepFolder, open_sweep, open_sweeps
from sweeper.storage.sweep_names import find_named_sweep, named_folder
from sweeper.trials.trial import TestAccess


@dataclass(frozen=True)
class RecordedSweeps:
    """The sweeps whose folders are at hand.

    `finished` are those for the table, `unfinished` the names of those that have no results yet. `ids` are those of all
    folders at hand. `unknown` are the names that no folder has.
    """

    finished: FinishedSweeps
    unfinished: tuple[str, ...]
    ids: frozenset[str]
    unknown: tuple[str, ...]


def load_recorded_sweeps(sweeps: Path, named: Sequence[str]) -> RecordedSweeps:
    """Return the finished sweeps in the folder `sweeps`, or of these only the `named` ones, by name or folder.

    Test accesses of all other sweeps in `sweeps` are counted. Raises UsageError if a folder cannot be read or has no
    record, RecordError if a record is damaged.
    """
    paths = {name: named_folder(name, sweeps) for name in named}
    named_sweeps = _without_repeats([open_sweep(path) for path in paths.values() if path is not None])
    at_hand = _without_repeats([*open_sweeps(sweeps), *named_sweeps])
    originals, remarks = _without_copies(named_sweeps if named else at_hand)
    finished = [folder for folder in originals if folder.is_finished]
    unfinished = sorted(folder.name for folder in originals if not folder.is_finished)
    if unfinished:
        remarks.append(f"Left out, because not finished: {', '.join(unfinished)}.")
    loaded = [_load(folder) for folder in finished]
    counts, uncounted = count_other_accesses([folder for folder in at_hand if folder not in finished], loaded)
    unknown = tuple(name for name, path in paths.items() if path is None)
    ids = frozenset(folder.manifest.id for folder in at_hand if folder.manifest.id)
    sweeps_for_table = FinishedSweeps(tuple(loaded), counts, (*remarks, *uncounted))
    return RecordedSweeps(sweeps_for_table, tuple(unfinished), ids, unknown)


def _without_repeats(folders: Sequence[SweepFolder]) -> list[SweepFolder]:
    """Return the folders of sweeps, each once, also if it has several paths."""
    return list({folder.path.resolve(): folder for folder in folders}.values())


def require_known(recorded: RecordedSweeps, sweeps: Path) -> None:
    """Raise UsageError if a named sweep has no folder, or if nothing is finished."""
    for name in recorded.unknown:
        find_named_sweep(name, sweeps)
    if not recorded.finished.sweeps:
        unfinished = f"; not finished: {', '.join(recorded.unfinished)}" if recorded.unfinished else ""
        raise UsageError(
            f"{sweeps}: has no finished sweep for this table{unfinished}; --sweeps names another folder, and "
            "--tracking-uri reads MLflow"
        )


def _without_copies(folders: Sequence[SweepFolder]) -> tuple[list[SweepFolder], list[str]]:
    """Return each sweep once, and a remark for each that has several folders: of copies the longest record counts."""
    groups: dict[str, list[SweepFolder]] = {}
    for folder in folders:
        groups.setdefault(folder.manifest.id or str(folder.path), []).append(folder)
    chosen, remarks = [], []
    for group in groups.values():
        first, *copies = sorted(group, key=lambda folder: (-_record_size(folder), folder.name))
        chosen.append(first)
        if copies:
            names = ", ".join(folder.name for folder in copies)
            remarks.append(f"{first.name} is shown; copies of the same sweep are not: {names}.")
    return chosen, remarks


def _record_size(folder: SweepFolder) -> int:
    return folder.journal.stat().st_size if folder.journal.exists() else 0


def _load(folder: SweepFolder) -> FinishedSweep:
    """Return a finished sweep, with the results that its record gives now."""
    spec = folder.read_spec()
    return finished_sweep(folder, results_of_study(spec, folder, read_study(folder, spec)))


def count_accesses_beside(folder: SweepFolder, sweep: FinishedSweep) -> tuple[dict[str, int], list[str]]:
    """Count the test accesses of the sweeps beside a sweep that is shown alone, as `count_other_accesses` does."""
    beside = [
        neighbour for neighbour in open_sweeps(folder.path.parent) if neighbour.path.resolve() != folder.path.resolve()
    ]
    return count_other_accesses(beside, [sweep])


def count_other_accesses(
    folders: Sequence[SweepFolder], loaded: Sequence[FinishedSweep]
) -> tuple[dict[str, int], list[str]]:
    """Count, by the digest of the test split, the test accesses in these records that no loaded results have.

    Copies of a sweep share accesses, which count once. A remark names each record that cannot be read.
    """
    counted = {(sweep.results.id, access) for sweep in loaded for access in sweep.results.test_accesses}
    digests: dict[tuple[str, TestAccess], str] = {}
    remarks = []
    for folder in folders:
        test = folder.manifest.splits.get("test")
        try:
            require_record(folder)
            accesses = read_test_accesses(folder.journal) if test else ()
        except (RecordError, UsageError) as error:
            remarks.append(f"The test accesses of {folder.name} are not counted: {error}.")
            continue
        digests |= {(folder.manifest.id, access): str(test["digest"]) for access in accesses if test}
    return dict(Counter(digest for access, digest in digests.items() if access not in counted)), remarks
