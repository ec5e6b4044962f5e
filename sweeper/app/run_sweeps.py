"""Runs sweeps one after the other: starts Ray once, skips what is finished, and hands out the results of each."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sweeper.app import mlflow_sync
from sweeper.app.fit_checks import require_gpu_for_fp16
from sweeper.app.kept_calibration import foreseen_hours
from sweeper.app.open_study import announce_truncation, open_study, require_record
from sweeper.app.output_paths import require_sweeps_folder
from sweeper.app.prepare_data import PreparedSweep, prepare_sweep
from sweeper.app.refresh_results import refresh_results
from sweeper.app.run_sweep import SweepRun
from sweeper.app.trial_runner import make_runner
from sweeper.errors import SweepFailedError
from sweeper.execution.cluster_address import cluster_address
from sweeper.protocol.results import stored_results
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.sweep_results import SweepResults
from sweeper.protocol.system_results import SystemResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.record_lock import require_unlocked
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_search import find_sweep
from sweeper.terminal.output import Output


@dataclass(frozen=True)
class CompletedRun:
    """A sweep that this command finished, or found finished."""

    spec: SweepSpec
    folder: SweepFolder
    results: SweepResults


def run_sweeps(
    output: Output,
    specs: Sequence[SweepSpec],
    sweeps: Path,
    *,
    inline: bool = False,
    fresh: bool = False,
    on_completed: Callable[[CompletedRun], None] = lambda _: None,
) -> list[CompletedRun]:
    """Run every sweep that is not finished, and return all of them in the order of `specs`.

    With `inline`, trials run in this process instead of under Ray. With `fresh`, new sweeps start beside earlier ones.
    `on_completed` hears of each sweep as soon as it is done. Data sets and encoders of all sweeps are fetched before
    Ray starts; it starts in the background. Raises UsageError if the folder `sweeps` cannot be written to, or if a new
    sweep is known to exceed its budget's hours, SweepLockedError before anything is fetched if another process drives
    one of the sweeps, and SweepFailedError for sweeps in which nothing succeeded, after the others have run. If another
    error ends the command before that, `output` shows the failures.
    """
    require_sweeps_folder(sweeps)
    folders = [None if fresh else find_sweep(sweeps, spec) for spec in specs]
    for begun in filter(None, folders):
        require_record(begun)
    named_specs = [folder.named(spec) if folder else spec for spec, folder in zip(specs, folders, strict=True)]
    sought = list(zip(named_specs, folders, strict=True))
    unfinished = [k for k, (spec, folder) in enumerate(sought) if not is_done(spec, folder)]
    for begun in filter(None, (folders[k] for k in unfinished)):
        require_unlocked(begun.journal)
    completed: dict[int, CompletedRun] = {}
    command = _Command(output, sweeps, on_completed, inline=inline, fresh=fresh)
    with command.failures_shown():
        if unfinished:
            runs = command.run([sought[k] for k in unfinished])
            completed = {k: run for k, run in zip(unfinished, runs, strict=True) if run is not None}
        for k, (spec, folder) in enumerate(sought):
            if folder is not None and k not in unfinished:
                completed[k] = CompletedRun(spec, folder, _reopen(output, spec, folder))
                on_completed(completed[k])
    if command.failures:
        raise SweepFailedError("\n".join(command.failures))
    return [completed[k] for k in range(len(specs))]


@dataclass
class _Command:
    """A command that runs sweeps, and the errors of those that failed."""

    output: Output
    sweeps: Path
    on_completed: Callable[[CompletedRun], None]
    inline: bool
    fresh: bool
    failures: list[str] = field(default_factory=list)

    def run(self, sought: Sequence[tuple[SweepSpec, SweepFolder | None]]) -> list[CompletedRun | None]:
        """Prepare all sweeps, then run them. For one that fails return None, and add its error to `failures`."""
        is_remote = not self.inline and cluster_address() is not None
        for spec, _ in sought:
            require_gpu_for_fp16(spec, is_remote=is_remote)
        self.output.capture_libraries(self.sweeps)
        is_away = mlflow_sync.is_store_named() and mlflow_sync.announce_outage(self.output, self.sweeps)
        prepared = [self._prepare(spec, folder) for spec, folder in sought]
        if mlflow_sync.is_store_named() and not is_away:
            _check_mlflow(self.sweeps, prepared)
        return self._run_prepared(prepared, is_mlflow_away=is_away)

    def _prepare(self, spec: SweepSpec, folder: SweepFolder | None) -> PreparedSweep:
        """Fetch what a sweep needs. Raises UsageError if it is known to exceed its budget's hours."""
        prepared = replace(prepare_sweep(self.output, spec, folder), is_fresh=self.fresh)
        return replace(prepared, hours=foreseen_hours(self.sweeps, prepared, inline=self.inline))

    def _run_prepared(self, prepared: Sequence[PreparedSweep], *, is_mlflow_away: bool) -> list[CompletedRun | None]:
        """Run sweeps one after the other on one runner.

        MLflow's database beside the sweeps is opened while Ray starts: importing MLflow takes a second. The budget's
        hours of each sweep count from here, and cover the start of the runner and the sweep's own preparation.
        """
        completed: list[CompletedRun | None] = []
        began = time.monotonic()
        with ExitStack() as stack:
            with self.output.step("starting" if self.inline else "starting Ray"):
                runner = stack.enter_context(make_runner(self.output, prepared[0].spec, inline=self.inline))
            stack.enter_context(self.failures_shown())  # before Ray ends, which takes a while
            if runner.note:
                self.output.line(runner.note)
            if not mlflow_sync.is_store_named():
                is_mlflow_away = mlflow_sync.announce_outage(self.output, self.sweeps)
                if not is_mlflow_away:
                    _check_mlflow(self.sweeps, prepared)
            startup = time.monotonic() - began
            for sweep in prepared:
                began = time.monotonic() - startup - sweep.seconds
                sweep_run = SweepRun(self.output, runner, sweep, self.sweeps, began, is_mlflow_away)
                completed.append(self._run_one(sweep_run, sweep.spec))
        return completed

    def _run_one(self, sweep_run: SweepRun, spec: SweepSpec) -> CompletedRun | None:
        try:
            run = CompletedRun(spec, *sweep_run.run())
        except SweepFailedError as error:
            self.failures.append(str(error))
            return None
        self.on_completed(run)
        return run

    @contextmanager
    def failures_shown(self) -> Iterator[None]:
        """Show the failures so far, once, if another error ends the command before they are raised."""
        try:
            yield
        except BaseException:
            for failure in self.failures:
                self.output.error(failure)
            self.failures.clear()
            raise


