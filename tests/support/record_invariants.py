"""What must hold of a sweep that nothing kills, checked afterwards and from the outside.

It reads the record's file and MLflow's store by itself: a mistake in how sweeper reads its record shall not hide one in
the record. Each trial ends once, and the budget is spent exactly; what was committed stays; steps have no gap; no
setting comes twice; MLflow has what the record has, once. A violation is a line that names the trial.
"""

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

CREATE_STUDY, STUDY_ATTRIBUTE, CREATE_TRIAL, PARAM, STATE, VALUE, ATTRIBUTE = (
    0,
    2,
    4,
    5,
    6,
    7,
    8,
)  # Optuna's JournalOperation
PRUNED, ENDED = 2, (1, 2, 3)  # Optuna's TrialState

_text = partial(json.dumps, sort_keys=True)
Facts = Mapping[tuple[str | int, ...], str]  # what was committed, as text: equal facts are equal texts, NaN too


@dataclass
class JournalTrial:
    """A trial as the record's lines tell it."""

    system: str
    params: dict[str, Any] = field(default_factory=dict)
    reports: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    values: list[int] = field(default_factory=list)  # the steps whose value the pruner was told
    attributes: list[tuple[str, Any]] = field(default_factory=list)  # all others, as they were set
    states: list[int] = field(default_factory=list)  # in which it ended
    changed_after_end: list[str] = field(default_factory=list)  # what was set after the outcome

    def last(self, name: str) -> Any:
        """The value of an attribute; None where it was never set."""
        return next((value for key, value in reversed(self.attributes) if key == name), None)

    def all(self, name: str) -> list[Any]:
        """Every value that an attribute was given."""
        return [value for key, value in self.attributes if key == name]


def read_operations(data: bytes) -> list[Mapping[str, Any]]:
    """The whole records of a journal; a torn last one is left out. Raises ValueError where the middle is damaged."""
    lines = data.split(b"\n")
    if len(lines) > 1 and not lines[0].startswith(b"sweeper record "):
        raise ValueError(f"line 1: is no header: {lines[0]!r}")
    found = [_parse_operation(number, line) for number, line in enumerate(lines[1:-1])]
    while found and found[-1] is None:
        found.pop()
    if None in found:
        raise ValueError(f"line {found.index(None) + 2}: is damaged")
    return [operation for operation in found if operation is not None]


@lru_cache(maxsize=10_000)  # a simulation reads its record after each line
def _parse_operation(number: int, line: bytes) -> Mapping[str, Any] | None:
    try:
        place, check, text = line.decode().split(" ", 2)
        whole = int(place) == number and int(check, 16) == zlib.crc32(f"{number} {text}".encode())
        operation: dict[str, Any] = json.loads(text)
    except ValueError:
        return None
    return operation if whole else None


def read_trials(operations: Iterable[Mapping[str, Any]]) -> list[JournalTrial]:
    """Every trial that was ever proposed, numbered or not."""
    studies: list[str] = []
    trials: list[JournalTrial] = []
    for operation in operations:
        code = operation["op_code"]
        if code == CREATE_STUDY and operation["study_name"] not in studies:  # each opening asks for it again
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
    """A parameter's value; Optuna keeps a choice as its place among the choices."""
    value, choices = operation["param_value_internal"], json.loads(operation["distribution"])["attributes"]
    return choices["choices"][int(value)] if "choices" in choices else value


@lru_cache(maxsize=4)
def committed_facts(data: bytes) -> Facts:
    """What a journal's bytes have committed: params, metrics of each step and outcome of each numbered trial.

    And the looks at the test split, and what was scored there.
    """
    facts: dict[tuple[str | int, ...], str] = {(name,): _text(value) for name, value in _study_attributes(data)}
    for number, trial in numbered_trials(read_trials(read_operations(data))):
        facts["params", number] = _text({"cell": trial.system, **trial.params, **(trial.last("params") or {})})
        for step, report in trial.reports:
            facts.setdefault(("metrics", number, step), _text(report["metrics"]))  # the first commit of a step wins
        for outcome in trial.all("outcome")[:1]:
            facts["outcome", number] = _text(outcome)
    return facts


def _study_attributes(data: bytes) -> Iterator[tuple[str, Any]]:
    """The attributes of studies, in the record's order: the looks at the test split, and what was scored there."""
    for operation in read_operations(data):
        if operation["op_code"] == STUDY_ATTRIBUTE:
            yield from operation["user_attr"].items()


def find_lost_facts(before: bytes, after: bytes) -> list[str]:
    """What was committed before and is missing or another thing after."""
    now = committed_facts(after)
    return [
        f"{' '.join(map(str, place))}: was committed as {fact}, is {now.get(place, 'gone')}"
        for place, fact in committed_facts(before).items()
        if now.get(place) != fact
    ]


def count_attempts(folder: Path) -> dict[int, int]:
    """How many attempts each numbered trial took."""
    return {number: trial.last("attempt") or 1 for number, trial in numbered_trials(trials_of(folder))}


def trials_of(folder: Path) -> list[JournalTrial]:
    """Every trial in a sweep's record."""
    return read_trials(read_operations((folder / "record.journal").read_bytes()))


