"""The samplers that a search space can name: the schema, the messages and Optuna's classes agree with the entries."""

import optuna
import pytest

from sweeper.record.samplers import build_sampler
from sweeper.search_space.samplers import DEFAULT_SAMPLER, SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from tests.support.search_spaces import small_spec

LISTS = {"batch_size": [4, 8], "normalize": [True, False]}


@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
@pytest.mark.parametrize("name", SAMPLERS)
def test_every_entry_can_be_named_and_built(name: str) -> None:
    assert small_spec(search=LISTS, sampler=name).sampler == name
    assert type(build_sampler(name, seed=1)) is getattr(optuna.samplers, SAMPLERS[name].optuna_class)


def test_the_default_is_an_entry_and_the_key_describes_all() -> None:
    assert small_spec().sampler == DEFAULT_SAMPLER
    description = SweepSpec.model_fields["sampler"].description or ""
    assert all(f"{name}: {entry.description}" in description for name, entry in SAMPLERS.items())
