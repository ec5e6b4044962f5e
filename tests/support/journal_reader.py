"""A reader of a sweep's journal that shares no code with sweeper, so that a mistake in one cannot hide in the other."""

import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

# Optuna's JournalOperation
CREATE_STUDY, STUDY_ATTRIBUTE, CREATE_TRIAL, PARAM, STATE, VALUE, ATTRIBUTE = 0, 2, 4, 5, 6, 7, 8
PRUNED, ENDED = 2, (1, 2, 3)  # Optuna's TrialState


@dataclass
class JournalTrial:
    """A trial as the lines of the journal describe it."""

    system: str
    params: dict[str, Any] = field(default_factory=dict)
    reports: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    values: list[int] = field(default_factory=list)  # the steps whose value the pruner got
    attributes: list[tuple[str, Any]] = field(default_factory=list)  # all other attributes, in order
    states: list[int] = field(default_factory=list)  # final states, one for each time that the trial was told to Optuna
    changed_after_end: list[str] = field(default_factory=list)  # attributes set after the outcome

    def last(self, name: str) -> Any:
        """Return the last value of an attribute, or None if it was never set."""
        return next((value for key, value in reversed(self.attributes) if key == name), None)

    def all(self, name: str) -> list[Any]:
        """Return every value that an attribute was given."""
        return [value for key, value in self.attributes if key == name]


def read_operations(data: bytes) -> list[Mapping[str, Any]]:
    """Return the operations in a journal, without a torn last line. Raises ValueError if the middle is damaged."""
    lines = data.split(b"\n")
    if len(lines) > 1 and not lines[0].startswith(b"sweeper record "):
        raise ValueError(f"line 1: is not a header: {lines[0]!r}")
    operations = [_parse_operation(number, line) for number, line in enumerate(lines[1:-1])]
    while operations and operations[-1] is None:
        operations.pop()
    if None in operations:
        raise ValueError(f"line {operations.index(None) + 2}: is damaged")
    return [operation for operation in operations if operation is not None]


@lru_cache(maxsize=10_000)  # a simulation reads its journal after each line
def _parse_operation(number: int, line: bytes) -> Mapping[str, Any] | None:
    """Return the operation in a line, or None if its number or its checksum is wrong."""
    try:
        own_number, checksum, text = line.decode().split(" ", 2)
        is_intact = int(own_number) == number and int(checksum, 16) == zlib.crc32(f"{number} {text}".encode())
        operation: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return operation if is_intact else None


def read_trials(operations: Iterable[Mapping[str, Any]]) -> list[JournalTrial]:
    """Return every trial that was ever proposed, numbered or not."""
    studies: list[str] = []
    trials: list[JournalTrial] = []
    for operation in operations:
        code = operation["op_code"]
        if code == CREATE_STUDY and operation["study_name"] not in studies:  # each opening creates it again
            studies.append(operation["study_name"])
        elif code == CREATE_TRIAL:
            trials.append(_created_trial(studies[operation["study_id"]], operation))
        elif "trial_id" in operation:
            _apply_operation(trials[operation["trial_id"]], operation)
    return trials


def _created_trial(system: str, operation: Mapping[str, Any]) -> JournalTrial:
    """Return a new trial. One that no sampler proposed has its params and attributes from the start."""
    distributions = operation.get("distributions", {})
    params = {
        name: _param_value({"param_value_internal": value, "distribution": distributions[name]})
        for name, value in operation.get("params", {}).items()
    }
    return JournalTrial(system, params, attributes=list(operation.get("user_attrs", {}).items()))


def _apply_operation(trial: JournalTrial, operation: Mapping[str, Any]) -> None:
    code = operation["op_code"]
    if code == PARAM:
        trial.params[operation["param_name"]] = _param_value(operation)
    elif code == STATE and operation["state"] in ENDED:
        trial.states.append(operation["state"])
    elif code == VALUE:
        trial.values.append(operation["step"])
    elif code == ATTRIBUTE:
        for name, value in operation["user_attr"].items():
            if trial.last("outcome") is not None:
                trial.changed_after_end.append(name)
            if name.startswith("report:"):
                trial.reports.append((int(name.partition(":")[2]), value))
            else:
                trial.attributes.append((name, value))


def _param_value(operation: Mapping[str, Any]) -> Any:
    """Return a parameter's value. Optuna stores a categorical value as its index among the choices."""
    value, choices = operation["param_value_internal"], json.loads(operation["distribution"])["attributes"]
    return choices["choices"][int(value)] if "choices" in choices else value


def trials_of(folder: Path) -> list[JournalTrial]:
    """Return every trial in a sweep's record."""
    return read_trials(read_operations((folder / "record.journal").read_bytes()))


def numbered_trials(trials: Sequence[JournalTrial]) -> list[tuple[int, JournalTrial]]:
    """Return the trials that count, with their numbers. A skipped proposal has no number."""
    return [(trial.last("number"), trial) for trial in trials if trial.last("number") is not None]


def search_trials(trials: Sequence[JournalTrial]) -> list[tuple[int, JournalTrial]]:
    """Return the numbered trials of the search, which use the budget."""
    return [(number, trial) for number, trial in numbered_trials(trials) if trial.last("source_trial") is None]


def confirmation_trials(trials: Sequence[JournalTrial]) -> list[tuple[int, JournalTrial]]:
    """Return the numbered trials that confirm a setting with a fresh seed."""
    return [(number, trial) for number, trial in numbered_trials(trials) if trial.last("source_trial") is not None]
