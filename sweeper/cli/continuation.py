"""Lines that say how a sweep that nobody drives continues."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from sweeper.cli.arguments import DEFAULT_SWEEPS

if TYPE_CHECKING:
    from sweeper.storage.sweep_folder import SweepFolder


def continue_command(path: Path) -> str:
    """Return the command that continues the sweep in a folder, unless another sweep continues in its place."""
    option = "" if path.parent == DEFAULT_SWEEPS else f" --sweeps {shlex.quote(str(path.parent))}"
    return f"sweeper run {shlex.quote(str(path / 'sweep.yaml'))}{option}"


def find_obstacle(folder: "SweepFolder") -> tuple[str, str] | None:
    """Return how a sweep relates to the one that its search space continues in its place, and that one with the remedy.

    None if the search space continues this sweep.
    """
    from sweeper.storage.sweep_search import find_continued

    continued = find_continued(folder)
    if continued is folder:
        return None
    relation = "a copy of" if continued.manifest.id == folder.manifest.id else "older than"
    return relation, f"{continued.path}; its search space continues that one; move that one away to continue this one"


def describe_continuation(folder: "SweepFolder", label: str) -> str:
    """Return the label and the command that continues a sweep; or which sweep continues in its place, and why."""
    obstacle = find_obstacle(folder)
    if obstacle is None:
        return f"{label}{continue_command(folder.path)}"
    relation, remedy = obstacle
    return f"this sweep is {relation} {remedy}"
