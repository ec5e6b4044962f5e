"""The room on GPUs that trials share: which trial starts now, and which is tried again with a GPU of its own."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from sweeper.execution.attempt import Event
from sweeper.trials.gpu_memory import GpuShare, fit_on_gpus
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd

_WHOLE = GpuShare(1.0, 1.0)


class GpuRoom:
    """The GPUs of one run of a runner.

    Without measured memory every trial gets the same share, the number of slots is the only limit, and out of memory is
    the end of a trial.
    """

    def __init__(self, resources: TrialResources, count_gpus: Callable[[], int]) -> None:
        """Share as many GPUs as `count_gpus` returns at the time."""
        self.resources, self._count_gpus = resources, count_gpus
        self.alone: set[int] = set()  # numbers of trials whose share was too small

    def share_of(self, trial: Trial) -> GpuShare:
        """Return the share of a GPU that a trial gets."""
        return _WHOLE if trial.number in self.alone else self.resources.share_of(trial.config)

    def count_gpus(self) -> int:
        """Return the number of GPUs; 0 if it does not matter."""
        return 0 if self.resources.memory is None else self._count_gpus()

    def has_room(self, trial: Trial, running: Iterable[Trial], gpus: int) -> bool:
        """Return True if a trial fits on so many GPUs beside those that run. One alone always does."""
        others = list(running)
        if self.resources.memory is None or not others:
            return True
        return fit_on_gpus([self.share_of(other).gpu for other in (trial, *others)], gpus)

    def needs_more(self, trial: Trial, event: Event) -> bool:
        """Return True if this event says that a trial's share is too small. From now on it gets a whole GPU."""
        if self.resources.memory is None or not isinstance(event, TrialEnd):
            return False
        if event.outcome is not Outcome.OUT_OF_MEMORY or self.share_of(trial).gpu >= 1:
            return False
        self.alone.add(trial.number)
        return True


ONE_SHARE_FOR_ALL = GpuRoom(TrialResources(cpu=1, gpu=0, slots=1), lambda: 0)
"""The room of trials that do not share GPUs by measured memory."""


def with_gpu_share(job: TrainingJob, share: GpuShare, *, is_measured: bool) -> TrainingJob:
    """Return a job whose training stays within a share of a GPU's memory. A measured share is in its reports."""
    from sweeper.training.gpu_share import limit_gpu_memory, report_gpu_share  # imports torch

    train = partial(limit_gpu_memory, job.train, share.memory)
    return replace(job, train=partial(report_gpu_share, train, share.gpu) if is_measured else train)
