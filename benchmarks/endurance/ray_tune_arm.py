"""The arm of Ray Tune: the same sweep, as ray_tune_script.py writes it, under the same kills.

A trial counts as finished before a kill if the driver's callbacks were told so: the screen said it, and MLflow was
told. MLflow's store is created before the first kill. A kill while MLflow creates its tables makes the store unusable,
and that is no fault of Ray Tune.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.endurance.kill_schedule import Tally
from benchmarks.endurance.mlflow_runs import open_store, run_statuses


class RayTuneArm:
    """Runs ray_tune_script.py again and again in the same folder."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.starts = 0
        self.lines_before = 0  # of the history at the last kill

    def command(self, folder: Path) -> Sequence[str]:
        """Return the command. Ray's folder for its sockets differs each time, and its path is short."""
        if not (folder / "mlflow.db").exists():
            folder.mkdir(parents=True, exist_ok=True)
            open_store(folder / "mlflow.db").search_experiments()
        self.starts += 1
        sockets = f"/tmp/ray-tune-{os.getpid()}-{self.starts}"
        return [sys.executable, "-m", "benchmarks.endurance.ray_tune_script", str(folder), sockets]

    def killed(self, folder: Path) -> str:
        """Return what was going on, as far as the callbacks were told."""
        before, self.lines_before = self.lines_before, len(_read_history(folder))
        return "training" if self.lines_before > before else "starting"

    def finished(self, folder: Path) -> None:
        """Count what the last command returned and what MLflow has, and compare both with the history."""
        history, tally = _read_history(folder), self.tally
        path = folder / "trials.json"
        trials: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        ended = _ended_before_a_kill(history)
        statuses = run_statuses(folder / "mlflow.db")
        starts = {(line["driver"], line["trial"]) for line in history if line["what"] == "result"}
        attempts = Counter(trial for _, trial in starts)
        tally.trials += len(trials)
        tally.finished_before_a_kill += len(ended)
        tally.lost += sum(trials.get(trial, {}).get("steps", 0) < steps for trial, (_, steps) in ended.items())
        tally.repeated += sum(_trained_after(history, trial, index) for trial, (index, _) in ended.items())
        reports = Counter((line["trial"], line["step"]) for line in history if line["what"] == "result")
        tally.epochs_again += sum(count - 1 for count in reports.values())
        tally.doubled += max(0, len(statuses) - len(trials))
        tally.orphaned += statuses.count("RUNNING")
        tally.attempts += sum(attempts.values())
        tally.most_attempts = max(tally.most_attempts, *attempts.values(), 0)
        self.lines_before = 0


def _read_history(folder: Path) -> list[dict[str, Any]]:
    """Return what the drivers were told, in order."""
    path = folder / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _ended_before_a_kill(history: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Return the trials that had ended in a command that was killed, each with the index of that line and its steps."""
    last_driver = history[-1]["driver"] if history else 0
    steps: Counter[str] = Counter()
    ended: dict[str, tuple[int, int]] = {}
    for index, line in enumerate(history):
        if line["what"] == "result":
            steps[line["trial"]] = line["step"]
        elif line["driver"] != last_driver:
            ended.setdefault(line["trial"], (index, steps[line["trial"]]))
    return ended


def _trained_after(history: Sequence[dict[str, Any]], trial: str, index: int) -> bool:
    return any(line["trial"] == trial and line["what"] == "result" for line in history[index + 1 :])
