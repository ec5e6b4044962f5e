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
    RungSettings,
    asha_needed_value,
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
    assert "allowed: asha, margin; did you mean margin?" in unknown
