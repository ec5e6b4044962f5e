"""Sweeps submitted to a real cluster of one node that requires a token, through the commands."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sweeper.app.open_study import read_study
from sweeper.record.optuna_study import OptunaStudy
from sweeper.storage.sweep_folder import SweepFolder, open_sweeps
from sweeper.trials.trial import TrialRecord
from tests.support.cli_runner import environment, start, sweeper
from tests.support.ports import free_port

pytestmark = [pytest.mark.slow, pytest.mark.ray, pytest.mark.mlflow]

TOKEN = "the-token-of-this-cluster-0123456789abcdef"
SECRETS = {"MLFLOW_TRACKING_PASSWORD": "planted-password", "HF_TOKEN": "planted-hub-token", "MY_KEY": "planted-key"}
SPACE = """
dataset: {train: train.csv, validation: validation.csv, test: test.csv}
compare: {encoder: [gru], loss: [ce]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 4, batch_size: 4, max_length: 32}
asha: off
budget: {trials: 4}
confirm: {seeds: 2}
"""


@dataclass(frozen=True)
class Head:
    """A cluster: its address, the home folder of its head, and the environment of its user."""

    address: str
    home: Path
    user: Mapping[str, str]

    @property
    def folder(self) -> SweepFolder:
        """The only sweep on the head."""
        (folder,) = open_sweeps(self.home / "sweeps")
        return folder


@contextmanager
def ray_start(home: Path, extra: Mapping[str, str]) -> Iterator[int]:
    """Start a head with `ray start`, in a session of its own. Yields the port of its dashboard."""
    sockets = Path(tempfile.mkdtemp(prefix="head-", dir="/tmp"))  # paths of sockets must be short
    gcs, dashboard, agent, client = (free_port() for _ in range(4))
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", "--disable-usage-stats",
        f"--port={gcs}", f"--dashboard-port={dashboard}", "--dashboard-host=127.0.0.1",
        f"--dashboard-agent-listen-port={agent}", f"--ray-client-server-port={client}",
        "--min-worker-port=0", "--max-worker-port=0", "--num-cpus=2", "--object-store-memory=200000000",
        f"--temp-dir={sockets}",
    ]  # fmt: skip
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    host = environment({"HOME": str(home), "PATH": path, **extra})
    with (home / "ray.log").open("wb") as log:
        head = subprocess.Popen(command, env=host, stdout=log, stderr=log, start_new_session=True)
    try:
        yield dashboard
    finally:
        os.killpg(head.pid, signal.SIGTERM)
        head.wait(60)
        shutil.rmtree(sockets, ignore_errors=True)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    home = tmp_path_factory.mktemp("home")
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": TOKEN}
    with ray_start(home, token) as port:
        ready = Head(f"http://127.0.0.1:{port}", home, {"HOME": str(tmp_path_factory.mktemp("user")), **token})
        deadline = time.monotonic() + 120
        while sweeper("jobs", "--address", ready.address, cwd=home, extra=ready.user).returncode:
            log = (home / "ray.log").read_text()
            assert "Error" not in log, log
            assert time.monotonic() < deadline, f"the cluster does not answer:\n{log}"
        yield ready


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("words")
    for split, count in (("train", 400), ("validation", 40), ("test", 40)):
        rows = "".join(f"{split} number {k} is {'good' if k % 2 else 'bad'},{k % 2}\n" for k in range(count))
        (folder / f"{split}.csv").write_text(f"text,label\n{rows}")
    (folder / "space.yaml").write_text(SPACE)
    return folder


def test_submitted_sweep_can_be_stopped_and_submitted_again(head: Head, space: Path) -> None:
    where = ("--address", head.address)
    user = {**head.user, **SECRETS}
    outputs = []

    # follow the sweep in the view of `sweeper run` until it is stopped
    running = start("submit", "space.yaml", *where, "--env", "MY_KEY", cwd=space, extra=user)
    assert running.stdout is not None
    for line in running.stdout:
        outputs.append(line)
        if line.startswith("trial "):
            break
    (job,) = {line.partition(":")[0] for line in outputs if ": submitted to " in line}

    twice = sweeper("submit", "space.yaml", *where, cwd=space, extra=head.user)
    assert (twice.returncode, len(twice.stderr.splitlines())) == (2, 1)
    assert f"runs already, as {job}; follow it with  sweeper logs {job} --address {head.address}" in twice.stderr

    stopped = sweeper("stop", job, *where, cwd=space, extra=head.user)
    assert f"{job} is stopped; submitting it again continues where it stopped" in stopped.stdout
    rest = running.communicate(timeout=120)[0]
    outputs.append(rest)
    assert running.returncode != 0
    assert f"{job} was stopped" in rest

    # the same command continues
    again = sweeper("submit", "space.yaml", *where, "--json", cwd=space, extra=user)
    outputs += [again.stdout, again.stderr]
    assert again.returncode == 0, again.stderr
    assert "trials are in the record" in again.stderr
    results = json.loads(again.stdout)
    assert results["num_trials"] == 4
    assert [seed["test"] is not None for seed in results["systems"][0]["confirmation"]["seeds"]] == [True, True]
    folder = head.folder
    with closing(OptunaStudy(folder.read_spec(), folder.journal, folder.manifest.threads)) as study:
        assert len(study.all_trials()) == 6
    assert json.loads((folder.path / "results.json").read_text())["systems"] == results["systems"]

    # logs of finished jobs can be read again
    listed = json.loads(sweeper("jobs", *where, "--json", cwd=space, extra=head.user).stdout)["jobs"]
    assert [job_entry["status"] for job_entry in listed] == ["STOPPED", "SUCCEEDED"]
    logs = sweeper("logs", listed[1]["id"], *where, cwd=space, extra=head.user)
    outputs.append(logs.stdout)
    assert logs.returncode == 0
    assert "best per system by validation/accuracy" in logs.stdout
    assert "seed 2 of trial" in logs.stdout

    # no secret is visible anywhere
    for secret in (TOKEN, *SECRETS.values()):
        assert not any(secret in text for text in outputs), secret
        for path in (head.home / "sweeps").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), (path, secret)


def test_one_trial_of_a_submitted_sweep_is_stopped_and_the_sweep_goes_on(head: Head, space: Path) -> None:
    where = ("--address", head.address)
    asked = ("--set", "training.epochs=2000", "--set", "budget.trials=2", "--set", "confirm.seeds=0", "--fresh")
    elsewhere = ("--sweeps", str(head.home / "other sweeps"), "--set", "seed=7")
    submitted = sweeper(
        "submit", "space.yaml", *where, *asked, *elsewhere, "--detach", "--json", cwd=space, extra=head.user
    )
    job, (sweep,) = (json.loads(submitted.stdout)[key] for key in ("job", "sweeps"))

    def stop(target: str, trial: int) -> subprocess.CompletedProcess[str]:
        return sweeper("stop", target, str(trial), *where, cwd=space, extra=head.user)

    def wait_for(trial: int) -> TrialRecord:
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            for folder in open_sweeps(head.home / "other sweeps"):
                for record in read_study(folder, folder.read_spec()).all_trials():
                    if record.trial.number == trial and record.reports:
                        return record
            time.sleep(0.1)
        raise AssertionError(f"trial {trial} did not begin: {sweeper('logs', job, *where, cwd=space, extra=head.user)}")

    wait_for(1)
    first = stop(job, 1)
    assert first.stdout.splitlines()[-1].startswith("trial 1: stopped by the user after epoch "), first
    wait_for(2)  # the driver was not disturbed
    unknown = stop(sweep, 99)
    assert (unknown.returncode, unknown.stdout.splitlines()[1:]) == (2, []), unknown
    assert unknown.stderr.startswith(f"{job}: ")
    assert unknown.stderr.endswith(": has no trial 99, allowed: 1 to 2\n")
    last = stop(sweep, 2)
    assert last.stdout.splitlines()[-1].startswith("trial 2: stopped by the user after epoch "), last

    logs = sweeper("logs", job, *where, cwd=space, extra=head.user)
    assert logs.returncode == 0, logs
    over = stop(job, 1)
    assert (over.returncode, over.stderr) == (
        2, f"{job}: is over (succeeded), so trial 1 does not run; there is nothing to stop\n"
    )  # fmt: skip
    (folder,) = open_sweeps(head.home / "other sweeps")
    assert [record.end.is_by_user for record in read_study(folder, folder.read_spec()).all_trials() if record.end] == [
        True
    ] * 2
    listed = json.loads(sweeper("jobs", *where, "--json", cwd=space, extra=head.user).stdout)["jobs"]
    assert [job_entry["id"] for job_entry in listed if job_entry["id"].startswith(job)] == [job]


def test_sweep_that_the_cluster_cannot_run_gives_one_line_and_exit_code_2(head: Head, space: Path) -> None:
    asking = ("--fresh", "--set", "resources.gpu=4", "--set", "resources.accelerator=A100")
    done = sweeper("submit", "space.yaml", *asking, "--address", head.address, cwd=space, extra=head.user)
    assert done.returncode == 2, done.stdout
    assert "resources: a trial asks for 1 CPU core and 4 A100 GPUs on one node" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_wrong_token_and_unknown_job_give_one_line_each(head: Head, space: Path) -> None:
    wrong = {**head.user, "RAY_AUTH_TOKEN": "a-token-of-somebody-else-0123456789ab"}
    done = sweeper("submit", "space.yaml", "--address", head.address, cwd=space, extra=wrong)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "the cluster refuses this token" in done.stderr
    assert "somebody-else" not in done.stderr
    for verb in (("logs", "nothing-1"), ("stop", "nothing-1"), ("stop", "nothing-1", "3")):
        done = sweeper(*verb, "--address", head.address, cwd=space, extra=head.user)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert "nothing-1: no such job of sweeper" in done.stderr
