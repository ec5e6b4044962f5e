"""The rest of a search, drawn: what runs, what is new, and the verdicts of early stopping that one may expect."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random
from statistics import fmean
from typing import Any

import pytest

from sweeper.protocol.drawn_search import SearchDrawer
from sweeper.protocol.expected_epochs import remaining_epochs
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec


def trial(spec: SweepSpec, number: int, system: int, reports: int, *, ended: bool = True) -> TrialRecord:
    setting = {**spec.systems[system], "batch_size": 8, "alpha": 0.5, "normalize": True, "tau": 0.1}
    config = spec.train_config(setting, seed=1, threads=1)
    outcome = Outcome.COMPLETED if reports == config.num_validations else Outcome.STOPPED_EARLY
    end = TrialEnd(outcome) if ended else None
    return TrialRecord(
        Trial(number, system, setting, config), tuple(report(k + 1, 0.5) for k in range(reports)), end=end
    )


def mean_epochs(spec: SweepSpec, records: Sequence[TrialRecord]) -> float:
    drawer, random = SearchDrawer(spec, records), Random(0)
    return fmean(sum(it.validations for it in drawer.draw(random)) for _ in range(200))


def test_what_runs_comes_first_and_then_the_systems_take_turns() -> None:
    spec = small_spec(asha="off", budget={"trials": 8})
    records = [trial(spec, 1, 0, 4), trial(spec, 2, 1, 4), trial(spec, 3, 0, 1, ended=False)]
    draw = SearchDrawer(spec, records).draw(Random(0))
    assert [it.record and it.record.trial.number for it in draw] == [3, *[None] * 5]
    assert [it.system for it in draw[1:]] == [1, 0, 1, 0, 1]
    assert [it.validations for it in draw] == [3, 4, 4, 4, 4, 4]


def test_clones_of_users_do_not_use_up_the_budget() -> None:
    spec = small_spec(asha="off", budget={"trials": 4})
    records = [trial(spec, 1, 0, 4), trial(spec, 2, 1, 4)]
    clones = [replace(it, trial=replace(it.trial, number=3 + k, clone_of=1)) for k, it in enumerate(records)]
    draw = SearchDrawer(spec, [*records, *clones]).draw(Random(0))
    assert [(it.system, it.record) for it in draw] == [(0, None), (1, None)]
    left = remaining_epochs(spec, [*records, *clones])
    assert (left.search, left.new_trials) == ((4, 4), (1, 1))


def test_a_search_whose_trials_have_ended_is_over() -> None:
    spec = small_spec(budget={"trials": 2})
    assert SearchDrawer(spec, [trial(spec, 1, 0, 4), trial(spec, 2, 1, 1)]).draw(Random(0)) == []


@pytest.mark.parametrize(
    "keys",
    [
        {"asha": {"grace_epochs": 1, "reduction_factor": 2}},
        {"asha": {"grace_epochs": 1, "reduction_factor": 3}},
        {"early_stopping": {"hyperband": {"grace_epochs": 1, "reduction_factor": 2}}},
    ],
    ids=str,
)
def test_on_average_a_draw_has_the_epochs_that_are_expected(keys: Mapping[str, Any]) -> None:
    spec = small_spec(**keys, budget={"trials": 40})
    assert mean_epochs(spec, []) == pytest.approx(sum(remaining_epochs(spec, []).search), rel=0.03)


def test_more_trials_are_expected_to_pass_if_more_have_passed_so_far() -> None:
    spec = small_spec(budget={"trials": 200})
    passed = [trial(spec, number, number % 2, 4) for number in range(1, 41)]
    lengths = (4, 4, 2, 2, 1, 1, 1, 1)  # each rung stops half
    mixed = [trial(spec, number, number % 2, lengths[number % 8]) for number in range(1, 41)]
    assert mean_epochs(spec, mixed) == pytest.approx(sum(remaining_epochs(spec, mixed).search), rel=0.05)
    assert mean_epochs(spec, passed) > 1.3 * sum(remaining_epochs(spec, passed).search)


def test_trials_end_at_rungs_or_in_full() -> None:
    spec = small_spec(budget={"trials": 60})
    draw = SearchDrawer(spec, [trial(spec, 1, 0, 4)]).draw(Random(0))
    assert {it.validations for it in draw} == {*spec.rungs, 4}