def _check_mlflow(sweeps: Path, prepared: Sequence[PreparedSweep]) -> None:
    """Raise UsageError if MLflow cannot take the runs of these sweeps."""
    mlflow_sync.check_mlflow(sweeps, [mlflow_sync.data_identity(sweep.spec, sweep.resolved) for sweep in prepared])


def _reopen(output: Output, spec: SweepSpec, folder: SweepFolder) -> SweepResults:
    """Return the results of a finished sweep, built from its record again. Its files are brought up to date with it.

    MLflow is synced if it needs to be. A sync that fails is reported, and the results are returned all the same.
    """
    with open_study(folder, spec) as study:
        announce_truncation(output, folder, study)
        results = refresh_results(output, folder, spec, study)
    reason = f": {results.search.reason}" if results.search and results.search.reason else ""
    output.line(f"{folder.name} is finished{reason}; a larger budget, or more confirm.seeds, continues it")
    mlflow_sync.sync_if_needed(output, folder)
    return results


def is_done(spec: SweepSpec, folder: SweepFolder | None) -> bool:
    """Return True if the sweep in the folder has everything that the spec asks for, and something in it succeeded."""
    results = stored_results(folder) if folder else None
    if results is None or not is_search_over(spec, results):
        return False
    outcomes = {outcome for system in results.systems for outcome, count in system.outcomes.items() if count}
    if not any(outcome.is_healthy for outcome in outcomes):
        return False
    if results.confirmed_trials and not any(confirmation.models for confirmation in results.confirmations):
        return False
    return all(is_confirmed(spec, system) for system in results.systems)


def is_confirmed(spec: SweepSpec, system: SystemResult) -> bool:
    """Return True if a system has the confirmation that the spec asks for, or has nothing to confirm."""
    if not spec.confirm.seeds or system.best is None or not system.best.completed:
        return True
    confirmation = system.confirmation
    return (
        confirmation is not None
        and confirmation.planned_seeds >= spec.confirm.seeds
        and confirmation.top >= spec.confirm.top
    )
