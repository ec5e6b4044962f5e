"""The best setting of a system: means over repeats, both directions, and substitutes if no trial completed."""

import math

import pytest

from sweeper.protocol.ranking import TrialScore, best_setting, count_outcomes, rank_settings, score_trial
from sweeper.training.config import Scalar
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialRecord
from tests.support.search_spaces import small_spec

_METRICS = {"maximize": "validation/accuracy", "minimize": "validation/loss"}
DONE, EARLY = Outcome.COMPLETED, Outcome.STOPPED_EARLY


def trial_score(
    number: int,
    score: float | None,
    outcome: Outcome | None = DONE,
    *,
    system: int = 0,
    steps: int = 5,
    **params: Scalar,
) -> TrialScore:
    metrics = {} if score is None else {"validation/accuracy": score}
    return TrialScore(number, system, params, outcome, score, min(steps, 3), steps, metrics)


def test_best_completed_trial_of_the_system_wins() -> None:
    scores = [
        trial_score(1, 0.5, epochs=1),
        trial_score(2, 0.7, epochs=2),
        trial_score(3, 0.6, epochs=3),
        trial_score(4, 0.9, system=1),
    ]
    best = best_setting(scores, 0, 1)
    assert best is not None
    assert (best.system, best.trial, best.mean, best.repeats, best.completed) == (0, scores[1], 0.7, 1, True)


def test_lowest_score_wins_if_lower_is_better() -> None:
    scores = [trial_score(1, 0.5, epochs=1), trial_score(2, 0.7, epochs=2), trial_score(3, 0.4, epochs=3)]
    best = best_setting(scores, 0, -1)
    assert best is not None
    assert best.trial is scores[2]


def test_repeated_setting_is_ranked_by_its_mean() -> None:
    lucky = [trial_score(1, 0.9, tau=1), trial_score(2, 0.5, tau=1)]
    steady = [trial_score(3, 0.75, tau=2), trial_score(4, 0.8, tau=2)]
    best = best_setting([*lucky, *steady], 0, 1)
    assert best is not None
    assert best.trial is steady[1]
    assert (round(best.mean, 9), best.repeats, best.completed) == (0.775, 2, True)


def test_best_trial_of_a_repeated_setting_is_the_lowest_if_lower_is_better() -> None:
    scores = [trial_score(1, 0.4, tau=1), trial_score(2, 0.2, tau=1), trial_score(3, 0.35, tau=2)]
    best = best_setting(scores, 0, -1)
    assert best is not None
    assert best.trial is scores[1]
    assert best.repeats == 2


@pytest.mark.parametrize(("sign", "order"), [(1, [2, 3, 1]), (-1, [1, 3, 2])])
def test_of_settings_that_do_not_differ_beyond_the_noise_a_better_mean_of_more_seeds_comes_first(
    sign: int, order: list[int]
) -> None:
    seeds = {1: [0.50, 0.60], 2: [0.52, 0.61], 3: [0.56]}
    scores = [trial_score(10 * tau + k, value, tau=tau) for tau, own in seeds.items() for k, value in enumerate(own)]
    ranked = rank_settings(scores, 0, sign, shrinks=True)
    assert len({setting.shrunk_mean for setting in ranked}) == 1
    assert [setting.trial.params["tau"] for setting in ranked] == order


def test_order_of_params_does_not_matter_for_a_setting() -> None:
    scores = [trial_score(1, 0.5, tau=1, epochs=2), trial_score(2, 0.7, epochs=2, tau=1)]
    best = best_setting(scores, 0, 1)
    assert best is not None
    assert best.repeats == 2


def test_setting_without_an_inactive_hyperparameter_is_a_different_one() -> None:
    scores = [trial_score(1, 0.5, normalize=True), trial_score(2, 0.6, normalize=True, tau=1)]
    best = best_setting(scores, 0, 1)
    assert best is not None
    assert (best.trial, best.repeats) == (scores[1], 1)


def test_stopped_trial_does_not_win_over_a_completed_one() -> None:
    scores = [
        trial_score(1, 0.5),
        trial_score(2, 0.9, EARLY, tau=1),
        trial_score(3, 0.95, Outcome.FAILED, tau=2),
        trial_score(4, 0.99, None, tau=3),
    ]
    best = best_setting(scores, 0, 1)
    assert best is not None
    assert (best.trial, best.completed) == (scores[0], True)


def test_longest_then_best_trial_is_chosen_if_none_completed() -> None:
    scores = [
        trial_score(1, 0.9, EARLY, steps=2),
        trial_score(2, 0.5, EARLY, steps=4),
        trial_score(3, 0.6, EARLY, steps=4),
    ]
    most, least = best_setting(scores, 0, 1), best_setting(scores, 0, -1)
    assert most is not None
    assert least is not None
    assert (most.trial, most.mean, most.repeats, most.completed) == (scores[2], 0.6, 1, False)
    assert (least.trial, least.completed) == (scores[1], False)


def test_system_without_a_score_has_no_best_setting() -> None:
    assert best_setting([], 0, 1) is None
    assert (
        best_setting(
            [trial_score(1, None, Outcome.FAILED), trial_score(2, None, DONE), trial_score(3, 0.5, None)], 0, 1
        )
        is None
    )
    assert best_setting([trial_score(1, 0.5)], 1, 1) is None


def test_outcomes_are_counted_for_one_system_without_running_trials() -> None:
    scores = [
        trial_score(1, 0.5),
        trial_score(2, 0.5),
        trial_score(3, 0.4, EARLY),
        trial_score(4, None, None),
        trial_score(5, 0.5, system=1),
    ]
    assert count_outcomes(scores, 0) == {DONE: 2, EARLY: 1}
    assert count_outcomes(scores, 2) == {}
    assert {str(outcome): number for outcome, number in count_outcomes(scores, 1).items()} == {"completed": 1}


@pytest.mark.parametrize(("average", "step"), [("best", 2), ("last", 4), ("ema", 2)])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_validation_of_a_trial_counts_or_the_last_one_where_that_is_kept(
    average: str, step: int, direction: str
) -> None:
    spec = small_spec(training={"epochs": 5, "average": average}, objective={direction: _METRICS[direction]})
    metric, sign = spec.objective.metric, spec.objective.sign
    trial = Trial(1, 0, {}, spec.train_config({"encoder": "m"}, seed=1, threads=1))
    values = [0.5, 0.5 + sign * 0.4, 0.5, 0.5 + sign * 0.1, math.nan]
    reports = tuple(ValidationReport(k, k, {metric: value}) for k, value in enumerate(values, 1))
    score = score_trial(spec, TrialRecord(trial, reports))
    assert (score.step, score.score) == (step, values[step - 1])
