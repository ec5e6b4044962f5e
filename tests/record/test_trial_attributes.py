"""A trial as Optuna stores it, read back as a record."""

from datetime import UTC, datetime, timedelta

from optuna.trial import TrialState, create_trial

from sweeper.record.trial_attributes import update_trial_record
from sweeper.training.config import TrainConfig
from sweeper.trials.trial import Trial, TrialRecord


def test_the_end_of_a_trial_orders_those_of_one_millisecond() -> None:
    """The order in which trials ended decides when patience ends a search."""
    moment = datetime(2026, 5, 1, tzinfo=UTC)
    ends = [ended_at(moment + timedelta(microseconds=offset)) for offset in (1, 2, 999)]
    assert ends == sorted(set(ends))
    assert {int(end) for end in ends} == {int(moment.timestamp() * 1000)}


def ended_at(moment: datetime) -> float:
    stored = create_trial(state=TrialState.PRUNED, user_attrs={"reason": "", "outcome": "failed"})
    stored.datetime_complete = moment
    record = update_trial_record(TrialRecord(Trial(1, 0, {}, TrainConfig(encoder="m"))), stored)
    assert record.ended_at is not None
    return record.ended_at
