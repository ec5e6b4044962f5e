"""Run two thousand trials that take no time on sixteen nodes of this machine, each with one declared core.

    python -m benchmarks.scale [--nodes 16] [--trials 2000] [--rounds 2] [--out result.json]

A node is a raylet with its agents (230 MB). The trials do nothing, so only the work around them is measured.

First measurement: as many trials as there are slots, each waiting until all have reported. The result is the time
between the first report of the first trial and that of the last. The arms take turns for several rounds. Second
measurement: many trials, once per arm. The result is the driver's processor time for each trial of the second hundred,
and of the last two hundred. The first hundred is left out of both arms, because workers start meanwhile. What a driver
records after the last trial is spread over all trials.
"""

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

from benchmarks.local_environment import local_environment
from benchmarks.scale.timing import HUNDRED
from sweeper.training.device import cpu_count

ARMS = {"sweeper": "benchmarks.scale.sweeper_arm", "ray-tune": "benchmarks.scale.ray_tune_script"}
_LAST_HUNDREDS = 2  # so many hundreds of trials count as the last ones
_FEWEST = 2 * HUNDRED  # trials, because the first hundred is left out


def main(words: Sequence[str] | None = None) -> int:
    """Start the cluster, run the arms, print the table and write the JSON. Returns the exit code."""
    arguments = _parse_arguments(words)
    if min(arguments.trials, arguments.peer_trials) < _FEWEST:
        print(
            f"--trials and --peer-trials: {_FEWEST} or more, because the first {HUNDRED} are left out", file=sys.stderr
        )
        return 2
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="scale-"))
    result: dict[str, Any] = {
        "nodes": arguments.nodes,
        "machine": f"{cpu_count()} CPUs, {platform.platform(terse=True)}",
        "versions": {name: version(name) for name in ("ray", "optuna", "mlflow")},
        "filled": {name: [] for name in ARMS},
        "cost": {},
    }
    with Nodes(arguments.nodes, Path(tempfile.mkdtemp(prefix="scale-", dir="/tmp"))) as address:
        for turn in range(arguments.rounds):
            for name in ARMS:
                gate = folder / f"gate-{turn}-{name}"
                timing = _run_arm(name, folder / f"fill-{turn}-{name}", address, arguments.nodes, arguments.nodes, gate)
                result["filled"][name].append(timing["filled"])
        for name in ARMS:
            trials = arguments.trials if name == "sweeper" else min(arguments.trials, arguments.peer_trials)
            result["cost"][name] = _run_arm(name, folder / f"all-{name}", address, trials, arguments.nodes)
    _print(result)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    shutil.rmtree(folder)
    return 0


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=16, help="number of nodes, each with one declared core (16)")
    parser.add_argument("--trials", type=int, default=2000, help=f"number of trials, {_FEWEST} or more (2000)")
    parser.add_argument(
        "--peer-trials", type=int, default=200, help="number of trials for Ray Tune, which is slow (200)"
    )
    parser.add_argument(
        "--rounds",
        type=int,
        choices=range(1, 100),
        metavar="N",
        default=2,
        help="rounds in which each arm fills the slots once (2)",
    )
    parser.add_argument("--out", type=Path, help="write the result to this file, as JSON")
    return parser.parse_args(words)


class Nodes:
    """A Ray cluster of `count` raylets on this machine. A context manager that returns its address."""

    def __init__(self, count: int, temporary: Path) -> None:
        self.count, self.temporary = count, temporary

    def __enter__(self) -> str:
        from ray.cluster_utils import Cluster

        Path("/tmp/ray").mkdir(exist_ok=True)  # Ray notes here the address of the last cluster
        node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args={**node, "temp_dir": str(self.temporary)})
        for _ in range(self.count - 1):
            self.cluster.add_node(**node)
        return str(self.cluster.address)

    def __exit__(self, *_: object) -> None:
        self.cluster.shutdown()
        shutil.rmtree(self.temporary, ignore_errors=True)


def _run_arm(name: str, folder: Path, address: str, trials: int, slots: int, *gate: Path) -> dict[str, Any]:
    """Run `trials` trials with one arm and return what it measured."""
    folder.mkdir(parents=True)
    command = [sys.executable, "-m", ARMS[name], str(folder), str(trials), str(slots), *map(str, gate)]
    env = {**local_environment(), "RAY_ADDRESS": address, "RAY_USAGE_STATS_ENABLED": "0"}
    with (folder / "screen.log").open("wb") as screen:
        done = subprocess.run(command, env=env, stdout=screen, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{folder / 'screen.log'}: {name} ended with {done.returncode}")
    timing: dict[str, Any] = json.loads((folder / "timing.json").read_text(encoding="utf-8"))
    return timing


def _print(result: dict[str, Any]) -> None:
    costs = {name: result["cost"][name]["cost"][1:] for name in ARMS}
    print(" " * 44 + "".join(name.rjust(12) for name in ARMS))
    rows = {
        f"seconds until {result['nodes']} slots are filled": [median(result["filled"][name]) for name in ARMS],
        f"trials of {result['nodes']} at a time": [result["cost"][name]["trials"] for name in ARMS],
        "driver ms per trial, second hundred": [1000 * costs[name][0] for name in ARMS],
        "driver ms per trial, last two hundred": [1000 * fmean(costs[name][-_LAST_HUNDREDS:]) for name in ARMS],
        "seconds for all": [result["cost"][name]["seconds"] for name in ARMS],
    }
    for label, values in rows.items():
        print(label.ljust(44) + "".join(f"{value:12.4g}" for value in values))


if __name__ == "__main__":
    sys.exit(main())
