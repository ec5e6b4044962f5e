"""The expected end of a simulated search that has limits, whatever faults it had.

It is computed from the record's trials, without any code with which sweeper decides.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord
from tests.support.protocol_oracle import validation_values
from tests.support.simulation.world import REPORT_SECONDS


def check_search_end(
    spec: SweepSpec, records: Sequence[TrialRecord], slots: int, searched_seconds: float
) -> Iterator[str]:
    """Check a search that a limit may have ended: the limit was reached, by a little, and the shares are equal.

    Drivers searched for `searched_seconds`, the part included that a kill kept from the record.
    """
    searched = [record for record in records if not record.trial.source_trial]
    counts = Counter(record.trial.system for record in searched)
    systems = [counts[system] for system in range(len(spec.systems))]
    if max(systems) - min(systems) > 1 and spec.race is None:  # a round of a race waits; the others go on
        yield f"the systems have {systems} trials"
    reports, budget = sum(len(record.reports) for record in searched), spec.budget
    allowed = budget.epochs or (budget.gpu_hours and round(budget.gpu_hours * 3600 / REPORT_SECONDS))
    if allowed and reports > allowed + slots:
        yield f"the search had {reports} reports, its budget has {allowed}"
    if len(searched) >= budget.trials and all(record.end for record in searched):
        return
    is_reached = bool(allowed and reports >= allowed) or _has_reached(spec, searched) or _is_stale(spec, searched)
    if not is_reached and not (budget.hours and searched_seconds / 3600 >= budget.hours - 1e-9):
        yield f"the search ended with {len(searched)} trials and {reports} reports, and no limit was reached"


def _has_reached(spec: SweepSpec, searched: Sequence[TrialRecord]) -> bool:
    sign, stop_at = spec.objective.sign, spec.objective.stop_at
    values = [_best_completed(spec, record) for record in searched]
    return stop_at is not None and any(value >= sign * stop_at for value in values)


def _best_completed(spec: SweepSpec, record: TrialRecord) -> float:
    """Return the best value of a completed trial, more is better; -inf for others."""
    is_completed = record.end is not None and record.end.outcome == Outcome.COMPLETED
    return max(validation_values(spec, record.reports)) if is_completed else -math.inf


def _is_stale(spec: SweepSpec, searched: Sequence[TrialRecord]) -> bool:
    """Return True if at some moment no system had risen by more than the noise in its last trials."""
    if spec.budget.patience is None:
        return False
    patience, noise = spec.budget.patience.trials, spec.budget.patience.noise or 0.0
    ended = sorted((r for r in searched if r.end), key=lambda record: (record.ended_at or 0, record.trial.number))
    for count in range(len(ended) + 1):
        rises = []
        for system in range(len(spec.systems)):
            values = [_best_completed(spec, record) for record in ended[:count] if record.trial.system == system]
            before = max(values[:-patience], default=-math.inf)
            rises.append(max(values, default=0) - before if math.isfinite(before) else math.inf)
        if max(rises) <= noise:
            return True
    return False
