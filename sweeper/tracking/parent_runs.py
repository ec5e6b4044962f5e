"""The two parent runs of a sweep in MLflow: its own run, and the confirmation run above the confirmed trials."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mlflow.entities import RunTag

from sweeper.tracking.artifacts import ArtifactUploader, Content
from sweeper.tracking.client import CONFIRMATION, PARENT
from sweeper.tracking.run_registry import RemoteRun, RunRegistry
from sweeper.tracking.saved_view import VIEW_TAG, build_view, view_key
from sweeper.tracking.sweep_description import SweepDescription, log_description, log_usage
from sweeper.trials.run_status import RunStatus

WINNER_TAG = "sweeper.winner"
_STAR = "★ "  # before the name of the winner's run
MEAN = "mean/"  # begins the names of metrics that are means over fresh seeds


class ParentRuns:
    """Syncs the parent runs. `description` is for the sweep's own run."""

    def __init__(self, runs: RunRegistry, description: SweepDescription, uploader: ArtifactUploader) -> None:
        self.runs, self.description, self.uploader = runs, description, uploader
        self.winner: int | None = None  # the trial whose setting won; None while that is open

    def add_tags(self, tags: Mapping[str, str]) -> None:
        """Add tags to the description of the sweep's own run. The next sync sends them."""
        self.description = replace(self.description, tags={**self.description.tags, **tags})

    def sync_sweep(
        self, files: Mapping[str, Content], outdated: Sequence[str], usage: Mapping[str, float], at: int
    ) -> None:
        """Sync the sweep's own run: its description, its files, and what was used until `at` (ms since 1970).

        Files that are `outdated` are no longer listed in the run's tag. The means over fresh seeds in `usage` are shown
        by the confirmation run too.
        """
        run = self.runs.by_number[PARENT]
        log_description(self.runs.client, run, self.description)
        self._save_view(run)
        self._mark_winner()
        for name in outdated:
            self.uploader.unlist(run, name)
        if usage:
            log_usage(self.runs.client, run, usage, at)
        means = {name: value for name, value in usage.items() if name.startswith(MEAN)}
        if means and CONFIRMATION in self.runs.by_number:
            log_usage(self.runs.client, self.runs.by_number[CONFIRMATION], means, at)
        self.uploader.upload(run, files)

    def _save_view(self, run: RemoteRun) -> None:
        """Save the view of the sweep's trials in the experiment; nothing for a sweep that searches nothing."""
        params = self.description.searched
        if not params:
            return
        trial_params = [run.params for number, run in self.runs.by_number.items() if number > PARENT and run.params]
        shared_params = [name for name in params if all(name in params_of_trial for params_of_trial in trial_params)]
        created, identity = int(run.tags.get("sweeper.created", 0)), self.runs.identity
        view = build_view(self.runs.sweep.name, identity, self.description.objective, params, shared_params, created)
        self.runs.tag_experiment(VIEW_TAG + view_key(identity), view)

    def _mark_winner(self) -> None:
        """Give the winner's run its tag and a star before its name, and take both from a former winner's run."""
        for number, run in self.runs.by_number.items():
            name = run.tags.get("mlflow.runName", "")
            if number == self.winner and WINNER_TAG not in run.tags:
                self._send_tags(run, {WINNER_TAG: "yes", "mlflow.runName": _STAR + name.removeprefix(_STAR)})
            elif number != self.winner and WINNER_TAG in run.tags and self.winner is not None:
                self._send_tags(run, {"mlflow.runName": name.removeprefix(_STAR)})
                self.runs.client.delete_tag(run.id, WINNER_TAG)
                del run.tags[WINNER_TAG]

    def _send_tags(self, run: RemoteRun, tags: Mapping[str, str]) -> None:
        self.runs.client.log_batch(run.id, tags=[RunTag(name, text) for name, text in tags.items()])
        run.tags |= tags

    def sync_confirmation(self, started_at: int) -> None:
        """Create the confirmation run if it is missing, and make it a child of the sweep's own run.

        It is created as one that started at `started_at`, in milliseconds since 1970.
        """
        tags = self.runs.stage_tags("confirmation") | {"mlflow.parentRunId": self.runs.id_of(PARENT)}
        if CONFIRMATION not in self.runs.by_number:
            self.runs.create(CONFIRMATION, tags, "confirm", started_at)
        run = self.runs.by_number[CONFIRMATION]
        if not run.has_tags(tags):
            self._send_tags(run, tags)

    def finish(self, status: RunStatus, at: int) -> None:
        """Give this status to the confirmation run, and then to the sweep's own run.

        KILLED does not replace FINISHED or FAILED. A run that ends has ended at `at`, in milliseconds since 1970; 0 for
        now.
        """
        for number in (CONFIRMATION, PARENT):
            if number in self.runs.by_number:
                self._set_status(self.runs.by_number[number], status, at)

    def _set_status(self, run: RemoteRun, status: RunStatus, at: int) -> None:
        has_ended = run.status in (RunStatus.FINISHED, RunStatus.FAILED)
        if status == RunStatus.RUNNING:
            self.runs.reopen(run)
        elif run.status != status and not (status == RunStatus.KILLED and has_ended):
            self.runs.terminate(run, status, at or None)
