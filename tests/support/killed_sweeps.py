"""Small real sweeps whose driver is killed at chosen moments, with all checks of what the kills leave behind.

Only the driver is killed, as the kernel does when memory runs out. The processes that it started must end by
themselves.
"""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.support import journal_reader, mlflow_invariants, record_invariants
from tests.support.cli_runner import SWEEPER, environment
from tests.support.processes import session_processes
from tests.support.retrain_check import differing_metrics

SPACE = """
dataset: feelings
limit: {train: 600, validation: 240}
compare: {encoder: [rnn], loss: [ce, scl]}
search:
  learning_rate: {log: [1e-3, 1e-2]}
  dropout: {uniform: [0, 0.4]}
  tau: {log: [0.1, 1]}
training: {epochs: 4, batch_size: 4, embedding_size: 64, hidden_size: 384, vocabulary: 2000, max_length: 32}
asha: {grace_epochs: 1, reduction_factor: 2}
budget: {trials: 8}
confirm: {seeds: 1}
resources: {cpu: 1}
"""
_TIMEOUT = 900.0  # seconds after which a command counts as hung

Moment = Callable[[], bool]
"""Return True if the driver is to be killed now."""
Schedule = Callable[[Path, int], Iterator[Moment]]
"""The moment to kill each start of a sweep, given the sweep's parent folder and its index."""


@dataclass
class Tally:
    """Counts over all killed sweeps. Each line of `violations` names something that must not happen."""

    kills: int = 0
    sweeps: int = 0
    trials: int = 0
    attempts: int = 0
    most_attempts: int = 0
    finished_before_a_kill: int = 0  # trials, each counted once
    lost: int = 0  # of them: without an outcome at the end
    repeated: int = 0  # of them: changed after their end
    epochs_again: int = 0  # epochs that were reported more than once
    torn: int = 0  # kills after which the record's last line was cut as well
    doubled: int = 0  # MLflow runs beyond one for each trial and each parent
    orphaned: int = 0  # MLflow runs that are RUNNING when the sweep is over
    violations: list[str] = field(default_factory=list)


