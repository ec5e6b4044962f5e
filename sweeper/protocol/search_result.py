"""The spending of a sweep's search and its end, as results.json has them: pure functions."""

from collections.abc import Sequence

from sweeper.protocol.failed_sweep import count_planned_trials, is_unsuccessful
from sweeper.protocol.search_budget import SearchBudget, Spending, limit_reached
from sweeper.protocol.sweep_results import SearchResult, SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TrialRecord


def search_result(
    spec: SweepSpec, records: Sequence[TrialRecord], sessions: Sequence[SearchSession] = ()
) -> SearchResult:
    """Return what the search used, and what ended it if not all trials of its budget have ended."""
    searched = [record for record in records if record.trial.is_of_search]
    interrupted = sum(record.end is None for record in searched)
    budget = SearchBudget(spec, searched, sessions)
    budgeted = [is_unsuccessful(record) for record in searched if not record.trial.clone_of]
    is_complete = not interrupted and len(budgeted) >= count_planned_trials(spec, budgeted)
    end = None if is_complete else budget.find_end()
    used, cost, patience = budget.spending(), spec.budget.cost, spec.budget.patience
    return SearchResult(
        epochs=used.epochs,
        hours=used.hours,
        gpu_hours=used.gpu_hours,
        usd=None if cost is None else used.gpu_hours * cost.per_gpu_hour,
        ended_by=end.limit if end else "",
        reason=end.reason if end else "",
        patience=patience.model_dump() if patience and end and end.limit == "budget.patience" else None,
        interrupted=interrupted,
    )


def is_search_over(spec: SweepSpec, results: SweepResults) -> bool:
    """Return True if a search with these results has nothing to do under the limits of `spec`, which may be new."""
    search = results.search
    budgeted = [trial.is_unsuccessful for trial in results.budgeted_trials]
    is_complete = len(budgeted) >= count_planned_trials(spec, budgeted) and not (search and search.interrupted)
    return is_complete or (search is not None and _is_ended(spec, results, search))


def _is_ended(spec: SweepSpec, results: SweepResults, search: SearchResult) -> bool:
    """Return True if a limit of `spec` ends the search."""
    if limit_reached(spec, Spending(search.epochs, search.hours, search.gpu_hours)) is not None:
        return True
    stop_at, sign = spec.objective.stop_at, spec.objective.sign
    completed = [
        trial.score
        for trial in results.trial_results
        if trial.stage == "search" and trial.outcome == Outcome.COMPLETED and trial.score is not None
    ]
    if stop_at is not None and any(sign * score >= sign * stop_at for score in completed):
        return True
    patience = spec.budget.patience
    return patience is not None and search.patience == patience.model_dump()
