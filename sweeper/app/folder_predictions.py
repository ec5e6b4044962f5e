"""The test predictions in a sweep's folder, read when a table needs them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sweeper.protocol.finished_sweep import TestPredictions
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.predictions import predictions_path, read_predictions


class FolderPredictions(Mapping[int, TestPredictions]):
    """The test predictions of confirmed models by trial."""

    def __init__(self, folder: Path, results: SweepResults) -> None:
        """Find the files. A trial without one is missing."""
        paths = {trial: predictions_path(folder, trial, "test") for trial in results.confirmed_trials}
        self.paths = {trial: path for trial, path in paths.items() if path.exists()}
        self.labels = tuple(results.labels)

    def __getitem__(self, trial: int) -> TestPredictions:
        stored = read_predictions(self.paths[trial], self.labels)
        return TestPredictions(stored.labels, stored.predicted_classes)

    def __iter__(self) -> Iterator[int]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)
