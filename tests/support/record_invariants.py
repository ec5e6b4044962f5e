"""Invariants of a sweep's record, checked from the outside.

The checks read the record's file and MLflow's store with code of their own, so that a mistake in how sweeper reads its
record cannot hide a mistake in the record. The invariants: each trial ends once; the budget is spent exactly; committed
facts stay; steps have no gap; no setting is repeated after it was stopped; MLflow has each fact of the record once.
A violation is a line of text that names the trial.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import yaml

from tests.support.journal_reader import (
    PRUNED,
    STUDY_ATTRIBUTE,
    JournalTrial,
    confirmation_trials,
    numbered_trials,
    read_operations,
    read_trials,
    search_trials,
    trials_of,
)

_text = partial(json.dumps, sort_keys=True)
Facts = Mapping[tuple[str | int, ...], str]  # committed values as text, so that NaN equals NaN


@lru_cache(maxsize=4)
def committed_facts(data: bytes) -> Facts:
    """Return what a journal has committed, by name and number.

    That is params, bracket, metrics of each step and outcome of each numbered trial; test accesses; and test scores.
    """
    facts: dict[tuple[str | int, ...], str] = {(name,): _text(value) for name, value in _study_attributes(data)}
    for number, trial in numbered_trials(read_trials(read_operations(data))):
        facts["params", number] = _text({"cell": trial.system, **trial.params, **(trial.last("params") or {})})
        facts["bracket", number] = _text(trial.all("bracket"))
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
        if setting in stopped and trial.last("race_of") is None:
            yield f"trial {number}: repeats the setting of trial {stopped[setting]}, which was stopped"
        if PRUNED in trial.states:
            stopped[setting] = number


def _repeated_confirmations(trials: Sequence[tuple[int, JournalTrial]]) -> Iterator[str]:
    """Name the trials that confirm the same setting with the same seed as another trial that left a model.

    A fresh seed that left none is trained again where no other seed of the sweep left one.
    """
    seeds: dict[str, int] = {}
    for number, trial in trials:
        setting = _text([trial.system, trial.last("params"), trial.last("seed_index")])
        if setting in seeds:
            yield f"trial {number}: confirms the same as trial {seeds[setting]}"
        if trial.last("outcome") in (None, "completed", "collapsed"):  # a lost seed may be trained again
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
