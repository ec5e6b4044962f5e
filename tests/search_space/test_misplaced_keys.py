"""A key at a wrong level, and a misspelt value: the message names what was probably meant."""

from typing import Any

import pytest

from sweeper.errors import SearchSpaceError
from tests.support.search_spaces import SMALL, small_spec


def mistake(**changes: Any) -> str:
    with pytest.raises(SearchSpaceError) as caught:
        small_spec(**changes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("epochs", 3, "training.epochs"),
        ("trials", 3, "budget.trials"),
        ("seeds", 3, "confirm.seeds"),
        ("cpu", 2, "resources.cpu"),
        ("loss", "ce", "compare.loss"),
        ("encoder", "gru", "compare.encoder"),
        ("batch_size", 8, "search.batch_size"),  # where this file has it
        ("max_length", 16, "training.max_length"),
        ("learning_rate", [1e-5, 1e-4], "search.learning_rate"),
        ("epoch", 3, "training.epochs"),
    ],
)
def test_a_key_of_another_level_is_named_with_its_section(key: str, value: object, meant: str) -> None:
    assert mistake(**{key: value}) == f"small.yaml:1: {key}: unknown key here; did you mean {meant}?"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": {"seeds": 3}}, "budget.seeds: unknown key here; did you mean confirm.seeds?"),
        ({"training": {"trials": 3}}, "training.trials: is no hyperparameter; did you mean budget.trials?"),
        ({"training": {"sampler": "tpe"}}, "training.sampler: is no hyperparameter; did you mean sampler?"),
        ({"confirm": {"seed": 3}}, "confirm.seed: unknown key, allowed: seeds, top; did you mean seeds?"),
        ({"limit": {"test": 3}}, "limit.test: unknown key, allowed: train, validation"),
    ],
)
def test_a_key_of_another_section_is_named_where_no_other_is_near(changes: dict[str, Any], message: str) -> None:
    assert mistake(**changes) == f"small.yaml:1: {message}"


@pytest.mark.parametrize(
    ("changes", "end"),
    [
        ({"compare": {**SMALL["compare"], "loss": ["ce", "slc"]}}, "got slc; did you mean scl?"),
        ({"compare": {**SMALL["compare"], "loss": "SCL"}}, "got SCL; did you mean scl?"),
        ({"training": {"average": "sopu"}}, "got sopu; did you mean soup?"),
        ({"training": {"precision": "fp8"}}, "or 'fp16', got fp8"),
        ({"on_bad_rows": "dorp"}, "got dorp; did you mean drop?"),
    ],
)
def test_a_misspelt_value_has_the_nearest_name(changes: dict[str, Any], end: str) -> None:
    assert mistake(**changes).endswith(end)
