"""A Ray cluster with token authentication, whose hosts can be disconnected, killed and started again.

Ray gets one CPU and little memory on each host. Its health checks give up a silent node after fifteen seconds instead
of a minute. A worker has Ray and the packages that sweeper needs, and nothing else of sweeper's.
"""

import json
import secrets
import shlex
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.cluster.network import NODES, OFFICE, Hosts
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
_HEALTH = {"period_ms": "1000", "timeout_ms": "2000", "failure_threshold": "5"}
_MISSING = ["ray[default]", "psycopg2-binary"]  # for the jobs API, and for MLflow on PostgreSQL


class Cluster(Hosts):
    """The hosts, with Ray on them. A context manager; `start_head` and `start_node` start Ray."""

    def __init__(self) -> None:
        super().__init__()
        self.token = secrets.token_hex(32)
        self.gcs, self.http = free_port(), free_port()

    def __enter__(self) -> "Cluster":
        super().__enter__()
        self.packages = _install_packages(self.root / "packages")
        return self

    @property
    def dashboard(self) -> str:
        """The address that jobs are sent to, as the laptop sees it."""
        return f"http://{self.address('head', OFFICE)}:{self.http}"

    def environment(self, **extra: str) -> dict[str, str]:
        """Return the environment of a process that takes part in the cluster."""
        known = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "RAY_USAGE_STATS_ENABLED": "0"}
        return {**known, "PYTHONPATH": f"{ROOT}:{self.packages}", "OMP_NUM_THREADS": "1", **extra}

    def start_head(self) -> None:
        """Start Ray's head and wait until it accepts jobs. On loopback, wait until no old node looks for it."""
        health = {f"RAY_health_check_{name}": value for name, value in _HEALTH.items()}
        place = ["--head", f"--port={self.gcs}", "--include-dashboard=true"]
        place += ["--dashboard-host=0.0.0.0", f"--dashboard-port={self.http}"]
        self._start("head", place, health)
        until(lambda: self.alive("head"), 120, "the head does not answer")

    def start_node(self, host: str) -> None:
        """Start a worker node without waiting for it."""
        self._start(host, [f"--address={self.address('head', NODES)}:{self.gcs}"], {})

    def kill_node(self, host: str) -> None:
        """Kill all processes of a host."""
        self.kill(host)

    def nodes(self) -> set[str]:
        """Return the hosts whose nodes are alive according to the head; none if it does not answer."""
        answer = self.ask(f"{self.dashboard}/api/v0/nodes?limit=100")
        nodes = json.loads(answer)["data"]["result"]["result"] if answer else []
        return {node["node_name"] for node in nodes if node["state"] == "ALIVE"}

    def alive(self, host: str) -> bool:
        """Return True if a host's node is alive according to the head."""
        return host in self.nodes()

    def ask(self, url: str) -> str | None:
        """Return a server's answer to the laptop, or None if there is none."""
        code = f"import sys; from {__name__} import answer; sys.stdout.write(answer(*sys.argv[1:]))"
        asking = [sys.executable, "-c", code, url, self.token]
        done = self.run("laptop", asking, {}, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        text, _ = done.communicate()
        return text if done.returncode == 0 else None

    def _start(self, host: str, place: Sequence[str], extra: Mapping[str, str]) -> None:
        """Start a node, and again whenever it ends, as cluster/node.sh does."""
        ray = [sys.executable, "-m", "ray.scripts.scripts", "start", *place, "--block", "--disable-usage-stats"]
        ray += [f"--node-name={host}", f"--node-ip-address={self.address(host, NODES)}", "--num-cpus=1", "--num-gpus=0"]
        ray += ["--object-store-memory=100000000", "--memory=2000000000", "--dashboard-agent-listen-port=0"]
        ray += [
            f"--temp-dir={self.own(host)[0] / 'ray'}"
        ]  # nodes that share a folder would delete each other's unpacked jobs
        again = f"while :; do {shlex.join(ray)}; sleep 1; done"
        with (self.root / f"{host}.log").open("a") as log:
            self.run(host, ["sh", "-c", again], self.environment(**extra), cwd="/", stdout=log, stderr=log)


def answer(url: str, token: str) -> str:
    """Return a server's answer."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return str(response.read().decode())


def until(condition: Callable[[], object], seconds: float, otherwise: str) -> float:
    """Wait until `condition` returns something true. Returns the seconds it took. Raises TimeoutError."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{otherwise} after {seconds:g} seconds")
        time.sleep(0.5)
    return time.monotonic() - start


def _install_packages(place: Path) -> Path:
    """Install packages that the hosts need and this environment lacks. Returns the folder for PYTHONPATH."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt")]
    done = subprocess.run([*pip, "--prefix", str(place), *_MISSING], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"pip cannot install {', '.join(_MISSING)}: {done.stderr.strip()[-300:]}")
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return place / "lib" / version / "site-packages"
