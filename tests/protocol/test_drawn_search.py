"""The rest of a search, drawn: what runs, what is new, and the verdicts of early stopping that one may expect."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from statistics import fmean, pstdev
from typing import Any

import pytest

from sweeper.protocol.calibration_points import cost_key
from sweeper.protocol.drawn_search import DrawnTraining, SearchDrawer
from sweeper.protocol.expected_epochs import remaining_epochs
from sweeper.protocol.pace import Pace
from sweeper.protocol.sweep_moment import SweepMoment
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec


def trial(
    spec: SweepSpec, number: int, system: int, reports: int, *, ended: bool = True, value: float = 0.5
) -> TrialRecord:
    """Return a trial with some reports of the same value."""
    setting = {**spec.systems[system], "batch_size": 8, "alpha": 0.5, "normalize": True, "tau": 0.1}
    config = spec.train_config(setting, seed=1, threads=1)
    outcome = Outcome.COMPLETED if reports == config.num_validations else Outcome.STOPPED_EARLY
    end = TrialEnd(outcome) if ended else None
    values = tuple(report(k + 1, value) for k in range(reports))
    return TrialRecord(Trial(number, system, setting, config), values, tuple(range(reports)), end=end)


def drawn(
    spec: SweepSpec, records: Sequence[TrialRecord], slots: int = 2, pace: Pace | None = None
) -> list[DrawnTraining]:
    return SearchDrawer(spec, records).draw(moment(spec, records, slots, pace), Random(0))


def moment(spec: SweepSpec, records: Sequence[TrialRecord], slots: int = 2, pace: Pace | None = None) -> SweepMoment:
    return SweepMoment(spec, records, slots, 0.0, pace or Pace({}, [1.0] * len(spec.systems)))


def mean_epochs(spec: SweepSpec, records: Sequence[TrialRecord]) -> float:
    drawer, random = SearchDrawer(spec, records), Random(0)
    return fmean(sum(it.validations for it in drawer.draw(moment(spec, records), random)) for _ in range(200))


def test_what_runs_comes_first_and_then_the_systems_take_turns() -> None:
    spec = small_spec(asha="off", budget={"trials": 8})
    records = [trial(spec, 1, 0, 4), trial(spec, 2, 1, 4), trial(spec, 3, 0, 1, ended=False)]
    draw = drawn(spec, records)
    assert [it.record and it.record.trial.number for it in draw] == [3, *[None] * 5]
    assert [it.system for it in draw[1:]] == [1, 0, 1, 0, 1]
    assert [it.validations for it in draw] == [3, 4, 4, 4, 4, 4]


def test_clones_of_users_do_not_use_up_the_budget() -> None:
    spec = small_spec(asha="off", budget={"trials": 4})
    records = [trial(spec, 1, 0, 4), trial(spec, 2, 1, 4)]
    clones = [replace(it, trial=replace(it.trial, number=3 + k, clone_of=1)) for k, it in enumerate(records)]
    draw = drawn(spec, [*records, *clones])
    assert [(it.system, it.record) for it in draw] == [(0, None), (1, None)]
    left = remaining_epochs(spec, [*records, *clones])
    assert (left.search, left.new_trials) == ((4, 4), (1, 1))


def test_a_search_whose_trials_have_ended_is_over() -> None:
    spec = small_spec(budget={"trials": 2})
    assert drawn(spec, [trial(spec, 1, 0, 4), trial(spec, 2, 1, 1)]) == []


@pytest.mark.parametrize(
    "keys",
    [
        {"asha": {"grace_epochs": 2, "reduction_factor": 2}},
        {"asha": {"grace_epochs": 2, "reduction_factor": 3}},
        {"early_stopping": {"hyperband": {"grace_epochs": 2, "reduction_factor": 2}}},
    ],
    ids=str,
)
def test_with_one_rung_a_draw_has_on_average_the_epochs_that_are_expected(keys: Mapping[str, Any]) -> None:
    spec = small_spec(**keys, budget={"trials": 40})
    assert mean_epochs(spec, []) == pytest.approx(sum(remaining_epochs(spec, []).search), rel=0.03)


@pytest.mark.parametrize("slots", [1, 2, 5])
def test_each_training_begins_on_a_free_slot_and_takes_its_validations(slots: int) -> None:
    spec = small_spec(budget={"trials": 40})
    draw = drawn(spec, [trial(spec, 1, 0, 4)], slots, pace=Pace({}, [1.0, 3.0], start=0.5))
    assert all(it.end - it.begin == pytest.approx(0.5 + (1, 3)[it.system] * it.validations) for it in draw)
    assert all(sum(it.begin <= other.begin < it.end for it in draw) <= slots for other in draw)
    later = draw[slots:]
    assert {it.begin for it in later} <= {it.end for it in draw}


@pytest.mark.parametrize("value", [0.4, 0.6])
def test_a_trial_at_a_rung_is_compared_with_those_before_it(value: float) -> None:
    spec = small_spec(asha={"grace_epochs": 2, "reduction_factor": 2}, budget={"trials": 6})
    ended = [trial(spec, number, 0, 4 if number == 1 else 2) for number in (1, 2)]
    running = trial(spec, 3, 0, 1, ended=False, value=value)
    others = [trial(spec, number, 1, 4) for number in (4, 5, 6)]
    (training,) = drawn(spec, [*ended, running, *others])
    assert training.is_whole == (value > 0.5)
    assert (training.value is not None) == training.is_whole


def test_of_trials_under_way_the_first_to_reach_a_rung_passes_it() -> None:
    """The faster trial of two gets there first, and every first trial passes."""
    spec = small_spec(asha={"grace_epochs": 2, "reduction_factor": 2}, budget={"trials": 4})
    slow, fast = (trial(spec, number, 0, 1, ended=False, value=0.5 + number / 100) for number in (1, 2))
    fast = replace(fast, trial=replace(fast.trial, config=fast.trial.config.model_copy(update={"batch_size": 4})))
    others = [trial(spec, number, 1, 4) for number in (3, 4)]
    pace = Pace({(0, *cost_key(slow.trial.config)): 5.0, (0, *cost_key(fast.trial.config)): 1.0}, [1.0, 1.0])
    assert [it.is_whole for it in drawn(spec, [slow, fast, *others], pace=pace)] == [False, True]


def test_trials_to_come_are_as_good_as_those_so_far() -> None:
    spec = small_spec(asha="off", budget={"trials": 400})
    values = [0.2, 0.3, 0.5, 0.6]
    records = [trial(spec, k + 1, k % 2, 4, value=value) for k, value in enumerate(values * 2)]
    values_of_first = [it.value for it in drawn(spec, records) if it.system == 0 and it.value is not None]
    assert fmean(values_of_first) == pytest.approx(0.35, abs=0.03)
    assert max(values_of_first) > 0.5  # some are better than all so far
    assert pstdev(values_of_first) == pytest.approx(pstdev([0.2, 0.5, 0.2, 0.5]) * (5 / 3) ** 0.5, rel=0.1)


def test_trials_end_at_rungs_or_in_full() -> None:
    spec = small_spec(budget={"trials": 60})
    draw = drawn(spec, [trial(spec, 1, 0, 4)])
    assert {it.validations for it in draw} == {*spec.rungs, 4}
