"""cluster/slurm.sbatch starts a head, workers and the driver, as far as a machine without Slurm can tell."""

import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.cluster.files import CLUSTER
from tests.cluster.stand_ins import calls, program, shell

BEFORE_COMMANDS = (CLUSTER / "slurm.sbatch").read_text().partition("\nset -eu")[0]
SRUN = 'while [[ "$1" == --* ]]; do shift; done; exec "$@"'


@pytest.fixture
def allocation(stand_ins: Path, tmp_path: Path) -> dict[str, str]:
    """A checkout in `tmp_path` with stand-ins for Slurm, Ray and sweeper, and Slurm's variables for three nodes."""
    (tmp_path / "cluster").mkdir()
    shutil.copy(CLUSTER / "node.sh", tmp_path / "cluster")
    program(stand_ins, "srun", SRUN)
    program(stand_ins, "scontrol", '[ "$1" != show ] || printf "n1\\nn2\\nn3\\n"')
    both = f'[ "$1" != status ] || [ "$(grep -c "^ray start" {shlex.quote(str(tmp_path / "calls"))})" = 2 ]'
    program(stand_ins, "ray", f'if [ "$1" = start ]; then exec tail -f /dev/null; fi; {both}')  # the driver comes last
    return {
        "SLURM_JOB_ID": "4711",
        "SLURM_JOB_NODELIST": "n[1-3]",
        "SLURM_JOB_NUM_NODES": "3",
        "SLURM_CPUS_PER_TASK": "8",
    }


def batch(tmp_path: Path, allocation: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    return shell(tmp_path, "bash", str(CLUSTER / "slurm.sbatch"), "space.yaml", "--set", "seed=1", **allocation)


def test_slurm_sees_all_that_it_is_asked_for() -> None:
    """It reads no line after the first command."""
    asked = re.findall(r"^#SBATCH --([\w-]+)", (CLUSTER / "slurm.sbatch").read_text(), flags=re.MULTILINE)
    assert asked == re.findall(r"^#SBATCH --([\w-]+)", BEFORE_COMMANDS, flags=re.MULTILINE)
    assert {"nodes", "requeue", "no-kill", "signal", "time"} <= set(asked)
    assert all(line.startswith("#") for line in BEFORE_COMMANDS.splitlines())


def test_a_slurm_job_is_a_head_workers_that_join_it_and_the_driver(
    stand_ins: Path, tmp_path: Path, allocation: dict[str, str]
) -> None:
    says = '"$RAY_ADDRESS" "$RAY_AUTH_MODE" "$RAY_AUTH_TOKEN_PATH"'
    program(stand_ins, "sweeper", f'printf "%s\\n" {says} > told; stat -c %a "$RAY_AUTH_TOKEN_PATH" >> told; exit 7')
    done = batch(tmp_path, allocation)
    assert done.returncode == 7, done.stderr  # the driver's
    sruns = [call for call in calls(tmp_path) if call.startswith("srun")]
    (head,) = (call for call in sruns if "--head" in call)
    (workers,) = (call for call in sruns if "--address=n1:24711" in call and "node.sh" in call)
    assert "--nodelist=n1" in head
    assert "--port=24711" in head
    assert {"--nodes=2", "--exclude=n1", "--no-kill"} <= set(workers.split())
    assert "--num-cpus=8" in head
    assert "--num-cpus=8" in workers
    (driver,) = (call for call in calls(tmp_path) if call.startswith("sweeper"))
    kept = f"--sweeps {tmp_path}/sweeps --set storage={tmp_path}/sweeps/.checkpoints"
    assert driver == f"sweeper run space.yaml --set seed=1 {kept}"
    address, mode, token, rights = (tmp_path / "told").read_text().splitlines()
    assert (address, mode, rights) == ("n1:24711", "token", "600")
    assert not Path(token).exists()  # it goes with the job


def test_a_slurm_job_whose_time_is_nearly_over_ends_its_nodes_and_is_queued_again(
    stand_ins: Path, tmp_path: Path, allocation: dict[str, str]
) -> None:
    program(stand_ins, "sweeper", 'kill -USR1 "$PPID"; exec tail -f /dev/null')
    done = batch(tmp_path, allocation)
    assert done.returncode == 0, done.stderr
    assert calls(tmp_path)[-1] == "scontrol requeue 4711"


def test_a_slurm_job_without_a_file_says_so(tmp_path: Path, stand_ins: Path) -> None:
    done = shell(tmp_path, "bash", str(CLUSTER / "slurm.sbatch"))
    assert done.returncode != 0
    assert "a search space file" in done.stderr
