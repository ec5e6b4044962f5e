"""`sweeper ui`: MLflow's UI on the sweeps' store, and the address where the runs of a sweep are compared."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps
from sweeper.cli.session import cli_session
from sweeper.terminal.terminal import Terminal

if TYPE_CHECKING:
    from sweeper.storage.sweep_folder import SweepFolder

_CTRL_C = 130  # the exit code of an interrupted command: the usual end of this one


def ui(
    sweep: Annotated[
        str | None,
        typer.Argument(help="A sweep: its name, such as sst5-3f9a1c2e, or its folder.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the UI.", show_default="a free one")] = 0,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Open MLflow's UI on the sweeps' store until Ctrl-C, and print the address where a sweep's runs are compared.

    If MLFLOW_TRACKING_URI is a server's address, the UI of that server is used, and nothing is started.

    Example: sweeper ui sst5-3f9a1c2e --port 5001
    """
    with cli_session() as terminal:
        from sweeper.app.mlflow_sync import mend_moved_store, tracking_uri
        from sweeper.app.ui_links import require_store
        from sweeper.storage.sweep_names import find_named_sweep, require_folder

        require_folder(sweeps)
        folder = None if sweep is None else find_named_sweep(sweep, sweeps)
        sweeps = folder.path.parent if folder else sweeps
        uri = tracking_uri(sweeps)
        require_store(uri, sweeps, folder)
        mend_moved_store(sweeps)
        if uri.startswith("http"):
            _show(terminal, uri.rstrip("/"), uri, folder)
        else:
            _serve(terminal, uri, sweeps, port, folder)


def _serve(terminal: Terminal, uri: str, sweeps: Path, port: int, folder: "SweepFolder | None") -> None:
    """Start MLflow's server, and end it with Ctrl-C."""
    from sweeper.errors import SweeperError, SweepInterrupted
    from sweeper.tracking.ui_server import serve_ui

    try:
        with ExitStack() as stack:
            with terminal.step("starting MLflow's server"):
                address, process = stack.enter_context(serve_ui(uri, sweeps.resolve() / "artifacts", port))
            _show(terminal, address, uri, folder)
            terminal.line("Ctrl-C ends it", style="dim")
            process.wait()
    except SweepInterrupted as interruption:
        if interruption.exit_code != _CTRL_C:
            raise
        return
    raise SweeperError("MLflow's server has ended by itself")


def _show(terminal: Terminal, address: str, uri: str, folder: "SweepFolder | None") -> None:
    """Print the address of the UI and, for a sweep, those of its runs."""
    from sweeper.app.ui_links import find_links
    from sweeper.tracking.outage import redact_uri

    terminal.line(f"MLflow's UI:  {redact_uri(address)}")
    if folder is not None:
        with terminal.step(f"looking for the runs of {folder.name}"):
            links = find_links(redact_uri(address), uri, folder)
        for line in links:
            terminal.line(line)
