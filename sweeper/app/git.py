"""Asks git for the commit of the user's own files."""

import subprocess
from pathlib import Path


def head_commit(folder: Path) -> str | None:
    """Return the commit that a folder is at; None without git, or where the folder is in no repository."""
    try:
        process = subprocess.run(
            ["git", "-C", folder, "rev-parse", "--verify", "HEAD"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return process.stdout.strip()
