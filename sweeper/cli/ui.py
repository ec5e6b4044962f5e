"""`sweeper ui`: MLflow's UI on the right store, and the address where the runs of a sweep are compared."""

import shlex
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweeper.terminal.terminal import Terminal, cli_session

if TYPE_CHECKING:
    from sweeper.storage.sweep_folder import SweepFolder

_LONGEST = 16_000  # characters of an address: some 400 runs, and what browsers and servers take
_CTRL_C = 130  # the exit code of a command that it ends, which is how this one ends


def ui(
    sweep: Annotated[
        Path | None, typer.Argument(help="A sweep's folder, such as sweeps/sst5-3f9a1c2e.", show_default=False)
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where the UI answers.", show_default="a free one")] = 0,
    sweeps: Annotated[Path, typer.Option(help="Where sweeps are kept.")] = Path("sweeps"),
) -> None:
    """Open MLflow's UI on the store of the sweeps, until Ctrl-C, and say where the runs of a sweep are compared.

    Where MLFLOW_TRACKING_URI is a server's address, that server is the UI, and nothing is started.
    """
    with cli_session() as screen:
        from sweeper.app.mlflow_sync import tracking_uri
        from sweeper.storage.sweep_folder import open_sweep

        folder = None if sweep is None else open_sweep(sweep)
        sweeps = folder.path.parent if folder else sweeps
        uri = tracking_uri(sweeps)
        if uri.startswith("http"):
            _show(screen, uri.rstrip("/"), uri, folder)
        else:
            _serve(screen, uri, sweeps, port, folder)


def _serve(screen: Terminal, uri: str, sweeps: Path, port: int, folder: "SweepFolder | None") -> None:
    """Start MLflow's server, and end it with Ctrl-C."""
    from sweeper.errors import SweeperError, SweepInterrupted
    from sweeper.tracking.ui_server import serve_ui

    _check(uri, sweeps)
    try:
        with ExitStack() as stack:
            with screen.step("starting MLflow's server"):
                address, process = stack.enter_context(serve_ui(uri, sweeps.resolve() / "artifacts", port))
            _show(screen, address, uri, folder)
            screen.line("Ctrl-C ends it", style="dim")
            process.wait()
    except SweepInterrupted as interruption:
        if interruption.exit_code != _CTRL_C:
            raise
        return
    raise SweeperError("MLflow's server has ended by itself")


def _check(uri: str, sweeps: Path) -> None:
    """Refuse a database file that is not there: MLflow would make an empty one."""
    from sweeper.errors import UsageError
    from sweeper.tracking.client import sqlite_path

    place = sqlite_path(uri)
    if place is not None and not place.exists():
        raise UsageError(
            f"{place}: there are no runs yet; `sweeper run` makes them, and --sweeps says where, got {sweeps}"
        )


def _show(screen: Terminal, address: str, uri: str, folder: "SweepFolder | None") -> None:
    """The address of the UI, where it has the runs of a sweep, and where it compares those of the search."""
    from sweeper.tracking.outage import redact_uri

    screen.line(f"MLflow's UI:  {redact_uri(address)}")
    if folder is None:
        return
    with screen.step(f"looking for the runs of {folder.name}"):
        found = _searched(uri, folder)
    if not found:
        screen.line(
            f"MLflow has no runs of {folder.name}; this sends them: sweeper sync {shlex.quote(str(folder.path))}"
        )
        return
    from sweeper.tracking.client import identity_tags
    from sweeper.tracking.ui_server import compare_url, runs_url

    experiment, ids = found[0].info.experiment_id, [run.info.run_id for run in found]
    screen.line(
        f"its runs:     {runs_url(redact_uri(address), experiment, identity_tags(folder.name, folder.manifest.id))}"
    )
    compared = compare_url(redact_uri(address), experiment, ids)
    if len(compared) <= _LONGEST:
        screen.line(f"the {len(ids)} of its search compared: {compared}")


def _searched(uri: str, folder: "SweepFolder") -> list[Any]:
    """The runs of a sweep's search that MLflow has, by number."""
    from sweeper.errors import SweeperError
    from sweeper.tracking.client import find_trial_runs, identity_tags
    from sweeper.tracking.outage import describe_error, redact_uri

    try:
        _, found = find_trial_runs(uri, folder.spec.dataset_spec.name, identity_tags(folder.name, folder.manifest.id))
    except Exception as error:
        raise SweeperError(f"MLflow at {redact_uri(uri)}: {describe_error(error)}") from error
    return [run for run in found if run.data.tags["sweeper.stage"] == "search"]
