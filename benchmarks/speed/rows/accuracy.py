"""Test accuracy of the same training by sweeper and by the tuned Trainer: is the speed paid for with accuracy?

Cross entropy, batch 32, learning rate from 5e-5 to 0, bf16 where the processor has it, batches of similar length. The
model after the last epoch is scored. The seconds per epoch are those of sweeper's training steps, but of the whole
`Trainer.train` for the peer, which includes its start. A quick run leaves this row out.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.speed.cases import SWEEPER, Arm, Case
from benchmarks.speed.rows.throughput import TUNED
from benchmarks.speed.session import Session


def cases(session: Session) -> Iterator[Case]:
    """Yield one case, or none in a quick run."""
    settings = session.settings
    if settings.quick:
        return
    with session.processes(SWEEPER, TUNED) as processes:
        modules = {SWEEPER: "benchmarks.speed.arms.accuracy", TUNED: "benchmarks.speed.peers.accuracy"}
        arms = [
            Arm(name, partial(processes[name].call, f"{module}:measure", settings, settings.epochs))
            for name, module in modules.items()
        ]
        title = f"test accuracy after {settings.epochs} epochs, batch 32"
        note = "one seed in each round; the peer's seconds per epoch include the start of its Trainer"
        yield Case("accuracy", title, "%", arms, more_is_better=True, note=note)
