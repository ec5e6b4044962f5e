"""Sweeps on a Ray cluster whose nodes die, lose their network and come back: nothing is lost, repeated or doubled.

Here Ray declares a silent node dead after fifteen seconds (hosts.py), so a node without network for twenty seconds is
lost. With Ray's default settings it would take a minute.
"""

import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import jobs
from tests.cluster.faults import SWEEP, FaultySweep, Observations
from tests.cluster.hosts import ROOT, Cluster, until
from tests.cluster.tracking import Tracking

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as started:
        if not started.reason and ROOT.is_relative_to("/tmp"):
            pytest.skip("each host has its own /tmp, and this checkout is below /tmp")
        started.start_head()
        started.start_node("one")
        yield started


@pytest.fixture(scope="module")
def observations(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Observations:
    tracking = Tracking(cluster)
    tracking.start()
    sweep = FaultySweep(cluster, tracking)
    try:
        return sweep.run()
    finally:
        copies = tmp_path_factory.mktemp("cluster")
        for log in cluster.root.glob("*.log"):
            shutil.copy(log, copies)
        if sweep.sweeps.exists():
            shutil.copytree(sweep.sweeps, copies / "sweeps")


def test_wrong_token_is_refused(cluster: Cluster) -> None:
    with pytest.raises(RuntimeError, match=r"(?i)token"):
        jobs.submit(cluster, SWEEP, cluster.own("head")[0] / "sweeps", RAY_AUTH_TOKEN="0" * 64)
    assert not (cluster.own("head")[1] / "sweeps").exists()


def test_every_invariant_holds(observations: Observations) -> None:
    assert not observations.wrong, "\n".join([*observations.wrong, observations.log])


@pytest.mark.parametrize("fault", ["added", "killed", "without MLflow", "short outage", "long outage", "head"])
def test_sweep_survives_each_fault(observations: Observations, fault: str) -> None:
    assert [name for name, seconds in observations.took.items() if name.startswith(fault) and seconds is None] == []


def test_sweep_finishes(observations: Observations) -> None:
    assert observations.took["finished"] is not None, observations.log


def test_a_job_is_watched_and_stopped_by_its_name_without_a_number(cluster: Cluster) -> None:
    there = cluster.own("head")[0] / "stopped"
    job = jobs.submit(cluster, SWEEP, there, "training.epochs=500", "asha=off")
    until(lambda: jobs.sweep_of(cluster, job) != "", 120, "the job has no sweep")
    sweep = jobs.sweep_of(cluster, job)
    watcher = jobs.watch(cluster, sweep)
    until(lambda: "trial 1" in jobs.stop_trial(cluster, sweep, 1), 120, "trial 1 cannot be stopped")
    assert jobs.stop(cluster, job, "1").splitlines()[-1].startswith("trial 1: stopped by the user ")
    said = jobs.stop(cluster, sweep).splitlines()
    assert said[-1] == f"{job} is stopped; submitting it again continues where it stopped"
    seen, _ = watcher.communicate(timeout=120)
    assert (jobs.status(cluster, job), watcher.returncode) == ("STOPPED", 1), seen
    assert jobs.stop(cluster, job) == f"{job} is over: stopped\n"


def test_models_reach_a_driver_whose_folder_no_worker_can_see(cluster: Cluster, observations: Observations) -> None:
    there, here = (place / "plain" for place in cluster.own("head"))
    job = jobs.submit(cluster, SWEEP, there, "training.epochs=2", "asha=off")
    until(lambda: jobs.status(cluster, job) not in ("PENDING", "RUNNING"), 240, "the sweep has not ended")
    log = jobs.logs(cluster, job)
    assert jobs.status(cluster, job) == "SUCCEEDED", log
    assert "storage is not set" in log
    assert "the model is trained again" not in log
    (sweep,) = here.glob("feelings-*")
    assert (sweep / "model" / "config.json").exists(), log
    assert not [*cluster.root.glob("*/tmp/plain/**/model-*.pt")]
