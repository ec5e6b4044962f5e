"""SweepSpec: systems, budgets, initial settings, rungs, seeds, fingerprints and configs."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from sweeper.search_space import yaml_file
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.early_stopping import AshaSettings
from sweeper.search_space.parser import parse_spec
from sweeper.search_space.start_with import matching_systems
from sweeper.search_space.sweep_spec import SweepSpec, fingerprint
from sweeper.training.config import Scalar, TrainConfig

ROOT = Path(__file__).parents[2]
ELECTRA, BERT = "google/electra-base-discriminator", "google-bert/bert-base-uncased"


@pytest.fixture
def sst5() -> SweepSpec:
    return parse_spec(yaml_file.load_yaml(ROOT / "search_spaces" / "sst5.yaml"))


def spec_of(**values: Any) -> SweepSpec:
    compare = {"encoder": ["a", "b"], "loss": ["ce", "scl", "lcl"]}
    return parse_spec(SourceDocument("space.yaml", {"dataset": "sst5", "compare": compare, **values}))


def active(spec: SweepSpec, system: int, **assigned: Scalar) -> dict[str, str]:
    """Return the domain of each searched hyperparameter that is active with these values, in words."""
    given = {**spec.space.fixed_values, **spec.systems[system], **assigned}
    branches = {
        hyperparameter.name: hyperparameter.active_branch(given)
        for hyperparameter in spec.space.searched_hyperparameters()
    }
    return {name: str(branch.domain) for name, branch in branches.items() if branch}


# ---- search_spaces/sst5.yaml


def test_sst5_has_a_system_for_each_encoder_and_loss(sst5: SweepSpec) -> None:
    assert sst5.systems == tuple({"encoder": e, "loss": loss} for e in (ELECTRA, BERT) for loss in ("ce", "scl", "lcl"))
    assert sst5.encoders == (ELECTRA, BERT)


def test_the_budget_of_sst5_is_shared_equally(sst5: SweepSpec) -> None:
    assert [sst5.trial_budget(system) for system in range(6)] == [16] * 6


def test_the_rungs_of_sst5_are_epochs_2_and_6(sst5: SweepSpec) -> None:
    assert sst5.rungs == (2, 6)


def test_the_start_of_sst5_fits_the_two_lcl_systems_only(sst5: SweepSpec) -> None:
    entry = {"alpha": 0.2, "tau": 10, "batch_size": 32, "normalize": False}
    assert [sst5.initial_settings(system) for system in range(6)] == [[], [], [entry], [], [], [entry]]
    assert matching_systems(sst5.space, sst5.start_with[0]) == (sst5.systems[2], sst5.systems[5])


def test_tau_of_sst5_has_a_case_for_each_normalize(sst5: SweepSpec) -> None:
    for system in (1, 2, 4, 5):
        assert active(sst5, system, normalize=True)["tau"] == "0.05 to 1 (log)"
        assert active(sst5, system, normalize=False)["tau"] == "5 to 1000 (log)"


def test_contrastive_hyperparameters_of_sst5_are_inactive_for_ce(sst5: SweepSpec) -> None:
    for system in (0, 3):
        assert set(active(sst5, system)) == {"batch_size", "learning_rate"}
    for system in (1, 2, 4, 5):
        assert set(active(sst5, system, normalize=True)) == {
            "batch_size", "learning_rate", "alpha", "normalize", "tau",
        }  # fmt: skip


def test_the_other_keys_of_sst5_are_as_written(sst5: SweepSpec) -> None:
    assert (sst5.objective.metric, sst5.objective.sign, sst5.sampler) == ("validation/accuracy", 1, "tpe")
    assert (sst5.budget.trials, sst5.budget.hours, sst5.seed) == (96, 24, 0)
    assert (sst5.resources.gpu, sst5.resources.cpu) == (1, 4)
    assert (sst5.max_epochs, sst5.max_tokens, sst5.validations_per_epoch) == (10, 128, 1)


# ---- budgets and initial settings


@pytest.mark.parametrize("trials", range(6, 20))
def test_shares_differ_by_one_at_most_and_spend_the_budget(trials: int) -> None:
    shares = [spec_of(budget={"trials": trials}).trial_budget(system) for system in range(6)]
    assert sum(shares) == trials
    assert max(shares) - min(shares) <= 1
    assert shares == sorted(shares, reverse=True)


def grid(**values: Any) -> SweepSpec:
    search = {"batch_size": [4, 8], "tau": {"choice": [1, 2, 3], "when": {"loss": "scl"}}}
    return spec_of(search=search, sampler="grid", **{"budget": {"trials": 600}, **values})


def test_a_grid_is_run_once_even_with_a_larger_budget() -> None:
    assert [grid().trial_budget(system) for system in range(6)] == [2, 6, 2, 2, 6, 2]
    assert [grid(budget={"trials": 18}).trial_budget(system) for system in range(6)] == [2, 3, 2, 2, 3, 2]


def test_a_grid_repeats_no_setting_and_begins_with_start_with() -> None:
    start = {"loss": "scl", "batch_size": 8, "tau": 2}
    planned = grid(start_with=[start]).initial_settings(1)
    assert planned[0] == {"batch_size": 8, "tau": 2}
    counts = Counter((entry["batch_size"], entry["tau"]) for entry in planned)
    assert counts == {(size, tau): 1 for size in (4, 8) for tau in (1, 2, 3)}


NINE = {"learning_rate": [1e-3, 3e-3, 1e-2], "batch_size": [8, 16, 32]}


@pytest.mark.parametrize("seed", range(8))
def test_the_first_settings_of_a_grid_use_every_value_alike(seed: int) -> None:
    spec = spec_of(search=NINE, sampler="grid", seed=seed, budget={"trials": 18})
    for system in range(6):
        planned = spec.initial_settings(system)
        assert len({tuple(sorted(setting.items())) for setting in planned}) == 9
        uses = Counter(item for setting in planned[:3] for item in setting.items())
        assert sorted(uses.values()) == [1] * 6
    assert len({json.dumps(spec.initial_settings(system)) for system in range(6)}) > 1


@pytest.mark.parametrize(
    ("entries", "sizes"),
    [([{"batch_size": 16}], [16]), ([{"batch_size": 32}, {"batch_size": 8}], [32, 8]), ([{"loss": "scl"}], [])],
)
def test_a_grid_begins_with_one_setting_for_each_entry_and_spreads_the_others(
    entries: list[dict[str, Any]], sizes: list[int]
) -> None:
    spec = spec_of(search=NINE, sampler="grid", start_with=entries, budget={"trials": 18})
    planned = spec.initial_settings(1)
    assert len({tuple(sorted(setting.items())) for setting in planned}) == 9
    assert [setting["batch_size"] for setting in planned][: len(sizes)] == sizes
    uses = Counter(item for setting in planned[:3] for item in setting.items())
    assert sorted(uses.values()) == [1] * 6


def test_the_order_of_a_grid_depends_on_neither_the_budget_nor_the_order_of_keys() -> None:
    spec = spec_of(search=NINE, sampler="grid", budget={"trials": 18})
    larger = spec_of(search=dict(reversed(NINE.items())), sampler="grid", budget={"trials": 54})
    assert [spec.initial_settings(system) for system in range(6)] == [
        larger.initial_settings(system) for system in range(6)
    ]


@pytest.mark.parametrize(
    ("search", "count"),
    [
        (NINE, 54),
        ({"batch_size": [4, 8], "tau": {"choice": [1, 2, 3], "when": {"loss": "scl"}}}, 20),
        ({"batch_size": {"int": [2, 2001]}}, None),
        ({"learning_rate": {"log": [1e-5, 1e-3]}}, None),
    ],
)
def test_the_settings_of_a_finite_space_are_counted(search: dict[str, Any], count: int | None) -> None:
    assert spec_of(search=search).count_settings() == count


def test_a_partial_entry_of_start_with_does_not_enlarge_a_grid() -> None:
    assert grid(start_with=[{"loss": "scl", "batch_size": 8}]).trial_budget(1) == 6


def test_start_with_may_name_an_encoder_and_fixed_values() -> None:
    entry = {"encoder": "b", "epochs": 3, "batch_size": 4}
    spec = spec_of(search={"batch_size": [4, 8]}, training={"epochs": 3}, start_with=[entry])
    assert [spec.initial_settings(system) for system in range(6)] == [[]] * 3 + [[{"batch_size": 4}]] * 3


# ---- rungs


@pytest.mark.parametrize(
    ("asha", "epochs", "validations", "rungs"),
    [
        (AshaSettings(), 10, 1, (2, 6)),
        (AshaSettings(), 18, 1, (2, 6)),
        (AshaSettings(), 19, 1, (2, 6, 18)),
        (AshaSettings(grace_epochs=1, reduction_factor=2), 8, 1, (1, 2, 4)),
        (AshaSettings(grace_epochs=0.5, reduction_factor=2), 3, 2, (1, 2, 4)),
        (AshaSettings(grace_epochs=0.25), 3, 4, (1, 3, 9)),
        (AshaSettings(grace_epochs=1.5), 5, 2, (3, 9)),
        (AshaSettings(grace_epochs=5), 5, 1, ()),
    ],
)
def test_rungs_are_the_grace_epochs_times_powers_below_the_last_epoch(
    asha: AshaSettings, epochs: int, validations: int, rungs: tuple[int, ...]
) -> None:
    assert asha.rungs(epochs, validations) == rungs


def test_rungs_cover_the_longest_trial_and_are_empty_without_asha() -> None:
    search = {"epochs": [2, 8, 4]}
    assert spec_of(search=search).rungs == (2, 6)
    assert spec_of(search=search, training={"validations_per_epoch": 2}).rungs == (4, 12)
    assert spec_of(search=search, asha="off").rungs == ()


def test_fractional_grace_epochs_of_whole_validations_are_accepted() -> None:
    spec = spec_of(training={"validations_per_epoch": 25}, asha={"grace_epochs": 0.28})
    assert spec.rungs == (7, 21, 63)


# ---- seeds


def test_a_seed_is_the_same_in_every_process() -> None:
    assert spec_of().derive_seed("search", 0, 1) == 672849775  # a record on disk relies on it


def test_different_parts_give_different_seeds() -> None:
    parts = [(stage, system, number) for stage in ("search", "confirm") for system in range(6) for number in range(50)]
    seeds = {spec_of(seed=seed).derive_seed(*part) for seed in (0, 1) for part in parts}
    assert len(seeds) == 2 * len(parts)
    assert all(0 <= seed < 2**31 for seed in seeds)


# ---- the question and its fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        {"dataset": "sst2"},
        {"compare": {"encoder": ["a"]}},
        {"search": {"batch_size": [4]}},
        {"training": {"epochs": 3}},
        {"start_with": [{"loss": "ce"}]},
        {"objective": {"minimize": "validation/loss"}},
        {"sampler": "random"},
        {"asha": "off"},
        {"early_stopping": {"hyperband": {}}},
        {"tpe": {"siblings": 0.5}},
        {"racing": 4, "budget": {"trials": 100}},
        {"learn_from": ["sweeps/sst2-0a1b2c3d"]},
        {"on_bad_rows": "drop"},
        {"limit": {"train": 10}},
        {"seed": 1},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_another_identity_is_another_sweep(changed: dict[str, Any]) -> None:
    before, after = spec_of().identity, spec_of(**changed).identity
    assert before != after
    assert fingerprint(before, {}) != fingerprint(after, {})


def test_budget_and_resources_are_not_part_of_the_identity() -> None:
    changed = {"confirm": {"seeds": 1}, "tracking": {"system_metrics": True}, "retries": 0}
    limits = {
        "trials": 60,
        "hours": 3,
        "epochs": 9,
        "gpu_hours": 2,
        "cost": {"usd": 1, "per_gpu_hour": 1},
        "patience": 4,
    }
    objective = {"maximize": "validation/accuracy", "stop_at": 0.6}
    after = spec_of(budget=limits, resources={"gpu": 1, "cpu": 4}, objective=objective, **changed).identity
    assert after == spec_of().identity
    assert not {"budget", "resources"} & after.keys()


@pytest.mark.parametrize(
    "changed",
    [
        {"budget": {"trials": 60}},
        {"confirm": {"seeds": 1}},
        {"resources": {"gpu": 1, "cpu": 4}},
        {"tracking": {"system_metrics": True}},
        {"retries": 0},
        {"fail_fast_after": 7},
        {"stall_minutes": 5},
        {"storage": "s3://bucket/checkpoints"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_how_a_sweep_is_run_does_not_make_another_one(changed: dict[str, Any]) -> None:
    (key,) = changed
    before, after = spec_of(), spec_of(**changed)
    assert getattr(after, key) != getattr(before, key)
    assert after.identity == before.identity
    assert key not in before.identity


def test_every_other_key_is_part_of_the_question() -> None:
    run = {"budget", "confirm", "resources", "tracking", "retries", "fail_fast_after", "stall_minutes", "storage"}
    if_used = {"tpe", "learn_from", "racing", "early_stopping"}  # or a new key would rename all earlier sweeps
    assert spec_of().identity.keys() == SweepSpec.model_fields.keys() - run - if_used


def test_other_revisions_are_another_sweep() -> None:
    question = spec_of().identity
    prints = {fingerprint(question, resolved) for resolved in ({}, {"a": "1"}, {"a": "2"}, {"a": "1", "rows": "3"})}
    assert len(prints) == 4
    assert fingerprint(question, {"a": "1", "b": "2"}) == fingerprint(question, {"b": "2", "a": "1"})
    assert all(len(text) == 8 and int(text, 16) >= 0 for text in prints)


def test_the_order_of_keys_changes_neither_fingerprint_nor_names_of_systems() -> None:
    first = spec_of(compare={"encoder": ["a", "b"], "loss": ["ce", "scl"]})
    other = spec_of(compare={"loss": ["ce", "scl"], "encoder": ["a", "b"]})
    assert fingerprint(first.identity, {}) == fingerprint(other.identity, {})
    assert {first.system_name(k) for k in range(4)} == {other.system_name(k) for k in range(4)}


def test_an_identity_parses_to_the_same_spec() -> None:
    spec = spec_of(search={"tau": {"log": [0.1, 1]}}, start_with=[{"loss": "lcl", "tau": 1}])
    assert SweepSpec.model_validate(spec.identity) == spec


# ---- configs


def test_params_become_a_config_on_top_of_training() -> None:
    spec = spec_of(training={"epochs": 7, "dropout": 0.2})
    config = spec.train_config({"encoder": "a", "loss": "scl", "tau": 10, "dropout": 0}, seed=5, threads=2)
    assert (config.encoder, config.loss, config.tau, config.dropout) == ("a", "scl", 10, 0)
    assert (config.epochs, config.seed, config.threads) == (7, 5, 2)
    assert config.batch_size == TrainConfig(encoder="a").batch_size
    assert config.num_validations == 7


def test_a_config_knows_which_hyperparameters_its_loss_uses() -> None:
    assert not {"alpha", "tau", "normalize", "weighting"} & TrainConfig(encoder="a", loss="ce").active_params.keys()
    assert {"alpha", "tau", "normalize"} <= TrainConfig(encoder="a", loss="scl").active_params.keys()
    assert "weighting" in TrainConfig(encoder="a", loss="lcl").active_params


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": "3"}, {"epochs": 3.0}, {"epochs": True}, {"epochs": 0}, {"tau": 0}, {"tau": float("nan")},
        {"learning_rate": float("inf")}, {"normalize": 1}, {"loss": "triplet"}, {"encoder": ""}, {"epoch": 3},
        {"dropout": 1}, {"alpha": 1.1}, {"precision": "int8"},
    ],
    ids=str,
)  # fmt: skip
def test_a_config_is_strict(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrainConfig.model_validate({"encoder": "a", **wrong})


def test_a_config_is_frozen() -> None:
    config = TrainConfig(encoder="a")
    with pytest.raises(ValidationError):
        config.epochs = 3  # type: ignore[misc]
