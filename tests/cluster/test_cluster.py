"""Sweeps on a Ray cluster whose nodes die, fall silent and come back: nothing is lost, repeated or doubled.

A node that is cut off for twenty seconds is found dead after fifteen here (hosts.py); with Ray's own settings it would
take a minute.
"""

import shutil
from collections.abc import Iterator

import pytest

from tests.cluster import jobs
from tests.cluster.faults import SWEEP, Seen, Story
from tests.cluster.hosts import ROOT, Cluster, until
from tests.cluster.tracking import Tracking

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster() as started:
        if not started.reason and ROOT.is_relative_to("/tmp"):
            pytest.skip("each host has a /tmp of its own, and this checkout is below /tmp")
        started.start_head()
        started.start_node("one")
        yield started


@pytest.fixture(scope="module")
def seen(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    tracking = Tracking(cluster)
    tracking.start()
    found = Story(cluster, tracking)
    try:
        return found.tell()
    finally:
        kept = tmp_path_factory.mktemp("cluster")
        for log in cluster.root.glob("*.log"):
            shutil.copy(log, kept)
        if found.sweeps.exists():
            shutil.copytree(found.sweeps, kept / "sweeps")


def test_a_wrong_token_is_refused(cluster: Cluster) -> None:
    with pytest.raises(RuntimeError, match=r"(?i)token"):
        jobs.submit(cluster, SWEEP, cluster.own("head")[0] / "sweeps", RAY_AUTH_TOKEN="0" * 64)
    assert not (cluster.own("head")[1] / "sweeps").exists()


def test_every_statement_holds(seen: Seen) -> None:
    assert not seen.wrong, "\n".join([*seen.wrong, seen.log])


@pytest.mark.parametrize("fault", ["added", "killed", "without MLflow", "a short cut", "a long cut", "head"])
def test_the_sweep_comes_through(seen: Seen, fault: str) -> None:
    assert [name for name, seconds in seen.took.items() if name.startswith(fault) and seconds is None] == []


def test_it_comes_to_its_end(seen: Seen) -> None:
    assert seen.took["to its end"] is not None, seen.log


def test_models_come_to_a_driver_whose_folder_no_worker_has(cluster: Cluster, seen: Seen) -> None:
    there, here = (place / "plain" for place in cluster.own("head"))
    job = jobs.submit(cluster, SWEEP, there, "training.epochs=2", "asha=off")
    until(lambda: jobs.status(cluster, job) not in ("PENDING", "RUNNING"), 120, "the sweep is not over")
    log = jobs.logs(cluster, job)
    assert jobs.status(cluster, job) == "SUCCEEDED", log
    assert "storage is not set" in log
    assert "trained again" not in log
    (sweep,) = here.glob("feelings-*")
    assert (sweep / "model" / "config.json").exists(), log
    assert not [*cluster.root.glob("*/tmp/plain/**/model-*.pt")]
