"""Runs one sweep, from its folder to its results: the record, the data, the view, the tracker and the protocol."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sweeper.app import mlflow_sync, sweep_artifacts
from sweeper.app.announcement import announce, announce_plan, announce_workers
from sweeper.app.best_model import store_model_uri
from sweeper.app.disk_space import checkpoint_disk, require_disk
from sweeper.app.finalize import finalize
from sweeper.app.learn_from import suggest_learn_from
from sweeper.app.open_study import open_study
from sweeper.app.prepare_data import PreparedSweep, load_training_data, summarize_encoders
from sweeper.app.share_gpus import allocate, share_gpus
from sweeper.app.stage_jobs import checkpoint_storage, stage_jobs
from sweeper.data.dataset_description import summarize_splits
from sweeper.errors import SweepInterrupted, UsageError
from sweeper.protocol.learned_from import describe_learned_from, learned_from
from sweeper.protocol.results import results_of_study
from sweeper.protocol.sweep import StageJobs, run_protocol
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.new_sweep import begun_meanwhile, create_sweep, require_manifest
from sweeper.storage.record_lock import require_unlocked
from sweeper.storage.requests import Requests
from sweeper.storage.sweep_folder import SweepFolder, is_sweep, open_sweep
from sweeper.storage.sweep_search import differing_keys, find_sweep
from sweeper.terminal.output import Output
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import ProgressView, Runner, Tracker
from sweeper.trials.resources import TrialResources
from sweeper.trials.run_status import RunStatus
from sweeper.trials.search_session import SearchSession

if TYPE_CHECKING:
    from sweeper.record.optuna_study import OptunaStudy
    from sweeper.tracking.tracker import MlflowTracker

AnyTracker = TypeVar("AnyTracker", bound=Tracker)


@contextmanager
def closed_with_status(tracker: AnyTracker) -> Iterator[AnyTracker]:
    """Close a tracker or view with the state in which the block ends.

    FINISHED if it ends by itself, FAILED if an error ends it, KILLED if it is interrupted.
    """
    status = RunStatus.KILLED
    try:
        yield tracker
        status = RunStatus.FINISHED
    except Exception:
        status = RunStatus.FAILED
        raise
    finally:
        tracker.close(status)


@dataclass(frozen=True)
class SweepRun:
    """A sweep that is about to run on a runner, as far as its budget goes.

    The budget's hours count from `began`, a time of `time.monotonic`.
    """

    output: Output
    runner: Runner
    prepared: PreparedSweep
    sweeps: Path
    began: float
    is_outage_known: bool = False  # the user was told that MLflow does not answer

    def run(self) -> tuple[SweepFolder, SweepResults]:
        """Run the sweep, or continue it, and return its folder and results."""
        spec = self.prepared.spec
        data = load_training_data(self.prepared, spec.encoders, step=self.output.step)  # while Ray starts
        resources = allocate(self.runner, spec)
        notes = [] if self.prepared.folder else list(self._describe_new_sweep())
        folder = self._open_folder(resources, data)
        with open_study(folder, spec) as study:
            self.output.set_log_dir(folder.path / "logs")
            resources = share_gpus(self.output, self.runner, spec, resources, data, folder.path)
            is_remote = self.runner.is_remote
            announce(self.output, folder.name, self.prepared, study, resources, data, is_remote=is_remote)
            for source in learned_from(folder):
                self.output.line(f"  learns from {describe_learned_from(source)}")
            for note in notes:
                self.output.line(f"  {note}")
            needed, _ = checkpoint_disk(spec, data, resources.slots)
            announce_plan(self.output, spec, study.all_trials(), resources.slots, needed, self.prepared.hours)
            if not is_remote:  # a cluster's checkpoints are on its nodes
                require_disk(self.sweeps, folder, spec, data, resources.slots)
            announce_workers(self.output, self.runner, resources.slots)
            try:
                return folder, self._drive(folder, study, resources, data)
            except SweepInterrupted as interruption:
                raise SweepInterrupted(interruption.exit_code, folder.name) from None

    def _describe_new_sweep(self) -> Iterator[str]:
        """Yield lines on a sweep that has not begun: how it differs from the newest one, and what it could learn from.

        The sweeps in the folder are looked at, so ask before this one has its own.
        """
        spec = self.prepared.spec
        newest, keys = differing_keys(self.sweeps, spec) or ("", [])
        if keys:
            yield f"a new sweep; it differs from {newest} in {', '.join(keys)}"
        if suggestion := suggest_learn_from(spec, self.sweeps):
            yield suggestion

    def _open_folder(self, resources: TrialResources, data: Mapping[str, TrainingData]) -> SweepFolder:
        """Return the folder of the sweep, which is made if it has not begun.

        Raises UsageError if another command began or removed the sweep while this one was preparing it, or if the sweep
        has lost its manifest.
        """
        prepared = self.prepared
        if prepared.folder is not None:
            _require_unmoved(prepared.folder)
            return prepared.folder
        begun = None if prepared.is_fresh else find_sweep(self.sweeps, prepared.spec)
        if begun is not None:
            require_unlocked(begun.journal)
            raise begun_meanwhile(begun.path)
        if not prepared.is_fresh:
            require_manifest(self.sweeps, prepared.spec, prepared.resolved)
        return create_sweep(
            self.sweeps,
            prepared.spec,
            prepared.resolved,
            resources.cpu,
            prepared.dataset.class_names,
            summarize_splits(prepared.dataset, prepared.description),
            prepared.description.warnings,
            prepared.borrowed,
            summarize_encoders(prepared, data),
            is_fresh=prepared.is_fresh,
        )

    def _drive(
        self,
        folder: SweepFolder,
        study: "OptunaStudy",
        resources: TrialResources,
        data: Mapping[str, TrainingData],
    ) -> SweepResults:
        """Run the protocol with a view and a tracker beside it, and write what came of it."""
        spec, output = self.prepared.spec, self.output
        storage = checkpoint_storage(output, self.runner, spec, folder)
        now, elapsed = time.time(), time.monotonic() - self.began
        session = SearchSession(began=int(1000 * (now - elapsed)), at=int(1000 * now), gpu=resources.gpu)
        records, sessions = list(study.all_trials()), [*study.sessions(), session]
        view = output.make_view(WatchedSweep(folder.name, spec, records, resources.slots, sessions, folder.texts))
        for warning in self.prepared.description.warnings:
            view.say(warning)
        folder.mark_running()
        jobs = stage_jobs(self.prepared, folder, data, storage, view.say)
        with self._tracked(folder, view, sessions) as tracker:
            with closed_with_status(view):
                elapsed = time.monotonic() - self.began
                requests = Requests(folder.journal)
                run_protocol(spec, study, self.runner, (view, tracker), jobs, resources, view.say, elapsed, requests)
            results = self._write_results(folder, study, jobs, tracker)
        problem = mlflow_sync.sync_problem(folder, tracker)
        if problem:
            output.line(problem)
        return results

    @contextmanager
    def _tracked(
        self, folder: SweepFolder, view: ProgressView, sessions: Sequence[SearchSession]
    ) -> Iterator["MlflowTracker"]:
        """Yield the sweep's tracker, and close it with the state in which the block ends."""
        tracker = mlflow_sync.make_tracker(
            self.prepared.spec, folder, say=view.say, is_outage_known=self.is_outage_known, sessions=sessions
        )
        try:
            with closed_with_status(tracker):
                try:
                    yield tracker
                except KeyboardInterrupt:
                    self.output.line("closing; a second Ctrl-C ends it at once")
                    raise
        finally:
            store_model_uri(folder, tracker)
            if not mlflow_sync.sync_problem(folder, tracker):
                folder.mark_synced()

    def _write_results(
        self, folder: SweepFolder, study: "OptunaStudy", jobs: StageJobs, tracker: "MlflowTracker"
    ) -> SweepResults:
        """Write everything that a finished sweep leaves, and return its results."""
        results = results_of_study(self.prepared.spec, folder, study)
        finalize(self.output, self.prepared, folder, study.all_trials(), results, jobs.confirm.storage)
        sweep_artifacts.attach_artifacts(tracker, folder, self.prepared.spec)
        return results


def _require_unmoved(folder: SweepFolder) -> None:
    """Raise UsageError if the folder of a sweep is no longer there, or another sweep is: it would begin at zero."""
    if not is_sweep(folder.path) or open_sweep(folder.path).manifest.id != folder.manifest.id:
        reason = "was deleted, moved or replaced while this command prepared to continue it"
        raise UsageError(f"{folder.path}: {reason}; run the command again to begin a new sweep")
