"""The logic of benchmarks/scale and benchmarks/memory.py, without a cluster."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import memory
from benchmarks.scale import __main__ as command
from benchmarks.scale.timing import FillClock


def test_the_gate_opens_once_all_slots_have_reported_and_the_flush_is_spread(tmp_path: Path) -> None:
    clock = FillClock(2, tmp_path / "gate")
    clock.trial_reported(1)
    clock.trial_reported(1)
    assert not (tmp_path / "gate").exists()
    clock.trial_reported(2)
    assert (tmp_path / "gate").exists()
    for number in range(200):
        clock.trial_ended(number)
    clock.processor = [0.01 * number for number in range(201)]
    clock.processor[-1] -= 1000  # seconds, used after the last trial
    clock.write(tmp_path / "timing.json")
    timing = json.loads((tmp_path / "timing.json").read_text(encoding="utf-8"))
    assert timing["flush"] >= 998
    assert timing["cost"][0] == pytest.approx(0.01 + timing["flush"] / 200, abs=1e-3)


class FakeNodes:
    def __init__(self, *_: object) -> None: ...
    def __enter__(self) -> str:
        return "address"

    def __exit__(self, *_: object) -> None: ...


def fake_arm(name: str, *_: object) -> dict[str, Any]:
    costs = [0.09, 0.04, 0.03, 0.02] if name == "sweeper" else [0.18, 0.17]
    return {"filled": 1.0, "cost": costs, "trials": 100 * len(costs), "seconds": 9.0}


def test_the_first_hundred_is_left_out_of_both_arms_and_the_folder_of_out_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "Nodes", FakeNodes)
    monkeypatch.setattr(command, "_run_arm", fake_arm)
    out = tmp_path / "new" / "result.json"
    assert command.main(["--trials", "400", "--out", str(out)]) == 0
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "driver ms per trial, second hundred 40 170" in shown
    assert "driver ms per trial, last two hundred 25 170" in shown
    assert json.loads(out.read_text(encoding="utf-8"))["cost"]["ray-tune"]["trials"] == 200


@pytest.mark.parametrize("words", [["--peer-trials", "99"], ["--trials", "199"]])
def test_too_few_trials_are_refused_at_once(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(words) == 2
    assert capsys.readouterr().err == "--trials and --peer-trials: 200 or more, because the first 100 are left out\n"


def test_memory_makes_the_folder_of_its_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "new" / "result.json"
    monkeypatch.setattr("sys.argv", ["memory", "--folder", str(tmp_path), "--out", str(out)])
    monkeypatch.setattr(memory, "_run_sampled_sweep", lambda folder, trials: [])
    assert memory.main() == 1  # no process was seen
    assert json.loads(out.read_text(encoding="utf-8"))["processes"] == []
