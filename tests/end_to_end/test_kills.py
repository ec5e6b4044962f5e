"""Kills of the driver, as by the kernel when memory runs out: real sweeps with Ray and MLflow.

A kill comes when the record has grown by some lines, after a random pause. So kills fall into every phase of a sweep,
on slow machines too. benchmarks/endurance kills by the clock, hundreds of times.
"""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.killed_sweeps import KilledSweeps, Moment, Schedule, Tally, find_sweep

pytestmark = [pytest.mark.ray, pytest.mark.mlflow]


def at_records(seed: int, most: int) -> Schedule:
    """Kill when the record has up to `most` more lines than at the start of the command, plus up to half a second."""

    def moments(folder: Path, sweep: int) -> Iterator[Moment]:
        random = Random(f"{seed}:{sweep}")
        while True:
            yield _when_grown(folder, _count_lines(folder) + random.randint(0, most), random.uniform(0, 0.5))

    return moments


def _when_grown(folder: Path, lines: int, pause: float) -> Moment:
    reached: list[float] = []

    def moment() -> bool:
        if not reached and _count_lines(folder) >= lines:
            reached.append(time.monotonic())
        return bool(reached) and time.monotonic() >= reached[0] + pause

    return moment


def _count_lines(folder: Path) -> int:
    sweep = find_sweep(folder)
    record = sweep / "record.journal" if sweep else None
    return record.read_bytes().count(b"\n") if record and record.exists() else 0


def assert_intact(tally: Tally) -> None:
    """Assert that nothing was lost, repeated or doubled, and that no run stays RUNNING."""
    assert not tally.violations, "\n".join(tally.violations)
    assert (tally.lost, tally.repeated, tally.epochs_again, tally.doubled, tally.orphaned) == (0, 0, 0, 0, 0)
    assert tally.attempts >= tally.trials > 0


def test_a_kill_of_the_driver_loses_repeats_and_doubles_nothing(tmp_path: Path) -> None:
    small = ["budget.trials=3", "training.epochs=3", "training.hidden_size=192", "limit.train=320"]
    assert_intact(KilledSweeps(tmp_path, small).run(1, at_records(seed=1, most=30)))


@pytest.mark.slow
def test_five_kills_of_the_driver_lose_repeat_and_double_nothing(tmp_path: Path) -> None:
    tally = KilledSweeps(tmp_path).run(5, at_records(seed=0, most=40))
    assert_intact(tally)
    assert tally.finished_before_a_kill > 0
    assert tally.most_attempts > 1


@pytest.mark.slow
def test_kills_that_tear_the_last_record_lose_nothing_else(tmp_path: Path) -> None:
    tally = KilledSweeps(tmp_path, tear=True).run(4, at_records(seed=2, most=40))
    assert_intact(tally)
    assert tally.torn > 0


@pytest.mark.slow
def test_deleted_results_are_rebuilt_from_the_record_byte_for_byte(tmp_path: Path) -> None:
    sweeps = KilledSweeps(tmp_path, ["budget.trials=2", "training.epochs=1"])
    assert sweeps.run_once(tmp_path)[1] == 0
    sweep = find_sweep(tmp_path)
    assert sweep is not None
    before = (sweep / "results.json").read_bytes()
    assert json.loads(before)["num_trials"] == 2
    (sweep / "results.json").unlink()
    assert sweeps.run_once(tmp_path)[1] == 0
    assert (sweep / "results.json").read_bytes() == before
