"""Deletes the runs of a sweep from MLflow, with the models that they logged, and its view of them."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any

from mlflow.entities import LifecycleStage, Run, ViewType

from sweeper.errors import UsageError
from sweeper.tracking.client import open_store, paginate, sqlite_path
from sweeper.tracking.saved_view import VIEW_TAG, view_key

_PARENT_TAG = "mlflow.parentRunId"
_MAX_NAMED = 5  # trials in a message


def delete_runs(uri: str, identity: Mapping[str, str], trials: Collection[int] = ()) -> int:
    """Delete all runs that have these tags, or belong to one that does, and return their number.

    MLflow restores them until `mlflow gc`. Trials go before their parents, so that an interrupted deletion can be
    repeated. `trials` are the numbers of those that surely have a run. Raises UsageError, before anything is deleted,
    if there is no run of some of them, and what MLflow's client raises.
    """
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        _require_found([], trials)
        return 0
    client = open_store(uri)
    experiments = list(paginate(client.search_experiments))
    runs_by_experiment = [_find_runs(client, experiment.experiment_id, identity) for experiment in experiments]
    _require_found(list(chain(*runs_by_experiment)), trials)
    deleted = 0
    for experiment, runs in zip(experiments, runs_by_experiment, strict=True):
        active = [run for run in runs if run.info.lifecycle_stage == LifecycleStage.ACTIVE]
        for run in sorted(active, key=lambda run: "sweeper.trial" not in run.data.tags):
            models = client.search_logged_models([experiment.experiment_id], f"source_run_id = '{run.info.run_id}'")
            for model in list(models):
                client.delete_logged_model(model.model_id)
            client.delete_run(run.info.run_id)
        if (view := VIEW_TAG + view_key(identity)) in experiment.tags:
            client.delete_experiment_tag(experiment.experiment_id, view)
        deleted += len(active)
    return deleted


def _find_runs(client: Any, experiment: str, identity: Mapping[str, str]) -> list[Run]:
    """Return the runs with these tags, and those above and below them that lost some; also those deleted before.

    A run with the tags of another sweep is left out.
    """
    runs_by_id: dict[str, Run] = {}
    filters = [" and ".join(f"tags.`{name}` = '{value}'" for name, value in identity.items())]
    while filters:
        runs = [run for text in filters for run in paginate(client.search_runs, [experiment], text, ViewType.ALL)]
        new = {run.info.run_id: run for run in runs if run.info.run_id not in runs_by_id and _may_have(run, identity)}
        runs_by_id |= new
        parents = [id for id, run in new.items() if "sweeper.trial" not in run.data.tags]
        above = {run.data.tags.get(_PARENT_TAG, "") for run in new.values()} - runs_by_id.keys() - {""}
        filters = [f"tags.`{_PARENT_TAG}` = '{id}'" for id in parents]
        filters += [f"attributes.run_id = '{id}'" for id in sorted(above)]
    return list(runs_by_id.values())


def _may_have(run: Run, identity: Mapping[str, str]) -> bool:
    return all(run.data.tags.get(name, value) == value for name, value in identity.items())


def _require_found(runs: Sequence[Run], trials: Collection[int]) -> None:
    """Raise UsageError if some of these trials have no run. A run without a number may be any trial's."""
    texts = [run.data.tags.get("sweeper.trial", "") for run in runs]
    missing = sorted(set(trials) - {int(text) for text in texts if text.isascii() and text.isdecimal()})
    parents = {run.data.tags.get(_PARENT_TAG) for run in runs}
    unnumbered = [run for run, text in zip(runs, texts, strict=True) if not text.isdecimal()]
    if len(missing) > sum(run.info.run_id not in parents for run in unnumbered):
        more = f" and {len(missing) - _MAX_NAMED} more" if len(missing) > _MAX_NAMED else ""
        numbers = ", ".join(map(str, missing[:_MAX_NAMED])) + more
        raise UsageError(
            f"has no run of {'trials' if len(missing) > 1 else 'trial'} {numbers}, or one with damaged tags"
        )
