"""What is kept with the runs of a sweep beside what is recorded of them: files, a model, and what the sweep used."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweeper.tracking.artifacts import Content
from sweeper.tracking.client import PARENT
from sweeper.trials.run_status import RunStatus

if TYPE_CHECKING:
    from sweeper.tracking.model_export import ModelExport

_RESULTS = "results.json"


class PendingArtifacts:
    """By the number of a run: its `files` by their place among its artifacts, and its model among the `winners`."""

    def __init__(self) -> None:
        self.files: dict[int, dict[str, Content]] = {}
        self.winners: dict[int, ModelExport] = {}
        self.figures: dict[str, float] = {}  # of the sweep's own run

    def add(self, number: int, files: Mapping[str, Content]) -> None:
        """Files of a run; one that is there by this name is replaced."""
        self.files[number] = {**self.files.get(number, {}), **files}

    def of(self, number: int) -> Mapping[str, Content]:
        """The files of a trial's run."""
        return self.files.get(number, {})

    def own(self, *, last: bool) -> dict[str, Content]:
        """The files of the sweep's own run: its results are the last of them, and where this is `last` alone."""
        files = self.of(PARENT)
        return {name: files[name] for name in sorted(files, key=_RESULTS.__eq__) if last or name != _RESULTS}

    def gone(self, status: RunStatus) -> list[str]:
        """What the sweep's own run had and has not any more: the results that a larger budget made old."""
        return [_RESULTS] if status != RunStatus.FINISHED and _RESULTS not in self.of(PARENT) else []
