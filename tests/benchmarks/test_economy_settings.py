"""The recorded search space, written three times: for sweeper, for Optuna's and Ray Tune's users, and as vectors."""

import numpy as np
import optuna
import pytest

from benchmarks.economy.peers import RayTuneSearch
from benchmarks.economy.record import SPACE
from benchmarks.economy.settings import Setting, encode, spread_settings
from benchmarks.economy.space_of_users import suggest_setting
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.start_with import matching_systems
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import load_yaml


@pytest.fixture(scope="module")
def spec() -> SweepSpec:
    return parse_spec(load_yaml(SPACE))


def check_settings(spec: SweepSpec, settings: list[Setting]) -> None:
    """Check that settings lie in the space and fill it."""
    of_ce = {"loss", "batch_size", "learning_rate"}
    for setting in settings:
        assert len(matching_systems(spec.space, setting)) == 1
        others = set() if setting["loss"] == "ce" else {"alpha", "normalize", "tau"}
        assert set(setting) - {"encoder"} == of_ce | others
    vectors = encode(settings)
    assert (vectors >= 0).all()
    assert (vectors <= 1).all()
    assert (np.ptp(vectors, axis=0) > 0.5).all()
    assert {setting["batch_size"] for setting in settings} == set(spec.values_of("batch_size"))


def test_the_quasi_random_settings_fill_the_space(spec: SweepSpec) -> None:
    systems = range(len(spec.systems))
    check_settings(spec, [setting for system in systems for setting in spread_settings(spec, system, 40)])


def test_users_of_optuna_search_the_same_space(spec: SweepSpec) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    check_settings(spec, [suggest_setting(study.ask()) for _ in range(120)])


def test_users_of_ray_tune_search_the_same_space(spec: SweepSpec) -> None:
    search = RayTuneSearch(120, seed=0)
    trainings = [search.next_training() for _ in range(120)]
    check_settings(spec, [training.setting for training in trainings if training is not None])
