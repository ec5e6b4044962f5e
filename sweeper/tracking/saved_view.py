"""The saved view of a sweep in MLflow's UI: its trials sorted by score, and their hyperparameters against the score.

MLflow keeps the views that its users save in tags of the experiment, and opens one by its key in the address. Each
sweep has one. It is described as MLflow 3.17 stores it; a UI that does not know the format shows its own default.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sweeper.tracking.best_rows import PREFIX
from sweeper.tracking.metric_names import metric_key
from sweeper.training.objective import ObjectiveMetric

VIEW_TAG = "mlflow.sharedViewState."  # begins the names of the experiment's tags that hold views
_SECTION, _PARALLEL, _BARS = "sweeper", "sweeper-parallel", "sweeper-bars"  # ids within the view
_RUNS_SHOWN = 1000  # bars of a chart at most


def view_key(identity: Mapping[str, str]) -> str:
    """Return the key of a sweep's view, which its address and its tag contain."""
    return "-".join(["sweeper", *identity.values()])


def trial_filter(identity: Mapping[str, str]) -> str:
    """Return MLflow's filter for the runs of a sweep's search."""
    tags = {**identity, "sweeper.stage": "search"}
    return " and ".join(f"tags.`{name}` = '{value}'" for name, value in tags.items())


def score_column(objective: ObjectiveMetric) -> str:
    """Return the column of the value by which sweeper ranks a trial, as MLflow's filters and sort keys name it."""
    return f"metrics.`{_score(objective)}`"


def _score(objective: ObjectiveMetric) -> str:
    return metric_key(PREFIX + objective.metric)


def build_view(
    name: str,
    identity: Mapping[str, str],
    objective: ObjectiveMetric,
    params: Sequence[str],
    shared: Sequence[str],
    created: int,
) -> str:
    """Return the value of the tag. `params` are the searched hyperparameters, `shared` those that every trial has.

    `created` is in milliseconds since 1970.
    """
    score = _score(objective)
    state = {
        "searchFilter": trial_filter(identity),
        "orderByKey": score_column(objective),
        "orderByAsc": objective.sign < 0,
        "selectedColumns": [score_column(objective), *(f"params.`{param}`" for param in params)],
        "runsHiddenMode": "SHOW_ALL",
        "compareRunSections": [
            {"uuid": _SECTION, "name": "Search", "display": True, "isReordered": True, "deleted": False, "columns": 1},
        ],
        "compareRunCharts": _charts(score, params, shared),
        "isAccordionReordered": True,
    }
    view = {"name": name, "createdAt": created, "updatedAt": created, "state": json.dumps(state)}
    return json.dumps(view)


def _charts(score: str, params: Sequence[str], shared: Sequence[str]) -> list[dict[str, Any]]:
    """Return parallel coordinates that end with the score, and a bar chart of the score.

    A trial that lacks a hyperparameter, such as alpha with cross entropy, has no line. So the first chart has what all
    trials have, and a second one all hyperparameters.
    """
    common = {"metricSectionId": _SECTION, "deleted": False, "isGenerated": False, "runsCountToCompare": _RUNS_SHOWN}
    groups = list(dict.fromkeys(tuple(group) for group in (shared, params) if group))
    charts = [
        {"type": "PARALLEL", "uuid": f"{_PARALLEL}-{k}", "selectedParams": list(group), "selectedMetrics": [score]}
        for k, group in enumerate(groups)
    ]
    bars = {"type": "BAR", "uuid": _BARS, "metricKey": score, "displayName": f"{score} of each trial"}
    return [*({**common, **chart, "showAllRuns": True} for chart in charts), {**common, **bars}]
