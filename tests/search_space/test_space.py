"""The search space: domains, branches, the order of hyperparameters, and the settings."""

import itertools
import math
from typing import Any

import pytest

from sweeper.search_space import hyperparameter_syntax
from sweeper.search_space.domains import Categorical, Domain, Float, Int
from sweeper.search_space.space import Hyperparameter, Params, SearchSpace
from sweeper.training.config import Scalar


def space(
    *, compare: dict[str, Any] | None = None, search: dict[str, Any] | None = None, **fixed: Scalar
) -> SearchSpace:
    written = {"compare": compare or {}, "search": search or {}}
    hyperparameters = [
        hyperparameter_syntax.parse_hyperparameter(name, section, raw)
        for section, raws in written.items()
        for name, raw in raws.items()
    ]
    return SearchSpace(tuple(hyperparameters), fixed)


def settings(varied: SearchSpace, **given: Scalar) -> list[Params]:
    return list(varied.enumerate_settings({hyperparameter.name for hyperparameter in varied.hyperparameters}, given))


# ---- domains


@pytest.mark.parametrize(
    ("domain", "inside", "outside"),
    [
        (Categorical((1, "a")), [1, 1.0, "a"], [True, 2, "1"]),
        (Categorical((True,)), [True], [1, 1.0, "true", False]),
        (Float(0.1, 0.9), [0.1, 0.5, 0.9], [0.09, 0.91, True, "0.5", float("nan")]),
        (Float(0, 1), [0, 1, 0.3], [True, False]),
        (Float(1e-5, 1e-4, log=True), [1e-5, 3e-5, 1e-4], [0.0, 1e-6]),
        (Float(0.1, 0.9, step=0.2), [0.1, 0.3, 0.7, 0.9], [0.2, 0.4, 1.1]),
        (Int(4, 64), [4, 5, 64], [3, 65, 5.0, True, "5"]),
        (Int(4, 64, step=4), [4, 8, 64], [6, 68]),
    ],
    ids=str,
)
def test_a_domain_contains_its_values_only(domain: Domain, inside: list[Scalar], outside: list[Scalar]) -> None:
    assert [value for value in inside if not domain.contains(value)] == []
    assert [value for value in outside if domain.contains(value)] == []


def test_a_choice_and_a_whole_number_range_list_their_values() -> None:
    assert Categorical(("b", "a", 3)).enumerate_values() == ("b", "a", 3)
    assert list(Int(4, 6).enumerate_values()) == [4, 5, 6]
    assert list(Int(4, 12, step=4).enumerate_values()) == [4, 8, 12]


def test_a_real_range_is_listed_only_by_its_steps() -> None:
    assert Float(0, 1).enumerate_values() is None
    assert Float(0.1, 0.7, step=0.3).enumerate_values() == pytest.approx((0.1, 0.4, 0.7))
    assert Float(0, 1, step=0.25).enumerate_values() == (0, 0.25, 0.5, 0.75, 1)


def stepped() -> list[Float]:
    """Return every range between tenths, with every step of whole tenths that divides it."""
    tenths = itertools.product(range(10), range(1, 11), range(1, 11))
    return [Float(a / 10, b / 10, step=s / 10) for a, b, s in tenths if a < b and (b - a) % s == 0]


def test_a_listed_range_runs_from_its_low_end_to_its_high_end() -> None:
    for domain in stepped():
        listed = domain.enumerate_values()
        assert listed is not None
        assert listed[0] == domain.low
        assert listed[-1] == pytest.approx(domain.high)


def test_a_listed_range_has_its_values_as_they_are_written() -> None:
    """0.3, not 0.30000000000000004: the value of a range is the value of an equal entry of start_with."""
    listed = [value for domain in stepped() for value in domain.enumerate_values() or ()]
    assert {str(value) for value in listed} == {str(k / 10) for k in range(11)}
    assert Float(1e-5, 4e-5, step=1e-5).enumerate_values() == (1e-5, 2e-5, 3e-5, 4e-5)


def test_a_range_contains_every_value_that_it_lists() -> None:
    missing = [
        domain for domain in stepped() if not all(domain.contains(value) for value in domain.enumerate_values() or ())
    ]
    assert missing == []


class Unlisted(Float):
    """A range whose values are never all made: there may be 100,000, of which each draw needs one."""

    def enumerate_values(self) -> tuple[Scalar, ...]:
        raise AssertionError("all values are made")


def test_a_fraction_of_a_range_in_steps_is_the_value_that_the_list_has_there() -> None:
    fine = [Float(1e-5, 1e-3, step=1e-6), Float(-0.3, 0.3, step=1e-3), Float(0, 1, step=1 / 3), Float(3, 3.1, step=0.1)]
    for domain in [*stepped(), *fine]:
        listed = domain.enumerate_values()
        assert listed is not None
        fractions = [0.0, 5e-324, *(k / 97 for k in range(97)), 1 - 2**-20, math.nextafter(1, 0)]
        expected = [listed[int(fraction * len(listed))] for fraction in fractions]
        unlisted = Unlisted(domain.low, domain.high, step=domain.step)
        assert [unlisted.value_at(fraction) for fraction in fractions] == expected
        assert (expected[0], expected[-1]) == (listed[0], listed[-1])


