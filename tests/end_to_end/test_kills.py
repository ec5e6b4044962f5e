"""The driver is killed again and again, as the kernel does it when memory runs out: real processes, Ray and MLflow.

The kills come at moments of the record (after so many more lines, and a random while), not of a clock: so they fall in
every phase on a slow machine as well. benchmarks/endurance does the same with a clock, hundreds of times.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from benchmarks.endurance import commands
from benchmarks.endurance.arms import Schedule, Tally, until
from benchmarks.endurance.ours import Sweeper, only_sweep

pytestmark = [pytest.mark.ray, pytest.mark.mlflow]


def at_records(seed: int, most: int) -> Schedule:
    """Kills once the record has up to `most` more lines than at the start, and up to half a second after that."""

    def moments(folder: Path, sweep: int) -> Iterator[commands.Moment]:
        random = Random(f"{seed}:{sweep}")
        while True:
            yield _moment(folder, _lines(folder) + random.randint(0, most), random.uniform(0, 0.5))

    return moments


def _moment(folder: Path, lines: int, later: float) -> commands.Moment:
    reached: list[float] = []

    def moment(seconds: float) -> bool:
        if not reached and _lines(folder) >= lines:
            reached.append(seconds)
        return bool(reached) and seconds >= reached[0] + later

    return moment


def _lines(folder: Path) -> int:
    sweep = only_sweep(folder)
    record = sweep / "record.journal" if sweep else None
    return record.read_bytes().count(b"\n") if record and record.exists() else 0


def holds(tally: Tally) -> None:
    """Nothing was lost, repeated or doubled, and nothing is RUNNING for ever."""
    assert not tally.violations, "\n".join(tally.violations)
    assert (tally.lost, tally.repeated, tally.epochs_again, tally.doubled, tally.orphaned) == (0, 0, 0, 0, 0)
    assert tally.attempts >= tally.trials > 0


def test_a_kill_of_the_driver_loses_repeats_and_doubles_nothing(tmp_path: Path) -> None:
    tally = Tally()
    small = Sweeper(tally, compare=1, changes=["budget.trials=3", "training.epochs=3"])
    until(small, tally, 1, tmp_path, at_records(seed=1, most=30))
    holds(tally)


@pytest.mark.slow
def test_five_kills_of_the_driver_lose_repeat_and_double_nothing(tmp_path: Path) -> None:
    tally = Tally()
    until(Sweeper(tally, compare=1), tally, 5, tmp_path, at_records(seed=0, most=40))
    holds(tally)
    assert tally.finished_before_a_kill > 0
    assert tally.most_attempts > 1


@pytest.mark.slow
def test_kills_that_tear_the_record_lose_nothing_that_is_left_in_it(tmp_path: Path) -> None:
    tally = Tally()
    until(Sweeper(tally, compare=1, torn=1), tally, 4, tmp_path, at_records(seed=2, most=40))
    holds(tally)
    assert tally.torn > 0


@pytest.mark.slow
def test_results_are_made_from_the_record_again_byte_for_byte(tmp_path: Path) -> None:
    command = Sweeper(Tally(), changes=["budget.trials=2", "training.epochs=1"]).command(tmp_path)
    assert commands.run(command, tmp_path / "screen.log").code == 0
    sweep = only_sweep(tmp_path)
    assert sweep is not None
    before = (sweep / "results.json").read_bytes()
    assert json.loads(before)["trials"] == 2
    (sweep / "results.json").unlink()
    assert commands.run(command, tmp_path / "screen.log").code == 0
    assert (sweep / "results.json").read_bytes() == before
