"""Deletes the runs of a sweep from MLflow, with the models that they logged, and its view of them."""

from collections.abc import Mapping

from sweeper.tracking.client import open_store, paginate, search_sweep_runs
from sweeper.tracking.saved_view import VIEW_TAG, view_key


def delete_runs(uri: str, identity: Mapping[str, str]) -> int:
    """Delete all runs that have these tags, and return their number. MLflow restores them until `mlflow gc`.

    Trials go before their parents, so that an interrupted deletion can be repeated. Raises what MLflow's client raises.
    """
    client = open_store(uri)
    deleted = 0
    for experiment in list(paginate(client.search_experiments)):
        runs = list(search_sweep_runs(client, experiment.experiment_id, identity))
        runs.sort(key=lambda run: "sweeper.trial" not in run.data.tags)
        for run in runs:
            models = client.search_logged_models([experiment.experiment_id], f"source_run_id = '{run.info.run_id}'")
            for model in list(models):
                client.delete_logged_model(model.model_id)
            client.delete_run(run.info.run_id)
        if (view := VIEW_TAG + view_key(identity)) in experiment.tags:
            client.delete_experiment_tag(experiment.experiment_id, view)
        deleted += len(runs)
    return deleted
