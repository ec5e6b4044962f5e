"""Trials in an hour of one GPU: a search that shares the GPU by measured memory, beside one trial at a time.

The search has the shape of that of the second paper on SST-5: ELECTRA-base, here with random weights, at each batch
size. No trial is stopped early, so both sides train the same epochs.
"""

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, Arm, Case, LeftOutError, Measurement
from benchmarks.speed.commands import SWEEPER_COMMAND, seconds_to_end
from benchmarks.speed.session import Session
from benchmarks.speed.settings import Settings
from sweeper.training.device import gpu_count

_RATES, _QUICK_RATES = 8, 4  # learning rates of each batch size: so many trials
_PEER = "the tuned Trainer, one at a time"
_ELECTRA_BASE = {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072}


def cases(session: Session) -> Iterator[Case]:
    """Yield one case. Raises LeftOutError without a GPU."""
    gpus = gpu_count()
    if not gpus:
        raise LeftOutError("left out: this machine has no GPU")
    folder = session.subfolder("gpu_search")
    with session.processes("sweeper encoder", "Trainer") as processes:
        encoder = folder / "electra"
        processes["sweeper encoder"].call(
            "benchmarks.speed.random_encoder:save", session.settings, str(encoder), _ELECTRA_BASE
        )
        settings = replace(session.settings, encoder=str(encoder))
        ours = Arm(SWEEPER, partial(measure_search, settings, folder, gpus))
        theirs = partial(processes["Trainer"].call, "benchmarks.speed.peers.trainer_trials:measure", settings)
        title = "trials of ELECTRA-base in an hour of one GPU"
        yield Case("gpu_search", title, "trials/h", [ours, Arm(_PEER, theirs)], True, "no early stopping")


def measure_search(settings: Settings, folder: Path, gpus: int, seed: int) -> Measurement:
    """Return the trials per GPU hour of `sweeper run`, from the command to its end."""
    rates = _QUICK_RATES if settings.quick else _RATES
    trials = rates * len(settings.batch_sizes)
    with tempfile.TemporaryDirectory(dir=folder) as sweeps:
        command, start = search_command(settings, Path(sweeps), rates, seed), time.perf_counter()
        try:
            seconds_to_end(command, folder / "sweeper.log")
        except RuntimeError:  # with random weights all trials may collapse; they were trained to their end nevertheless
            if _count_ended(Path(sweeps)) < trials:
                raise
        seconds = time.perf_counter() - start
    return Measurement(3600 * trials / seconds / max(1, gpus), {"s in all": seconds})


def _count_ended(sweeps: Path) -> int:
    """Return the number of trials whose end is recorded in a sweep in the folder."""
    return sum(journal.read_bytes().count(b'"outcome":') for journal in sweeps.glob("*/record.journal"))


def search_command(settings: Settings, sweeps: Path, rates: int, seed: int) -> Sequence[str]:
    """Return the command of a grid of `rates` learning rates for each batch size."""
    space = Path(settings.data)
    if space.suffix not in (".yaml", ".yml"):
        space = sweeps / "space.yaml"
        space.write_text(f"dataset: {settings.data}\n", encoding="utf-8")
    sizes = ", ".join(map(str, settings.batch_sizes))
    grid = ", ".join(f"{(1 + number) * 1e-5:.0e}" for number in range(rates))
    keys = (
        f"compare={{encoder: [{settings.encoder}], loss: [ce]}}",
        f"search={{batch_size: [{sizes}], learning_rate: [{grid}]}}",
        f"training={{epochs: {settings.epochs}, max_length: {settings.max_length}}}",
        f"budget={{trials: {rates * len(settings.batch_sizes)}}}",
        f"fail_fast_after={1 + rates * len(settings.batch_sizes)}",
        "sampler=grid", "asha=off", "confirm={seeds: 0}", "resources={gpu: auto}", f"seed={seed}",
    )  # fmt: skip
    return [
        *SWEEPER_COMMAND,
        "run",
        str(space),
        "--sweeps",
        str(sweeps),
        *(word for key in keys for word in ("--set", key)),
    ]
