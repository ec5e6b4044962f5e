"""The state of a sweep in a few values: what a list of sweeps shows of each."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum

from pydantic import Field

from sweeper.protocol.failed_sweep import count_planned_trials
from sweeper.protocol.ranking import FRESH_TRAININGS, describe_outcomes, none_succeeded
from sweeper.protocol.result_model import ResultModel
from sweeper.protocol.search_budget import count_search_trials
from sweeper.protocol.sweep_results import SweepResults, TrialResult
from sweeper.protocol.system_results import ConfirmationResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome


class SweepState(StrEnum):
    """The state of a sweep in its folder."""

    NOT_BEGUN = "not begun"  # it has no trial yet
    RUNNING = "running"  # a driver holds its record
    INTERRUPTED = "interrupted"  # the command that made it continues it
    FAILED = "failed"  # every trial of the search, or every fresh seed, ended without success
    FINISHED = "finished"
    DAMAGED = "damaged"  # a file of it cannot be read


class SweepBest(ResultModel):
    """The best score of a sweep on validation."""

    trial: int = Field(description="trial of the search that has the best setting")
    score: float = Field(description="its mean over fresh seeds where it was confirmed, else over its trials")
    seeds: int = Field(description="fresh seeds behind the score; 0 if the setting was not confirmed")


class SweepSummary(ResultModel):
    """The state of a sweep, its best score, age and size."""

    sweep: str = Field(description="name of the sweep")
    path: str = Field(description="its folder")
    state: SweepState = Field(description="its state")
    began_at: int = Field(description="when it began, in milliseconds since 1970")
    bytes: int = Field(description="size of its folder, without what MLflow has")
    objective: str = Field("", description="metric that ranks trials")
    trainings_ended: int = Field(0, description="trials of the search and trainings with fresh seeds that have ended")
    trainings_planned: int = Field(0, description="those that the whole budget has")
    best: SweepBest | None = Field(None, description="its best score")
    driver: str = Field("", description="the process that runs it now")
    problem: str = Field("", description="why it failed, or cannot be read")


def find_best(results: SweepResults) -> SweepBest | None:
    """Return the best score of a sweep; None if no trial has one."""
    trial = results.best_trial
    for system in results.systems:
        confirmation, best = system.confirmation, system.best
        if confirmation is not None and confirmation.mean is not None and confirmation.source_trial == trial:
            return SweepBest(trial=trial, score=confirmation.mean, seeds=_scored_seeds(confirmation))
        if best is not None and best.trial == trial:
            return SweepBest(trial=trial, score=best.mean, seeds=0)
    return None


def _scored_seeds(confirmation: ConfirmationResult) -> int:
    counts = [other.seeds for other in confirmation.candidates if other.source_trial == confirmation.source_trial]
    return counts[0] if counts else len(confirmation.models)


def count_planned(spec: SweepSpec, results: SweepResults) -> int:
    """Return the number of trials in the whole budget, confirmation included; at least those that there are."""
    confirmed = len(spec.systems) * spec.confirm.top * spec.confirm.seeds
    cloned = sum(bool(trial.clone_of) for trial in results.trial_results)
    planned = count_planned_trials(spec, [trial.is_unsuccessful for trial in results.budgeted_trials])
    return max(planned + cloned + confirmed, len(results.trial_results))


def find_state(spec: SweepSpec, results: SweepResults, *, finished: bool, driven: bool) -> SweepState:
    """Return the state of a sweep whose record can be read. `driven`: a driver holds it now."""
    trials = results.trial_results
    if driven:
        return SweepState.RUNNING
    if finished:
        return SweepState.FINISHED
    if not trials:
        return SweepState.NOT_BEGUN
    return SweepState.FAILED if describe_failure(spec, results) else SweepState.INTERRUPTED


def describe_failure(spec: SweepSpec, results: SweepResults) -> str:
    """Return what did not succeed in a sweep that is not finished, with the outcomes; "" if it has not failed.

    It has failed if every trial of the search, or every training with a fresh seed, ended without success.
    """
    outcomes = [trial.outcome for trial in results.trial_results if trial.outcome is not None]
    if len(outcomes) < len(results.trial_results):
        return ""
    searched = [trial for trial in results.trial_results if not trial.source_trial]
    fails_fast = all(trial.outcome == Outcome.FAILED for trial in searched)
    enough = min(count_search_trials(spec), spec.fail_fast_after) if fails_fast else count_search_trials(spec)
    if len(searched) >= enough and not any(trial.outcome and trial.outcome.is_healthy for trial in searched):
        return f"{none_succeeded(len(searched), 'trial')}: {_describe_ends(searched)}"
    seeds = [trial for trial in results.trial_results if trial.source_trial]
    if seeds and not any(trial.outcome and trial.outcome.leaves_model for trial in seeds):
        return f"{none_succeeded(len(seeds), *FRESH_TRAININGS)}: {_describe_ends(seeds)}"
    return ""


def _describe_ends(trials: Sequence[TrialResult]) -> str:
    return describe_outcomes(Counter(trial.outcome for trial in trials if trial.outcome is not None))
