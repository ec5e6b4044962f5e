"""Reads the earlier sweeps that a search space learns from (`learn_from`), and finds some that it could learn from."""

from collections.abc import Iterator
from pathlib import Path

from sweeper.app.open_study import read_study
from sweeper.errors import SweeperError, UsageError
from sweeper.protocol.borrowing import borrow_trials, lends_setting
from sweeper.protocol.learned_from import describe_learned_from, learned_from, summarize_borrowed
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, open_sweep, open_sweeps
from sweeper.storage.sweep_search import find_sweep, newest_first
from sweeper.trials.borrowed import BorrowedTrials

_SUGGESTED = 2  # data sets at most: each takes one of a system's trials


def read_earlier_sweeps(spec: SweepSpec) -> list[BorrowedTrials]:
    """Return the trials that a new sweep borrows from each folder in `learn_from`. Nothing on the disk changes.

    Raises UsageError, with a line for each folder that is no sweep or cannot be read, has another objective, or has no
    ended trial that is of use.
    """
    borrowed: list[BorrowedTrials] = []
    mistakes: list[str] = []
    for position in range(len(spec.learn_from)):
        try:
            borrowed.append(_read_earlier_sweep(spec, position))
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return borrowed


def _read_earlier_sweep(spec: SweepSpec, position: int) -> BorrowedTrials:
    path = ("learn_from", position)
    try:
        folder = open_sweep(Path(spec.learn_from[position]))
        source = folder.read_spec()
        records = read_study(folder, source).all_trials()
    except SweeperError as error:
        raise UsageError(spec.message(path, str(error))) from None
    here, there = _objective(spec), _objective(source)
    if here != there:
        rule = f"{folder.name} has another objective, {there}, and this space has {here}; leave it out, or use its own"
        raise UsageError(spec.message(path, rule))
    borrowed = borrow_trials(spec, folder, source, records)
    if not borrowed.trials:
        raise UsageError(spec.message(path, f"{folder.name} {_nothing_borrowed(borrowed)}"))
    return borrowed


def _objective(spec: SweepSpec) -> str:
    return f"{spec.objective.direction}: {spec.objective.metric}"


def _nothing_borrowed(borrowed: BorrowedTrials) -> str:
    """Return the reason why nothing is borrowed from a sweep, and what to do."""
    if not borrowed.ended:
        return "has no ended trial yet; run it first, or leave it out"
    if borrowed.of_other_systems:
        return "has trials of other systems only; set tpe.siblings to learn from these, such as 0.5, or leave it out"
    return f"has no trial that lies in this space, of {borrowed.ended} that ended; leave it out, or widen the ranges"


def borrowing_lines(spec: SweepSpec, sweeps: Path) -> Iterator[str]:
    """Yield a line for each earlier sweep: what a new sweep would borrow, or what the one in `sweeps` has borrowed.

    Raises UsageError as `read_earlier_sweeps` does.
    """
    folder = find_sweep(sweeps, spec)
    sources = summarize_borrowed(read_earlier_sweeps(spec)) if folder is None else learned_from(folder)
    verb = "would learn from" if folder is None else f"{folder.name} learns from"
    yield from (f"{verb} {describe_learned_from(source)}" for source in sources)


def suggest_learn_from(spec: SweepSpec, sweeps: Path) -> str | None:
    """Return a line with finished sweeps of other data sets that a new sweep could begin with; None without any.

    They have a system in common with it and the same objective, and a trial of such a system completed in its space. Of
    each data set, the newest counts.
    """
    folders = newest_first(open_sweeps(sweeps))
    has_begun = any(folder.manifest.identity == spec.identity for folder in folders)
    if spec.learn_from or not SAMPLERS[spec.sampler].takes_tpe_settings or has_begun:
        return None
    useful: dict[str, SweepFolder] = {}
    for folder in folders:
        dataset = str(folder.manifest.identity.get("dataset"))
        if len(useful) < _SUGGESTED and dataset not in useful and _could_lend(spec, folder):
            useful[dataset] = folder
    paths = ", ".join(str(folder.path) for folder in useful.values())
    return f"learn_from: [{paths}] would begin with the settings that were best there" if paths else None


def _could_lend(spec: SweepSpec, folder: SweepFolder) -> bool:
    if not folder.is_finished or folder.manifest.identity.get("dataset") == spec.identity["dataset"]:
        return False
    try:
        source = folder.read_spec()
        if _objective(source) != _objective(spec) or not any(system in spec.systems for system in source.systems):
            return False
        return lends_setting(spec, borrow_trials(spec, folder, source, read_study(folder, source).all_trials()))
    except SweeperError:  # a damaged sweep is no suggestion
        return False
