"""The quasi-random sampler: its points cover the space evenly, conditional ranges too, and a restart repeats none."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from sweeper.record.quasi_random import quasi_random_values
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar
from tests.support.search_spaces import small_spec
from tests.support.studies import open_study

RANGES = {
    "batch_size": [4, 8],
    "learning_rate": {"log": [1e-5, 1e-3]},
    "normalize": [True, False],
    "tau": {
        "cases": [
            {"log": [0.05, 1], "when": {"normalize": True}},
            {"log": [5, 1000], "when": {"normalize": False}},
        ]
    },
}


def ask(spec: SweepSpec, folder: Path, trials: int, system: int = 1) -> list[dict[str, Scalar]]:
    folder.mkdir(exist_ok=True)
    with open_study(spec, folder) as study:
        return [dict(study.ask(system).params) for _ in range(trials)]


def counts_by_quarter(values: Sequence[float], low: float, high: float) -> list[int]:
    fractions = (np.log(values) - np.log(low)) / (np.log(high) - np.log(low))
    return [int(count) for count in np.histogram(fractions, bins=4, range=(0, 1))[0]]


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_part_of_a_range_gets_its_share_of_the_trials(tmp_path: Path, seed: int) -> None:
    spec = small_spec(search=RANGES, sampler="qmc", asha="off", seed=seed)
    settings = ask(spec, tmp_path, 32)
    assert counts_by_quarter([float(params["learning_rate"]) for params in settings], 1e-5, 1e-3) == [8] * 4
    assert Counter((params["batch_size"], params["normalize"]) for params in settings) == dict.fromkeys(
        [(4, True), (4, False), (8, True), (8, False)], 8
    )
    for normalize, low, high in ((True, 0.05, 1), (False, 5, 1000)):
        taus = [float(params["tau"]) for params in settings if params["normalize"] is normalize]
        assert all(2 <= count <= 6 for count in counts_by_quarter(taus, low, high))


def test_a_restart_goes_on_with_the_next_point(tmp_path: Path) -> None:
    spec = small_spec(search=RANGES, sampler="qmc", asha="off")
    in_one_go = ask(spec, tmp_path / "a", 6)
    assert [params for piece in (1, 3, 2) for params in ask(spec, tmp_path / "b", piece)] == in_one_go


def test_the_design_begins_after_the_planned_settings(tmp_path: Path) -> None:
    plain = ask(small_spec(search=RANGES, sampler="qmc", asha="off"), tmp_path / "a", 3)
    planned = {"loss": "lcl", "batch_size": 8, "learning_rate": 2e-5}
    spec = small_spec(search=RANGES, sampler="qmc", asha="off", start_with=[planned])
    first, *others = ask(spec, tmp_path / "b", 4)
    assert planned.items() <= first.items()
    assert others == plain


def test_systems_and_seeds_have_designs_of_their_own() -> None:
    specs = [small_spec(search=RANGES, sampler="qmc", seed=seed) for seed in (0, 1)]
    rates = {quasi_random_values(spec, system, 0)["learning_rate"] for spec in specs for system in (0, 1)}
    assert len(rates) == 4


def test_a_space_without_hyperparameters_has_no_coordinates() -> None:
    assert quasi_random_values(small_spec(search={}, sampler="qmc"), 0, 5) == {}
