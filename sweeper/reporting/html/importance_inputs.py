"""The inputs of hyperparameter importance: the settings of a system's trials, and how good each was."""

from collections.abc import Mapping

from sweeper.reporting.html.report_data import ReportData
from sweeper.search_space.domains import Domain
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome

_NOT_OF_SETTING = (Outcome.FAILED, Outcome.OUT_OF_MEMORY)  # these say more about the machine than about the setting

ImportanceInput = tuple[Mapping[str, tuple[Domain, Scalar]], float]


def importance_inputs(report: ReportData, system: int) -> list[ImportanceInput]:
    """Return for each trial of a system its values with the domains they were drawn from, and its score.

    Higher scores are better here, whatever the objective. A trial that diverged or collapsed, or has no score, counts
    as the worst. Trials that failed, ran out of memory or have not ended are left out.
    """
    sign, space = report.spec.objective.sign, report.spec.space
    records, scores = [], []
    for record in report.search_records_of(system):
        if record.end and record.end.outcome not in _NOT_OF_SETTING:
            records.append(record)
            scores.append(report.score(record) if record.end.outcome.is_healthy else None)
    worst = min((sign * score for score in scores if score is not None), default=0.0)
    inputs: list[ImportanceInput] = []
    for record, score in zip(records, scores, strict=True):
        params = record.trial.params
        branches = {
            hyperparameter.name: hyperparameter.active_branch({**space.fixed_values, **params})
            for hyperparameter in space.searched_hyperparameters()
        }
        drawn = {name: (branch.domain, params[name]) for name, branch in branches.items() if branch}
        inputs.append((drawn, worst if score is None else sign * score))
    return inputs
