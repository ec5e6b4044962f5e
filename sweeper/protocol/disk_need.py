"""The disk that a sweep's checkpoints need: a function of the parameters of its models (docs: resume-and-faults)."""

from collections.abc import Sequence

from sweeper.protocol.confirmation import pending
from sweeper.protocol.promotion import most_waiting
from sweeper.protocol.search_budget import count_search_trials
from sweeper.protocol.search_result import is_search_over
from sweeper.protocol.sweep_results import SweepResults
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import TrialRecord

_WEIGHT = 4  # bytes: a parameter in float32
_SEARCHED = 3 * _WEIGHT  # with AdamW's two moments
_CONFIRMED = _SEARCHED + _WEIGHT  # with the best epoch's weights


def disk_need(spec: SweepSpec, parameters: Sequence[int], slots: int, besides: Sequence[int] = ()) -> int:
    """Return the bytes that checkpoints take at most.

    `parameters` are those of each system's largest model. `besides` are the most numbers that a checkpoint of each
    system holds besides, for an average or a memory. A new checkpoint is written before the old one is deleted, so
    every running trial may have two of them. A trial that waits at a rung has one.
    """
    largest, seeds = max(parameters, default=0), spec.confirm.seeds * spec.confirm.top
    more = _WEIGHT * max(besides, default=0)
    waiting = sum(most_waiting(spec, system, slots) for system in range(len(spec.systems)))
    search = (2 * min(slots, count_search_trials(spec)) + waiting) * (_SEARCHED * largest + more)
    if not seeds:
        return search
    running = min(slots, seeds * len(spec.systems))
    return max(search, 2 * running * (_CONFIRMED * largest + more) + seeds * _WEIGHT * sum(parameters))


def certain_disk_need(spec: SweepSpec, parameters: Sequence[int], slots: int, left: int | None = None) -> int:
    """Return the bytes that checkpoints take for certain, while every running trial has one and one of them two.

    `parameters` are those of each system's smallest model. `left` are the trainings that are still to be done, by
    default all of the search.
    """
    trainings = count_search_trials(spec) if left is None else left
    return (min(slots, trainings) + 1) * _SEARCHED * min(parameters, default=0) if trainings else 0


def trainings_left(spec: SweepSpec, records: Sequence[TrialRecord], results: SweepResults) -> int | None:
    """Return how many trainings with fresh seeds are still to be done; None while the search is not over.

    `results` are those that the records give.
    """
    if not is_search_over(spec, results):
        return None
    return len(pending(spec, records)) + sum(record.end is None for record in records if record.trial.source_trial)
