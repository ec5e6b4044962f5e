"""Drive sweeps: pick the edges, start Ray once, and run one sweep after the other on it."""

import os
import shlex
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from sweeper.app import mlflow_sync
from sweeper.app.finalize import rebuild_results
from sweeper.app.prepare_data import prepare_sweep
from sweeper.app.published_table import table_text
from sweeper.app.run_sweep import run_sweep
from sweeper.errors import SweeperError
from sweeper.protocol.results import stored_results
from sweeper.protocol.sweep_results import SweepResults, SystemResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.sweep_folder import SweepFolder, find_sweep
from sweeper.terminal import formatting
from sweeper.terminal.terminal import Terminal


def run_sweeps(
    screen: Terminal, specs: Sequence[SweepSpec], sweeps: Path, *, inline: bool, fresh: bool
) -> list[SweepResults]:
    """Run every sweep that is not finished, and show the results of all. Data is fetched before Ray starts."""
    found = [(spec, None if fresh else find_sweep(sweeps, spec)) for spec in specs]
    open_ = [k for k, (spec, folder) in enumerate(found) if not _finished(spec, folder)]
    if open_:
        screen.capture_libraries(sweeps)
    prepared = {k: prepare_sweep(screen, *found[k]) for k in open_}
    results: dict[int, SweepResults] = {}
    if open_:
        with ExitStack() as stack:
            with screen.step("starting Ray" if not inline else "starting"):
                runner = stack.enter_context(_runner(inline))
            for k in open_:
                done, results[k] = run_sweep(screen, runner, prepared[k], sweeps)
                _show(screen, found[k][0], done, results[k])
    for k, (spec, folder) in enumerate(found):
        if folder is not None and k not in results:
            results[k] = _rebuilt(spec, folder)
            screen.line(f"{folder.name} is finished; a larger budget, or another seed, goes on from here")
            if folder.needs_sync:
                _send(screen, folder)
            _show(screen, spec, folder, results[k])
    return [results[k] for k in range(len(found))]


def _rebuilt(spec: SweepSpec, folder: SweepFolder) -> SweepResults:
    """The results of a finished sweep, made from its record once more: damage to either is found."""
    from sweeper.record.optuna_study import OptunaStudy

    with closing(OptunaStudy(spec, folder.journal, folder.manifest.threads)) as study:
        return rebuild_results(spec, folder, study)


def _send(screen: Terminal, folder: SweepFolder) -> None:
    """Send what MLflow lacks of a finished sweep; where that cannot be, its table is shown all the same."""
    try:
        screen.line(mlflow_sync.sync(screen, folder))
    except SweeperError as error:
        screen.line(str(error))


def _finished(spec: SweepSpec, folder: SweepFolder | None) -> bool:
    results = stored_results(folder) if folder else None
    if results is None or results.num_trials < sum(spec.trial_budget(system) for system in range(len(spec.systems))):
        return False
    return all(is_confirmed(spec, system) for system in results.systems)


def is_confirmed(spec: SweepSpec, system: SystemResult) -> bool:
    """Whether a cell was confirmed with as many settings and seeds as the spec wants, or has nothing to confirm."""
    if not spec.confirm.seeds or system.best is None or not system.best.completed:
        return True
    found = system.confirmation
    return found is not None and found.planned_seeds >= spec.confirm.seeds and found.top >= spec.confirm.top


def _runner(inline: bool) -> Any:
    if inline:
        from sweeper.execution.inline_runner import InlineRunner
        from sweeper.training.device import gpu_count

        return InlineRunner(len(os.sched_getaffinity(0)), gpu_count())
    from sweeper.execution.ray_runner import RayRunner

    return RayRunner()


def _show(screen: Terminal, spec: SweepSpec, folder: SweepFolder, results: SweepResults) -> None:
    """The search's best, the table where it was confirmed, and what to do next."""
    screen.line()
    screen.console.print(formatting.results_table(spec, results))
    for line in formatting.settings_lines(spec, results):
        screen.line(f"  {line}")
    if results.confirmations:
        screen.line()
        screen.console.print(table_text(folder, results), markup=False, end="")
    else:
        screen.line("chosen on validation, one seed each: expect a few points less on the test split", style="dim")
    screen.line()
    best = results.best_trial
    if best is not None:
        screen.line(f"train the best again:  sweeper train {shlex.quote(str(folder.path))} {best}")
    for what, name in (("its model:", "model"), ("the report:", "report.html")):
        if (folder.path / name).exists():
            screen.line(f"{what:<22} {folder.path / name}")
    screen.line(f"compare the runs:      {mlflow_sync.ui_hint(folder.path)}")
    if screen.log is not None:
        screen.line(f"log:                   {screen.log}")
