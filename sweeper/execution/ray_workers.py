"""The workers of a RayRunner. They run the trials of one job after another.

If Ray itself dies, it is started again, and the trials continue from their checkpoints.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sweeper.errors import SweeperError, SweepInterrupted
from sweeper.execution import ray_cluster
from sweeper.execution.autoscaler import potential_nodes
from sweeper.execution.gpu_room import GpuRoom
from sweeper.execution.signals import collect_signals
from sweeper.execution.tune_bridge import TuneBridge
from sweeper.trials.interfaces import TrainingJob, TrialSource
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources, count_slots
from sweeper.trials.trial import Trial, TrialEnd

if TYPE_CHECKING:
    from sweeper.execution.ray_runner import RayRunner
    from sweeper.execution.tune_run import TuneRun


class RayWorkers:
    """The Workers of a RayRunner, with so many resources for a trial. Use it as a context manager.

    On this machine the processes are kept from one job to the next.
    """

    def __init__(self, runner: "RayRunner", resources: TrialResources) -> None:
        self.runner, self.resources = runner, resources
        self.tune: TuneRun | None = None

    def __enter__(self) -> "RayWorkers":
        return self

    def __exit__(self, *_: object) -> None:
        if self.tune is not None:
            self.tune.close()

    def run(self, trials: TrialSource, job: TrainingJob) -> None:
        """Run trials side by side until `trials` is exhausted, and restart Ray on this machine if it dies.

        Raises SweepInterrupted after a signal, SweeperError if the cluster's head is lost, and what `trials` raises.
        """
        runner = self.runner
        with collect_signals() as received:
            while not trials.is_exhausted():
                if process := runner.dead_process():  # it may have died between two jobs
                    self._restart_ray(trials, process)
                tune = self._run_with_tune(trials, job)
                if tune.wait(lambda: received or runner.dead_process() or runner.is_head_lost()):
                    continue
                self.tune = None
                unfinished = tune.bridge.close()
                if tune.bridge.error is not None:
                    raise tune.bridge.error
                if received:
                    break
                if runner.is_head_lost():
                    raise SweeperError(
                        f"the head of the Ray cluster at {runner.head.address} no longer answers; "
                        "once it is back, the same command continues where it stopped"
                    )
                if process := runner.dead_process():
                    self._restart_ray(trials, process, unfinished)
                else:
                    _give_back(trials, unfinished, "Ray Tune ended before it")
        if received:
            raise SweepInterrupted(128 + received[0])

    def _restart_ray(self, trials: TrialSource, process: str, unfinished: Sequence[Trial] = ()) -> None:
        """Start Ray on this machine again, of which a process died. The `unfinished` trials have lost their workers.

        A job that is put into the object store of a dead raylet would end this process without a word.
        """
        idle, self.tune = self.tune, None  # Tune's objects are kept until Ray runs again
        if idle is not None:
            idle.bridge.close()
            idle.bridge.stop()
        trials.notify(None, f"Ray's {process} died; restarting Ray")
        _give_back(trials, unfinished, f"Ray's {process} died")
        self.runner.restart()

    def _run_with_tune(self, trials: TrialSource, job: TrainingJob) -> "TuneRun":
        """Let Tune run trials: the Tune that ran earlier ones, if there is one. Return it."""
        if self.tune is not None:
            self.tune.run_more(trials, job)
            return self.tune
        from sweeper.execution.tune_run import TuneRun

        room = GpuRoom(self.resources, self._gpu_counter())
        bridge = TuneBridge(trials, job, self._slot_counter(), room=room)
        folder, is_remote = self.runner.folder / "tune", self.runner.is_remote
        self.tune = TuneRun(bridge, self.resources, folder, is_remote=is_remote)
        return self.tune

    def _slot_counter(self) -> Callable[[], int]:
        """Return a function that counts how many trials can run at a time, including those on nodes that join later."""
        resources = self.resources
        if not self.runner.is_remote:
            return lambda: resources.slots
        potential_slots = count_slots(potential_nodes(), resources)
        return ray_cluster.CachedCount(lambda: max(count_slots(ray_cluster.live_nodes(), resources), potential_slots))

    def _gpu_counter(self) -> Callable[[], int]:
        """Return a function that counts the GPUs, including those on nodes that join later."""
        if not self.runner.is_remote:
            count = ray_cluster.count_gpus(ray_cluster.live_nodes())
            return lambda: count
        potential = ray_cluster.count_gpus(potential_nodes())
        return ray_cluster.CachedCount(lambda: max(ray_cluster.count_gpus(ray_cluster.live_nodes()), potential))


def _give_back(trials: TrialSource, unfinished: Sequence[Trial], reason: str) -> None:
    """Tell the source of trials that these have lost their worker, through no fault of theirs."""
    for trial in unfinished:
        trials.worker_lost(trial, TrialEnd(Outcome.FAILED, reason), infrastructure_fault=True)
