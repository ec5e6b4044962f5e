"""The runner without Ray: all trials in this process, one after the other, for a debugger and for tests."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace

from sweeper.errors import SweeperError, SweepInterrupted
from sweeper.execution.attempt import deliver, run_attempt
from sweeper.execution.gpu_room import with_gpu_share
from sweeper.storage.trial_files import delete_trial_files
from sweeper.training.config import TrainConfig
from sweeper.training.types import TrainingData
from sweeper.trials.interfaces import Measure, Measured, TrainingJob, TrialSource, Workers
from sweeper.trials.resources import TrialResources, fit_to_machine
from sweeper.trials.trial import Trial, TrialEnd


class InlineRunner:
    """A Runner in this process. It is a context manager, as RayRunner is."""

    is_remote = has_workers = False
    note = ""

    def __init__(self, cpus: int, gpus: float) -> None:
        self.cpus, self.gpus = cpus, gpus

    def __enter__(self) -> "InlineRunner":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> TrialResources:
        """Return a trial's share of this machine. One trial runs at a time."""
        node = {"CPU": self.cpus, "GPU": self.gpus}
        resources = fit_to_machine(cpu, gpu, accelerator, node=node, hides_gpus=False)
        return replace(resources, slots=1)

    def run_on_all_nodes(self, check: Callable[[], str]) -> Mapping[str, str]:
        """Call `check` here."""
        return {"this process": check()}

    def start_workers(self, resources: TrialResources) -> None:
        """Do nothing: trials run in this process."""

    def measure(
        self,
        measure: Measure,
        configs: Sequence[TrainConfig],
        data: Mapping[str, TrainingData],
        resources: TrialResources,
    ) -> list[Measured]:
        """Return the cost of each training, or the error that ended it, one after the other."""
        costs: list[Measured] = []
        for config in configs:
            try:
                costs.append(measure(config, data[config.encoder]))
            except SweeperError as error:
                costs.append(error)
        return costs

    def workers(self, resources: TrialResources) -> AbstractContextManager[Workers]:
        """Return a context in which trials run here with these resources."""
        return nullcontext(InlineWorkers(resources))


class InlineWorkers:
    """The Workers of an InlineRunner: this process."""

    def __init__(self, resources: TrialResources) -> None:
        self.resources = resources

    def run(self, trials: TrialSource, job: TrainingJob) -> None:
        """Run trial after trial until `trials` is exhausted. Raises SweepInterrupted, and what `trials` raises."""
        try:
            while not trials.is_exhausted():
                trial = trials.next_trial()
                if trial is not None:
                    share = self.resources.share_of(trial.config)
                    self._run_trial(trial, trials, with_gpu_share(job, share, is_measured=False))
        except SweepInterrupted:
            raise
        except KeyboardInterrupt:
            raise SweepInterrupted from None

    def _run_trial(self, trial: Trial, trials: TrialSource, job: TrainingJob) -> None:
        with closing(run_attempt(trial, job, job.data[trial.config.encoder])) as events:
            event = next(event for event in events if not deliver(event, trial, trials))
        if not trials.will_continue(trial):
            delete_trial_files(job.folder, trial, storage=job.storage)
        if isinstance(event, TrialEnd) and event.breaks_process:
            lost = "this process can use its GPU no more"
            raise SweeperError(f"trial {trial.number}: {event.reason}; {lost}; the same command continues")
