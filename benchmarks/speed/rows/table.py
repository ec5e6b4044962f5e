"""`sweeper table` over an MLflow store of many runs, beside MLflow reading the same runs into a data frame."""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.commands import SWEEPER_COMMAND, seconds_to_end
from benchmarks.speed.session import Session

_MLFLOW = "mlflow.search_runs"
_READ = "import mlflow; print(len(mlflow.search_runs(search_all_experiments=True)))"


def cases(session: Session) -> Iterator[Case]:
    """Yield one case."""
    folder = session.subfolder("store")
    with session.processes("store") as processes:
        runs = processes["store"].call("benchmarks.speed.mlflow_store:build_store", folder, session.settings.runs)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    ours = [*SWEEPER_COMMAND, "table", "--sweeps", str(folder), "--tracking-uri", uri, "--published"]
    theirs = [sys.executable, "-c", f"import mlflow; mlflow.set_tracking_uri({uri!r}); {_READ}"]
    log = session.folder / "table.log"
    arms = [Arm(SWEEPER, partial(_measure, ours, log)), Arm(_MLFLOW, partial(_measure, theirs, log))]
    note = "whole commands; MLflow reads the runs without the predictions, and makes no table"
    yield Case("table", f"`sweeper table` over {runs:,} runs", "s", arms, note=note)


def _measure(command: list[str], log: Path, _seed: int) -> Measurement:
    return Measurement(seconds_to_end(command, log))