@pytest.mark.parametrize(
    ("domain", "text"),
    [
        (Categorical((True, 4, 1e-5)), "true, 4, 1e-05"),
        (Float(1e-5, 1e-4, log=True), "1e-05 to 0.0001 (log)"),
        (Float(0, 1, step=0.1), "0 to 1 in steps of 0.1"),
        (Int(4, 64, step=4), "4 to 64 in steps of 4"),
        (Int(4, 64, log=True), "4 to 64 (log)"),
    ],
)
def test_a_domain_describes_the_allowed_values(domain: Domain, text: str) -> None:
    assert str(domain) == text


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("alpha", {"uniform": [0.3, 0.3]}, 0.3),
        ("alpha", {"uniform": [1, 1], "step": 0.1}, 1.0),
        ("learning_rate", {"log": [1e-4, 1e-4]}, 1e-4),
        ("batch_size", {"int": [32, 32]}, 32),
        ("batch_size", {"int": [32, 32], "log": True}, 32),
        ("batch_size", {"int": [32, 32], "step": 4}, 32),
    ],
)
def test_a_range_of_one_value_is_that_value(name: str, written: dict[str, Any], value: Scalar) -> None:
    (branch,) = hyperparameter_syntax.parse_hyperparameter(name, "search", written).branches
    assert branch.domain == Categorical((value,))
    assert type(value) is type(branch.domain.as_listed(value))


@pytest.mark.parametrize("flag", [True, False])
def test_a_whole_number_range_may_be_uniform_in_its_logarithm(flag: bool) -> None:
    written = {"int": [4, 64], "log": flag}
    (branch,) = hyperparameter_syntax.parse_hyperparameter("batch_size", "search", written).branches
    assert branch.domain == Int(4, 64, log=flag)


def test_a_fraction_of_a_log_range_of_whole_numbers_is_a_fraction_of_its_logarithm() -> None:
    domain = Int(4, 64, log=True)
    values = [domain.value_at(k / 1000) for k in range(1000)]
    assert {values[0], values[-1]} == {4, 64}
    assert values[500] in (15, 16)
    assert sorted(values) == values


# ---- branches


def test_a_hyperparameter_that_does_not_vary_is_a_key_error() -> None:
    """In a generator, a StopIteration would end it, as a RuntimeError."""
    with pytest.raises(KeyError, match="tau"):
        space(search={"alpha": {"uniform": [0, 1]}}).hyperparameter("tau")


def branch_of(hyperparameter: Hyperparameter, **assigned: Scalar) -> str | None:
    branch = hyperparameter.active_branch(assigned)
    return branch.parameter if branch else None


def test_keys_of_when_are_anded_and_values_ored() -> None:
    raw = {"value": 0.1, "when": {"loss": ["scl", "lcl"], "normalize": True}}
    hyperparameter = hyperparameter_syntax.parse_hyperparameter("dropout", "search", raw)
    assert branch_of(hyperparameter, loss="lcl", normalize=True) == "dropout"
    assert branch_of(hyperparameter, loss="scl", normalize=True) == "dropout"
    assert branch_of(hyperparameter, loss="scl", normalize=False) is None
    assert branch_of(hyperparameter, loss="ce", normalize=True) is None


def test_a_condition_on_an_inactive_hyperparameter_is_not_met() -> None:
    hyperparameter = hyperparameter_syntax.parse_hyperparameter(
        "dropout", "search", {"value": 0.1, "when": {"normalize": True}}
    )
    assert branch_of(hyperparameter, loss="ce") is None


def test_a_condition_on_the_number_1_is_not_met_by_true() -> None:
    hyperparameter = hyperparameter_syntax.parse_hyperparameter(
        "dropout", "search", {"value": 0.1, "when": {"epochs": 1}}
    )
    assert branch_of(hyperparameter, epochs=1) == "dropout"
    assert branch_of(hyperparameter, epochs=True) is None


def test_each_case_has_its_own_parameter() -> None:
    cases = [{"log": [0.05, 1], "when": {"normalize": True}}, {"log": [5, 1000], "when": {"normalize": False}}]
    tau = hyperparameter_syntax.parse_hyperparameter("tau", "search", {"cases": cases})
    first, second = branch_of(tau, loss="lcl", normalize=True), branch_of(tau, loss="lcl", normalize=False)
    assert first is not None
    assert second is not None
    assert first != second
    assert branch_of(tau, loss="lcl") is None


