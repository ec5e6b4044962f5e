"""The runs in the MLflow store of one sweep."""

from pathlib import Path
from typing import Any


def open_store(database: Path) -> Any:
    """Return an MLflow client for a SQLite store. A missing store is created."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{database}")


def run_statuses(database: Path) -> list[str]:
    """Return the status of every run in a store."""
    client = open_store(database)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(experiments, max_results=10_000)]
