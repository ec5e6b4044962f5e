"""Texts a second of whole training steps: cross entropy (CE), and the label-aware loss (LCL) with both networks.

The first paper's recipe has no training with cross entropy alone, so it is a peer of LCL only.
"""

from collections.abc import Iterator
from functools import partial

from benchmarks.speed.cases import SWEEPER, Arm, Case
from benchmarks.speed.session import Session

TUNED, DEFAULT, PAPER = "Trainer, tuned", "Trainer, defaults", "first paper's recipe"
_OURS, _TRAINER = "benchmarks.speed.arms.training:measure", "benchmarks.speed.peers.trainer:measure"
_PAPER = "benchmarks.speed.peers.first_paper:measure"
_LOSSES = (("ce", "shared", "CE"), ("lcl", "shared", "LCL shared"), ("lcl", "separate", "LCL separate"))
_NOTE = (
    "same data, encoder and learning rate; tuned: the precision of sweeper, batches of similar length, fused AdamW, a "
    "vectorized LCL"
)
_QUICK_LCL_BATCH = 8


def cases(session: Session) -> Iterator[Case]:
    """Yield a case for each loss and batch size. A quick run has LCL at one batch size."""
    settings = session.settings
    few_steps = 6 if settings.quick else settings.steps // 3  # random batches are alike, so few of them are enough
    with session.processes(SWEEPER, TUNED, DEFAULT, PAPER) as processes:
        for loss, weighting, title in _LOSSES:
            for batch in settings.batch_sizes:
                if settings.quick and loss != "ce" and batch != _QUICK_LCL_BATCH:
                    continue
                work = (loss, weighting, batch)
                call = processes[SWEEPER].call
                arms = [
                    Arm(SWEEPER, partial(call, _OURS, settings, *work, settings.steps)),
                    Arm(TUNED, partial(processes[TUNED].call, _TRAINER, settings, True, *work, settings.steps)),
                    Arm(DEFAULT, partial(processes[DEFAULT].call, _TRAINER, settings, False, *work, few_steps)),
                ]
                if loss != "ce":
                    paper = partial(processes[PAPER].call, _PAPER, settings, weighting, batch, few_steps)
                    arms.append(Arm(PAPER, paper))
                name = "-".join(title.lower().split())
                yield Case(f"throughput/{name}/{batch}", f"{title}, batch {batch}", "texts/s", arms, True, _NOTE)
