"""One sweep, from its folder to its results: the record, the data, the view, the tracker, the story of sweep.py."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweeper.app import mlflow_sync, sweep_artifacts
from sweeper.app.finalize import finalize
from sweeper.app.prepare_data import SEARCHED, PreparedSweep, load_training_data
from sweeper.data.preprocessing import split_summaries
from sweeper.protocol import sweep
from sweeper.protocol.results import build_results as results_of
from sweeper.protocol.sweep import StageJobs
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, create_sweep, differing_keys
from sweeper.terminal import formatting, remote_view
from sweeper.terminal.terminal import Terminal
from sweeper.training.types import Trainer, TrainingData
from sweeper.trials.interfaces import CheckpointStorage, ProgressView, Runner, Tracker, TrainingJob
from sweeper.trials.resources import TrialResources
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialRecord

if TYPE_CHECKING:
    from sweeper.record.optuna_study import OptunaStudy


def run_sweep(
    screen: Terminal, runner: Runner, prepared: PreparedSweep, sweeps: Path
) -> tuple[SweepFolder, SweepResults]:
    """Run a sweep as far as its budget goes; its folder and its results."""
    from sweeper.record.optuna_study import OptunaStudy

    spec, corpus = prepared.spec, prepared.dataset
    asked = spec.resources
    share = runner.allocate(asked.cpu, asked.gpu, asked.accelerator or "")
    before = None if prepared.folder else differing_keys(sweeps, spec)
    pinned = corpus.labels, split_summaries(corpus)
    folder = prepared.folder or create_sweep(sweeps, spec, prepared.resolved, share.cpu, *pinned)
    folder.backfill(*pinned)
    with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
        screen.set_log_dir(folder.path / "logs")
        data = load_training_data(prepared, spec.encoders, step=screen.step)
        known = list(study.all_trials())
        _greet(screen, folder, prepared, share, data, len(known))
        if runner.is_remote:
            screen.line(f"  the cluster has room for {share.slots} trials at a time")
        if before and before[1]:
            screen.line(f"  a new sweep; it differs from {before[0]} in {', '.join(before[1])}")
        if study.truncated_bytes:
            screen.line(f"  the record's last {study.truncated_bytes} bytes were cut off half written; that is dropped")
        jobs = partial(_jobs, prepared, folder, data, _storage(screen, runner, spec, folder), share.gpu)
        view = _view(screen, folder, spec, known, share)
        folder.mark_running()
        results = _driven(screen, runner, prepared, folder, study, jobs(view.say), share, view)
    return folder, results


def _driven(
    screen: Terminal, runner: Runner, prepared: PreparedSweep, folder: SweepFolder, study: "OptunaStudy",
    jobs: StageJobs, share: TrialResources, view: ProgressView,
) -> SweepResults:  # fmt: skip
    """Run the story with a tracker beside it, and keep what came of it."""
    spec, status = prepared.spec, RunStatus.KILLED
    tracker = mlflow_sync.make_tracker(spec, folder, say=view.say)
    try:
        done = _told(runner, spec, study, jobs, share, view, tracker)
        recorded = study.all_trials()
        results = results_of(spec, folder, recorded, study.test_accesses())
        if done:
            finalize(screen, prepared, folder, recorded, results, jobs.confirm.storage)
            sweep_artifacts.attach_artifacts(tracker, folder)
        status = RunStatus.FINISHED
    except Exception:
        status = RunStatus.FAILED
        raise
    finally:
        if status == RunStatus.KILLED:
            screen.line("closing; a second Ctrl-C ends it at once")
        tracker.close(status)
        if not tracker.pending_runs:
            folder.mark_synced()
    if not done:
        screen.line(f"the budget's {spec.budget.hours:g} hours are over; the same command goes on for as long again")
    if tracker.pending_runs:
        screen.line(mlflow_sync.sync_warning(folder, tracker))
    return results


def _told(
    runner: Runner,
    spec: SweepSpec,
    study: "OptunaStudy",
    jobs: StageJobs,
    share: TrialResources,
    view: ProgressView,
    tracker: Tracker,
) -> bool:
    """The story, with its view open; whether it came to its end."""
    status = RunStatus.KILLED
    try:
        done = sweep.run_protocol(spec, study, runner, (view, tracker), jobs, share, view.say)
        status = RunStatus.FINISHED
    finally:
        view.close(status)
    return done


def _jobs(
    prepared: PreparedSweep, folder: SweepFolder, data: Mapping[str, TrainingData], storage: CheckpointStorage | None, gpu: float,
    say: Callable[[str], None],
) -> StageJobs:  # fmt: skip
    """The jobs of the three stages. The test split is made for the last of them alone, when that is asked for."""
    from sweeper.storage import predictions
    from sweeper.training import resource_monitor
    from sweeper.training.device import limit_gpu_memory
    from sweeper.training.final_scoring import score_best_model
    from sweeper.training.trainer import train_events

    spec, corpus, place = prepared.spec, prepared.dataset, folder.path.resolve()
    patience, choose = spec.stall_minutes * 60, spec.objective

    def told(text: str) -> AbstractContextManager[Any]:
        say(text)
        return nullcontext()

    def score() -> TrainingJob:
        splits = [name for name in (*SEARCHED, "test") if name in corpus.splits]
        opened = load_training_data(prepared, spec.encoders, splits, step=told)
        return TrainingJob(
            partial(limit_gpu_memory, partial(score_best_model, choose=choose), gpu),
            opened,
            place,
            patience,
            storage,
        )

    def watched(train: Trainer) -> Trainer:
        shared = partial(limit_gpu_memory, train, gpu)
        return partial(resource_monitor.add_resource_metrics, shared) if spec.tracking.system_metrics else shared

    return StageJobs(
        search=TrainingJob(watched(train_events), data, place, patience, storage),
        confirm=TrainingJob(watched(partial(train_events, choose=choose)), data, place, patience, storage),
        make_test_job=score,
        save_scores=lambda trial, found: predictions.save_predictions(place, trial, corpus.labels, found),
    )


def _storage(screen: Terminal, runner: Runner, spec: SweepSpec, folder: SweepFolder) -> CheckpointStorage | None:
    """Where the sweep's checkpoints are kept, if elsewhere than in its folder; every machine was asked for it."""
    if spec.storage is None:
        if runner.is_remote:
            screen.line("  storage is not set: a trial whose node is lost begins again, unless nodes share this folder")
        return None
    from sweeper.storage import checkpoint_storage

    with screen.step(f"asking every node for {spec.storage}"):
        checkpoint_storage.check_shared_storage(spec.storage, runner.run_on_all_nodes)
    return checkpoint_storage.SharedStorage(f"{spec.storage.rstrip('/')}/{folder.name}-{folder.manifest.id}")


