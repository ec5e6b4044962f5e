"""Expected epochs: early stopping from the rungs alone, and what a sweep still has to train."""

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest

from sweeper.protocol.expected_epochs import Arrivals, expect_validations, passing_share, remaining_epochs
from sweeper.search_space.early_stopping import AshaSettings, asha_needed_value, asha_passing_share
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec


@pytest.mark.parametrize("reduction_factor", [2, 3, 4])
@pytest.mark.parametrize("num_earlier", [1, 2, 5, 14])
def test_the_expected_share_is_what_asha_lets_pass(num_earlier: int, reduction_factor: int) -> None:
    settings, generator = AshaSettings(reduction_factor=reduction_factor), np.random.default_rng(0)
    passed = [
        value[-1] >= (asha_needed_value(value[:-1], settings) or 0)
        for value in generator.random((3000, num_earlier + 1))
    ]
    assert np.mean(passed) == pytest.approx(asha_passing_share(num_earlier, settings), abs=0.03)


def test_the_first_trial_at_a_rung_always_passes() -> None:
    assert asha_passing_share(0, AshaSettings()) == 1


HYPERBAND = {"hyperband": {"grace_epochs": 1, "reduction_factor": 2}}  # rungs 1 and 2 of 4 epochs, three brackets


def trial_of(spec: SweepSpec, number: int, system: int = 0, **params: Any) -> Trial:
    params = {**spec.systems[system], "batch_size": 4, **params}
    return Trial(number, system, params, spec.train_config(params, seed=0, threads=1))


def test_a_trial_trains_to_each_rung_as_often_as_it_is_reached() -> None:
    spec = small_spec()  # rungs after 1 and 2 of 4 epochs, reduction factor 2
    config, arrivals = trial_of(spec, 1).config, Arrivals()
    assert expect_validations(spec, config, arrivals) == 4
    assert arrivals == {1: 1, 2: 1}
    assert expect_validations(spec, config, arrivals) == pytest.approx(1 + 0.5 * 1 + 0.25 * 2)
    assert arrivals == {1: 2, 2: 1.5}


@pytest.mark.parametrize(("after", "expected"), [(0, 4), (1, 3), (3, 1), (4, 0)])
def test_without_early_stopping_a_trial_trains_to_its_end(after: int, expected: int) -> None:
    spec = small_spec(asha="off")
    assert expect_validations(spec, trial_of(spec, 1).config, {}, after) == expected
    assert passing_share(spec, 7) == 1


def test_a_phase_without_validation_has_no_rung() -> None:
    spec = small_spec(
        compare={"encoder": ["m"], "loss": ["scl_two_phase"]}, search={}, training={"epochs": 2, "batch_size": 4}
    )
    arrivals = {1: 5.0, 2: 5.0, 4: 1.0}
    config = trial_of(spec, 1).config  # 3 epochs without validation, then 2
    assert expect_validations(spec, config, arrivals) == pytest.approx(4 + passing_share(spec, 1))
    assert arrivals == {1: 5.0, 2: 5.0, 4: 2.0}


def ended(trial: Trial, steps: int, outcome: Outcome = Outcome.COMPLETED) -> TrialRecord:
    reports = tuple(report(step, 0.5) for step in range(1, steps + 1))
    return TrialRecord(trial, reports, tuple(range(steps)), 0, TrialEnd(outcome), 9)


def test_a_sweep_without_trials_has_everything_left() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 2, "top": 1})
    left = remaining_epochs(spec, [])
    assert left.search == (12, 12)
    assert left.confirmation == (8, 8)
    assert left.new_trials == (3, 3)
    assert left.total == 40


def test_what_is_left_shrinks_with_the_record_to_nothing() -> None:
    spec = small_spec(confirm={"seeds": 1, "top": 1})
    records = [ended(trial_of(spec, number, number % 2), 4) for number in range(1, 7)]
    totals = [remaining_epochs(spec, records[:count]).total for count in range(7)]
    assert totals == sorted(totals, reverse=True)
    fresh = [TrialRecord(Trial(7 + k, k, {}, records[0].trial.config, source_trial=1, seed_index=1)) for k in (0, 1)]
    assert remaining_epochs(spec, [*records, *fresh]).confirmation == (4, 4)
    done = [ended(record.trial, 4) for record in fresh]
    assert remaining_epochs(spec, [*records, *done]).total == 0


def test_a_running_trial_has_what_is_left_of_it() -> None:
    spec = small_spec(asha="off", budget={"trials": 2})
    running = TrialRecord(trial_of(spec, 1), (report(1, 0.5),), (1,))
    assert remaining_epochs(spec, [running]).search == (3, 4)


def test_a_budget_of_epochs_cuts_what_is_left() -> None:
    spec = small_spec(asha="off", budget={"trials": 6, "epochs": 10})
    assert sum(remaining_epochs(spec, [ended(trial_of(spec, 1), 4)]).search) == pytest.approx(6)


def test_the_expectation_matches_the_rule_on_random_values() -> None:
    spec, random = small_spec(budget={"trials": 60}), Random(1)
    config = trial_of(spec, 1).config
    arrivals, values, trained = Arrivals(), dict[int, list[float]](), 0
    expected = sum(expect_validations(spec, config, arrivals) for _ in range(60))
    for _ in range(60):
        step = 0
        for step in range(1, 5):
            seen = values.setdefault(step, []) if step in spec.rungs else []
            value = random.random()
            needed = spec.needed_value(np.array(seen)) if seen else None
            seen.append(value)
            if needed is not None and value < needed:
                break
        trained += step
    assert trained == pytest.approx(expected, rel=0.15)


def test_each_bracket_of_hyperband_is_foreseen_by_its_own_rungs() -> None:
    spec = small_spec(early_stopping=HYPERBAND, budget={"trials": 40})
    config = trial_of(spec, 1).config
    halved = [expect_validations(spec, config, {1: 99, 2: 99}, bracket=bracket) for bracket in spec.brackets]
    assert halved == [pytest.approx(1 + 1 / 2 + 2 / 4), pytest.approx(2 + 2 / 2), 4]
    asha = small_spec(budget={"trials": 40})
    assert remaining_epochs(asha, []).total < remaining_epochs(spec, []).total < 40 * 4


def test_a_running_trial_is_foreseen_by_its_bracket() -> None:
    spec = small_spec(early_stopping=HYPERBAND)  # three trials of each system
    poor = [ended(replace(trial_of(spec, number), bracket=1), 1, Outcome.STOPPED_EARLY) for number in (1, 2)]
    left = []
    for bracket in spec.brackets:
        running = TrialRecord(replace(trial_of(spec, 3), bracket=bracket))
        left.append(remaining_epochs(spec, [*poor, running]).search[0])
    assert left[0] < left[1] == left[2] == 4  # the first to reach a rung passes
