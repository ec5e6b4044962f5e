"""The predictions in a sweep's folder, read when a table or a comparison needs them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.predictions import predictions_path, read_predictions
from sweeper.storage.sweep_folder import SweepFolder


class FolderPredictions(Mapping[int, TestPredictions]):
    """The predictions of confirmed models on a split, by trial."""

    def __init__(self, folder: Path, results: SweepResults, split: str = "test") -> None:
        """Find the files. A trial without one is missing."""
        paths = {trial: predictions_path(folder, trial, split) for trial in results.confirmed_trials}
        self.paths = {trial: path for trial, path in paths.items() if path.exists()}
        self.labels = tuple(results.labels)

    def __getitem__(self, trial: int) -> TestPredictions:
        return TestPredictions.of(read_predictions(self.paths[trial], self.labels))

    def __contains__(self, trial: object) -> bool:
        """Return True if there is a file, without reading it."""
        return trial in self.paths

    def __iter__(self) -> Iterator[int]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def finished_sweep(folder: SweepFolder, results: SweepResults) -> FinishedSweep:
    """Return a finished sweep with the predictions in its folder."""
    test, validation = (FolderPredictions(folder.path, results, split) for split in ("test", "validation"))
    return FinishedSweep(results, test, validation=validation)