def _view(
    screen: Terminal, folder: SweepFolder, spec: SweepSpec, known: list[TrialRecord], share: TrialResources
) -> ProgressView:
    """What the user watches, here or from elsewhere."""
    header = f"{folder.name}: {formatting.describe_spec(spec)}"
    if screen.relayed:
        return remote_view.EventEmitter(screen, spec, known, header, share.slots)
    return remote_view.make_view(screen, spec, known, header, share.slots)


def _greet(
    screen: Terminal,
    folder: SweepFolder,
    prepared: PreparedSweep,
    share: TrialResources,
    data: Mapping[str, TrainingData],
    known: int,
) -> None:
    """What is about to run, and what is worth knowing of its data."""
    spec, corpus = prepared.spec, prepared.dataset
    screen.line(f"{folder.name}: {formatting.describe_spec(spec)}", style="bold")
    if known:
        screen.line(f"  goes on: {known} trials are in the record")
    if share.note:
        screen.line(f"  {share.note}; {share.slots} at a time")
    sizes = ", ".join(f"{len(corpus.splits[name]):,} texts in {name}" for name in SEARCHED)
    screen.line(f"  {sizes}, {len(corpus.labels)} classes")
    for note in corpus.notes:
        screen.line(f"  {note}")
    for name, found in data.items():
        cut = float((found.splits["train"].lengths > spec.max_tokens).mean())
        screen.line(
            f"  {cut:.1%} of the texts are longer than {spec.max_tokens} tokens of {formatting.shorten_value(name)}, and cut"
        )
