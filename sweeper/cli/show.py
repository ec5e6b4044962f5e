"""`sweeper show`: the state of a sweep, or one of its trials."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsJson, Sweep, Sweeps
from sweeper.cli.continuation import continue_command, find_obstacle
from sweeper.cli.session import cli_session
from sweeper.terminal.terminal import Terminal

if TYPE_CHECKING:
    from sweeper.app.show_sweep import SweepSnapshot


def show(
    sweep: Sweep,
    trial: Annotated[int | None, typer.Argument(help="A trial's number.", show_default="all trials")] = None,
    as_json: AsJson = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Show a sweep: its state, the best of each system, and why each trial ended. It may be running.

    With a trial's number: its setting, its curve, why it ended and against which others, and the command that trains it
    again.

    Example: sweeper show sst5-3f9a1c2e 12
    """
    with cli_session(as_json=as_json) as terminal:
        from sweeper.app.show_sweep import take_snapshot
        from sweeper.storage.sweep_names import find_named_sweep

        snapshot = take_snapshot(find_named_sweep(sweep, sweeps))
        if trial is None:
            _show_sweep(terminal, snapshot)
            terminal.result({**snapshot.summary.model_dump(mode="json"), "results": snapshot.results.to_dict()})
        else:
            _show_trial(terminal, snapshot, trial)
            terminal.result(_trial_values(snapshot, trial))


def _show_sweep(terminal: Terminal, snapshot: "SweepSnapshot") -> None:
    from sweeper.protocol.sweep_summary import SweepState
    from sweeper.terminal import formatting, sweep_view

    spec, summary, path = snapshot.spec, snapshot.summary, snapshot.folder.path
    terminal.line(f"{summary.sweep}: {formatting.describe_spec(spec)}", style="bold")
    terminal.line(sweep_view.state_line(summary, time.time()))
    if summary.problem:
        terminal.line(summary.problem, style="red")
    if snapshot.records:
        terminal.line()
        terminal.line(f"best per system by {summary.objective}", style="bold")
        terminal.table(formatting.search_table(spec, snapshot.results, terminal.width))
        for line in formatting.settings_lines(spec, snapshot.results):
            terminal.line(f"  {line}")
        terminal.line()
        width = terminal.table_width
        terminal.table(sweep_view.trials_table(spec, snapshot.records, summary.state, width), whole=True)
        if legend := sweep_view.curve_legend(spec, snapshot.records, width):
            terminal.line(legend, style="dim")
    terminal.line()
    if obstacle := find_obstacle(snapshot.folder):
        relation, remedy = obstacle
        terminal.line(f"{relation + ':':<23}{remedy}")
    elif summary.state not in (SweepState.RUNNING, SweepState.FINISHED):
        label = "try it again:" if summary.state == SweepState.FAILED else "continue it:"
        terminal.line(f"{label:<23}{continue_command(path)}")
    if summary.best is not None:
        terminal.line(f"train the best again:  {train_command(path, summary.best.trial)}")


def train_command(path: Path, trial: int) -> str:
    """Return the command that trains a trial of the sweep in a folder again."""
    from sweeper.app.kept_model import train_again

    return train_again(path, trial)


def _show_trial(terminal: Terminal, snapshot: "SweepSnapshot", number: int) -> None:
    from sweeper.terminal import formatting, sweep_view, trial_view

    record, spec = snapshot.record(number), snapshot.spec
    label = formatting.system_label(spec, record.trial.system)
    end = sweep_view.end_label(spec, record, snapshot.summary.state)
    terminal.line(f"{snapshot.folder.name} trial {number}, {label}: {end}", style="bold")
    reasons = (sweep_view.trial_reason(record), trial_view.rivals_line(spec, record, snapshot.records))
    for line in (*filter(None, reasons), *trial_view.trial_facts(spec, record)):
        terminal.line(f"  {line}")
    curve = trial_view.curve_lines(spec, record, snapshot.records, terminal.width)
    if curve:
        terminal.line(f"\n{spec.objective.metric}", style="bold")
        for line in curve:
            terminal.line(line)
        terminal.line()
        terminal.table(trial_view.reports_table(spec, record), whole=True)
    terminal.line()
    traceback = snapshot.traceback_file(record)
    if traceback is not None:
        terminal.line(f"traceback:       {traceback}")
    terminal.line(f"train it again:  {train_command(snapshot.folder.path, number)}")


def _trial_values(snapshot: "SweepSnapshot", number: int) -> dict[str, object]:
    """Return a trial with all its validations as plain values."""
    record = snapshot.record(number)
    result = next(trial for trial in snapshot.results.trial_results if trial.number == number)
    reports = [{"step": report.step, "epoch": report.epoch, **report.metrics} for report in record.reports]
    return {"sweep": snapshot.summary.sweep, **result.model_dump(mode="json"), "reports": reports}
