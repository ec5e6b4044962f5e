"""Early stopping in a search space: both forms are the same sweep, mistakes are reported, and a rule is one entry."""

from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from sweeper.errors import SearchSpaceError
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.early_stopping import (
    EARLY_STOPPING,
    AshaSettings,
    EarlyStoppingRule,
    HyperbandSettings,
    RungSettings,
    asha_needed_value,
    choose_bracket,
)
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint
from sweeper.search_space.yaml_key import yaml_key
from tests.support.search_spaces import SMALL

HEAD = "dataset: sst5\ncompare: {encoder: [a, b], loss: [ce, scl, lcl]}\n"


def spec_of(**early_stopping: Any) -> SweepSpec:
    """Return a small spec with these keys for early stopping, and no others."""
    values = {key: value for key, value in SMALL.items() if key != "asha"}
    return parser.parse_spec(SourceDocument("space.yaml", {**values, **early_stopping}))


def error_message(folder: Path, text: str, *overrides: str) -> str:
    """Return the message on a file that ends with this text, without the name of the file."""
    file = folder / "space.yaml"
    file.write_text(HEAD + text)
    with pytest.raises(SearchSpaceError) as caught:
        parser.parse_spec(yaml_file.load_yaml(file, overrides))
    assert len(str(caught.value).splitlines()) == 1
    return str(caught.value).removeprefix(f"{file}:")


# ---- the two forms


@pytest.mark.parametrize(
    "settings", [{}, {"grace_epochs": 1}, {"grace_epochs": 1, "reduction_factor": 2}, "off"], ids=str
)
def test_the_long_form_of_asha_is_the_same_sweep(settings: Any) -> None:
    short, long = spec_of(asha=settings), spec_of(early_stopping={"asha": settings})
    assert long == short
    assert fingerprint(long.identity, {}) == fingerprint(short.identity, {})
    assert long.model_dump() == short.model_dump()
    assert (long.rungs, long.grace_validations) == (short.rungs, short.grace_validations)


def test_off_can_be_written_in_both_forms() -> None:
    short, long = spec_of(asha="off"), spec_of(early_stopping="off")
    assert long == short
    assert long.identity == short.identity
    assert (long.rungs, long.early_stopping_rule, long.early_stopping_settings) == ((), None, None)
    assert long.identity["asha"] == "off"


def test_the_identity_has_the_key_asha_only() -> None:
    for spec in (spec_of(), spec_of(asha={}), spec_of(early_stopping={"asha": {}})):
        assert spec.identity["asha"] == {"grace_epochs": 2, "reduction_factor": 3}
        assert "early_stopping" not in spec.identity
        assert SweepSpec.model_validate(spec.model_dump(mode="json")) == spec


# ---- the rule


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_asha_needs_the_quantile_of_the_earlier_values(factor: int) -> None:
    settings = AshaSettings(reduction_factor=factor)
    values = np.random.default_rng(factor).random(30)
    for count in range(1, 30):
        cutoff = np.percentile(values[:count], (1 - 1 / factor) * 100)
        assert asha_needed_value(values[:count], settings) == cutoff


def test_asha_lets_the_first_trial_and_an_equal_one_continue() -> None:
    assert asha_needed_value(np.array([]), AshaSettings()) is None
    assert asha_needed_value(np.array([0.1]), AshaSettings()) == 0.1


def test_without_early_stopping_nothing_is_stopped() -> None:
    assert spec_of(asha="off").needed_value(np.array([0.9])) is None


# ---- rungs within an epoch


@pytest.mark.parametrize(
    ("grace", "per_epoch", "rungs"),
    [
        (0.5, 2, (1, 3)),
        (1.5, 2, (3,)),
        (0.25, 4, (1, 3, 9)),
        (0.33, 3, (1, 3, 9)),
        (0.67, 3, (2, 6)),
        (0.17, 6, (1, 3, 9)),
    ],
)
def test_rungs_within_an_epoch_are_whole_validations(grace: float, per_epoch: int, rungs: tuple[int, ...]) -> None:
    spec = spec_of(training={"epochs": 4, "validations_per_epoch": per_epoch}, asha={"grace_epochs": grace})
    assert spec.rungs[:3] == rungs


@pytest.mark.parametrize(
    ("grace", "per_epoch", "rule"),
    [
        (0.5, 1, "at 1 per epoch, got 0.5; write 1, or set training.validations_per_epoch to 2"),
        (0.5, 3, "at 3 per epoch, got 0.5; write 0.667, or set training.validations_per_epoch to 4"),
        (0.3, 3, "at 3 per epoch, got 0.3; write 0.333, or set training.validations_per_epoch to 10"),
        (2.03, 1, "at 1 per epoch, got 2.03; write 2, or set training.validations_per_epoch to 32"),
        (1e-4, 2, "at 2 per epoch, got 0.0001; write 0.5"),
    ],
)
def test_grace_epochs_between_validations_are_refused_with_a_remedy(
    tmp_path: Path, grace: float, per_epoch: int, rule: str
) -> None:
    text = f"training: {{validations_per_epoch: {per_epoch}}}\nasha: {{grace_epochs: {grace}}}\n"
    assert error_message(tmp_path, text) == f"4: asha.grace_epochs: must come to whole validations {rule}"


# ---- brackets


