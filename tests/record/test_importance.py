"""Importance: the knob that decides is found, and one that does nothing is not told from chance."""

from collections.abc import Callable

import numpy as np
import pytest

from sweeper.record.importance import MIN_TRIALS, EvaluatedSetting, importances
from sweeper.search_space.domains import Categorical, Domain, Float, Int
from sweeper.training.config import Scalar

Trials = list[tuple[EvaluatedSetting, float]]


def trials(number: int, score: Callable[[dict[str, Scalar]], float], seed: int = 0) -> Trials:
    """Trials of a space in which tau has another range where `normalize` is false, and none where it is "off"."""
    random = np.random.default_rng(seed)
    found: Trials = []
    for _ in range(number):
        normalize = str(random.choice(["yes", "no", "off"]))
        setting: dict[str, tuple[Domain, Scalar]] = {
            "normalize": (Categorical(("yes", "no", "off")), normalize),
            "alpha": (Float(0.1, 0.9), float(random.uniform(0.1, 0.9))),
            "batch_size": (Int(4, 32, 4), int(random.choice(range(4, 33, 4)))),
        }
        low, high = (0.05, 1.0) if normalize == "yes" else (5.0, 1000.0)
        if normalize != "off":
            setting["tau"] = (Float(low, high, log=True), float(low * (high / low) ** random.random()))
        values = {name: value for name, (_, value) in setting.items()}
        found.append((setting, score(values) + 0.02 * float(random.standard_normal())))
    return found


def test_the_hyperparameter_that_decides_is_first_and_above_chance() -> None:
    found = importances(trials(48, lambda values: -abs(float(values["alpha"]) - 0.3)))
    assert found[0].hyperparameter == "alpha"
    assert found[0].share > found[0].chance
    assert sum(one.share for one in found) == pytest.approx(1)
    assert {one.hyperparameter for one in found} == {"alpha", "normalize", "batch_size", "tau"}


def test_a_choice_that_decides_is_found_among_hyperparameters_that_hang_on_it() -> None:
    found = importances(trials(48, lambda values: float(values["normalize"] == "no")))
    assert found[0].hyperparameter == "normalize"
    assert found[0].share > found[0].chance


def test_hyperparameters_that_do_nothing_are_seldom_above_chance() -> None:
    found = [one for seed in range(2) for one in importances(trials(24, lambda _: 0.0, seed))]
    assert sum(one.share > one.chance for one in found) <= 1


def test_the_same_trials_give_the_same_figures() -> None:
    same = trials(MIN_TRIALS, lambda values: float(values["alpha"]))
    assert importances(same) == importances(same)


def test_few_trials_and_trials_that_are_all_alike_say_nothing() -> None:
    assert importances(trials(MIN_TRIALS - 1, lambda values: float(values["alpha"]))) == []
    alike = [({"alpha": (Float(0.1, 0.9), 0.5)}, 0.5)] * MIN_TRIALS
    assert importances(alike) == []
    assert importances([({}, 0.5)] * MIN_TRIALS) == []
