"""git: which commit the user's own files are at, where they are under its control."""

import subprocess
from pathlib import Path


def head_commit(place: Path) -> str | None:
    """The commit that a folder's files are at; None where there is none, or no git."""
    try:
        found = subprocess.run(
            ["git", "-C", place, "rev-parse", "--verify", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip()
