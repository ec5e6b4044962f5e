"""Invariants of a sweep's record, checked from the outside.

The checks read the record's file and MLflow's store with code of their own, so that a mistake in how sweeper reads its
record cannot hide a mistake in the record. The invariants: each trial ends once; the budget is spent exactly; committed
facts stay; steps have no gap; no setting is repeated after it was stopped; MLflow has each fact of the record once.
A violation is a line of text that names the trial.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml

# Optuna's JournalOperation
CREATE_STUDY, STUDY_ATTRIBUTE, CREATE_TRIAL, PARAM, STATE, VALUE, ATTRIBUTE = 0, 2, 4, 5, 6, 7, 8
PRUNED, ENDED = 2, (1, 2, 3)  # Optuna's TrialState

_text = partial(json.dumps, sort_keys=True)
Facts = Mapping[tuple[str | int, ...], str]  # committed values as text, so that NaN equals NaN


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
            trials.append(JournalTrial(studies[operation["study_id"]]))
        elif "trial_id" in operation:
            _apply_operation(trials[operation["trial_id"]], operation)
    return trials


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


@lru_cache(maxsize=4)
def committed_facts(data: bytes) -> Facts:
    """Return what a journal has committed, by name and number.

    That is params, metrics of each step and outcome of each numbered trial; test accesses; and test scores.
    """
    facts: dict[tuple[str | int, ...], str] = {(name,): _text(value) for name, value in _study_attributes(data)}
    for number, trial in numbered_trials(read_trials(read_operations(data))):
        facts["params", number] = _text({"cell": trial.system, **trial.params, **(trial.last("params") or {})})
        for step, report in trial.reports:
            facts.setdefault(("metrics", number, step), _text(report["metrics"]))  # the first commit of a step counts
        for outcome in trial.all("outcome")[:1]:
            facts["outcome", number] = _text(outcome)
    return facts


def _study_attributes(data: bytes) -> Iterator[tuple[str, Any]]:
    """Yield the attributes of studies in the journal's order: test accesses and test scores."""
    for operation in read_operations(data):
        if operation["op_code"] == STUDY_ATTRIBUTE:
            yield from operation["user_attr"].items()


def find_lost_facts(before: bytes, after: bytes) -> list[str]:
    """Name the facts that were committed in `before` and are missing or different in `after`."""
    now = committed_facts(after)
    return [
        f"{' '.join(map(str, name))}: was committed as {fact}, is {now.get(name, 'gone')}"
        for name, fact in committed_facts(before).items()
        if now.get(name) != fact
    ]


def count_attempts(folder: Path) -> dict[int, int]:
    """Return the number of attempts of each numbered trial."""
    return {number: trial.last("attempt") or 1 for number, trial in numbered_trials(trials_of(folder))}


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


def check_record(folder: Path) -> list[str]:
    """Return the violations in the record of a sweep, finished or not."""
    trials = numbered_trials(trials_of(folder))
    found = [f"trial {number}: {line}" for number, trial in trials for line in _check_trial(trial)]
    numbers = [number for number, _ in trials]
    if sorted(numbers) != list(range(1, len(trials) + 1)):
        found.append(f"the trials are numbered {numbers}")
    return (
        found
        + list(_repeated_settings(search_trials(trials_of(folder))))
        + list(_repeated_confirmations(confirmation_trials(trials_of(folder))))
    )


def _check_trial(trial: JournalTrial) -> Iterator[str]:
    for name in ("number", "outcome"):
        if len(trial.all(name)) > 1:
            yield f"has more than one {name}: {trial.all(name)}"
    if len(trial.states) > 1:
        yield f"was told {len(trial.states)} times"
    if trial.states and trial.last("outcome") is None:
        yield "was told without an outcome"
    if trial.changed_after_end:
        yield f"changed after its end: {', '.join(trial.changed_after_end)}"
    steps = [step for step, _ in trial.reports]
    if steps != list(range(1, len(steps) + 1)):
        yield f"has the steps {steps}"
    if len(set(trial.values)) < len(trial.values):
        yield f"gave the pruner the steps {trial.values}"


