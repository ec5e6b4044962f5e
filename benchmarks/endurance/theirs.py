"""The arm of Ray Tune: the same sweep as peer.py writes it, under the same kills.

A trial counts as finished where the driver's callbacks had been told so before a kill: that is what the screen said,
and what MLflow was told. MLflow's store is made before the first kill: cut off while MLflow makes its tables, it cannot
be used again, and that is not Ray Tune's doing.
"""

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.endurance.arms import Tally


class RayTune:
    """Runs peer.py again and again in the same folder."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.starts = 0
        self.known = 0  # lines of the history at the last kill

    def command(self, folder: Path) -> Sequence[str]:
        """The same command; Ray's folder for its sockets is another one each time, and its path is short."""
        if not (folder / "mlflow.db").exists():
            folder.mkdir(parents=True, exist_ok=True)
            _client(folder).search_experiments()
        self.starts += 1
        sockets = f"/tmp/peer-{os.getpid()}-{self.starts}"
        return [sys.executable, "-m", "benchmarks.endurance.peer", str(folder), sockets]

    def killed(self, folder: Path) -> str:
        """What was going on, as far as the callbacks were told."""
        before, self.known = self.known, len(_history(folder))
        return "training" if self.known > before else "starting"

    def finished(self, folder: Path) -> None:
        """Count what the last command gives as the result, and what MLflow has, beside the history."""
        history, tally = _history(folder), self.tally
        path = folder / "trials.json"
        trials: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        ended = _ended_before_a_kill(history)
        statuses = _statuses(folder)
        starts = {(line["driver"], line["trial"]) for line in history if line["what"] == "result"}
        attempts = Counter(trial for _, trial in starts)
        tally.trials += len(trials)
        tally.finished_before_a_kill += len(ended)
        tally.lost += sum(trials.get(trial, {}).get("steps", 0) < steps for trial, (_, steps) in ended.items())
        tally.repeated += sum(_trained_after(history, trial, place) for trial, (place, _) in ended.items())
        reports = Counter((line["trial"], line["step"]) for line in history if line["what"] == "result")
        tally.epochs_again += sum(count - 1 for count in reports.values())
        tally.doubled += max(0, len(statuses) - len(trials))
        tally.orphaned += statuses.count("RUNNING")
        tally.attempts += sum(attempts.values())
        tally.most_attempts = max(tally.most_attempts, *attempts.values(), 0)
        self.known = 0


def _history(folder: Path) -> list[dict[str, Any]]:
    """What the drivers were told, in order."""
    path = folder / "history.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def _ended_before_a_kill(history: Sequence[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """The trials that had ended in a command that was killed: the place of that line, and the steps they had."""
    last = history[-1]["driver"] if history else 0
    steps: Counter[str] = Counter()
    found: dict[str, tuple[int, int]] = {}
    for place, line in enumerate(history):
        if line["what"] == "result":
            steps[line["trial"]] = line["step"]
        elif line["driver"] != last:
            found.setdefault(line["trial"], (place, steps[line["trial"]]))
    return found


def _trained_after(history: Sequence[dict[str, Any]], trial: str, place: int) -> bool:
    return any(line["trial"] == trial and line["what"] == "result" for line in history[place + 1 :])


def _client(folder: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")


def _statuses(folder: Path) -> list[str]:
    """The status of every run in MLflow."""
    client = _client(folder)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(experiments, max_results=10_000)]
