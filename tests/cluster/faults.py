"""One sweep that meets every fault of a cluster, one after the other, and the observations made meanwhile.

A fault hits a node that trains. The next fault comes when the sweep has recovered, or after a time limit, which is
noted. The tests look at the observations at the end.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from tests.cluster import jobs
from tests.cluster.hosts import ROOT, Cluster, until
from tests.cluster.tracking import Tracking
from tests.support import journal_reader, record_invariants

SWEEP = Path(__file__).with_name("sweep.yaml")
WORKERS = ("one", "two")
_NOTICED = 30.0  # seconds after which a disconnected node is declared dead on any machine
_ENDLESS = 1000  # trials: more than any machine trains before the last fault


@dataclass
class Observations:
    """Seconds until each event (None if it did not happen), violations, and the log of the last job."""

    took: dict[str, float | None] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    log: str = ""


class FaultySweep:
    """A sweep on a cluster whose parts fail."""

    def __init__(self, cluster: Cluster, tracking: Tracking) -> None:
        self.cluster, self.tracking, self.observations = cluster, tracking, Observations()
        self.on_head, self.sweeps = (place / "sweeps" for place in cluster.own("head"))
        self.before = b""  # the record when it was last checked
        self.storage = cluster.root / "storage"  # all hosts share this folder
        self.budget = _ENDLESS

    def run(self) -> Observations:
        """Run the sweep through all faults to its end."""
        self.submit()
        self.add_node()
        self.kill_node()
        self.disconnect_node("short outage", 20)
        self.disconnect_node("long outage", 90, self.kill_tracking_server)
        self.kill_head()
        self.wait("finished", lambda: jobs.status(self.cluster, self.job) not in ("PENDING", "RUNNING"), 240)
        print(f"seconds between two reports of a trial that lost its node: {self.report_gaps()}")
        self.observations.log = jobs.logs(self.cluster, self.job)
        self.observations.wrong += [
            *self.lost_facts(),
            *self.violations(),
            *self.failed_trials(),
            *self.file_violations(),
        ]
        return self.observations

    def submit(self) -> None:
        """Submit the sweep, with more trials than can be trained during the faults, and wait until it trains."""
        self.submit_job()
        self.wait("first reports", lambda: self.count_reports() >= 2, 120)
        self.wait("first checkpoint", lambda: any(self.storage.glob("*/*/checkpoint-1.pt")), 30)

    def submit_job(self) -> None:
        """Submit the sweep with the current budget."""
        changes = f"budget.trials={self.budget}", f"storage={self.storage}"
        self.job = jobs.submit(self.cluster, SWEEP, self.on_head, *changes, MLFLOW_TRACKING_URI=self.tracking.uri)

    def add_node(self) -> None:
        self.cluster.start_node("two")
        self.wait("added: a node joins", lambda: self.cluster.alive("two"), 60)
        self.wait("added: it trains", lambda: self.trains("two"), 45)

    def kill_node(self) -> None:
        retries = self.count_retries()
        self.cluster.kill_node("one")
        self.wait("killed: declared dead", lambda: not self.cluster.alive("one"), 60)
        self.wait("killed: its trial continues", lambda: self.count_retries() > retries, 60)
        self.cluster.start_node("one")
        self.wait("killed: joins again", lambda: self.cluster.alive("one"), 120)

    def kill_tracking_server(self) -> None:
        self.tracking.kill()
        before = self.count_reports()
        self.wait("without MLflow: reports continue", lambda: self.count_reports() > before + 4, 60)
        self.tracking.start()

    def disconnect_node(self, name: str, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Disconnect a node that trains for so many seconds, and call `meanwhile`."""
        self.wait(f"{name}: a worker node trains", lambda: any(map(self.trains, WORKERS)), 60)
        host = next((host for host in WORKERS if self.trains(host)), WORKERS[0])
        retries, end = self.count_retries(), time.monotonic() + seconds
        self.cluster.cut(host)
        dead = self.wait(
            f"{name}: declared dead", lambda: not self.cluster.alive(host), seconds, must=seconds > _NOTICED
        )
        meanwhile()
        time.sleep(max(0.0, end - time.monotonic()))
        self.cluster.restore(host)
        if dead:
            self.wait(f"{name}: its trial continues", lambda: self.count_retries() > retries, 30)
        before = self.count_reports()
        self.wait(f"{name}: reports continue", lambda: self.count_reports() > before, 60)
        self.wait(f"{name}: joins again", lambda: self.cluster.alive(host), 120)

    def kill_head(self) -> None:
        """Kill the head and with it the driver. Then submit the same sweep again, with a few trials left to do."""
        self.cluster.kill_node("head")
        self.cluster.start_head()
        self.wait("head: the nodes join again", lambda: len(self.cluster.nodes()) == 3, 120)
        num_trials = len(record_invariants.count_attempts(self.folder)) if self.folder else 0
        self.budget = 2 * (num_trials // 2) + 2  # the same number for both losses
        self.submit_job()
        before = self.count_reports()
        self.wait("head: reports continue", lambda: self.count_reports() > before, 90)

    def wait(self, name: str, condition: Callable[[], object], seconds: float, *, must: bool = True) -> bool:
        """Wait for an event and note the seconds. With `must`, also note its absence. Returns True if it happened."""
        took = None
        with suppress(TimeoutError):
            took = round(until(condition, seconds, name), 1)
        if must or took is not None:
            self.observations.took[name] = took
        print(f"{time.strftime('%H:%M:%S')}  {name}: {took}", flush=True)
        self.observations.wrong += self.lost_facts()
        return took is not None

    @property
    def folder(self) -> Path | None:
        """The sweep's folder, or None before it has a record."""
        return next((record.parent for record in self.sweeps.glob("*/record.journal")), None)

    def record(self) -> bytes:
        """Return the bytes of the record."""
        return (self.folder / "record.journal").read_bytes() if self.folder else b""

    def count_reports(self) -> int:
        """Return the number of reports in the record."""
        return sum(fact[0] == "metrics" for fact in record_invariants.committed_facts(self.record()))

    def count_retries(self) -> int:
        """Return the number of attempts in the record that are not the first of their trial."""
        return sum(count - 1 for count in record_invariants.count_attempts(self.folder).values()) if self.folder else 0

    def trains(self, host: str) -> bool:
        """Return True if a trial trains on a host."""
        before = self.processor_times(host)
        time.sleep(1)
        return any(ticks > before.get(pid, ticks) + 20 for pid, ticks in self.processor_times(host).items())

    def processor_times(self, host: str) -> dict[int, int]:
        """Return the processor time of each training process on a host, in hundredths of a second."""
        times = {}
        for pid in self.cluster.pids(host):
            with suppress(OSError):
                if b"ImplicitFunc" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    times[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
        return times

    def lost_facts(self) -> list[str]:
        """Name the facts that the record has lost since the last call."""
        now, before = self.record(), self.before
        self.before = now
        return record_invariants.find_lost_facts(before, now)

    def violations(self) -> list[str]:
        """Check all invariants from the laptop, which can reach MLflow."""
        code = "import sys; from pathlib import Path; from tests.support.record_invariants import find_violations; "
        code += "print(*find_violations(Path(sys.argv[1]), sys.argv[2]), sep='\\n', end='')"
        command = [sys.executable, "-c", code, str(self.folder), self.tracking.uri]
        done = self.cluster.run(
            "laptop", command, self.cluster.environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = done.communicate(timeout=120)
        if done.returncode:
            return [err.strip()]
        # the sweep's files have the budget of the first submission
        lines = [line.replace(f"the budget is {_ENDLESS}", "") for line in out.splitlines()]
        expected = {f"results.json has {self.budget} trials, ", f"{self.budget} trials are numbered, "}
        return [line for line in lines if line not in expected]

    def report_gaps(self) -> dict[int, list[float]]:
        """Return, by trial, the seconds between the last report on a lost node and the next report on another."""
        gaps: dict[int, list[float]] = {}
        for number, trial in (
            journal_reader.numbered_trials(journal_reader.trials_of(self.folder)) if self.folder else []
        ):
            for (_, before), (_, after) in pairwise(trial.reports):
                if after["attempt"] != before["attempt"]:
                    gaps.setdefault(number, []).append((after["time"] - before["time"]) / 1000)
        return gaps

    def file_violations(self) -> list[str]:
        """Name the missing files of a finished sweep, and the files that it should have deleted."""
        wanted = ["table.md", "report.html", "model/config.json", "results.json"]
        missing = [name for name in wanted if self.folder is None or not (self.folder / name).exists()]
        return [
            *(f"{name} is missing" for name in missing),
            *(f"{path} is left over" for path in self.storage.rglob("*.pt")),
        ]

    def failed_trials(self) -> list[str]:
        """Name the trials that failed. A lost node must not make a trial fail."""
        trials = journal_reader.numbered_trials(journal_reader.trials_of(self.folder)) if self.folder else []
        ends = [(number, trial.last("outcome"), trial.last("reason")) for number, trial in trials]
        return [f"trial {number}: {outcome}, {reason}" for number, outcome, reason in ends if outcome == "failed"]
