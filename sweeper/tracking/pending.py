"""The attachments of a sweep's runs besides the record: files, a model, and what the sweep used."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sweeper.tracking.artifacts import RESULTS, Content
from sweeper.tracking.client import PARENT
from sweeper.trials.run_status import RunStatus

if TYPE_CHECKING:
    from sweeper.tracking.model_export import ModelExport


class PendingArtifacts:
    """Attachments by the number of their run: `files` by their path among its artifacts, and `models`.

    `usage` are metrics of the sweep's own run.
    """

    def __init__(self) -> None:
        self.files: dict[int, dict[str, Content]] = {}
        self.models: dict[int, ModelExport] = {}
        self.usage: dict[str, float] = {}

    def add(self, number: int, files: Mapping[str, Content]) -> None:
        """Attach files to a run. They replace earlier ones with the same name."""
        self.files[number] = {**self.files.get(number, {}), **files}

    def files_of(self, number: int) -> Mapping[str, Content]:
        """Return the files of a run."""
        return self.files.get(number, {})

    def stored_files_of(self, number: int) -> dict[str, Content]:
        """Return the files of a run that need not be made."""
        return {name: content for name, content in self.files_of(number).items() if not callable(content)}

    def pictures_of(self, number: int) -> dict[str, Content]:
        """Return the files of a run that are made when they are sent: after everything else, because it may fail."""
        return {name: content for name, content in self.files_of(number).items() if callable(content)}

    def sweep_files(self, *, include_results: bool) -> dict[str, Content]:
        """Return the files of the sweep's own run in the order of upload: its results come last, or not at all."""
        files = self.files_of(PARENT)
        return {name: files[name] for name in sorted(files, key=RESULTS.__eq__) if include_results or name != RESULTS}

    def outdated_files(self, status: RunStatus) -> list[str]:
        """Return the files that the sweep's own run may have from before: results of a smaller budget."""
        return [RESULTS] if status != RunStatus.FINISHED and RESULTS not in self.files_of(PARENT) else []
