"""Sensitivity: invented trainings whose true shares are known, and the page and the picture made from them."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import qmc

from benchmarks.economy.rows import SETTING
from benchmarks.sensitivity.__main__ import main
from benchmarks.sensitivity.page import bad_share
from benchmarks.sensitivity.picture import best_learning_rate, log_ticks, mean_score
from benchmarks.sensitivity.searched_space import find_space
from benchmarks.sensitivity.shares import INTERACTIONS, UNEXPLAINED, analyze
from benchmarks.sensitivity.trainings import Trainings, split_by_loss


def make_rows(effects: dict[str, float], *, seeds: int = 1, noise: float = 0.0, settings: int = 64) -> pd.DataFrame:
    """Return rows of LCL. A hyperparameter raises the score by its effect from the lowest to the highest value.

    The effect of "product" is on the learning rate's distance from its middle times that of alpha.
    """
    random = np.random.default_rng(3)
    unit = qmc.Sobol(5, rng=7).random_base2(6)[:settings]
    rows = []
    for number, place in enumerate(unit):
        rate, batch, alpha, features, tau = place
        cosine = bool(features < 0.5)
        setting = {
            "loss": "lcl", "learning_rate": 1e-5 * 50**rate, "batch_size": (8, 16, 32)[int(3 * batch)], "alpha": alpha,
            "normalize": cosine, "tau": 0.05 * 20**tau if cosine else 5 * 200**tau,
        }  # fmt: skip
        parts = {
            "learning_rate": rate, "batch_size": int(3 * batch) / 2, "alpha": alpha, "normalize": float(cosine),
            "tau": tau, "product": 4 * (rate - 0.5) * (alpha - 0.5),
        }  # fmt: skip
        top = 0.4 + sum(effect * parts[name] for name, effect in effects.items())
        for seed in range(seeds):
            best = top + noise * random.standard_normal()
            ends = {"sweep": f"mine-{seed}", "trial": number, "seed": seed, "outcome": "completed", **setting}
            rows += [{**ends, "step": step, "validation/accuracy": best - (step != 2) / 10} for step in (1, 2, 3)]
    return pd.DataFrame(rows)


def as_ce(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as those of CE, which has two hyperparameters."""
    return rows.assign(loss="ce", alpha=np.nan, normalize=None, tau=np.nan)


def only_loss(rows: pd.DataFrame) -> Trainings:
    (trainings,) = split_by_loss("mine", rows)
    return trainings


def write_rows(rows: pd.DataFrame, path: Path) -> Path:
    sweep = {
        "limit": {"train": 500, "validation": None}, "resolved": {"rows": "1", "an/encoder": "2"}, "threads": 1,
        "training": {"epochs": 3}, "versions": {"torch": "2.13"},
    }  # fmt: skip
    origin = [{**sweep, "machine": {"processor": f"processor {name}", "cores": 2}} for name in "AAB"]
    table = pa.Table.from_pandas(rows)
    metadata = {**(table.schema.metadata or {}), b"sweeper.economy": json.dumps(origin).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), path)
    return path


