"""The runner without Ray: every trial in this process, one after the other, for a debugger and for tests."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace

from sweeper.errors import SweepInterrupted
from sweeper.execution.attempt import run_attempt
from sweeper.storage.trial_files import delete_trial_files
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import TrainingJob, TrialSource
from sweeper.trials.resources import TrialResources, fit_to_machine
from sweeper.trials.trial import Trial, TrialEnd


class InlineRunner:
    """The port Runner in this process; a context manager, as the one on Ray is."""

    is_remote = False

    def __init__(self, cpus: int, gpus: float) -> None:
        self.cpus, self.gpus = cpus, gpus

    def __enter__(self) -> "InlineRunner":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        """The trial's share of this machine; one trial runs at a time."""
        share = fit_to_machine(cpu, gpu, accelerator, node={"CPU": self.cpus, "GPU": self.gpus})
        return replace(share, slots=1)

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        """What a function returns here."""
        return {"this process": check()}

    def run(self, trials: TrialSource, job: TrainingJob, allocation: TrialResources) -> None:
        """Run trial after trial until there is none left."""
        try:
            while not trials.is_exhausted():
                trial = trials.next_trial()
                if trial is not None:
                    self._run(trial, trials, job)
        except SweepInterrupted:
            raise
        except KeyboardInterrupt:
            raise SweepInterrupted from None

    def _run(self, trial: Trial, trials: TrialSource, job: TrainingJob) -> None:
        with closing(run_attempt(trial, job, job.data[trial.config.encoder])) as events:
            for event in events:
                if isinstance(event, TrialEnd):
                    trials.trial_ended(trial, event)
                elif isinstance(event, ValidationReport):
                    if not trials.report(trial, event):
                        break
                elif event.note:
                    trials.notify(trial, event.note)
        delete_trial_files(job.folder, trial, storage=job.storage)
