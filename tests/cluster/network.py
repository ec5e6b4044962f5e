"""Hosts on this machine: each a network namespace with processes, a /tmp and a HOME of its own, joined by bridges.

There are two subnets. Ray's nodes are in the first; MLflow and the laptop are in the second; the head alone is in both,
and forwards nothing. So what a worker needs beside Ray is missed at once. Where namespaces cannot be made, the hosts
are processes on loopback, told apart by their environment: all that is lost is that a worker can reach everything.
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
_MARK = "SWEEPER_TEST_HOST"  # tells the hosts on loopback apart
_ALONE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]  # Ray looks at every process that it can see
_OWN_TMP = 'mount --bind "$0" /tmp; "$@"; exit $?'  # the shell stays, for it is init there, and buries orphans


class Hosts:
    """The hosts, from the first to the last of a `with`: afterwards none of their processes is left, and no file."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="hosts-", dir="/var/tmp"))
        self.root.chmod(0o755)  # PostgreSQL runs as another user
        self.key = self.root.name.removeprefix("hosts-")
        self.reason = ""  # why there are no namespaces
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
        """A host's address in a subnet; in its first where none is named."""
        if self.reason:
            return "127.0.0.1"
        found = subnet or next(iter(HOSTS[host]))
        return f"{found}.{HOSTS[host][found]}"

    def own(self, host: str) -> tuple[Path, Path]:
        """A folder that no other host has: as the host sees it, and as this machine does."""
        here = self.root / host / "tmp"
        return here if self.reason else Path("/tmp"), here

    def run(self, host: str, command: Sequence[str], env: Mapping[str, str], **options: Any) -> subprocess.Popen[str]:
        """Start a command on a host; `env` is all that it knows beside HOME, TMPDIR and PATH."""
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
        """Pull a host's cables: nothing is refused, nothing arrives. On loopback the host stands still instead."""
        self._cables(host, "down", signal.SIGSTOP)

    def restore(self, host: str) -> None:
        """Put them in again."""
        self._cables(host, "up", signal.SIGCONT)

    def pids(self, host: str) -> list[int]:
        """The processes on a host."""
        if self.reason:
            return list(_marked(self._name(host)))
        found = subprocess.run(["ip", "netns", "pids", self._name(host)], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def kill(self, host: str) -> None:
        """Kill all that runs on a host, as a power cut does; a process started meanwhile too."""
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
        """A switch without addresses, in a namespace too, with a bridge for each subnet; a cable for each address."""
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
    """The processes whose environment carries a mark."""
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            alive = "\nState:\tZ" not in (place / "status").read_text()
            if alive and f"{_MARK}={name}\0".encode() in (place / "environ").read_bytes():
                yield int(place.name)
