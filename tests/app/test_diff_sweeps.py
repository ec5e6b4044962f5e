"""Two sweeps differ in their question, or only in what is spent on it."""

import json
from pathlib import Path
from typing import Any

import pytest

import sweeper as package
from sweeper.errors import UsageError
from tests.conftest import ROOT
from tests.support.recorded_sweeps import SPACE, RecordedSweep
from tests.support.run_here import run_here


def keys(found: Any) -> dict[str, str]:
    return {difference.key: difference.kind for difference in found}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"seed": 1}, {"seed": "question"}),
        ({"budget": {"trials": 10}}, {"budget.trials": "spending"}),
        ({"search": {"alpha": {"uniform": [0.1, 0.9]}}}, {"search.learning_rate": "question"}),
        ({"asha": {"grace_epochs": 2, "reduction_factor": 2}}, {"asha.grace_epochs": "question"}),
        (
            {"asha": "off", "confirm": {"seeds": 3}},
            {
                "asha": "question",
                "asha.grace_epochs": "question",
                "asha.reduction_factor": "question",
                "confirm.seeds": "spending",
            },
        ),
    ],
)
def test_the_keys_that_differ_are_named(changes: dict[str, Any], expected: dict[str, str], tmp_path: Path) -> None:
    first = RecordedSweep(tmp_path / "a").folder.path
    second = RecordedSweep(tmp_path / "b", **changes).folder.path
    assert keys(package.diff_sweeps(first, second)) == expected


def test_versions_count_between_sweeps_and_not_for_a_file(tmp_path: Path) -> None:
    first, second = (RecordedSweep(tmp_path / name).folder.path for name in ("a", "b"))
    manifest = json.loads((second / "sweep.json").read_text(encoding="utf-8"))
    manifest["resolved"]["rows"] = "f" * 16
    (second / "sweep.json").write_text(json.dumps(manifest), encoding="utf-8")
    (difference,) = package.diff_sweeps(first, second)
    assert (difference.key, difference.first, difference.second) == ("resolved.rows", "0123456789abcdef", "f" * 16)
    (tmp_path / "space.yaml").write_text(json.dumps({"dataset": "sst5", **SPACE}), encoding="utf-8")
    assert package.diff_sweeps(second, tmp_path / "space.yaml") == []


def test_a_name_of_nothing_is_answered_with_sweeps_and_search_spaces(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path).folder
    with pytest.raises(UsageError) as error:
        package.diff_sweeps("quikstart", sweep.path, sweeps=tmp_path)
    message = str(error.value)
    rule = f"quikstart: neither a sweep in {tmp_path} nor a file nor a shipped search space, allowed: {sweep.name}, "
    assert message.startswith(rule)
    assert message.endswith("did you mean quickstart?")


def test_shipped_search_spaces_are_compared_by_name() -> None:
    assert keys(package.diff_sweeps("sst5", "sst2"))["dataset"] == "question"
    assert package.diff_sweeps("sst5", ROOT / "search_spaces" / "sst5.yaml") == []


@pytest.mark.parametrize("name", ["sst5-0000000a", "nowhere.yaml", "sst6"])
def test_a_name_of_nothing_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=name):
        package.diff_sweeps("sst5", name, sweeps=tmp_path)


def test_the_command_shows_both_values(tmp_path: Path) -> None:
    name = RecordedSweep(tmp_path / "sweeps").folder.name
    second = RecordedSweep(tmp_path / "sweeps", seed=3).folder.name
    done = run_here(["diff", name, second], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[:3] == [["the", "question"], ["key", name, second], ["seed", "0", "3"]]


def test_each_file_that_differs_has_a_line_with_a_short_digest(tmp_path: Path) -> None:
    paths = {name: str(tmp_path / f"{name}.csv") for name in ("one", "other", "test")}
    for name, path in paths.items():
        Path(path).write_text(f"text,label\n{name},up\n", encoding="utf-8")
    names = [
        RecordedSweep(tmp_path / "sweeps", dataset={"name": "own", "train": train, "test": paths["test"]}).folder.name
        for train in (paths["one"], paths["other"])
    ]
    done = run_here(["diff", *names], tmp_path)
    (shown,) = (line.split() for line in done.stdout.splitlines() if "dataset" in line)
    assert shown[0] == "dataset.files.train"
    assert [len(digest) for digest in shown[1:]] == [9, 9]
    assert shown[1] != shown[2]
