"""The checks of the record find what they should: records with one mistake each."""

import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.support import journal_reader, record_invariants


def attribute(trial: int, name: str, value: Any) -> dict[str, Any]:
    return {"op_code": 8, "trial_id": trial, "user_attr": {name: value}}


PARAM = {"op_code": 5, "param_name": "tau", "param_value_internal": 0.5, "distribution": '{"attributes": {}}'}
GOOD: list[dict[str, Any]] = [
    {"op_code": 0, "study_name": "encoder=rnn loss=ce"},
    {"op_code": 4, "study_id": 0},
    {**PARAM, "trial_id": 0},
    attribute(0, "number", 1),
    attribute(0, "report:1", {"metrics": {"a": 0.5, "b": float("nan")}}),
    {"op_code": 7, "trial_id": 0, "step": 1, "value": 0.5},
    attribute(0, "outcome", "stopped_early"),
    {"op_code": 6, "trial_id": 0, "state": 2},
]
OUTCOME, ENDED = GOOD[6:]
AGAIN: list[dict[str, Any]] = [{**operation, "trial_id": 1} for operation in GOOD[1:4]]


def journal(operations: list[dict[str, Any]]) -> bytes:
    texts = [f"{number} {json.dumps(operation)}" for number, operation in enumerate(operations)]
    lines = [f"{text.split(' ')[0]} {zlib.crc32(text.encode()):08x} {text.partition(' ')[2]}" for text in texts]
    return "\n".join(["sweeper record 2", *lines, ""]).encode()


def sweep_folder(path: Path, operations: list[dict[str, Any]]) -> Path:
    (path / "record.journal").write_bytes(journal(operations))
    (path / "sweep.yaml").write_text("budget: {trials: 1}\n")
    (path / "results.json").write_text(json.dumps({"num_trials": 1}))
    return path


def test_a_good_record_has_no_violation(tmp_path: Path) -> None:
    sweep = sweep_folder(tmp_path, GOOD)
    assert record_invariants.check_record(sweep) + record_invariants.check_finished(sweep) == []
    assert record_invariants.count_attempts(sweep) == {1: 1}


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        ([*GOOD, OUTCOME], "more than one outcome"),
        ([*GOOD, ENDED], "told 2 times"),
        ([*GOOD[:6], ENDED], "without an outcome"),
        ([*GOOD, attribute(0, "attempt", 2)], "changed after its end: attempt"),
        ([*GOOD[:5], GOOD[4], *GOOD[5:]], "has the steps [1, 1]"),
        ([*GOOD[:6], attribute(0, "report:3", {"metrics": {}})], "has the steps [1, 3]"),
        ([*GOOD[:6], GOOD[5], *GOOD[6:]], "gave the pruner the steps [1, 1]"),
        ([*GOOD, *AGAIN], "are numbered [1, 1]"),
        ([*GOOD, *AGAIN[:2], attribute(1, "number", 2)], "repeats the setting of trial 1"),
    ],
)
def test_each_mistake_in_a_record_is_named(operations: list[dict[str, Any]], words: str, tmp_path: Path) -> None:
    assert words in " ".join(record_invariants.check_record(sweep_folder(tmp_path, operations)))


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        (GOOD[:6], "has the outcome None"),
        (GOOD[:7], "told 0 times"),
        ([*GOOD, {"op_code": 4, "study_id": 0}], "neither numbered nor skipped"),
        (GOOD[:1], "0 trials are numbered"),
    ],
)
def test_what_an_unfinished_sweep_lacks_is_named(operations: list[dict[str, Any]], words: str, tmp_path: Path) -> None:
    assert words in " ".join(record_invariants.check_finished(sweep_folder(tmp_path, operations)))


def test_a_leftover_checkpoint_is_named(tmp_path: Path) -> None:
    sweep = sweep_folder(tmp_path, GOOD)
    (sweep / "trials" / "1").mkdir(parents=True)
    (sweep / "trials" / "1" / "checkpoint-1.pt").touch()
    assert record_invariants.check_finished(sweep) == ["trials/1/checkpoint-1.pt: is left over"]


def test_committed_facts_that_are_missing_or_changed_are_named() -> None:
    other = [attribute(0, "report:1", {"metrics": {"a": 0.25}})]
    whole = journal(GOOD)
    assert record_invariants.find_lost_facts(whole, whole) == []
    assert record_invariants.find_lost_facts(journal(GOOD[:6]), whole) == []
    assert "outcome 1" in record_invariants.find_lost_facts(whole, journal(GOOD[:6]))[0]
    assert "metrics 1 1" in record_invariants.find_lost_facts(whole, journal([*GOOD[:4], *other, *GOOD[5:]]))[0]


def test_a_torn_tail_commits_nothing_and_a_damaged_middle_is_refused() -> None:
    whole = journal(GOOD)
    last = whole.splitlines()[-1]
    for cut in range(1, len(last) + 1):
        assert record_invariants.find_lost_facts(whole[:-cut], whole) == []
        assert len(journal_reader.read_operations(whole[:-cut])) == len(GOOD) - 1
    with pytest.raises(ValueError, match="line 3"):
        journal_reader.read_operations(whole.replace(b'"study_id": 0', b'"study_id": 1'))
