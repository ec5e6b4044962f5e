"""Importance: the hyperparameter that decides is first, and one without influence is not above chance."""

from collections.abc import Callable

import numpy as np
import pytest

from sweeper.record.importance import MIN_TRIALS, EvaluatedSetting, importances
from sweeper.search_space.domains import Categorical, Domain, Float, Int
from sweeper.training.config import Scalar

Trials = list[tuple[EvaluatedSetting, float]]


def trials(number: int, score: Callable[[dict[str, Scalar]], float], seed: int = 0) -> Trials:
    """Return trials of a space in which tau has another range for normalize "no", and is inactive for "off"."""
    random = np.random.default_rng(seed)
    sampled: Trials = []
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
        sampled.append((setting, score(values) + 0.02 * float(random.standard_normal())))
    return sampled


def test_the_hyperparameter_that_decides_is_first_and_above_chance() -> None:
    ranked = importances(trials(48, lambda values: -abs(float(values["alpha"]) - 0.3)))
    assert ranked[0].hyperparameter == "alpha"
    assert ranked[0].share > ranked[0].chance
    assert sum(entry.share for entry in ranked) == pytest.approx(1)
    assert {entry.hyperparameter for entry in ranked} == {"alpha", "normalize", "batch_size", "tau"}


def test_a_choice_that_decides_is_first_among_hyperparameters_that_depend_on_it() -> None:
    ranked = importances(trials(48, lambda values: float(values["normalize"] == "no")))
    assert ranked[0].hyperparameter == "normalize"
    assert ranked[0].share > ranked[0].chance


def test_hyperparameters_without_influence_are_rarely_above_chance() -> None:
    ranked = [entry for seed in range(2) for entry in importances(trials(24, lambda _: 0.0, seed))]
    assert sum(entry.share > entry.chance for entry in ranked) <= 1


def test_the_same_trials_give_the_same_importances() -> None:
    same = trials(MIN_TRIALS, lambda values: float(values["alpha"]))
    assert importances(same) == importances(same)


def test_few_trials_and_identical_trials_have_no_importances() -> None:
    assert importances(trials(MIN_TRIALS - 1, lambda values: float(values["alpha"]))) == []
    alike = [({"alpha": (Float(0.1, 0.9), 0.5)}, 0.5)] * MIN_TRIALS
    assert importances(alike) == []
    assert importances([({}, 0.5)] * MIN_TRIALS) == []
