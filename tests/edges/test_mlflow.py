"""MLflow shows what the record has: one parent, a child per trial, one row per report, whatever is sent twice."""

from pathlib import Path
from typing import Any

import pytest

from sweeper.config import TrainConfig
from sweeper.outcome import Outcome
from sweeper.ports import Finish, Recorded, Trial
from tests.fakes import report

pytestmark = pytest.mark.mlflow

SWEEP = "sst5-0a1b2c3d"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('mlflow') / 'mlflow.db'}"


@pytest.fixture
def sweep(request: pytest.FixtureRequest) -> str:
    """A sweep of its own for each test, in the one store."""
    return f"sst5-{abs(hash(request.node.name)) % 16**8:08x}"


def tracker(uri: str, sweep: str) -> Any:
    from sweeper.edges.tracker import MlflowTracker

    return MlflowTracker(uri, sweep=sweep, dataset="sst5", facts={"sampler": "tpe"}, artifacts=None)


def runs(uri: str, sweep: str) -> dict[int, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("sst5")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id], f"tags.`sweeper.sweep` = '{sweep.rpartition('-')[2]}'")
    return {int(run.data.tags.get("sweeper.trial", "0")): run for run in found}


def history(uri: str, run: Any, metric: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    return [(m.step, m.value) for m in MlflowClient(tracking_uri=uri).get_metric_history(run.info.run_id, metric)]


def recorded(number: int, scores: list[float], finish: Finish | None = None) -> Recorded:
    config = TrainConfig(encoder="owner/m", loss="ce", learning_rate=3e-5)
    trial = Trial(number, 0, {"learning_rate": 3e-5}, config)
    reports = tuple(report(k + 1, score) for k, score in enumerate(scores))
    times = tuple(1_700_000_000_000 + 1000 * k for k in range(len(scores)))
    return Recorded(trial, reports, times, 1_700_000_000_000, finish, 1_700_000_009_000 if finish else None)


def test_a_parent_and_a_child_per_trial_with_params_outcome_and_a_row_per_report(uri: str, sweep: str) -> None:
    watching = tracker(uri, sweep)
    watching.update(recorded(1, []))
    watching.update(recorded(1, [0.3, 0.5], Finish(Outcome.COMPLETED)))
    watching.update(recorded(2, [0.1], Finish(Outcome.STOPPED_EARLY, "below the others")))
    watching.update(recorded(3, [], Finish(Outcome.FAILED, "ValueError: broken")))
    watching.close("FINISHED")
    found = runs(uri, sweep)
    assert sorted(found) == [0, 1, 2, 3]
    assert [found[k].info.status for k in range(4)] == ["FINISHED", "FINISHED", "FINISHED", "FAILED"]
    assert found[0].data.tags["sweeper.stage"] == "sweep"
    assert found[0].data.params["sampler"] == "tpe"
    assert found[1].data.tags["mlflow.parentRunId"] == found[0].info.run_id
    assert found[2].data.tags["sweeper.outcome"] == "stopped_early"
    assert found[3].data.tags["sweeper.reason"] == "ValueError: broken"
    assert found[1].data.params["learning_rate"] == "3e-05"
    assert "alpha" not in found[1].data.params  # ce does not use it
    assert history(uri, found[1], "validation/accuracy") == [(1, 0.3), (2, 0.5)]
    assert (found[1].info.start_time, found[1].info.end_time) == (1_700_000_000_000, 1_700_000_009_000)


def test_a_resumed_sweep_brings_mlflow_level_without_second_runs_or_rows(uri: str, sweep: str) -> None:
    first = tracker(uri, sweep)
    first.update(recorded(1, [0.3], Finish(Outcome.COMPLETED)))
    first.update(recorded(2, [0.2]))
    first.close("KILLED")
    assert [runs(uri, sweep)[k].info.status for k in range(3)] == ["KILLED", "FINISHED", "KILLED"]
    second = tracker(uri, sweep)
    second.update(recorded(1, [0.3], Finish(Outcome.COMPLETED)))
    second.update(recorded(2, [0.2, 0.4], Finish(Outcome.COMPLETED)))
    second.close("FINISHED")
    found = runs(uri, sweep)
    assert sorted(found) == [0, 1, 2]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert history(uri, found[2], "validation/accuracy") == [(1, 0.2), (2, 0.4)]


def test_a_store_that_cannot_be_had_does_not_raise_and_is_told(tmp_path: Path, sweep: str) -> None:
    from sweeper.edges import tracker as edge

    watching = tracker("http://127.0.0.1:9", sweep)
    watching.update(recorded(1, [0.3], Finish(Outcome.COMPLETED)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edge, "_PATIENCE", 0.5)
        watching.close("FINISHED")
    assert watching.behind


def test_a_failed_trial_has_its_traceback_beside_its_figures(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    from sweeper.edges.tracker import MlflowTracker

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    files = (tmp_path / "artifacts").as_uri()
    watching = MlflowTracker(uri, sweep=SWEEP, dataset="sst5", facts={}, artifacts=files)
    watching.update(
        recorded(1, [0.2], Finish(Outcome.FAILED, "ValueError: broken", "Traceback: …\nValueError: broken\n"))
    )
    watching.close("FINISHED")
    run = runs(uri, SWEEP)[1]
    path = MlflowClient(tracking_uri=uri).download_artifacts(run.info.run_id, "error.txt", str(tmp_path))
    assert Path(path).read_text() == "Traceback: …\nValueError: broken\n"
