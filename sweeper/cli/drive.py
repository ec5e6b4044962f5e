"""Drive sweeps: pick the edges, start Ray once, and run one sweep after the other on it."""

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from sweeper import sweep
from sweeper.allocation import Allocation
from sweeper.cli import tracking, words
from sweeper.cli.lines import Lines
from sweeper.cli.prepare import SEARCHED, Prepared, materialise, prepare
from sweeper.cli.screen import Screen
from sweeper.errors import SweeperError
from sweeper.folder import SweepFolder, changes, create, find
from sweeper.ports import Job, Recorded, Runner, TrainingData, View
from sweeper.results import results as results_of
from sweeper.results import winner
from sweeper.spec import SweepSpec


def drive(
    screen: Screen, specs: Sequence[SweepSpec], sweeps: Path, *, inline: bool, fresh: bool
) -> list[dict[str, Any]]:
    """Run every sweep that is not finished, and show the results of all. Data is fetched before Ray starts."""
    found = [(spec, None if fresh else find(sweeps, spec)) for spec in specs]
    open_ = [k for k, (spec, folder) in enumerate(found) if not _finished(spec, folder)]
    if open_:
        screen.hush(sweeps)
    prepared = {k: prepare(screen, *found[k]) for k in open_}
    results: dict[int, dict[str, Any]] = {}
    if open_:
        with ExitStack() as stack:
            with screen.step("starting Ray" if not inline else "starting"):
                runner = stack.enter_context(_runner(inline))
            for k in open_:
                results[k] = _one(screen, runner, prepared[k], sweeps)
    for k, (spec, folder) in enumerate(found):
        if folder is not None and k not in results:
            results[k] = _rebuilt(spec, folder)
            screen.line(f"{folder.name} is finished; a larger budget, or another seed, goes on from here")
            if folder.unsent:
                _send(screen, folder)
            _show(screen, spec, folder, results[k], sweeps)
    return [results[k] for k in range(len(found))]


def _rebuilt(spec: SweepSpec, folder: SweepFolder) -> dict[str, Any]:
    """The results of a finished sweep from its record, which they are a function of: damage to either is found."""
    from sweeper.edges.optuna import OptunaStudy

    with closing(OptunaStudy(spec, folder.journal, folder.frozen.threads)) as study:
        results = results_of(spec, folder, study.recorded())
    if results != folder.results():
        folder.finish(results)
    return results


def _send(screen: Screen, folder: SweepFolder) -> None:
    """Send what MLflow lacks of a finished sweep; where that cannot be, its table is shown all the same."""
    try:
        screen.line(tracking.send(screen, folder))
    except SweeperError as error:
        screen.line(str(error))


def _finished(spec: SweepSpec, folder: SweepFolder | None) -> bool:
    results = folder.results() if folder else None
    return results is not None and results["trials"] >= sum(spec.share(cell) for cell in range(len(spec.cells)))


def _runner(inline: bool) -> Any:
    if inline:
        from sweeper.edges.inline import InlineRunner
        from sweeper.learn.device import gpus

        return InlineRunner(len(os.sched_getaffinity(0)), gpus())
    from sweeper.edges.ray import RayRunner

    return RayRunner()


def _one(screen: Screen, runner: Runner, prepared: Prepared, sweeps: Path) -> dict[str, Any]:
    """One sweep, from its folder to its results."""
    from sweeper.edges.optuna import OptunaStudy
    from sweeper.learn.train import live

    spec = prepared.spec
    share = runner.allocate(spec.resources.cpu, spec.resources.gpu)
    before = None if prepared.folder else changes(sweeps, spec)
    folder = prepared.folder or create(sweeps, spec, prepared.resolved, share.cpu)
    with closing(OptunaStudy(spec, folder.journal, folder.frozen.threads)) as study:
        screen.log_in(folder.path / "logs")
        data = materialise(screen, prepared, spec.encoders)
        recorded = list(study.recorded())
        _greet(screen, folder, prepared, share, data, len(recorded))
        if before and before[1]:
            screen.line(f"  a new sweep; it differs from {before[0]} in {', '.join(before[1])}")
        if study.dropped:
            screen.line(f"  the record's last {study.dropped} bytes were cut off half written; that is dropped")
        view = _view(screen, folder, spec, recorded, share)
        folder.begin()
        tracker = tracking.tracker_of(spec, folder, say=view.say)
        status = "KILLED"
        try:
            job = Job(live, data, folder.path.resolve(), spec.stall_minutes * 60)
            spent = sweep.run(spec, study, runner, (view, tracker), job, share, view.say)
            status = "FINISHED"
        except Exception:
            status = "FAILED"
            raise
        finally:
            view.close(status)
            if status == "KILLED":
                screen.line("closing; a second Ctrl-C ends it at once")
            tracker.close(status)
            if not tracker.behind:
                folder.sent()
        results = results_of(spec, folder, study.recorded())
        if spent:
            folder.finish(results)
    if not spent:
        screen.line(f"the budget's {spec.budget.hours:g} hours are over; the same command goes on for as long again")
    if tracker.behind:
        screen.line(tracking.lacking(folder, tracker))
    _show(screen, spec, folder, results, sweeps)
    return results


def _view(screen: Screen, folder: SweepFolder, spec: SweepSpec, known: list[Recorded], share: Allocation) -> View:
    """What the user watches: the live view on a terminal, lines elsewhere."""
    if not screen.live:
        return Lines(screen, spec, known)
    from sweeper.cli.live import Drawing, LiveView

    return LiveView(screen, spec, known, Drawing(spec, f"{folder.name}: {words.describe(spec)}", share.slots))


def _greet(
    screen: Screen,
    folder: SweepFolder,
    prepared: Prepared,
    share: Allocation,
    data: Mapping[str, TrainingData],
    known: int,
) -> None:
    """What is about to run, and what is worth knowing of its data."""
    spec, corpus = prepared.spec, prepared.corpus
    screen.line(f"{folder.name}: {words.describe(spec)}", style="bold")
    if known:
        screen.line(f"  goes on: {known} trials are in the record")
    if share.note:
        screen.line(f"  {share.note}; {share.slots} at a time")
    sizes = ", ".join(f"{len(corpus.splits[name]):,} texts in {name}" for name in SEARCHED)
    screen.line(f"  {sizes}, {len(corpus.labels)} classes")
    for note in corpus.notes:
        screen.line(f"  {note}")
    for name, found in data.items():
        cut = float((found.splits["train"].lengths > spec.most_tokens).mean())
        screen.line(
            f"  {cut:.1%} of the texts are longer than {spec.most_tokens} tokens of {words.short(name)}, and cut"
        )


def _show(screen: Screen, spec: SweepSpec, folder: SweepFolder, results: dict[str, Any], sweeps: Path) -> None:
    """The table, and what to do next."""
    screen.line()
    screen.console.print(words.results_table(spec, results))
    for line in words.settings_lines(spec, results):
        screen.line(f"  {line}")
    screen.line("chosen on validation, one seed each: expect a few points less on the test split", style="dim")
    best = winner(spec, results)
    if best is not None:
        screen.line(f"train the best again:  sweeper train {shlex.quote(str(folder.path))} {best}")
    screen.line(f"compare the runs:      {tracking.how_to_see(sweeps)}")
    if screen.log is not None:
        screen.line(f"log:                   {screen.log}")