@pytest.mark.parametrize(
    ("settings", "epochs", "brackets"),
    [
        ({}, 19, {1: (2, 6, 18), 2: (6, 18), 3: (18,)}),
        ({"brackets": 9}, 19, {1: (2, 6, 18), 2: (6, 18), 3: (18,), 4: ()}),
        ({"grace_epochs": 1}, 3, {1: (1,), 2: ()}),
        ({"grace_epochs": 1, "brackets": 1}, 9, {0: (1, 3)}),
        ({}, 2, {0: ()}),
    ],
)
def test_each_bracket_of_hyperband_has_its_own_grace(
    settings: dict[str, Any], epochs: int, brackets: dict[int, tuple[int, ...]]
) -> None:
    spec = spec_of(training={"epochs": epochs}, early_stopping={"hyperband": settings})
    assert spec.brackets == brackets
    assert [spec.rungs_of(bracket) for bracket in brackets] == list(brackets.values())
    assert {spec.bracket_of(proposal) for proposal in range(99)} == set(brackets)
    assert spec.identity["early_stopping"] == {"hyperband": settings}


def test_asha_has_no_brackets() -> None:
    for spec in (spec_of(), spec_of(asha="off")):
        assert spec.brackets == {0: spec.rungs}
        assert {spec.bracket_of(proposal) for proposal in range(9)} == {0}


@pytest.mark.parametrize("weights", [[9 / 3, 3 / 2, 1], [1, 1], [27 / 4, 3, 3 / 2, 1], [1]])
@pytest.mark.parametrize("begin", [0, 1000])
def test_brackets_get_their_shares_of_any_run_of_proposals(weights: list[float], begin: int) -> None:
    chosen = [choose_bracket(proposal, weights) for proposal in range(begin, begin + 48)]
    for bracket, weight in enumerate(weights):
        assert chosen.count(bracket) == pytest.approx(48 * weight / sum(weights), abs=2)
    assert choose_bracket(0, weights) == 0


def test_the_brackets_of_hyperband_train_about_equally_long() -> None:
    settings = HyperbandSettings(grace_epochs=1, brackets=3)
    trained = []
    for rungs in settings.split_into_brackets((1, 3)):  # of 9 epochs
        lengths = zip((0, *rungs), (*rungs, 9), strict=True)
        epochs = sum((end - begin) / 3**k for k, (begin, end) in enumerate(lengths))
        trained.append(settings.bracket_weight(rungs) * epochs)
    assert max(trained) < 1.4 * min(trained)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("{hyperband: {brackets: 0}}", "early_stopping.hyperband.brackets: must be at least 1, got 0"),
        ("{hyperband: on}", "early_stopping.hyperband: must be a mapping of keys to values, got on"),
        ("{hyperband: {bracket: 2}}", "early_stopping.hyperband.bracket: unknown key, allowed: grace_epochs, "),
        (
            "{hyperbnad: {}}",
            "early_stopping.hyperbnad: unknown rule, allowed: asha, hyperband, promotion; did you mean hyperband?",
        ),
        ("{hyperband: {grace_epochs: 0.5}}", "early_stopping.hyperband.grace_epochs: must come to whole validations"),
    ],
)
def test_mistakes_in_hyperband_are_named(tmp_path: Path, text: str, rule: str) -> None:
    assert error_message(tmp_path, f"early_stopping: {text}\n").startswith(f"3: {rule}")


def test_an_override_replaces_the_rule_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "space.yaml"
    file.write_text(HEAD + "asha: off\n")
    overrides = ["asha=null", "early_stopping.hyperband.grace_epochs=1"]
    spec = parser.parse_spec(yaml_file.load_yaml(file, overrides))
    assert spec.early_stopping == {"hyperband": {"grace_epochs": 1}}
    assert "keep one of them (asha: null" in error_message(tmp_path, "asha: off\n", overrides[1])
    assert spec_of(early_stopping={"hyperband": "off"}) == spec_of(asha="off")


# ---- the registry


class MarginSettings(RungSettings):
    """Settings of a rule that one entry adds."""

    margin: Annotated[float, yaml_key("Distance to the best trial that is allowed.", ge=0)] = 0.1

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        first = self.grace_validations(validations_per_epoch)
        return tuple(range(first, epochs * validations_per_epoch))


def near_best(earlier_values: NDArray[np.float64], settings: MarginSettings) -> float | None:
    return float(earlier_values.max()) - settings.margin if earlier_values.size else None


@pytest.fixture
def _margin(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = EarlyStoppingRule("the margin rule", "Stops what is far from the best.", MarginSettings, near_best)
    monkeypatch.setitem(cast("dict[str, Any]", EARLY_STOPPING), "margin", rule)


@pytest.mark.usefixtures("_margin")
def test_a_rule_is_added_with_one_entry(tmp_path: Path) -> None:
    spec = spec_of(early_stopping={"margin": {"grace_epochs": 1, "margin": 0.2}})
    assert (spec.rungs, spec.grace_validations, spec.early_stopping_label) == ((1, 2, 3), 1, "the margin rule")
    assert spec.needed_value(np.array([0.5, 0.2])) == 0.3
    assert spec.needed_value(np.array([])) is None
    assert spec.identity["early_stopping"] == {"margin": {"grace_epochs": 1, "margin": 0.2}}
    assert "asha" not in spec.identity
    assert SweepSpec.model_validate(spec.model_dump(mode="json")) == spec
    assert fingerprint(spec.identity, {}) != fingerprint(spec_of().identity, {})
    wrong = error_message(tmp_path, "early_stopping: {margin: {margn: 1}}\n")
    assert wrong.startswith("3: early_stopping.margin.margn: unknown key, allowed: grace_epochs, margin; did you mean")
    half = error_message(tmp_path, "early_stopping: {margin: {grace_epochs: 0.5}}\n")
    assert half.startswith("3: early_stopping.margin.grace_epochs: must come to whole validations")
    unknown = error_message(tmp_path, "early_stopping: {magrin: {}}\n")
    assert "allowed: asha, hyperband, promotion, margin; did you mean margin?" in unknown
