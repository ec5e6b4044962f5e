"""`sweeper ui`: MLflow's UI on the sweeps' store, opened in the browser where the runs of a sweep are compared."""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweeper.cli.arguments import DEFAULT_SWEEPS, Sweeps
from sweeper.cli.session import cli_session
from sweeper.terminal.terminal import Terminal
from sweeper.terminal.web_browser import has_browser, open_page

if TYPE_CHECKING:
    from sweeper.storage.sweep_folder import SweepFolder

_CTRL_C = 130  # the exit code of an interrupted command: the usual end of this one


def ui(
    sweep: Annotated[
        str | None,
        typer.Argument(help="A sweep: its name, such as sst5-3f9a1c2e, or its folder.", show_default=False),
    ] = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the UI.", show_default="a free one")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    sweeps: Sweeps = DEFAULT_SWEEPS,
) -> None:
    """Serve MLflow's UI on the sweeps' store until Ctrl-C, and open the browser where a sweep's runs are compared.

    If MLFLOW_TRACKING_URI is a server's address, the UI of that server is used, and nothing is started. Without a
    graphical browser, as on a server, only the addresses are printed.

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
            _show(terminal, uri.rstrip("/"), uri, folder, browser=browser)
        else:
            _serve(terminal, uri, sweeps, port, folder, browser=browser)


def _serve(
    terminal: Terminal, uri: str, sweeps: Path, port: int, folder: "SweepFolder | None", *, browser: bool
) -> None:
    """Start MLflow's server, and end it with Ctrl-C."""
    from sweeper.errors import SweeperError, SweepInterrupted
    from sweeper.tracking.ui_server import serve_ui

    try:
        with ExitStack() as stack:
            with terminal.step("starting MLflow's server"):
                address, process = stack.enter_context(serve_ui(uri, sweeps.resolve() / "artifacts", port))
            _show(terminal, address, uri, folder, browser=browser)
            terminal.line("Ctrl-C ends it", style="dim")
            process.wait()
    except SweepInterrupted as interruption:
        if interruption.exit_code != _CTRL_C:
            raise
        return
    raise SweeperError("MLflow's server has ended by itself; the same command starts it again")


def _show(terminal: Terminal, address: str, uri: str, folder: "SweepFolder | None", *, browser: bool) -> None:
    """Print the address of the UI and, for a sweep, those of its runs; open the first in a browser."""
    from sweeper.app.ui_links import find_links
    from sweeper.tracking.outage import redact_uri
    from sweeper.tracking.ui_server import home_url

    shown = redact_uri(address)
    terminal.line(f"MLflow's UI:  {shown}")
    page = home_url(shown)
    if folder is not None:
        with terminal.step(f"looking for the runs of {folder.name}"):
            links = find_links(shown, uri, folder)
        for line in links.lines:
            terminal.line(line)
        page = links.first or page
    if browser and has_browser():
        open_page(page)
