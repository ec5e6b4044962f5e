"""Arguments of benchmarks that cannot be meant: one clear line, before any work."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from benchmarks import bold
from benchmarks.emoint.__main__ import main as emoint
from benchmarks.endurance.__main__ import main as endurance
from benchmarks.recipes.__main__ import main as recipes
from benchmarks.sensitivity.__main__ import main as sensitivity


@pytest.mark.parametrize(
    ("main", "words", "message"),
    [
        (recipes, ["sst5", "--rows", "0"], "--rows 0: must be at least 1"),
        (recipes, ["sst5", "--seeds", "0"], "--seeds 0: must be at least 1"),
        (recipes, ["sst5", "--epochs", "-1"], "--epochs -1: must be at least 1"),
        (emoint, ["--seeds", "0"], "--seeds 0: must be at least 1"),
        (emoint, ["--rows", "0"], "--rows 0: must be at least 1"),
        (sensitivity, ["rows.parquet", "--resamples", "0", "--permutations", "0"], "--resamples 0: must be at least 1"),
        (sensitivity, ["rows.parquet", "--permutations", "0"], "--permutations 0: must be at least 1"),
        (endurance, ["--kills", "0"], "--kills 0: must be at least 1"),
        (endurance, ["--compare", "-1"], "--compare -1: must be at least 0"),
        (endurance, ["--torn", "2"], "--torn 2: must be at most 1"),
        (bold.main, ["--tables", "0"], "--tables 0: must be at least 1"),
        (bold.main, ["--seed", "-1"], "--seed -1: must be at least 0"),
    ],
)
def test_a_number_that_is_out_of_range_is_refused_in_one_line(
    main: Callable[[Sequence[str]], int], words: list[str], message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(words) == 2
    assert capsys.readouterr().err == f"{message}\n"
    assert not list(tmp_path.iterdir())
