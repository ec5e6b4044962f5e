"""Study variance has known answers in small searches, and that of many draws in larger ones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from sweeper.protocol.study_variance import best_of_draws, study_variance, win_shares
from sweeper.protocol.sweep_results import SweepResults, TrialResult
from sweeper.trials.outcome import Outcome
from tests.support.fake_results import sweep

Trials = Sequence[tuple[float | None, str]]  # score and outcome


def results(*systems: Trials, optimism: Sequence[float | None] = (), **changes: Any) -> SweepResults:
    """Return results of systems whose searches had these trials, each with a setting of its own."""
    plain = sweep({f"m loss{k}": [0.5] for k in range(len(systems))}, **changes).results.to_dict()
    for k, value in enumerate(optimism):
        plain["systems"][k]["confirmation"]["optimism"] = value
    if not optimism:
        for system in plain["systems"]:
            system["confirmation"] = None
    trials = [
        TrialResult(
            number=100 * k + n, system=k, stage="search", params={"alpha": n}, seed=n, attempts=1,
            outcome=Outcome(outcome), score=score, epoch=1.0, epochs=1.0, hours=1.0,
        )
        for k, listed in enumerate(systems)
        for n, (score, outcome) in enumerate(listed)
    ]  # fmt: skip
    return SweepResults.parse(plain).model_copy(update={"trial_results": trials})


def completed(*scores: float) -> Trials:
    return [(score, "completed") for score in scores]


def shares(found: SweepResults) -> list[float | None]:
    return [study.win_share if study else None for study in study_variance(found)]


def test_the_best_of_two_draws_from_two_trials_is_the_better_one_in_three_of_four_searches() -> None:
    assert best_of_draws([0.6, 0.5]) == {0.6: 0.75, 0.5: 0.25}
    assert best_of_draws([0.6]) == {0.6: 1.0}


@pytest.mark.parametrize(
    ("first", "second", "share"),
    [
        ([0.6], [0.5], 1.0),
        ([0.6], [0.6], 0.5),
        ([0.6, 0.4], [0.5], 0.75),  # it draws its better trial in 3 of 4 searches
        ([0.6, 0.4], [0.6, 0.4], 0.5),
        ([0.6, 0.4], [0.5, 0.3], 0.75 + 0.25 * 0.25),
        ([0.7, 0.6], [0.5, 0.4], 1.0),
    ],
)
def test_shares_of_small_searches(first: list[float], second: list[float], share: float) -> None:
    assert shares(results(completed(*first), completed(*second))) == pytest.approx([share, 1 - share])
    turned = [[1 - score for score in scores] for scores in (first, second)]
    lower_is_better = results(*(completed(*scores) for scores in turned), direction="minimize")
    assert shares(lower_is_better) == pytest.approx([share, 1 - share])


def test_optimism_is_taken_off_so_that_the_scores_are_those_of_fresh_seeds() -> None:
    found = results(completed(0.6), completed(0.58), optimism=(0.05, 0.01))
    assert shares(found) == [0.0, 1.0]
    assert [study.mean for study in study_variance(found) if study] == pytest.approx([0.55, 0.57])


def test_a_system_whose_optimism_is_not_known_does_not_compete_with_those_whose_optimism_is_deducted() -> None:
    found = results(completed(0.6), completed(0.58), completed(0.59), optimism=(0.05, 0.01, None))
    assert shares(found) == [0.0, 1.0, None]
    unconfirmed = found.systems[2].model_copy(update={"confirmation": None})
    assert shares(found.model_copy(update={"systems": [*found.systems[:2], unconfirmed]})) == [0.0, 1.0, None]
    assert shares(results(completed(0.6), completed(0.58), optimism=(None, None))) == [1.0, 0.0]


def test_a_trial_that_did_not_complete_wins_only_if_no_other_was_drawn() -> None:
    stopped = [(0.9, "stopped_early"), (0.4, "completed"), (None, "failed")]
    (first, second) = study_variance(results(stopped, completed(0.5)))
    assert first is not None
    assert second is not None
    assert first.trials == 3
    assert first.win_share == pytest.approx(7 / 27)  # the searches without the completed trial
    assert (first.mean, first.sd) == pytest.approx(((20 * 0.4 + 7 * 0.9) / 27, 0.5 * (7 * 20) ** 0.5 / 27))
    assert second.win_share == pytest.approx(20 / 27)
    assert second.sd == 0.0


def test_a_trial_without_a_score_is_drawn_as_the_worst() -> None:
    found = results([(0.6, "completed"), (None, "diverged")], completed(0.5))
    assert shares(found) == [1.0, 0.0]  # its only score is the better one
    found = results([(0.6, "completed"), (0.4, "completed"), (None, "failed")], completed(0.5, 0.5, 0.5))
    assert shares(found)[0] == pytest.approx(1 - (2 / 3) ** 3)  # the searches that draw its best trial
    study = study_variance(found)[0]
    assert study is not None
    assert study.trials == 3


def test_a_system_without_scores_has_none_and_takes_no_share() -> None:
    assert shares(results(completed(0.6), [(None, "failed")])) == [1.0, None]
    assert shares(results([(None, "failed")], [])) == [None, None]


def test_a_setting_that_ran_twice_counts_by_its_mean() -> None:
    found = results(completed(0.7, 0.5), completed(0.61))
    same = [trial.model_copy(update={"params": {"alpha": 0}}) for trial in found.trial_results]
    assert shares(found) == [0.75, 0.25]
    assert shares(found.model_copy(update={"trial_results": same})) == [0.0, 1.0]


def test_after_a_race_settings_are_preferred_by_shrunk_means_and_scored_by_plain_ones() -> None:
    found = results(completed(0.66, 0.58, 0.6, 0.55, 0.5, 0.7, 0.65, 0.67), completed(0.655))
    raced = [  # the last three of the first system are seeds of trial 1, whose mean is 0.65
        trial.model_copy(update={"params": {"alpha": 1}, "race_of": 1}) if 5 <= trial.number < 100 else trial
        for trial in found.trial_results
    ]
    found = found.model_copy(update={"trial_results": raced})
    assert shares(found)[0] == pytest.approx(1 - 0.8**5)  # by the plain means, 0.66 is the best of the five drawn
    best = found.systems[0].best
    assert best is not None
    first = found.systems[0].model_copy(update={"best": best.model_copy(update={"shrunk_mean": 0.639})})
    shrunk = found.model_copy(update={"systems": [first, found.systems[1]]})
    assert shares(shrunk)[0] == pytest.approx(0.8**5 - 0.6**5)  # 0.66 of one seed shrinks to 0.628, 0.65 to 0.639


def test_shares_are_those_of_many_redrawn_searches() -> None:
    random = np.random.default_rng(0)
    searches = [np.round(random.normal(mean, 0.05, 12), 2) for mean in (0.5, 0.5, 0.52)]  # with ties
    exact = win_shares([best_of_draws(sorted(scores.tolist(), reverse=True)) for scores in searches])
    draws = np.stack([random.choice(scores, (40_000, 12)).max(axis=1) for scores in searches])  # (3, 40000)
    wins = draws == draws.max(axis=0)
    assert exact == pytest.approx((wins / wins.sum(axis=0)).mean(axis=1), abs=0.01)
    assert sum(exact) == pytest.approx(1)
