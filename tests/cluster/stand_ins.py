"""Stand-ins for commands that a test machine lacks, such as Slurm's."""

import os
import shlex
import subprocess
from pathlib import Path


def program(folder: Path, name: str, script: str) -> None:
    """A stand-in for a command, which notes in `calls` how it was called and then does as the script says."""
    path = folder / name
    notes = f'printf "%s\\n" "$(basename "$0") $*" >> {shlex.quote(str(folder.parent / "calls"))}\n'
    path.write_text(f"#!/usr/bin/env bash\n{notes}{script}\n")
    path.chmod(0o755)


def shell(tmp_path: Path, *words: str, **extra: str) -> subprocess.CompletedProcess[str]:
    """Run a command with the stand-ins in front of everything else."""
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path), **extra}
    return subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30, check=False)


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()
