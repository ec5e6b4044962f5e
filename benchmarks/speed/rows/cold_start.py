"""From the command to the first score: everything that a user waits for before a training shows a result.

Both train one batch and score a batch of validation texts. Sweeper's command is stopped at the first report in its
record, and the peer, a script with the tuned Trainer, once its validation texts are scored. Both get the same number of
threads, and tokenize only the texts that they use.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.speed.cases import SWEEPER, Arm, Case, Measurement
from benchmarks.speed.commands import SWEEPER_COMMAND, journal_has, seconds_until
from benchmarks.speed.session import Session
from benchmarks.speed.settings import Settings
from benchmarks.speed.spaces import FIRST_STEP

_TEXTS = 32  # of training and validation: one batch each
SCRIPT = Path(__file__).parents[1] / "peers" / "trainer_script.py"


def cases(session: Session) -> Iterator[Case]:
    """Yield one case."""
    settings, folder = session.settings, session.subfolder("cold-start-data")
    with session.processes("files") as processes:
        encoder, bf16 = processes["files"].call("benchmarks.speed.peers.script_input:write_input", settings, folder)
    script = script_command(settings, folder, encoder, bf16)
    arms = [
        Arm(SWEEPER, partial(_measure, session, settings)),
        Arm("a Trainer script", partial(_measure_script, script, session.folder)),
    ]
    note = "sweeper starts Ray and MLflow, and opens its record; both read the data, train one batch and score another"
    yield Case("cold_start", "from the command to the first score", "s", arms, note=note)


def sweeper_command(settings: Settings, sweeps: Path, seed: int) -> list[str]:
    """Return the command of a sweep whose trials train one batch and score one, with the threads of the settings."""
    own_space = Path(settings.data).suffix in (".yaml", ".yml")
    overrides = [
        *(["search={learning_rate: {log: [1e-5, 1e-4]}}"] if own_space else [f"dataset={settings.data}"]),
        f"training={{epochs: 1, batch_size: {_TEXTS}, max_length: {settings.max_length}}}",
        f"compare={{encoder: [{settings.encoder}], loss: [ce]}}", f"seed={seed}",
        f"limit={{train: {_TEXTS}, validation: {_TEXTS}}}", f"resources={{cpu: {settings.threads}}}",
    ]  # fmt: skip
    options = [word for override in overrides for word in ("--set", override)]
    space = settings.data if own_space else str(FIRST_STEP)
    return [*SWEEPER_COMMAND, "run", space, "--sweeps", str(sweeps), "--quiet", *options]


def script_command(settings: Settings, data: Path, encoder: Path, bf16: bool) -> list[str]:
    """Return the command of the script, without the file that it makes at the end."""
    numbers = (_TEXTS, settings.max_length, settings.threads, int(bf16))
    return [sys.executable, str(SCRIPT), str(data), str(encoder), *map(str, numbers)]


def _measure(session: Session, settings: Settings, seed: int) -> Measurement:
    """Start a sweep in a folder of its own, and stop it at the first report in its record."""
    sweeps = session.subfolder(f"cold-start-{seed}")
    command = sweeper_command(settings, sweeps, seed)
    log = session.folder / "cold-start.log"
    return Measurement(seconds_until(command, lambda: journal_has(sweeps, b'"report:1"'), log))


def _measure_script(command: list[str], folder: Path, seed: int) -> Measurement:
    """Start the script, and stop it once it has scored."""
    marker = folder / f"scored-{seed}"
    return Measurement(seconds_until([*command, str(marker)], marker.exists, folder / "script.log"))