def with_other_losses(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with those of SCL, the same, and of five settings of CE, which has fewer hyperparameters."""
    ce = as_ce(rows[rows["trial"] < 5])
    return pd.concat([rows, rows.assign(loss="scl"), ce], ignore_index=True)[[*rows.columns]]


def test_a_training_has_its_best_validation_and_a_setting_the_mean_over_its_seeds() -> None:
    rows = make_rows({}, seeds=2, noise=0.01, settings=3)
    trainings = only_loss(rows)
    best = rows[rows["step"] == 2].groupby("learning_rate")["validation/accuracy"]
    by_rate = dict(zip(trainings.settings["learning_rate"], trainings.scores, strict=True))
    assert by_rate == pytest.approx(best.mean().to_dict())
    assert trainings.noise() == pytest.approx(best.var().mean())
    assert list(trainings.seeds) == [2, 2, 2]
    assert set(trainings.settings.columns) == set(SETTING) - {"loss"}


def test_the_total_variance_is_that_of_single_trainings() -> None:
    trainings = only_loss(make_rows({"alpha": 0.1}, seeds=4, noise=0.05))
    assert trainings.total_variance() == pytest.approx(0.1**2 / 12 + 0.05**2, rel=0.1)


def test_trainings_that_failed_are_left_out_and_counted() -> None:
    rows = make_rows({}, settings=3)
    rows.loc[rows["trial"] == 1, "outcome"] = "failed"
    trainings = only_loss(rows)
    assert len(trainings.scores) == 2
    assert trainings.outcomes == {"completed": 2, "failed": 1}


def test_settings_are_spread_over_the_unit_cube_and_tau_has_a_range_for_each_kind_of_features() -> None:
    settings = only_loss(make_rows({})).settings
    space = find_space(settings)
    points = space.to_unit(settings)
    assert points.shape == (64, 5)
    assert points.min() >= 0
    assert points.max() <= 1
    tau = points[:, space.names.index("tau")]
    for value in (False, True):
        used = (settings["normalize"] == value).to_numpy()
        assert (tau[used].min(), tau[used].max()) == (0, 1)
        assert set(space.normalize(points[used])) == {float(value)}
    assert space.features(points).shape == (64, 6)
    assert set(space.features(points)[:, space.names.index("batch_size")]) == {0, 0.5, 1}


def test_a_hyperparameter_with_one_value_is_left_out() -> None:
    rows = make_rows({}).assign(batch_size=8)
    assert "batch_size" not in find_space(only_loss(rows).settings).names


def true_shares(effects: dict[str, float], noise: float) -> dict[str, float]:
    """Return the true shares. A uniform variable has a variance of 1/12, one of three values 1/6, one of two 1/4."""
    of_unit = {"learning_rate": 1 / 12, "alpha": 1 / 12, "tau": 1 / 12, "batch_size": 1 / 6, "normalize": 1 / 4}
    parts = {name: effects.get(name, 0.0) ** 2 * variance for name, variance in of_unit.items()}
    parts |= {INTERACTIONS: effects.get("product", 0.0) ** 2 * 16 / 144, UNEXPLAINED: noise**2}
    return {name: part / sum(parts.values()) for name, part in parts.items()}


@pytest.mark.parametrize(
    ("effects", "noise"),
    [
        ({"learning_rate": 0.3, "batch_size": -0.1, "tau": 0.1}, 0.01),
        ({"normalize": 0.1, "alpha": 0.2}, 0.02),
        ({"learning_rate": 0.2, "product": 0.2}, 0.01),
    ],
)
def test_the_shares_of_invented_trainings_are_found(effects: dict[str, float], noise: float) -> None:
    analysis = analyze(only_loss(make_rows(effects, noise=noise)), resamples=1, permutations=0)
    found = {share.name: share.value for share in analysis.shares}
    assert sum(found.values()) == pytest.approx(1)
    assert found == pytest.approx(true_shares(effects, noise), abs=0.08)
    assert analysis.noise is None


def test_noise_alone_is_not_a_finding() -> None:
    rows = as_ce(make_rows({}, noise=0.05, settings=24))
    analysis = analyze(only_loss(rows), resamples=1, permutations=3)
    assert not [share for share in analysis.shares if share.is_finding]
    assert analysis.fit < 0.3


def test_a_small_effect_beside_a_large_one_is_a_finding() -> None:
    rows = as_ce(make_rows({"learning_rate": 0.4, "batch_size": 0.06}, noise=0.01, settings=32))
    share = analyze(only_loss(rows), resamples=1, permutations=10).share("batch_size")
    assert share.is_finding
    assert share.value < 0.1


def test_an_effect_is_a_finding_and_its_interval_contains_it() -> None:
    rows = make_rows({"learning_rate": 0.3}, noise=0.02, settings=32)
    analysis = analyze(only_loss(as_ce(rows)), resamples=6, permutations=3)
    share = analysis.share("learning_rate")
    assert share.is_finding
    assert share.low <= share.value <= share.high
    assert analysis.fit > 0.8


def test_the_share_of_the_seed_is_measured_with_a_second_seed() -> None:
    rows = make_rows({"learning_rate": 0.2}, seeds=2, noise=0.04)
    analysis = analyze(only_loss(as_ce(rows)), resamples=6, permutations=0)
    assert analysis.noise is not None
    assert analysis.noise.value == pytest.approx(0.04**2 / (0.04**2 + 0.2**2 / 12), abs=0.15)
    assert analysis.noise.low <= analysis.noise.value <= analysis.noise.high


def test_equal_scores_have_no_shares() -> None:
    shares = analyze(only_loss(make_rows({})), resamples=1, permutations=1).shares
    assert [share.value for share in shares] == [0, 0, 0, 0, 0, 0, 1]


def test_a_map_averages_over_the_other_hyperparameters() -> None:
    analysis = analyze(only_loss(make_rows({"learning_rate": 0.3, "tau": 0.1})), resamples=1, permutations=0)
    surface: NDArray[np.float64] = mean_score(analysis, "learning_rate", 1.0, np.array([0.1, 0.9]))
    assert surface == pytest.approx(np.array([[0.44, 0.52], [0.68, 0.76]]), abs=0.02)
    at_best: NDArray[np.float64] = mean_score(analysis, "alpha", 1.0, np.array([0.1, 0.9]), 5e-4)
    assert at_best == pytest.approx(np.array([[0.71, 0.79], [0.71, 0.79]]), abs=0.02)
    assert best_learning_rate(analysis, 0.0) == pytest.approx(5e-4, rel=0.2)


def test_a_logarithmic_axis_has_few_round_ticks() -> None:
    assert log_ticks(1.2e-5, 4.9e-4) == ([2e-5, 5e-5, 1e-4, 2e-4], ["2e-5", "5e-5", "1e-4", "2e-4"])
    assert log_ticks(5, 1000)[1] == ["5", "20", "100", "500"]


def test_bad_settings_are_those_more_than_five_points_below_the_best() -> None:
    share, low, high = bad_share(only_loss(make_rows({"learning_rate": 0.1})))
    assert share == pytest.approx(0.5, abs=0.03)
    assert low < share < high


def test_the_page_has_the_shares_the_record_and_the_picture(tmp_path: Path) -> None:
    rows = with_other_losses(make_rows({"learning_rate": 0.3}, noise=0.01, settings=16))
    file = write_rows(rows, tmp_path / "mine.parquet")
    out = tmp_path / "docs" / "page.md"
    assert main([str(file), "--out", str(out), "--resamples", "1", "--permutations", "1"]) == 0
    page = out.read_text(encoding="utf-8")
    assert "| mine | SCL | LCL |" in page
    assert "| learning rate | **" in page
    assert "| of this, the seed's noise | not measured | not measured |" in page
    assert "- mine, CE: left out, because it has 5 settings, and an analysis needs 16." in page
    assert "Texts: at most 500 for train. Encoder: an/encoder. Training: epochs 3." in page
    assert "1 thread per trial; torch 2.13. Rows written on 2 cores of processor A, 2 cores of processor B." in page
    assert f"Made by `python -m benchmarks.sensitivity {file} --out {out}`." in page
    assert "![Shares of variance, and maps of the score](images/page.png)" in page
    with Image.open(tmp_path / "docs" / "images" / "page.png") as picture:
        assert picture.width == 2000


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (None, "no such file"),
        (pd.DataFrame({"loss": ["ce"]}), "has no column batch_size"),
        (make_rows({}, settings=5), "no loss has 16 settings with different scores"),
        (make_rows({}, settings=20), "no loss has 16 settings with different scores"),
    ],
)
def test_rows_that_cannot_be_analyzed_are_refused(
    rows: pd.DataFrame | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.parquet"
    if rows is not None:
        write_rows(rows, file)
    assert main([str(file), "--out", str(tmp_path / "page.md")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "page.md").exists()


def test_a_file_that_holds_no_rows_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.parquet").write_text("no rows")
    assert main([str(tmp_path / "mine.parquet"), "--out", str(tmp_path / "page.md")]) == 2
    assert "not a file of recorded rows" in capsys.readouterr().err