@pytest.mark.parametrize(
    ("name", "users"),
    [("alpha", {"scl", "lcl"}), ("tau", {"scl", "lcl"}), ("weighting", {"lcl"}), ("epochs", {"ce", "scl", "lcl"})],
)
def test_a_hyperparameter_that_the_loss_does_not_use_is_inactive(name: str, users: set[str]) -> None:
    value: Scalar = "shared" if name == "weighting" else 1
    hyperparameter = hyperparameter_syntax.parse_hyperparameter(name, "search", value)
    assert {loss for loss in ("ce", "scl", "lcl") if branch_of(hyperparameter, loss=loss)} == users


# ---- settings


def test_settings_are_all_combinations_in_the_order_of_the_file() -> None:
    varied = space(search={"batch_size": [4, 8], "epochs": {"int": [1, 2]}})
    expected = [{"batch_size": size, "epochs": epochs} for size in (4, 8) for epochs in (1, 2)]
    assert settings(varied) == expected


def test_inactive_hyperparameters_are_absent_and_no_setting_is_repeated() -> None:
    varied = space(search={"tau": [1, 2], "loss": ["ce", "scl"], "weighting": ["shared", "separate"]})
    assert settings(varied) == [{"loss": "ce"}, {"loss": "scl", "tau": 1}, {"loss": "scl", "tau": 2}]


def test_the_child_of_an_inactive_hyperparameter_is_inactive() -> None:
    search = {"dropout": {"value": 0.2, "when": {"normalize": True}}, "normalize": [True]}
    assert settings(space(search=search, loss="ce")) == [{}]
    assert settings(space(search=search, loss="scl")) == [{"normalize": True, "dropout": 0.2}]


def test_without_a_loss_in_the_file_the_default_loss_counts() -> None:
    varied = space(search={"alpha": [0.1], "epochs": [2]})
    assert settings(varied) == [{"epochs": 2}]
    assert settings(varied, loss="scl") == [{"alpha": 0.1, "epochs": 2}]


def test_only_the_named_hyperparameters_are_enumerated() -> None:
    varied = space(search={"batch_size": [4], "epochs": [2]})
    assert list(varied.enumerate_settings({"epochs"}, {})) == [{"epochs": 2}]


def test_a_range_without_steps_cannot_be_enumerated() -> None:
    varied = space(search={"learning_rate": {"log": [1e-5, 1e-4]}})
    with pytest.raises(ValueError, match="learning_rate"):
        settings(varied)


def test_any_hyperparameter_may_be_compared() -> None:
    compare = {
        "encoder": ["a"],
        "tau": {"choice": [1, 2], "when": {"loss": "lcl"}},
        "loss": ["ce", "lcl"],
        "dropout": {"uniform": [0, 0.5], "step": 0.5},
    }
    systems = space(compare=compare, search={"epochs": [1, 2]}).enumerate_systems()
    assert len(systems) == 6
    assert all(("tau" in system) == (system["loss"] == "lcl") and "epochs" not in system for system in systems)
    assert {(system["loss"], system.get("tau"), system["dropout"]) for system in systems} == {
        *itertools.product(["ce"], [None], [0, 0.5]),
        *itertools.product(["lcl"], [1, 2], [0, 0.5]),
    }


def test_without_compare_there_is_one_system() -> None:
    assert space(search={"epochs": [1, 2]}, encoder="a").enumerate_systems() == ({},)


# ---- order


def test_a_hyperparameter_is_set_after_those_that_it_depends_on() -> None:
    search = {
        "tau": {"value": 1, "when": {"normalize": True}},
        "normalize": {"choice": [True, False], "when": {"batch_size": 4}},
        "batch_size": [4, 8],
        "loss": ["scl"],
    }
    varied = space(search=search)
    names = [hyperparameter.name for hyperparameter in varied.topological()]
    assert sorted(names) == sorted(search)
    assert all(
        names.index(parent) < names.index(hyperparameter.name)
        for hyperparameter in varied.hyperparameters
        for parent in hyperparameter.parents & set(names)
    )  # fmt: skip
    assert [hyperparameter.name for hyperparameter in varied.searched_hyperparameters()] == names


def test_hyperparameters_in_a_circle_are_left_out() -> None:
    search = {
        "dropout": {"value": 0.1, "when": {"epochs": 1}},
        "epochs": {"value": 1, "when": {"dropout": 0.1}},
        "batch_size": [4],
    }
    assert [hyperparameter.name for hyperparameter in space(search=search).topological()] == ["batch_size"]


@pytest.mark.parametrize(
    ("search", "fixed", "expected"),
    [
        ({}, {}, [{}]),
        ({}, {"average": "soup"}, [{}]),
        ({}, {"average": "ema"}, [{"ema_decay": 0.9}]),
        ({"average": ["ema", "last"]}, {}, [{"average": "ema", "ema_decay": 0.9}, {"average": "last"}]),
    ],
    ids=str,
)
def test_the_decay_of_an_average_applies_only_with_it(
    search: dict[str, Any], fixed: dict[str, Scalar], expected: list[Params]
) -> None:
    varied = space(compare={}, search={"ema_decay": [0.9], **search}, **fixed)
    assert settings(varied) == expected