class KilledSweeps:
    """Runs the same sweep again and again in `parent`, killing its driver. `changes` are values for `--set`.

    With `tear`, the record's last line is cut after each kill, as a power cut leaves it.
    """

    def __init__(self, parent: Path, changes: Sequence[str] = (), *, tear: bool = False) -> None:
        self.parent, self.tear, self.tally = parent, tear, Tally()
        self.arguments = ["run", "sweep.yaml", *(word for change in changes for word in ("--set", change))]
        self.random = Random(0)
        self.before = b""  # the record after the last kill
        self.ended: set[int] = set()  # trials of this sweep that had ended when a kill came

    def run(self, kills: int, schedule: Schedule) -> Tally:
        """Run sweeps to their ends, one after the other, until there were `kills` kills or a violation."""
        while self.tally.kills < kills and not self.tally.violations:
            folder = self.parent / str(self.tally.sweeps)
            self._run_sweep(folder, schedule(folder, self.tally.sweeps), kills - self.tally.kills)
        return self.tally

    def run_once(self, folder: Path, moment: Moment | None = None) -> tuple[int, int | None]:
        """Run the command in `folder`, and kill it when `moment` says so.

        Returns its process number, and its exit code or None if it was killed. The command leads a session of its own.
        Its process number identifies what it leaves behind.
        """
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sweep.yaml").write_text(SPACE, encoding="utf-8")
        deadline = time.monotonic() + _TIMEOUT
        with (folder / "screen.log").open("ab") as log:
            driver = subprocess.Popen(
                [*SWEEPER, *self.arguments], cwd=folder, env=environment({"HF_HUB_OFFLINE": "1"}),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
            while driver.poll() is None:
                if moment is not None and moment():
                    driver.kill()
                    driver.wait()
                    return driver.pid, None
                if time.monotonic() > deadline:
                    driver.kill()
                time.sleep(0.01)
        return driver.pid, driver.returncode

    def _run_sweep(self, folder: Path, moments: Iterator[Moment], kills: int) -> None:
        """Run one sweep to its end, killing it at each of these moments, `kills` times at most."""
        sessions: list[int] = []
        code: int | None = None
        while code is None:
            pid, code = self.run_once(folder, next(moments) if len(sessions) < kills else None)
            sessions.append(pid)
            if code is None:
                self.tally.kills += 1
                self._check_after_kill(folder)
        self.tally.sweeps += 1
        if code:
            self._add_violations([f"the command ended with {code}; see {folder / 'screen.log'}"])
        alive = _wait_for_workers(sessions)
        if alive:
            self._add_violations([f"processes outlived their driver: {alive}"])
        self._check_finished(folder)
        _remove_ray_folders(sessions)

    def _check_after_kill(self, folder: Path) -> None:
        """Compare the record with what it held after the last kill, and MLflow with the record."""
        sweep = find_sweep(folder)
        if sweep is None or not (sweep / "record.journal").exists():
            return
        data = (sweep / "record.journal").read_bytes()
        self._add_violations(
            [*record_invariants.find_lost_facts(self.before, data), *record_invariants.check_record(sweep)]
        )
        self._add_violations(mlflow_invariants.check_not_ahead(sweep, folder / "sweeps" / "mlflow.db"))
        if self.tear:
            self.tally.torn += 1
            last_line = len(data) - data.rstrip(b"\n").rfind(b"\n") - 1
            data = data[: -self.random.randint(1, last_line)]
            (sweep / "record.journal").write_bytes(data)
        self.before = data
        self.ended |= {int(fact[1]) for fact in record_invariants.committed_facts(data) if fact[0] == "outcome"}

    def _check_finished(self, folder: Path) -> None:
        """Check a finished sweep with every invariant, train a resumed trial again, and add the sweep to the tally."""
        sweep, tally = find_sweep(folder), self.tally
        if sweep is None:
            self._add_violations(["there is no sweep"])
            return
        uri = f"sqlite:///{folder / 'sweeps' / 'mlflow.db'}"
        data = (sweep / "record.journal").read_bytes()
        self._add_violations(
            [*record_invariants.find_lost_facts(self.before, data), *record_invariants.find_violations(sweep, uri)]
        )
        attempts = record_invariants.count_attempts(sweep)
        resumed = [number for number, count in attempts.items() if count > 1]
        self._add_violations(differing_metrics(sweep, resumed[-1:]))
        facts, trials = record_invariants.committed_facts(data), journal_reader.trials_of(sweep)
        counted = [trial for _, trial in journal_reader.numbered_trials(trials)]
        statuses = mlflow_invariants.count_statuses(sweep, uri)
        parents = 1 + bool(journal_reader.confirmation_trials(trials))
        tally.trials += len(attempts)
        tally.attempts += sum(attempts.values())
        tally.most_attempts = max(tally.most_attempts, *attempts.values())
        tally.finished_before_a_kill += len(self.ended)
        tally.lost += sum(("outcome", number) not in facts for number in self.ended)
        tally.repeated += sum(bool(trial.changed_after_end) for trial in counted)
        tally.epochs_again += sum(len(trial.reports) - len(dict(trial.reports)) for trial in trials)
        tally.doubled += max(0, sum(statuses.values()) - parents - len(attempts))
        tally.orphaned += statuses.get("RUNNING", 0)
        self.before, self.ended = b"", set()

    def _add_violations(self, lines: Sequence[str]) -> None:
        self.tally.violations += [line for line in lines if line not in self.tally.violations]


def find_sweep(folder: Path) -> Path | None:
    """Return the one sweep below a folder, or None if none has begun."""
    return next((manifest.parent for manifest in (folder / "sweeps").glob("*/sweep.json")), None)


def _wait_for_workers(sessions: Sequence[int], timeout: float = 90) -> list[int]:
    """Wait until the processes that killed drivers left have ended. Returns those alive after `timeout` seconds.

    Ray's agents outlive the driver, but cannot write, so they do not count.
    """
    deadline = time.monotonic() + timeout
    while True:
        processes = [item for session in sessions for item in session_processes(session).items()]
        alive = [pid for pid, command in processes if "Agent" not in command]
        if not alive or time.monotonic() > deadline:
            return alive
        time.sleep(0.2)


def _remove_ray_folders(sessions: Sequence[int]) -> None:
    """Remove the folders of killed Rays. Their names contain the driver's process number."""
    for session in sessions:
        for ray_session in Path("/tmp").glob(f"*/session_*_{session}"):
            shutil.rmtree(ray_session.parent, ignore_errors=True)
