"""From the command to the first update of the weights: everything that a user waits for before training begins.

Sweeper's command is stopped at the first report, which follows one batch and a validation of a few texts. The peer is a
script with the tuned Trainer, stopped after one batch.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.commands import SWEEPER_COMMAND, journal_has, seconds_to_end, seconds_until
from benchmarks.speed.session import Session
from benchmarks.speed.settings import Settings
from benchmarks.speed.spaces import FIRST_STEP

_TEXTS = 32  # of training and validation: one batch


def cases(session: Session) -> Iterator[Case]:
    """Yield one case."""
    settings = session.settings
    script = [sys.executable, "-m", "benchmarks.speed.peers.trainer_script", settings.data, settings.encoder]
    arms = [
        Arm(SWEEPER, partial(_measure, session, settings)),
        Arm("a Trainer script", partial(_measure_script, script, session.folder / "script.log")),
    ]
    note = "sweeper starts Ray and MLflow, and opens its record; the script loads model and data, and trains"
    yield Case("cold_start", "from the command to the first update", "s", arms, note=note)


def _measure(session: Session, settings: Settings, seed: int) -> Measurement:
    """Start a sweep in a folder of its own, and stop it at the first report in its record."""
    sweeps = session.subfolder(f"cold-start-{seed}")
    own_space = Path(settings.data).suffix in (".yaml", ".yml")
    overrides = [
        *(["search={learning_rate: {log: [1e-5, 1e-4]}}", "training={epochs: 1}"] if own_space else []),
        *([] if own_space else [f"dataset={settings.data}"]),
        f"compare={{encoder: [{settings.encoder}], loss: [ce]}}", f"seed={seed}",
        f"limit={{train: {_TEXTS}, validation: {_TEXTS}}}",
    ]  # fmt: skip
    options = [word for override in overrides for word in ("--set", override)]
    space = settings.data if own_space else str(FIRST_STEP)
    command = [*SWEEPER_COMMAND, "run", space, "--sweeps", str(sweeps), "--quiet", *options]
    log = session.folder / "cold-start.log"
    return Measurement(seconds_until(command, lambda: journal_has(sweeps, b'"report:1"'), log))


def _measure_script(command: list[str], log: Path, _seed: int) -> Measurement:
    return Measurement(seconds_to_end(command, log))
