"""Run `space.yaml` on the terminal of this process, which no Ray has, while this process and another print to it."""

import os
import subprocess
from functools import partial
from pathlib import Path

from sweeper.app.run_sweeps import run_sweeps
from sweeper.app.specs import load_spec
from sweeper.cli.run import show_completed
from sweeper.terminal.terminal import Terminal
from sweeper.terminal.watched_sweep import WatchedSweep
from sweeper.trials.interfaces import ProgressView

NOISE = "(raylet) WARNING noise.py:1: INFO"


class NoisyTerminal(Terminal):
    """A terminal to which libraries and other processes print as soon as the view of a sweep is open."""

    def make_view(self, sweep: WatchedSweep) -> ProgressView:
        """Return the view, after printing to both descriptors."""
        view = super().make_view(sweep)
        for descriptor in (1, 2):
            os.write(descriptor, NOISE.encode())
        subprocess.run(["sh", "-c", f"echo '{NOISE}'; echo '{NOISE}' >&2"], check=True)
        return view


def main() -> None:
    """Run the sweep and show it as the command does."""
    terminal = NoisyTerminal()
    try:
        spec = load_spec(Path("space.yaml"), [])
        run_sweeps(terminal, [spec], Path("sweeps"), inline=True, on_completed=partial(show_completed, terminal))
    finally:
        terminal.restore()
        terminal.close()


if __name__ == "__main__":
    main()
