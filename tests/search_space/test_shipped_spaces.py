"""The search spaces that ship are valid, open with their command, and match the papers."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sweeper.data.catalog import DATASETS
from sweeper.search_space import parser, yaml_file
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.registry import LOSSES
from tests.conftest import ROOT

FILES = sorted(ROOT.glob("search_spaces/*.yaml"))


def load_spec(path: Path) -> SweepSpec:
    return parser.parse_spec(yaml_file.load_yaml(path))


def losses(spec: SweepSpec) -> set[str]:
    return {str(system["loss"]) for system in spec.systems}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_space_is_valid_and_opens_with_its_command(path: Path) -> None:
    assert path.read_text().splitlines()[1] == f"# sweeper run search_spaces/{path.name}"
    assert "lcl_inside" not in losses(load_spec(path))


def test_every_data_set_and_every_loss_but_the_misprinted_one_is_in_a_shipped_space() -> None:
    specs = [load_spec(path) for path in FILES]
    assert {spec.dataset_spec.name for spec in specs} == set(DATASETS)
    assert set().union(*(losses(spec) for spec in specs)) == set(LOSSES) - {"lcl_inside"}


def test_the_grid_of_the_paper_has_its_45_settings() -> None:
    spec = load_spec(ROOT / "search_spaces" / "sst5_paper_grid.yaml")
    expected = itertools.product((0.1, 0.2, 0.7), (0.07, 7, 10, 100, 1000), (4, 8, 32))
    planned: list[Mapping[str, Any]] = list(spec.initial_settings(0))
    assert {(s["alpha"], s["tau"], s["batch_size"]) for s in planned} == set(expected)
    assert spec.trial_budget(0) == len(planned) == 45
    config = spec.train_config({**spec.systems[0], **planned[0]}, seed=0, threads=1)
    assert (config.loss, config.normalize, config.reduction) == ("lcl", False, "sum")
    assert "electra" in config.encoder
    assert spec.rungs == ()
