"""Sixteen nodes with a declared core each, on this machine, and two thousand trials that take no time.

    python -m benchmarks.scale [--nodes 16] [--trials 2000] [--rounds 2] [--out result.json]

A node is a raylet and its agents (230 MB); what a trial does takes no time, so that what is measured is what is around
it. First as many trials as there are slots, each of which waits until all have reported: how many seconds lie between
the first word of the first and of the last. The arms take turns, several rounds. Then many trials, each arm once: the
driver's processor time for each of the first two hundred, and for each of the last two hundred.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from statistics import fmean, median
from typing import Any

ARMS = {"sweeper": "benchmarks.scale.ours", "ray-tune": "benchmarks.scale.peer"}
_PART = 2  # hundreds of trials that are early, and late


def main() -> int:
    """Start the cluster, run the arms, print the table and write the JSON."""
    arguments = _arguments()
    place = Path(tempfile.mkdtemp(prefix="scale-"))
    result: dict[str, Any] = {
        "nodes": arguments.nodes,
        "machine": f"{len(os.sched_getaffinity(0))} CPUs, {platform.platform(terse=True)}",
        "versions": {name: version(name) for name in ("ray", "optuna", "mlflow")},
        "filled": {name: [] for name in ARMS},
        "cost": {},
    }
    with Nodes(arguments.nodes, Path(tempfile.mkdtemp(prefix="scale-", dir="/tmp"))) as address:
        for turn in range(arguments.rounds):
            for name in ARMS:
                gate = place / f"gate-{turn}-{name}"
                found = _run(name, place / f"fill-{turn}-{name}", address, arguments.nodes, arguments.nodes, gate)
                result["filled"][name].append(found["filled"])
        for name in ARMS:
            trials = arguments.trials if name == "sweeper" else min(arguments.trials, arguments.peer_trials)
            result["cost"][name] = _run(name, place / f"all-{name}", address, trials, arguments.nodes)
    if arguments.out:
        arguments.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    _print(result)
    shutil.rmtree(place)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--nodes", type=int, default=16, help="each with one core that it says it has (16)")
    parser.add_argument("--trials", type=int, default=2000, help="that take no time (2000)")
    parser.add_argument("--peer-trials", type=int, default=200, help="of Ray Tune by hand, which takes long (200)")
    parser.add_argument(
        "--rounds",
        type=int,
        choices=range(1, 100),
        metavar="N",
        default=2,
        help="in which each arm fills the slots once (2)",
    )
    parser.add_argument("--out", type=Path, help="where the result goes, as JSON")
    return parser.parse_args()


class Nodes:
    """A Ray cluster of raylets on this machine, on ports of its own. A context manager that gives its address."""

    def __init__(self, count: int, temporary: Path) -> None:
        self.count, self.temporary = count, temporary

    def __enter__(self) -> str:
        from ray.cluster_utils import Cluster

        Path("/tmp/ray").mkdir(exist_ok=True)  # where Ray notes the address of what was started last
        node = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args={**node, "temp_dir": str(self.temporary)})
        for _ in range(self.count - 1):
            self.cluster.add_node(**node)
        return str(self.cluster.address)

    def __exit__(self, *_: object) -> None:
        self.cluster.shutdown()
        shutil.rmtree(self.temporary, ignore_errors=True)


def _run(name: str, place: Path, address: str, trials: int, slots: int, *gate: Path) -> dict[str, Any]:
    """What one arm measured of so many trials."""
    place.mkdir(parents=True)
    command = [sys.executable, "-m", ARMS[name], str(place), str(trials), str(slots), *map(str, gate)]
    env = {**os.environ, "RAY_ADDRESS": address, "RAY_USAGE_STATS_ENABLED": "0"}
    env.pop("MLFLOW_TRACKING_URI", None)
    with (place / "screen.log").open("wb") as screen:
        done = subprocess.run(command, env=env, stdout=screen, stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        sys.exit(f"{place / 'screen.log'}: {name} ended with {done.returncode}")
    found: dict[str, Any] = json.loads((place / "measured.json").read_text(encoding="utf-8"))
    return found


def _print(result: dict[str, Any]) -> None:
    print(" " * 44 + "".join(name.rjust(12) for name in ARMS))
    rows = {
        f"seconds until {result['nodes']} slots are filled": [median(result["filled"][name]) for name in ARMS],
        f"trials of {result['nodes']} at a time": [result["cost"][name]["trials"] for name in ARMS],
        "ms of the driver for each, the first": [_cost(result, name, slice(0, _PART)) for name in ARMS],
        "ms of the driver for each, the last": [_cost(result, name, slice(-_PART, None)) for name in ARMS],
        "seconds for all": [result["cost"][name]["seconds"] for name in ARMS],
    }
    for words, figures in rows.items():
        print(words.ljust(44) + "".join(f"{figure:12.4g}" for figure in figures))


def _cost(result: dict[str, Any], name: str, part: slice) -> float:
    return 1000 * fmean(result["cost"][name]["cost"][part])


if __name__ == "__main__":
    sys.exit(main())
