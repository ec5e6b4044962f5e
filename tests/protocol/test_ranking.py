"""From rows to the best of a cell: means over repeats, either direction, and what stands in where nothing completed."""

from sweeper.protocol.ranking import TrialScore, best_setting, count_outcomes
from sweeper.training.config import Scalar
from sweeper.trials.outcome import Outcome

DONE, EARLY = Outcome.COMPLETED, Outcome.STOPPED_EARLY


def row(
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


def test_the_best_completed_trial_of_the_system_wins() -> None:
    rows = [row(1, 0.5, epochs=1), row(2, 0.7, epochs=2), row(3, 0.6, epochs=3), row(4, 0.9, system=1)]
    found = best_setting(rows, 0, 1)
    assert found is not None
    assert (found.system, found.trial, found.mean, found.repeats, found.completed) == (0, rows[1], 0.7, 1, True)


def test_where_less_is_better_the_least_wins() -> None:
    rows = [row(1, 0.5, epochs=1), row(2, 0.7, epochs=2), row(3, 0.4, epochs=3)]
    found = best_setting(rows, 0, -1)
    assert found is not None
    assert found.trial is rows[2]


def test_a_repeated_setting_is_ranked_by_its_mean() -> None:
    lucky = [row(1, 0.9, tau=1), row(2, 0.5, tau=1)]
    steady = [row(3, 0.75, tau=2), row(4, 0.8, tau=2)]
    found = best_setting([*lucky, *steady], 0, 1)
    assert found is not None
    assert found.trial is steady[1]
    assert (round(found.mean, 9), found.repeats, found.completed) == (0.775, 2, True)


def test_the_best_run_of_a_repeated_setting_is_the_least_where_less_is_better() -> None:
    rows = [row(1, 0.4, tau=1), row(2, 0.2, tau=1), row(3, 0.35, tau=2)]
    found = best_setting(rows, 0, -1)
    assert found is not None
    assert found.trial is rows[1]
    assert found.repeats == 2


def test_settings_are_the_same_whatever_the_order_of_their_params() -> None:
    rows = [row(1, 0.5, tau=1, epochs=2), row(2, 0.7, epochs=2, tau=1)]
    found = best_setting(rows, 0, 1)
    assert found is not None
    assert found.repeats == 2


def test_an_inactive_hyperparameter_makes_another_setting() -> None:
    rows = [row(1, 0.5, normalize=True), row(2, 0.6, normalize=True, tau=1)]
    found = best_setting(rows, 0, 1)
    assert found is not None
    assert (found.trial, found.repeats) == (rows[1], 1)


def test_a_stopped_trial_does_not_win_over_a_completed_one() -> None:
    rows = [row(1, 0.5), row(2, 0.9, EARLY, tau=1), row(3, 0.95, Outcome.FAILED, tau=2), row(4, 0.99, None, tau=3)]
    found = best_setting(rows, 0, 1)
    assert found is not None
    assert (found.trial, found.completed) == (rows[0], True)


def test_where_nothing_completed_the_furthest_stands_in_then_the_best() -> None:
    rows = [row(1, 0.9, EARLY, steps=2), row(2, 0.5, EARLY, steps=4), row(3, 0.6, EARLY, steps=4)]
    most, least = best_setting(rows, 0, 1), best_setting(rows, 0, -1)
    assert most is not None
    assert least is not None
    assert (most.trial, most.mean, most.repeats, most.completed) == (rows[2], 0.6, 1, False)
    assert (least.trial, least.completed) == (rows[1], False)


def test_a_system_without_a_score_has_no_best() -> None:
    assert best_setting([], 0, 1) is None
    assert best_setting([row(1, None, Outcome.FAILED), row(2, None, DONE), row(3, 0.5, None)], 0, 1) is None
    assert best_setting([row(1, 0.5)], 1, 1) is None


def test_counts_are_of_one_system_and_leave_out_what_still_runs() -> None:
    rows = [row(1, 0.5), row(2, 0.5), row(3, 0.4, EARLY), row(4, None, None), row(5, 0.5, system=1)]
    assert count_outcomes(rows, 0) == {DONE: 2, EARLY: 1}
    assert count_outcomes(rows, 2) == {}
    assert {str(outcome): number for outcome, number in count_outcomes(rows, 1).items()} == {"completed": 1}
