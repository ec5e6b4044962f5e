"""A sweep has a saved view in MLflow, its winner stands out, and its note is sweeper's until somebody edits it."""

import json
from typing import Any

import pytest
from mlflow import MlflowClient

from sweeper.tracking.deletion import delete_runs
from sweeper.tracking.saved_view import VIEW_TAG, build_view, view_key
from sweeper.tracking.sweep_description import NOTE_TAG, SweepDescription
from sweeper.training.objective import ObjectiveMetric
from sweeper.trials.outcome import Outcome
from sweeper.trials.run_status import RunStatus
from sweeper.trials.trial import TrialEnd
from tests.support.tracked_sweeps import make_record, runs_by_number, start_tracker

SEARCHED = ("loss", "learning_rate", "tau")
KIND, TRAINING = "mlflow.experimentKind", "custom_model_development"


def track(uri: str, sweep: str, winner: int | None = None, note: str = "") -> dict[int, Any]:
    """Track two trials of cross entropy, which has no tau; return the runs by number."""
    description = SweepDescription(searched=SEARCHED)
    tracker = start_tracker(uri, sweep, description=description)
    for number in (1, 2):
        tracker.update(make_record(number, [0.3, 0.5], TrialEnd(Outcome.COMPLETED)))
    if note:
        tracker.set_tags({NOTE_TAG: note})
    if winner is not None:
        tracker.set_winner(winner)
    tracker.close(RunStatus.FINISHED, 60)
    assert tracker.pending_runs == 0
    return runs_by_number(uri, sweep)


def view_of(uri: str, sweep: str) -> dict[str, Any] | None:
    """Return the state of a sweep's saved view as MLflow's UI reads it."""
    experiment = MlflowClient(tracking_uri=uri).get_experiment_by_name("sst5")
    identity = {"sweeper.sweep": sweep.rpartition("-")[2]}
    stored = experiment.tags.get(VIEW_TAG + view_key(identity))
    return None if stored is None else json.loads(json.loads(stored)["state"])


@pytest.mark.parametrize(("goal", "ascending"), [("validation/accuracy", False), ("validation/loss", True)])
def test_a_view_sorts_by_the_objective_and_has_the_searched_hyperparameters(goal: str, ascending: bool) -> None:
    objective = ObjectiveMetric(minimize=goal) if ascending else ObjectiveMetric(maximize=goal)
    view = json.loads(build_view("s", {"sweeper.sweep": "ab"}, objective, ("loss", "tau"), ("loss",), 5))
    assert (view["name"], view["createdAt"]) == ("s", 5)
    state = json.loads(view["state"])
    assert (state["orderByKey"], state["orderByAsc"]) == (f"metrics.`best/{goal}`", ascending)
    assert state["searchFilter"] == "tags.`sweeper.sweep` = 'ab' and tags.`sweeper.stage` = 'search'"
    shown = [(chart.get("selectedParams"), chart.get("selectedMetrics")) for chart in state["compareRunCharts"]]
    assert shown == [(["loss"], [f"best/{goal}"]), (["loss", "tau"], [f"best/{goal}"]), (None, None)]


@pytest.mark.mlflow
def test_the_view_has_one_chart_of_what_every_trial_has_and_goes_with_the_sweep(uri: str, sweep: str) -> None:
    track(uri, sweep)
    view = view_of(uri, sweep)
    assert view is not None
    assert view["compareRunCharts"][0]["selectedParams"] == ["loss", "learning_rate"]  # no run has tau
    assert view["compareRunCharts"][1]["selectedParams"] == list(SEARCHED)
    delete_runs(uri, {"sweeper.sweep": sweep.rpartition("-")[2]})
    assert view_of(uri, sweep) is None


@pytest.mark.mlflow
def test_the_winner_has_a_star_and_a_tag_until_another_one_wins(uri: str, sweep: str) -> None:
    names = {number: run.data.tags["mlflow.runName"] for number, run in track(uri, sweep).items()}
    for winner, other in ((1, 2), (1, 2), (2, 1)):
        tags = {number: run.data.tags for number, run in track(uri, sweep, winner).items()}
        assert (tags[winner]["mlflow.runName"], tags[other]["mlflow.runName"]) == (f"★ {names[winner]}", names[other])
        assert tags[winner]["sweeper.winner"] == "yes"
        assert "sweeper.winner" not in tags[other]


@pytest.mark.mlflow
def test_a_note_is_replaced_but_not_one_that_somebody_wrote(uri: str, sweep: str) -> None:
    for note in ("| a |", "| b |"):
        assert track(uri, sweep, note=note)[0].data.tags[NOTE_TAG] == note
    run = runs_by_number(uri, sweep)[0].info.run_id
    MlflowClient(tracking_uri=uri).set_tag(run, NOTE_TAG, "mine")
    assert track(uri, sweep, note="| c |")[0].data.tags[NOTE_TAG] == "mine"


@pytest.mark.mlflow
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "custom_model_development"),
        ("no_inferred_type", "custom_model_development"),
        ("finetuning", "finetuning"),
    ],
)
def test_an_experiment_is_marked_as_model_training_unless_somebody_chose(
    before: str | None, after: str, uri: str, sweep: str
) -> None:
    track(uri, sweep)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("sst5").experiment_id
    client.delete_experiment_tag(experiment, KIND)
    if before is not None:
        client.set_experiment_tag(experiment, KIND, before)
    track(uri, sweep)
    assert client.get_experiment(experiment).tags[KIND] == after
