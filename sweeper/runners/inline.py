"""The runner without Ray: every trial in this process, one after the other, for a debugger and for tests."""

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace

from sweeper.allocation import Allocation, on_machine
from sweeper.attempt import attempt, forget
from sweeper.errors import Interruption
from sweeper.ports import Job, Trials
from sweeper.values import Finish, Report, Trial


class InlineRunner:
    """The port Runner in this process; a context manager, as the one on Ray is."""

    remote = False

    def __init__(self, cpus: int, gpus: float) -> None:
        self.cpus, self.gpus = cpus, gpus

    def __enter__(self) -> "InlineRunner":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def allocate(self, cpu: int, gpu: float, accelerator: str = "") -> Allocation:
        """The trial's share of this machine; one trial runs at a time."""
        share = on_machine(cpu, gpu, accelerator, node={"CPU": self.cpus, "GPU": self.gpus})
        return replace(share, slots=1)

    def everywhere(self, check: Callable[[], str]) -> Mapping[str, str]:
        """What a function returns here."""
        return {"this process": check()}

    def run(self, trials: Trials, job: Job, allocation: Allocation) -> None:
        """Run trial after trial until there is none left."""
        try:
            while not trials.exhausted():
                trial = trials.next()
                if trial is not None:
                    self._run(trial, trials, job)
        except Interruption:
            raise
        except KeyboardInterrupt:
            raise Interruption from None

    def _run(self, trial: Trial, trials: Trials, job: Job) -> None:
        with closing(attempt(trial, job, job.data[trial.config.encoder])) as events:
            for event in events:
                if isinstance(event, Finish):
                    trials.finish(trial, event)
                elif isinstance(event, Report):
                    if not trials.report(trial, event):
                        break
                elif event.note:
                    trials.note(trial, event.note)
        forget(job.folder, trial, storage=job.storage)
