"""The summary of replays: ratios over several data sets, and where we lose."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.economy.__main__ import main
from benchmarks.economy.arms import ARMS, PEERS
from benchmarks.economy.ratios import Match, combine, match_arms
from benchmarks.economy.report import check_summary
from benchmarks.economy.settings import FORMER_DEFAULT
from benchmarks.economy.summary import summary_lines
from sweeper.errors import UsageError
from tests.conftest import ROOT

OURS, PEER = "ours: promotion", "one-epoch screening"
REGRETS = (0.06, 0.04, 0.02)
Spent = Mapping[str, Sequence[float]]  # epochs of each arm with 9, 36 and 48 trials


def replayed(spent: Mapping[str, Spent], regrets: Mapping[str, Sequence[float]], replays: int = 2) -> pd.DataFrame:
    """Return results by data set. The replays of an arm do not differ."""
    return pd.DataFrame([
        {"dataset": dataset, "arm": arm, "workers": workers, "trials": trials, "epochs": epochs, "regret": regret,
         "replay": replay, "optimism": 0.01}
        for dataset, arms in spent.items() for arm, values in arms.items() for workers in (1, 4)
        for trials, epochs, regret in zip((9, 36, 48), values, regrets.get(arm, REGRETS), strict=True)
        for replay in range(replays)
    ])  # fmt: skip


def row(lines: Sequence[str], arm: str) -> list[str]:
    """Return the cells of an arm."""
    (line,) = (line for line in lines if line.startswith(f"| {arm} |"))
    return [cell.strip() for cell in line.strip("|").split("|")][1:]


def test_a_ratio_is_a_geometric_mean_over_data_sets() -> None:
    spent = {
        "mine": {FORMER_DEFAULT: (10, 40, 50), OURS: (5, 20, 25)},
        "yours": {FORMER_DEFAULT: (10, 40, 50), OURS: (10, 40, 50)},
    }
    lines = list(summary_lines(replayed(spent, {}), FORMER_DEFAULT))
    assert row(lines, FORMER_DEFAULT)[:3] == ["1", "1", "1"]
    half = "0.71 (0.71 to 0.71)"
    assert row(lines, OURS)[:3] == [f"at most {half}", half, half]
    assert row(lines, OURS)[3:6] == ["6.00 (6.00 to 6.00)", "4.00 (4.00 to 4.00)", "2.00 (2.00 to 2.00)"]
    assert row(lines, OURS)[6] == "1.00 (1.00 to 1.00)"
    assert len(row(lines, OURS)) == 7
    assert lines[-1].strip() == "No arm of ours loses to a peer."


def test_an_arm_that_never_gets_as_far_has_at_least_the_ratio_of_its_largest_budget() -> None:
    spent = {name: {FORMER_DEFAULT: (10, 40, 50), PEER: (20, 80, 100)} for name in ("mine", "yours")}
    lines = list(summary_lines(replayed(spent, {PEER: (0.06, 0.04, 0.03)}), FORMER_DEFAULT))
    assert row(lines, PEER)[1:3] == ["2.00 (2.00 to 2.00)", "at least 2.00 (2.00 to more)"]


def test_an_interval_is_as_wide_as_the_replays_differ() -> None:
    results = replayed({"mine": {FORMER_DEFAULT: (10, 40, 50), OURS: (5, 20, 25)}}, {}, replays=8)
    results["regret"] += np.random.default_rng(0).normal(0, 0.005, len(results))
    ratio = combine(match_arms(results, FORMER_DEFAULT)[OURS, 36])
    assert ratio.low < ratio.mean < ratio.high < 1


def test_a_sample_is_of_the_same_replays_on_every_data_set() -> None:
    """Data sets on which the replays have the same luck say no more than one of them."""
    spent = {name: {FORMER_DEFAULT: (10, 40, 50), OURS: (5, 20, 25)} for name in ("mine", "yours", "theirs")}
    luck = np.random.default_rng(0).normal(0, 0.005, (2, 8))  # of the replays of both arms
    results = replayed(spent, {}, replays=8)
    results["regret"] += luck[(results["arm"] == OURS).astype(int), results["replay"]]
    one = results[results["dataset"] == "mine"]
    of_all, of_one = (list(summary_lines(table, FORMER_DEFAULT)) for table in (results, one))
    assert row(of_all, OURS) == row(of_one, OURS)
    shuffled = results.sample(frac=1, random_state=0)  # order is not luck
    assert row(list(summary_lines(shuffled, FORMER_DEFAULT)), OURS)[3:] == row(of_one, OURS)[3:]


def test_samples_are_combined_one_by_one() -> None:
    ratios = np.array([1.0, 0.5, 2.0])
    same, apart = (
        combine([Match("mine", ratios, 9.0, is_least=False), Match("yours", other, 9.0, is_least=False)])
        for other in (ratios, ratios[[0, 2, 1]])
    )
    assert same.high - same.low > 1
    assert apart.low == apart.high == pytest.approx(1)


def test_the_summary_says_where_we_lose() -> None:
    spent = {
        "mine": {FORMER_DEFAULT: (10, 40, 50), OURS: (10, 20, 25), PEER: (10, 30, 50)},
        "yours": {FORMER_DEFAULT: (10, 40, 50), OURS: (10, 45, 50), PEER: (10, 40, 60)},
    }
    results = replayed(spent, {}, replays=40)
    lines = list(summary_lines(results, FORMER_DEFAULT))
    losses = lines[next(k for k, line in enumerate(lines) if "Where we lose" in line) + 1 :]
    assert losses == [
        f"- {FORMER_DEFAULT} needs more epochs than {PEER}: **mine with 36 trials (1.00 against 0.75)**",
        f"- {OURS} needs more epochs than {PEER}: **yours with 36 trials (1.12 against 1.00)**",
    ]


def test_an_arm_that_never_gets_as_far_as_a_peer_loses_to_it() -> None:
    spent = {"mine": {FORMER_DEFAULT: (10, 40, 50), OURS: (1, 2, 3), PEER: (30, 100, 200)}}
    results = replayed(spent, {OURS: (0.06, 0.05, 0.03)})
    lines = list(summary_lines(results, FORMER_DEFAULT))
    (lost,) = (line for line in lines if line.startswith("- ours"))
    assert lost.startswith(f"- {OURS} needs more epochs than {PEER}: ")
    assert "9 trials" not in lost
    assert "mine with 48 trials (0.06 against 4.00)" in lost


def test_a_summary_needs_the_reference_and_a_shipped_budget() -> None:
    check_summary([FORMER_DEFAULT], FORMER_DEFAULT, [9, 12])
    with pytest.raises(UsageError, match="was not replayed"):
        check_summary([OURS], FORMER_DEFAULT, [9])
    with pytest.raises(UsageError, match="shipped budget"):
        check_summary([FORMER_DEFAULT], FORMER_DEFAULT, [12])


def test_peers_are_arms() -> None:
    assert set(PEERS) <= set(ARMS)


def test_kept_results_give_the_summary_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spent = {name: {FORMER_DEFAULT: (10, 40, 50), OURS: (5, 20, 25)} for name in ("mine", "yours")}
    results = replayed(spent, {}, replays=4).assign(hours=1.0)
    files = [tmp_path / f"{k}.parquet" for k in range(2)]
    for file, arm in zip(files, (FORMER_DEFAULT, OURS), strict=True):
        results[results["arm"] == arm].to_parquet(file)
    assert main(["table", *map(str, files)]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("\n".join(summary_lines(results, FORMER_DEFAULT)))
    assert printed.endswith("\n96 searches: 4 replays of each.\n")


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ([OURS], f"--reference {FORMER_DEFAULT}: was not replayed"),
        (
            [FORMER_DEFAULT, OURS],
            f"{OURS} has 3 replays of mine with 1 workers and 9 trials, and",
        ),
    ],
)
def test_results_that_cannot_be_compared_are_refused(
    arms: Sequence[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = replayed({"mine": dict.fromkeys(arms, (10, 40, 50))}, {}, replays=4).assign(hours=1.0)
    results = results[(results["arm"] != OURS) | (results["replay"] < 3)]
    results.to_parquet(tmp_path / "results.parquet")
    assert main(["table", str(tmp_path / "results.parquet")]) == 2
    assert capsys.readouterr().err.startswith(message)


def test_only_results_of_replays_make_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other, none = tmp_path / "rows.parquet", tmp_path / "none.parquet"
    pd.DataFrame({"loss": ["ce"]}).to_parquet(other)
    for file, message in ((other, "not a file of results"), (none, "no such file")):
        assert main(["table", str(file)]) == 2
        assert capsys.readouterr().err.startswith(f"{file}: {message}")


@pytest.mark.slow
def test_the_page_has_the_table_of_the_kept_results(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["table", str(ROOT / "benchmarks" / "economy" / "results.parquet")]) == 0
    page = (ROOT / "docs" / "benchmarks" / "search.md").read_text(encoding="utf-8")
    assert f"<!-- made by benchmarks.economy table -->\n{capsys.readouterr().out}<!-- end -->" in page
