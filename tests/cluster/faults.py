"""One sweep through every fault that a cluster has, and what was seen meanwhile.

A fault comes to a node while it trains, and the next when the sweep has come through: where it does not within its
time, that is noted, and the story goes on, for what is asked of it is asked once, at the end.
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
from tests.support import record_invariants

SWEEP = Path(__file__).with_name("sweep.yaml")
WORKERS = ("one", "two")
_NOTICED = 30.0  # seconds after which a node that is cut off has been found dead on any machine
_ENDLESS = 1000  # trials: more than any machine trains until the last fault


@dataclass
class Seen:
    """Seconds until something happened, by its name, None where it did not; what was wrong; the job's last words."""

    took: dict[str, float | None] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    log: str = ""


class Story:
    """A sweep on a cluster whose parts fail."""

    def __init__(self, cluster: Cluster, tracking: Tracking) -> None:
        self.cluster, self.tracking, self.seen = cluster, tracking, Seen()
        self.on_head, self.sweeps = (place / "sweeps" for place in cluster.own("head"))
        self.before = b""
        self.storage = cluster.root / "storage"  # all hosts have this folder
        self.budget = _ENDLESS

    def tell(self) -> Seen:
        """All of it."""
        self.submit()
        self.an_added_node()
        self.a_killed_node()
        self.a_cut_node("a short cut", 20)
        self.a_cut_node("a long cut", 90, self.a_killed_tracking_server)
        self.a_killed_head()
        self.wait("to its end", lambda: jobs.status(self.cluster, self.job) not in ("PENDING", "RUNNING"), 240)
        print(f"seconds between two reports of a trial that lost its node: {self.gaps()}")
        self.seen.log = jobs.logs(self.cluster, self.job)
        self.seen.wrong += [*self.lost(), *self.violations(), *self.failed(), *self.left()]
        return self.seen

    def submit(self) -> None:
        """Send the sweep, with more trials than the faults last for, and wait until it trains."""
        self.sent()
        self.wait("first reports", lambda: self.reports() >= 2, 120)
        self.wait("first checkpoint", lambda: any(self.storage.glob("*/*/checkpoint-1.pt")), 30)

    def sent(self) -> None:
        """Submit it with the present budget."""
        changes = f"budget.trials={self.budget}", f"storage={self.storage}"
        self.job = jobs.submit(self.cluster, SWEEP, self.on_head, *changes, MLFLOW_TRACKING_URI=self.tracking.uri)

    def an_added_node(self) -> None:
        self.cluster.start_node("two")
        self.wait("added: a node joins", lambda: self.cluster.alive("two"), 60)
        self.wait("added: it trains", lambda: self.trains("two"), 45)

    def a_killed_node(self) -> None:
        again = self.attempts()
        self.cluster.kill_node("one")
        self.wait("killed: found dead", lambda: not self.cluster.alive("one"), 60)
        self.wait("killed: its trial goes on", lambda: self.attempts() > again, 60)
        self.cluster.start_node("one")
        self.wait("killed: joins again", lambda: self.cluster.alive("one"), 120)

    def a_killed_tracking_server(self) -> None:
        self.tracking.kill()
        at = self.reports()
        self.wait("without MLflow: reports go on", lambda: self.reports() > at + 4, 60)
        self.tracking.start()

    def a_cut_node(self, name: str, seconds: float, meanwhile: Callable[[], object] = lambda: None) -> None:
        """Cut a node that trains off for so many seconds."""
        self.wait(f"{name}: a worker node trains", lambda: any(map(self.trains, WORKERS)), 60)
        host = next((host for host in WORKERS if self.trains(host)), WORKERS[0])
        again, end = self.attempts(), time.monotonic() + seconds
        self.cluster.cut(host)
        dead = self.wait(f"{name}: found dead", lambda: not self.cluster.alive(host), seconds, must=seconds > _NOTICED)
        meanwhile()
        time.sleep(max(0.0, end - time.monotonic()))
        self.cluster.restore(host)
        if dead:
            self.wait(f"{name}: its trial goes on", lambda: self.attempts() > again, 30)
        at = self.reports()
        self.wait(f"{name}: reports go on", lambda: self.reports() > at, 60)
        self.wait(f"{name}: joins again", lambda: self.cluster.alive(host), 120)

    def a_killed_head(self) -> None:
        """The head and the sweep's driver with it; then the same sweep once more, with a few trials left to do."""
        self.cluster.kill_node("head")
        self.cluster.start_head()
        self.wait("head: the nodes join again", lambda: len(self.cluster.nodes()) == 3, 120)
        begun = len(record_invariants.count_attempts(self.folder)) if self.folder else 0
        self.budget = 2 * (begun // 2) + 2  # the same for both losses
        self.sent()
        at = self.reports()
        self.wait("head: reports go on", lambda: self.reports() > at, 90)

    def wait(self, name: str, condition: Callable[[], object], seconds: float, *, must: bool = True) -> bool:
        """Wait for something, and note how long it took; where it need not come, only if it came. Whether it came."""
        took = None
        with suppress(TimeoutError):
            took = round(until(condition, seconds, name), 1)
        if must or took is not None:
            self.seen.took[name] = took
        print(f"{time.strftime('%H:%M:%S')}  {name}: {took}", flush=True)
        self.seen.wrong += self.lost()
        return took is not None

    @property
    def folder(self) -> Path | None:
        """The sweep's folder, once its record is there."""
        return next((found.parent for found in self.sweeps.glob("*/record.journal")), None)

    def record(self) -> bytes:
        """The record as it is now."""
        return (self.folder / "record.journal").read_bytes() if self.folder else b""

    def reports(self) -> int:
        """How many reports the record has."""
        return sum(place[0] == "metrics" for place in record_invariants.committed_facts(self.record()))

    def attempts(self) -> int:
        """How many attempts the trials of the record took, beside the first of each."""
        return sum(count - 1 for count in record_invariants.count_attempts(self.folder).values()) if self.folder else 0

    def trains(self, host: str) -> bool:
        """Whether a trial's process is at work on a host."""
        before = self.busy(host)
        time.sleep(1)
        return any(ticks > before.get(pid, ticks) + 20 for pid, ticks in self.busy(host).items())

    def busy(self, host: str) -> dict[int, int]:
        """The processor time, in hundredths of a second, of each process for trials on a host."""
        found = {}
        for pid in self.cluster.pids(host):
            with suppress(OSError):
                if b"ImplicitFunc" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found[pid] = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11])
        return found

    def lost(self) -> list[str]:
        """What the record had when this was asked before, and has no more."""
        now, before = self.record(), self.before
        self.before = now
        return record_invariants.find_lost_facts(before, now)

    def violations(self) -> list[str]:
        """What the seven statements say, as seen from the laptop, which reaches MLflow."""
        code = "import sys; from pathlib import Path; from tests.support.record_invariants import find_violations; "
        code += "print(*find_violations(Path(sys.argv[1]), sys.argv[2]), sep='\\n', end='')"
        command = [sys.executable, "-c", code, str(self.folder), self.tracking.uri]
        done = self.cluster.run(
            "laptop", command, self.cluster.environment(), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = done.communicate(timeout=120)
        if done.returncode:
            return [err.strip()]
        # sweep.json has the budget of the first submission
        found = [line.replace(f"the budget is {_ENDLESS}", "") for line in out.splitlines()]
        own = {f"results.json has {self.budget} trials, ", f"{self.budget} trials are numbered, "}
        return [line for line in found if line not in own]

    def gaps(self) -> dict[int, list[float]]:
        """By trial, the seconds from its last report before its node was lost to the next, on another."""
        found: dict[int, list[float]] = {}
        for number, trial in (
            record_invariants.numbered_trials(record_invariants.trials_of(self.folder)) if self.folder else []
        ):
            for (_, before), (_, after) in pairwise(trial.reports):
                if after["attempt"] != before["attempt"]:
                    found.setdefault(number, []).append((after["time"] - before["time"]) / 1000)
        return found

    def left(self) -> list[str]:
        """What is missing of what a finished sweep leaves, and what it should not have left."""
        wanted = ["table.md", "report.html", "model/config.json", "results.json"]
        missing = [name for name in wanted if self.folder is None or not (self.folder / name).exists()]
        return [*(f"{name} is missing" for name in missing), *(f"{p} is left" for p in self.storage.rglob("*.pt"))]

    def failed(self) -> list[str]:
        """The trials that failed: a node's end is not a trial's fault."""
        told = record_invariants.numbered_trials(record_invariants.trials_of(self.folder)) if self.folder else []
        ends = [(number, trial.last("outcome"), trial.last("reason")) for number, trial in told]
        return [f"trial {number}: {outcome}, {reason}" for number, outcome, reason in ends if outcome == "failed"]
