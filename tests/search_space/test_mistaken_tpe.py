"""Mistakes in priors and in the settings of TPE: each is named with its key, the rule and what was written."""

from typing import Any

import pytest

from sweeper.errors import SearchSpaceError
from tests.support.search_spaces import SMALL, small_spec

RATES = [1e-5, 1e-3]


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ({"learning_rate": {"log": RATES, "prior": 1e-2}}, "learning_rate.prior: must be a value from 1e-05 to 0.001"),
        ({"learning_rate": {"log": RATES, "prior": "low"}}, "learning_rate.prior: must be a value from"),
        ({"learning_rate": {"log": RATES, "prior": [5e-5]}}, "learning_rate.prior: must be a value from"),
        ({"batch_size": {"choice": [8, 16], "prior": 32}}, "batch_size.prior: must be one of 8, 16, got 32"),
        ({"batch_size": {"choice": [8, 16], "prior": True}}, "batch_size.prior: must be one of 8, 16, got true"),
        ({"alpha": {"uniform": [0.1, 0.9], "step": 0.1, "prior": 0.25}}, "alpha.prior: must be a value from 0.1"),
        ({"batch_size": {"int": [2, 9], "prior": 2.5}}, "batch_size.prior: must be a value from 2 to 9, got 2.5"),
        ({"batch_size": {"choice": [8, 16], "priors": 8}}, "did you mean prior?"),
    ],
)
def test_a_prior_must_be_a_value_of_its_domain(search: dict[str, Any], message: str) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        small_spec(search=search)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("tpe", "message"),
    [
        ({"start": "sobol"}, "tpe.start: must be 'random' or 'quasi_random', got sobol"),
        ({"start_trials": 0}, "tpe.start_trials: must be at least 1, got 0"),
        ({"siblings": 1.5}, "tpe.siblings: must be at most 1, got 1.5"),
        ({"sibling": 0.5}, "did you mean siblings?"),
        ("quasi_random", "tpe: must be a mapping"),
    ],
)
def test_settings_of_tpe_are_checked(tpe: Any, message: str) -> None:
    with pytest.raises(SearchSpaceError) as caught:
        small_spec(tpe=tpe)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("sampler", ["random", "qmc", "cmaes"])
def test_other_samplers_refuse_them(sampler: str) -> None:
    with pytest.raises(SearchSpaceError, match=f"tpe: is only for sampler: tpe, got {sampler}; leave it out"):
        small_spec(sampler=sampler, tpe={"siblings": 0.5})
    with pytest.raises(SearchSpaceError, match=r"search.batch_size: has a prior, which is only for sampler: tpe"):
        small_spec(sampler=sampler, search={"batch_size": {"choice": [4, 8], "prior": 4}})


def test_a_compared_hyperparameter_has_no_prior() -> None:
    compare = {**SMALL["compare"], "loss": {"choice": ["ce", "lcl"], "prior": "ce"}}
    with pytest.raises(SearchSpaceError, match=r"compare.loss: has a prior, which is only for search"):
        small_spec(compare=compare)
