"""The Python API refuses what is no search space, with the call that is right."""

from pathlib import Path
from typing import Any

import pytest

import sweeper


@pytest.mark.parametrize(
    ("spec", "got", "remedy"),
    [
        ("mine.yaml", "the string mine.yaml", "sweeper.load('mine.yaml')"),
        (Path("mine.yaml"), "a PosixPath", "sweeper.load('mine.yaml')"),
        ({"dataset": "sst5"}, "a dict", "sweeper.load('space.yaml')"),
        (None, "None", "sweeper.load('space.yaml')"),
    ],
)
def test_what_is_no_search_space_is_refused_with_the_call_that_makes_one(spec: Any, got: str, remedy: str) -> None:
    for call in (sweeper.run, sweeper.plan):
        with pytest.raises(sweeper.UsageError) as error:
            call(spec)
        name = call.__name__
        assert str(error.value) == f"sweeper.{name}: needs a search space, got {got}; write sweeper.{name}({remedy})"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"dataset": "sst5"},), "name of a search space, got a dict; sweeper.SweepSpec.model_validate takes values"),
        ((None,), "needs a file or the name of a search space, got None; write sweeper.load('space.yaml')"),
        (("quickstart", None), 'overrides must be a list of strings, got None; write ["budget.trials=5"]'),
        (("quickstart", "seed=5"), 'overrides must be a list of strings, got the string seed=5; write ["seed=5"]'),
        (("quickstart", {"seed": 5}), 'overrides must be a list of strings, got a dict; write ["budget.trials=5"]'),
        (("quickstart", [5]), 'overrides must be a list of strings, got a list; write ["budget.trials=5"]'),
    ],
)
def test_other_arguments_of_load_than_strings_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(sweeper.UsageError) as error:
        sweeper.load(*arguments)
    assert str(error.value).startswith("sweeper.load: ")
    assert message in str(error.value)


VALUES = {"dataset": "feelings", "compare": {"encoder": ["gru"], "loss": ["ce"]}, "budget": {"trials": 1}}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"search": {"alpah": 3}}, "search.alpah: unknown hyperparameter, allowed: "),
        ({"compare": {"loss": ["ce"]}}, "compare: needs an encoder, such as"),
        ({"dataset": "felings"}, "dataset: unknown data set, got felings, allowed: feelings, "),
    ],
)
def test_a_spec_that_was_made_from_values_is_checked_as_a_file_is(changes: dict[str, Any], message: str) -> None:
    spec = sweeper.SweepSpec.model_validate({**VALUES, **changes})
    for call in (sweeper.run, sweeper.plan):
        with pytest.raises(sweeper.SearchSpaceError) as error:
            call(spec)
        assert message in str(error.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"trials": 2}}, "a key was set to a value of another type, such as a mapping for budget; give the"),
        ({"budget": {"trial": 2}}, "budget.trial: unknown key"),
        ({"seed": "many"}, "seed: must be a whole number"),
    ],
)
def test_a_copy_with_values_that_nothing_checked_is_refused(changes: dict[str, Any], message: str) -> None:
    spec = sweeper.SweepSpec.model_validate(VALUES).model_copy(update=changes)
    with pytest.raises(sweeper.SearchSpaceError) as error:
        sweeper.run(spec)
    assert message in str(error.value)
