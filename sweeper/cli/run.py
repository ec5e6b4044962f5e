"""`sweeper run` and `sweeper check`: from search spaces to tables of the best."""

import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, AsEvents, Sweeps
from sweeper.cli.session import cli_session, typed_command
from sweeper.cli.show import train_command
from sweeper.terminal.terminal import Terminal

if TYPE_CHECKING:
    from sweeper.app.run_sweeps import CompletedRun
    from sweeper.search_space.sweep_spec import SweepSpec

Files = Annotated[
    list[Path],
    typer.Argument(
        help="Search spaces, run one after the other: files, or names of those that ship.", show_default=False
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY.PATH=VALUE", help="Override a key of the files, as in --set budget.trials=8."),
]


def run(
    files: Files,
    overrides: Overrides = None,
    sweeps: Sweeps = DEFAULT_SWEEPS,
    inline: Annotated[bool, typer.Option("--inline", help="Run in this process, without Ray: for a debugger.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the final results on stdout as JSON.")] = False,
    as_events: AsEvents = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start a new sweep; the earlier one is kept.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the final tables.")] = False,
    bundle: Annotated[Path | None, typer.Option("--parcel", hidden=True, help="Sent by `sweeper submit`.")] = None,
) -> None:
    """Run search spaces; the same command again continues where it stopped.

    Data sets and encoders come from the Hugging Face hub (HF_ENDPOINT, HF_HOME); results go to MLflow
    (MLFLOW_TRACKING_URI, else mlflow.db beside the sweeps). If RAY_ADDRESS is set, trials run on that Ray cluster.
    With --json or --events, stdout is for programs, and people read stderr.

    Example: sweeper run search_spaces/sst5.yaml --set budget.trials=8
    """
    relayed = bundle is not None
    hint = "the same command continues where it stopped"
    if not relayed:
        hint += f": {typed_command()}"
    with cli_session(
        as_json=as_json,
        debugger=inline,
        quiet=quiet,
        relayed=relayed,
        as_events=as_events,
        resume_hint=hint,
        has_last_words=True,
    ) as terminal:
        if bundle is not None:
            from sweeper.app.bundle import keep_files, verify_bundle
            from sweeper.app.submit import require_absolute_sweeps

            verify_bundle(bundle)
            require_absolute_sweeps(sweeps)
            os.chdir(keep_files(bundle, sweeps))
        from sweeper.app.specs import load_sweeps

        specs = load_sweeps(files, overrides or ())
        from sweeper.app.run_sweeps import run_sweeps

        show = partial(show_completed, terminal)
        completed = run_sweeps(terminal, specs, sweeps, inline=inline, fresh=fresh, on_completed=show)
        results = [sweep.results.to_dict() for sweep in completed]
        terminal.result(results[0] if len(results) == 1 else {"sweeps": results})


def check(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Search spaces: files, or names of those that ship.", show_default="all that ship"),
    ] = None,
    overrides: Overrides = None,
    data: Annotated[
        bool, typer.Option("--data", help="Also fetch and check data, encoders, storage and resources.")
    ] = False,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Check search spaces. Print what they would run, and borrow from earlier sweeps. Nothing is trained.

    With --data, everything that a run needs is fetched, and read as a run reads it. Exit code 2: something is wrong.

    Example: sweeper check search_spaces/sst5.yaml --data
    """
    from sweeper.app.specs import load_specs, shipped_spaces
    from sweeper.errors import UsageError
    from sweeper.terminal.formatting import describe_spec

    with cli_session() as terminal:
        if data and not files:
            raise UsageError("--data: name the search spaces whose data is to be checked")
        names = files or [Path(name) for name in shipped_spaces()]
        problems: list[str] = []
        for name, spec in zip(names, load_specs(names, overrides or ()), strict=True):
            terminal.line(f"{name}: {describe_spec(spec)}")
            if spec.learn_from:
                problems += _check_learn_from(terminal, spec, sweeps)
            if data:
                problems += _check_data(terminal, spec, sweeps)
        if problems:
            raise UsageError("\n".join(dict.fromkeys(problems)))


def _check_learn_from(terminal: Terminal, spec: "SweepSpec", sweeps: Path) -> list[str]:
    """Print what a sweep borrows from earlier ones, and return a line for each that it cannot learn from."""
    from sweeper.app.learn_from import borrowing_lines
    from sweeper.errors import UsageError

    try:
        for line in borrowing_lines(spec, sweeps):
            terminal.line(f"  {line}")
    except UsageError as error:
        return str(error).splitlines()
    return []


def _check_data(terminal: Terminal, spec: "SweepSpec", sweeps: Path) -> list[str]:
    """Check what a sweep needs. What libraries print goes to a temporary log."""
    from sweeper.app.check_data import check_data

    if terminal.log is None:
        terminal.capture_libraries()
    return check_data(terminal, spec, sweeps)


def show_completed(terminal: Terminal, completed: "CompletedRun") -> None:
    """Print the search's best, the published table where settings were confirmed, and what to do next."""
    from sweeper.app.best_model import saved_model_trial
    from sweeper.app.mlflow_sync import ui_hint
    from sweeper.app.published_table import table_text
    from sweeper.app.winner import winner_block
    from sweeper.terminal import formatting

    spec, folder, results = completed.spec, completed.folder, completed.results
    terminal.line()
    terminal.text(f"{formatting.search_title(results)}\n")
    terminal.table(formatting.search_table(spec, results, terminal.width))
    for line in formatting.settings_lines(spec, results):
        terminal.line(f"  {line}")
    if results.confirmations:
        terminal.line()
        terminal.text(table_text(folder, results, brief=True))
        terminal.line()
        for line in winner_block(folder, results):
            terminal.line(line)
    else:
        seeds = ", one seed each" if spec.race is None else ""
        terminal.line(f"chosen on validation{seeds}: expect a few points less on the test split", style="dim")
    terminal.line()
    if results.best_trial is not None:
        terminal.line(f"train the best again:  {train_command(folder.path, results.best_trial)}")
    saved_trial = saved_model_trial(folder)
    if saved_trial is not None:
        is_best = results.best_model_trial in (None, saved_trial)
        note = "" if is_best else f" (of trial {saved_trial}, which is no longer the best)"
        terminal.line(f"its model:             {folder.path / 'model'}{note}")
    for label, name in (("table and notes:", "table.md"), ("the report:", "report.html")):
        if (folder.path / name).exists():
            terminal.line(f"{label:<22} {folder.path / name}")
    terminal.line(f"compare the runs:      {ui_hint(folder.path)}")
    if terminal.log is not None:
        terminal.line(f"log:                   {terminal.log}")