def numbered_trials(trials: Sequence[JournalTrial]) -> list[tuple[int, JournalTrial]]:
    """The trials that count, with their numbers; a proposal that was skipped has none."""
    return [(trial.last("number"), trial) for trial in trials if trial.last("number") is not None]


def search_trials(trials: Sequence[JournalTrial]) -> list[tuple[int, JournalTrial]]:
    """The numbered trials of the search: the budget's. The others confirm."""
    return [(number, trial) for number, trial in numbered_trials(trials) if trial.last("source_trial") is None]


def confirmation_trials(trials: Sequence[JournalTrial]) -> list[tuple[int, JournalTrial]]:
    """The numbered trials that confirm a setting with a fresh seed."""
    return [(number, trial) for number, trial in numbered_trials(trials) if trial.last("source_trial") is not None]


def check_record(folder: Path) -> list[str]:
    """What is wrong in the record of a sweep, finished or not."""
    trials = numbered_trials(trials_of(folder))
    found = [f"trial {number}: {line}" for number, trial in trials for line in _check_trial(trial)]
    numbers = [number for number, _ in trials]
    if sorted(numbers) != list(range(1, len(trials) + 1)):
        found.append(f"the trials are numbered {numbers}")
    return found + list(_repeated_settings(search_trials(trials_of(folder)))) + list(_repeated_confirmations(confirmation_trials(trials_of(folder))))


def _check_trial(trial: JournalTrial) -> Iterator[str]:
    for name in ("number", "outcome"):
        if len(trial.all(name)) > 1:
            yield f"has more than one {name}: {trial.all(name)}"
    if len(trial.states) > 1:
        yield f"was told {len(trial.states)} times"
    if trial.states and trial.last("outcome") is None:
        yield "was told without an outcome"
    if trial.changed_after_end:
        yield f"went on after its end: {', '.join(trial.changed_after_end)}"
    steps = [step for step, _ in trial.reports]
    if steps != list(range(1, len(steps) + 1)):
        yield f"has the steps {steps}"
    if len(set(trial.values)) < len(trial.values):
        yield f"gave the pruner the steps {trial.values}"


def _repeated_settings(trials: Sequence[tuple[int, JournalTrial]]) -> Iterator[str]:
    """Trials whose setting had been stopped before, in the same cell."""
    stopped: dict[str, int] = {}
    for number, trial in trials:
        setting = _text({"cell": trial.system, **trial.params})
        if setting in stopped:
            yield f"trial {number}: repeats the setting of trial {stopped[setting]}, which was stopped"
        if PRUNED in trial.states:
            stopped[setting] = number


def _repeated_confirmations(trials: Sequence[tuple[int, JournalTrial]]) -> Iterator[str]:
    """Trials that confirm what another has confirmed with the same seed."""
    seeds: dict[str, int] = {}
    for number, trial in trials:
        place = _text([trial.system, trial.last("params"), trial.last("seed_index")])
        if place in seeds:
            yield f"trial {number}: confirms the same as trial {seeds[place]}"
        seeds[place] = number


def check_finished(folder: Path) -> list[str]:
    """What is wrong in the record and the folder of a finished sweep, beside what `of_record` finds."""
    trials, spec = trials_of(folder), json.loads((folder / "sweep.json").read_text())["spec"]
    budget, seeds = spec["budget"]["trials"], spec.get("confirm", {}).get("seeds", 0)
    results = folder / "results.json"
    counted = json.loads(results.read_text())["num_trials"] if results.exists() else None
    found = [] if counted == budget else [f"results.json has {counted} trials, the budget is {budget}"]
    if len(search_trials(trials)) != budget:
        found.append(f"{len(search_trials(trials))} trials are numbered, the budget is {budget}")
    repeats = Counter((trial.system, _text(trial.last("params"))) for _, trial in confirmation_trials(trials))
    found += [f"{place}: has {count} fresh seeds of {seeds}" for place, count in repeats.items() if count != seeds]
    found += _check_test_scores(folder)
    for number, trial in numbered_trials(trials):
        if trial.last("outcome") is None or not trial.states:
            found.append(f"trial {number}: has the outcome {trial.last('outcome')}, told {len(trial.states)} times")
    if any(trial.last("number") is None and trial.last("skipped") is None for trial in trials):
        found.append("a proposal was neither numbered nor skipped")
    return (
        found
        + [f"{path.relative_to(folder)}: is left over" for path in sorted(folder.rglob("*checkpoint-*"))]
        + [f"{path.relative_to(folder)}: is left over" for path in sorted(folder.rglob("model-*.pt"))]
    )


def _check_test_scores(folder: Path) -> Iterator[str]:
    """What is wrong with the looks at the test split: each is recorded before its score, and a trial is scored once."""
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
                yield f"trial {number}: was scored without a look on record"
            if number not in confirming:
                yield f"trial {number}: was scored, and confirms nothing"
            scored.add(number)
    gone = [number for number in scored if not (folder / "predictions" / f"{number}-validation.parquet").exists()]
    yield from (f"trial {number}: its answers are gone" for number in gone)


def find_violations(folder: Path, uri: str) -> list[str]:
    """All that is wrong with a finished sweep; `uri` is MLflow's. Empty where every statement holds."""
    from tests.support.mlflow_invariants import of_mlflow

    return check_record(folder) + check_finished(folder) + of_mlflow(folder, uri)
