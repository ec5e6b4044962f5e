"""Hosts on this machine: network namespaces with their own processes, /tmp and HOME, connected by bridges.

There are two subnets. Ray's nodes are in the first, MLflow and the laptop in the second. Only the head is in both, and
it forwards nothing. So a worker that needs anything besides Ray fails at once. If namespaces cannot be made, the hosts
are processes on loopback, distinguished by an environment variable; then a worker can reach everything.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

NODES, OFFICE = "10.77.0", "10.77.1"  # subnets, with 254 addresses each
HOSTS = {
    "head": {NODES: 1, OFFICE: 1},
    "one": {NODES: 2},
    "two": {NODES: 3},
    "tracking": {OFFICE: 2},
    "laptop": {OFFICE: 3},
}
_MARK = "SWEEPER_TEST_HOST"  # environment variable that distinguishes the hosts on loopback
_ALONE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]  # Ray looks at every process it can see
_OWN_TMP = 'mount --bind "$0" /tmp; "$@"; exit $?'  # the shell stays, because it is init there and reaps orphans


class Hosts:
    """The hosts. A context manager; at its end all their processes and files are gone."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hosts-", dir="/var/tmp"))
        self.root.chmod(0o755)  # PostgreSQL runs as another user
        self.key = self.root.name.removeprefix("hosts-")
        self.reason = ""  # why there are no namespaces, if there are none
        self.started: dict[str, list[subprocess.Popen[str]]] = {host: [] for host in HOSTS}

    def __enter__(self) -> "Hosts":
        for host in HOSTS:
            for place in ("home", "tmp"):
                (self.root / host / place).mkdir(parents=True)
            (self.root / host / "tmp").chmod(0o1777)
        try:
            self._wire()
        except (OSError, subprocess.CalledProcessError) as error:
            self._unwire()
            self.reason = f"no network namespaces: {error}"
            print(f"{self.reason}; the hosts are processes on loopback")
        return self

    def __exit__(self, *_: object) -> None:
        for host in HOSTS:
            self.kill(host)
        self._unwire()
        shutil.rmtree(self.root, ignore_errors=True)

    def address(self, host: str, subnet: str | None = None) -> str:
        """Return a host's address in `subnet`, or in its first subnet."""
        if self.reason:
            return "127.0.0.1"
        subnet = subnet or next(iter(HOSTS[host]))
        return f"{subnet}.{HOSTS[host][subnet]}"

    def own(self, host: str) -> tuple[Path, Path]:
        """Return a folder that no other host has: its path on the host, and its path on this machine."""
        here = self.root / host / "tmp"
        return here if self.reason else Path("/tmp"), here

    def run(self, host: str, command: Sequence[str], env: Mapping[str, str], **options: Any) -> subprocess.Popen[str]:
        """Start a command on a host. Its environment is `env` with HOME, TMPDIR and PATH."""
        home, own = self.root / host / "home", self.root / host / "tmp"
        known = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(home),
            "LANG": "C.UTF-8",
            _MARK: self._name(host),
            **env,
        }
        inside, known["TMPDIR"] = list(command), str(own)
        if not self.reason:
            inside = ["ip", "netns", "exec", self._name(host), *_ALONE, "sh", "-c", _OWN_TMP, str(own), *command]
            known["TMPDIR"] = "/tmp"
        process = subprocess.Popen(inside, env=known, text=True, **options)
        self.started[host].append(process)
        return process

    def cut(self, host: str) -> None:
        """Disconnect a host: nothing is refused, nothing arrives. On loopback its processes are stopped instead."""
        self._cables(host, "down", signal.SIGSTOP)

    def restore(self, host: str) -> None:
        """Connect the host again."""
        self._cables(host, "up", signal.SIGCONT)

    def pids(self, host: str) -> list[int]:
        """Return the processes on a host."""
        if self.reason:
            return list(_marked(self._name(host)))
        done = subprocess.run(["ip", "netns", "pids", self._name(host)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in done.stdout.split()]

    def kill(self, host: str) -> None:
        """Kill everything that runs on a host, as a power cut does, including processes started meanwhile."""
        while pids := self.pids(host):
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.05)
            for process in self.started[host]:
                process.poll()
        while self.started[host]:
            self.started[host].pop().wait()

    def _name(self, host: str) -> str:
        return f"{self.key}-{host}"

    def _wire(self) -> None:
        """Make a switch in its own namespace, with a bridge for each subnet and a cable for each address of a host."""
        switch = self._name("switch")
        _ip("netns", "add", switch)
        for subnet in (NODES, OFFICE):
            _ip("-n", switch, "link", "add", subnet, "up", "type", "bridge")
        for host, addresses in HOSTS.items():
            _ip("netns", "add", self._name(host))
            _ip("-n", self._name(host), "link", "set", "lo", "up")
            for subnet, last in addresses.items():
                port, name = f"{host}-{subnet[-1]}", self._name(host)
                _ip(
                    "-n", switch, "link", "add", port, "type", "veth", "peer", "name", f"eth{subnet[-1]}", "netns", name
                )
                _ip("-n", switch, "link", "set", port, "master", subnet, "up")
                _ip("-n", name, "address", "add", f"{subnet}.{last}/24", "dev", f"eth{subnet[-1]}")
                _ip("-n", name, "link", "set", f"eth{subnet[-1]}", "up")

    def _unwire(self) -> None:
        for host in ("switch", *HOSTS):
            with suppress(OSError):
                subprocess.run(["ip", "netns", "delete", self._name(host)], capture_output=True, check=False)

    def _cables(self, host: str, state: str, number: int) -> None:
        if self.reason:
            for pid in self.pids(host):
                os.kill(pid, number)
            return
        for subnet in HOSTS[host]:
            _ip("-n", self._name("switch"), "link", "set", f"{host}-{subnet[-1]}", state)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=True)


def _marked(name: str) -> Iterable[int]:
    """Yield the living processes whose environment names this host."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            alive = "\nState:\tZ" not in (place / "status").read_text()
            if alive and f"{_MARK}={name}\0".encode() in (place / "environ").read_bytes():
                yield int(place.name)
