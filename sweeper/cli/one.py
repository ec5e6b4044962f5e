"""One sweep, from its folder to its results: the record, the data, the view, the tracker, the story of sweep.py."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper import sweep
from sweeper.allocation import Allocation
from sweeper.cli import projected, relay, tracking, words
from sweeper.cli.prepare import SEARCHED, Prepared, materialise
from sweeper.cli.publish import publish
from sweeper.cli.screen import Screen
from sweeper.folder import SweepFolder, changes, create
from sweeper.ports import Job, Runner, Storage, Tracker, Trainer, View
from sweeper.preparation import described
from sweeper.results import results as results_of
from sweeper.spec import SweepSpec
from sweeper.sweep import Jobs
from sweeper.values import Recorded, TrainingData

if TYPE_CHECKING:
    from sweeper.record.study import OptunaStudy


def run_one(screen: Screen, runner: Runner, prepared: Prepared, sweeps: Path) -> tuple[SweepFolder, dict[str, Any]]:
    """Run a sweep as far as its budget goes; its folder and its results."""
    from sweeper.record.study import OptunaStudy

    spec, corpus = prepared.spec, prepared.corpus
    asked = spec.resources
    share = runner.allocate(asked.cpu, asked.gpu, asked.accelerator or "")
    before = None if prepared.folder else changes(sweeps, spec)
    pinned = corpus.labels, described(corpus)
    folder = prepared.folder or create(sweeps, spec, prepared.resolved, share.cpu, *pinned)
    folder.know(*pinned)
    with closing(OptunaStudy(spec, folder.journal, folder.frozen.threads)) as study:
        screen.log_in(folder.path / "logs")
        data = materialise(prepared, spec.encoders, step=screen.step)
        known = list(study.recorded())
        _greet(screen, folder, prepared, share, data, len(known))
        if runner.remote:
            screen.line(f"  the cluster has room for {share.slots} trials at a time")
        if before and before[1]:
            screen.line(f"  a new sweep; it differs from {before[0]} in {', '.join(before[1])}")
        if study.dropped:
            screen.line(f"  the record's last {study.dropped} bytes were cut off half written; that is dropped")
        jobs = partial(_jobs, prepared, folder, data, _storage(screen, runner, spec, folder), share.gpu)
        view = _view(screen, folder, spec, known, share)
        folder.begin()
        results = _driven(screen, runner, prepared, folder, study, jobs(view.say), share, view)
    return folder, results


def _driven(
    screen: Screen, runner: Runner, prepared: Prepared, folder: SweepFolder, study: "OptunaStudy",
    jobs: Jobs, share: Allocation, view: View,
) -> dict[str, Any]:  # fmt: skip
    """Run the story with a tracker beside it, and keep what came of it."""
    spec, status = prepared.spec, "KILLED"
    tracker = tracking.tracker_of(spec, folder, say=view.say)
    try:
        done = _told(runner, spec, study, jobs, share, view, tracker)
        recorded = study.recorded()
        results = results_of(spec, folder, recorded, study.looks())
        if done:
            publish(screen, prepared, folder, recorded, results, jobs.confirm.storage)
            projected.keep(tracker, folder)
        status = "FINISHED"
    except Exception:
        status = "FAILED"
        raise
    finally:
        if status == "KILLED":
            screen.line("closing; a second Ctrl-C ends it at once")
        tracker.close(status)
        if not tracker.behind:
            folder.sent()
    if not done:
        screen.line(f"the budget's {spec.budget.hours:g} hours are over; the same command goes on for as long again")
    if tracker.behind:
        screen.line(tracking.lacking(folder, tracker))
    return results


def _told(
    runner: Runner, spec: SweepSpec, study: "OptunaStudy", jobs: Jobs, share: Allocation, view: View, tracker: Tracker
) -> bool:
    """The story, with its view open; whether it came to its end."""
    status = "KILLED"
    try:
        done = sweep.run(spec, study, runner, (view, tracker), jobs, share, view.say)
        status = "FINISHED"
    finally:
        view.close(status)
    return done


def _jobs(
    prepared: Prepared, folder: SweepFolder, data: Mapping[str, TrainingData], storage: Storage | None, gpu: float,
    say: Callable[[str], None],
) -> Jobs:  # fmt: skip
    """The jobs of the three stages. The test split is made for the last of them alone, when that is asked for."""
    from sweeper.edges import predictions, system
    from sweeper.learn.confirmed import scored
    from sweeper.learn.device import sharing
    from sweeper.learn.train import live

    spec, corpus, place = prepared.spec, prepared.corpus, folder.path.resolve()
    patience, choose = spec.stall_minutes * 60, spec.objective

    def told(text: str) -> AbstractContextManager[Any]:
        say(text)
        return nullcontext()

    def score() -> Job:
        splits = [name for name in (*SEARCHED, "test") if name in corpus.splits]
        opened = materialise(prepared, spec.encoders, splits, step=told)
        return Job(partial(sharing, partial(scored, choose=choose), gpu), opened, place, patience, storage)

    def watched(train: Trainer) -> Trainer:
        shared = partial(sharing, train, gpu)
        return partial(system.watched, shared) if spec.tracking.system_metrics else shared

    return Jobs(
        search=Job(watched(live), data, place, patience, storage),
        confirm=Job(watched(partial(live, choose=choose)), data, place, patience, storage),
        score=score,
        keep=lambda trial, found: predictions.keep(place, trial, corpus.labels, found),
    )


def _storage(screen: Screen, runner: Runner, spec: SweepSpec, folder: SweepFolder) -> Storage | None:
    """Where the sweep's checkpoints are kept, if elsewhere than in its folder; every machine was asked for it."""
    if spec.storage is None:
        if runner.remote:
            screen.line("  storage is not set: a trial whose node is lost begins again, unless nodes share this folder")
        return None
    from sweeper.edges import storage

    with screen.step(f"asking every node for {spec.storage}"):
        storage.probe(spec.storage, runner.everywhere)
    return storage.SharedStorage(f"{spec.storage.rstrip('/')}/{folder.name}-{folder.frozen.id}")


def _view(screen: Screen, folder: SweepFolder, spec: SweepSpec, known: list[Recorded], share: Allocation) -> View:
    """What the user watches, here or from elsewhere."""
    header = f"{folder.name}: {words.describe(spec)}"
    if screen.relayed:
        return relay.Relay(screen, spec, known, header, share.slots)
    return relay.view_of(screen, spec, known, header, share.slots)


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