def _repeated_settings(trials: Sequence[tuple[int, JournalTrial]]) -> Iterator[str]:
    """Name the trials whose setting had been stopped before in the same system."""
    stopped: dict[str, int] = {}
    for number, trial in trials:
        setting = _text({"cell": trial.system, **trial.params})
        if setting in stopped:
            yield f"trial {number}: repeats the setting of trial {stopped[setting]}, which was stopped"
        if PRUNED in trial.states:
            stopped[setting] = number


def _repeated_confirmations(trials: Sequence[tuple[int, JournalTrial]]) -> Iterator[str]:
    """Name the trials that confirm the same setting with the same seed as another trial."""
    seeds: dict[str, int] = {}
    for number, trial in trials:
        setting = _text([trial.system, trial.last("params"), trial.last("seed_index")])
        if setting in seeds:
            yield f"trial {number}: confirms the same as trial {seeds[setting]}"
        seeds[setting] = number


def check_finished(folder: Path) -> list[str]:
    """Return the violations of a finished sweep, in its record and its folder, besides those of `check_record`."""
    trials, spec = trials_of(folder), yaml.safe_load((folder / "sweep.yaml").read_text())
    budget, seeds = spec["budget"]["trials"], spec.get("confirm", {}).get("seeds", 0)
    results = folder / "results.json"
    num_trials = json.loads(results.read_text())["num_trials"] if results.exists() else None
    violations = [] if num_trials == budget else [f"results.json has {num_trials} trials, the budget is {budget}"]
    if len(search_trials(trials)) != budget:
        violations.append(f"{len(search_trials(trials))} trials are numbered, the budget is {budget}")
    confirmed = Counter((trial.system, _text(trial.last("params"))) for _, trial in confirmation_trials(trials))
    violations += [
        f"{setting}: has {count} fresh seeds of {seeds}" for setting, count in confirmed.items() if count != seeds
    ]
    violations += _check_test_scores(folder)
    for number, trial in numbered_trials(trials):
        if trial.last("outcome") is None or not trial.states:
            violations.append(
                f"trial {number}: has the outcome {trial.last('outcome')}, told {len(trial.states)} times"
            )
    if any(trial.last("number") is None and trial.last("skipped") is None for trial in trials):
        violations.append("a proposal was neither numbered nor skipped")
    return (
        violations
        + [f"{path.relative_to(folder)}: is left over" for path in sorted(folder.rglob("*checkpoint-*"))]
        + [f"{path.relative_to(folder)}: is left over" for path in sorted(folder.rglob("model-*.pt"))]
    )


def _check_test_scores(folder: Path) -> Iterator[str]:
    """Check the use of the test split: each access is recorded before its score, and a trial is scored once."""
    test_accesses: set[int] = set()
    scored: set[int] = set()
    confirming = {number for number, _ in confirmation_trials(trials_of(folder))}
    for name, value in _study_attributes((folder / "record.journal").read_bytes()):
        if name.startswith("test_access:"):
            test_accesses.add(value["trial"])
        elif name.startswith("test:"):
            number = int(name.partition(":")[2])
            if number in scored:
                yield f"trial {number}: was scored twice"
            if value["metrics"] and number not in test_accesses:
                yield f"trial {number}: was scored without a recorded test access"
            if number not in confirming:
                yield f"trial {number}: was scored, but confirms nothing"
            scored.add(number)
    gone = [number for number in scored if not (folder / "predictions" / f"{number}-validation.parquet").exists()]
    yield from (f"trial {number}: its predictions are missing" for number in gone)


def find_violations(folder: Path, uri: str) -> list[str]:
    """Return every violation of a finished sweep; `uri` is that of its MLflow store."""
    from tests.support.mlflow_invariants import check_mlflow

    return check_record(folder) + check_finished(folder) + check_mlflow(folder, uri)
