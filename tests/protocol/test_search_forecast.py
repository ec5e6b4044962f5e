"""The time at which limits end a search whose rest is drawn."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sweeper.protocol.drawn_search import DrawnTraining
from sweeper.protocol.search_budget import SearchBudget
from sweeper.protocol.search_forecast import SearchForecast, find_limit_time
from sweeper.trials.trial import Trial, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec


def seconds_until_limit(values: Sequence[float | None], **keys: Any) -> float:
    """Return the end of a search that begins now, whose trials end one after the other, 10 seconds each."""
    spec = small_spec(asha="off", compare={"encoder": ["m"]}, **keys)
    config = spec.train_config({**spec.systems[0], "batch_size": 8}, seed=1, threads=1)
    trainings = [DrawnTraining(0, config, 0, [], value=value, end=10.0 * k) for k, value in enumerate(values, 1)]
    return SearchForecast(spec, SearchBudget(spec), slots=1, now=0.0).seconds_until_limit(trainings[::-1])


@pytest.mark.parametrize(("goal", "seconds"), [(0.5, 10), (0.6, 30), (0.7, math.inf)], ids=["first", "third", "none"])
def test_the_first_trial_that_reaches_the_goal_ends_it(goal: float, seconds: float) -> None:
    objective = {"maximize": "validation/accuracy", "stop_at": goal}
    assert seconds_until_limit([0.5, None, 0.6, 0.65], objective=objective) == seconds


def test_a_goal_that_is_minimized_is_reached_from_above() -> None:
    """Values are larger where they are better, so a loss of 0.4 has the value -0.4."""
    objective = {"minimize": "validation/loss", "stop_at": 0.4}
    assert seconds_until_limit([-0.5, -0.4], objective=objective) == 20


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ([0.5, 0.4, 0.4, 0.6], 30),
        ([0.5, 0.4, 0.6, None, 0.6, 0.7], 50),
        ([0.5, 0.6, 0.7], math.inf),
        ([None, None, None], math.inf),
    ],
    ids=str,
)
def test_trials_without_a_rise_end_it_by_patience(values: Sequence[float | None], seconds: float) -> None:
    assert seconds_until_limit(values, budget={"trials": 40, "patience": {"trials": 2}}) == seconds


@pytest.mark.parametrize(
    ("budget", "seconds"), [({}, math.inf), ({"hours": 0.01}, 36), ({"hours": 0.01, "patience": 1}, 20)]
)
def test_the_limit_that_comes_first_ends_it(budget: Mapping[str, Any], seconds: float) -> None:
    budget = {**budget, **({"patience": {"trials": 1}} if "patience" in budget else {})}
    assert seconds_until_limit([0.5, 0.5, 0.5, 0.5, 0.5], budget={"trials": 40, **budget}) == seconds


@pytest.mark.parametrize(("epochs", "time"), [(1, 10), (3, 20), (5, 30), (6, 40), (7, None)])
def test_the_time_of_the_report_at_which_a_limit_ended_it_is_found(epochs: int, time: int | None) -> None:
    spec = small_spec(asha="off", budget={"trials": 6, "epochs": epochs})
    config = spec.train_config({**spec.systems[0], "batch_size": 8}, seed=1, threads=1)
    records = [
        TrialRecord(Trial(number, 0, {}, config), tuple(report(k, 0.5) for k in range(1, len(times) + 1)), times)
        for number, times in enumerate([(10, 20, 30), (20, 30, 40)], 1)
    ]
    assert find_limit_time(spec, records, []) == time
