"""A trial's entry in the record: its attributes in Optuna's journal, read back as a Recorded.

Whatever sweeper knows of a trial beside its params is an attribute of it: `number`, `report:STEP` with the metrics and
the time, `reason`, `traceback` and `outcome`, in that order. A trial that confirms has its setting in `params`, for no
sampler chose it. What comes after a trial has ended, Optuna takes of a study alone: `look:…` and `test:NUMBER` there.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from sweeper.record.samplers import resolve_params
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TestAccess, TestScore, Trial, TrialEnd, TrialRecord


def stored_trial(study: optuna.Study, trial: optuna.trial.Trial) -> FrozenTrial:
    """A trial as it is in the record now."""
    return study._storage.get_trial(trial._trial_id)


def counted_trials(studies: Sequence[optuna.Study]) -> list[FrozenTrial]:
    """The trials that count; a proposal that was skipped has no number."""
    return [trial for study in studies for trial in study.get_trials(deepcopy=False) if "number" in trial.user_attrs]


def interrupted_trials(study: optuna.Study) -> list[tuple[optuna.trial.Trial, FrozenTrial]]:
    """The trials of a study that were not told how they ended."""
    open_ = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [(optuna.trial.Trial(study, entry._trial_id), entry) for entry in open_]


def to_trial(spec: SweepSpec, system: int, entry: FrozenTrial, threads: int) -> Trial:
    """The trial that an entry is of."""
    attributes, name = entry.user_attrs, spec.system_name(system)
    number, repeat = attributes["number"], attributes.get("repeat", 0)
    if repeat:
        params = attributes["params"]
        seed = spec.derive_seed("confirm", name, repeat)
    else:
        params = resolve_params(spec, system, lambda parameter, _: entry.params[parameter])
        seed = spec.derive_seed("search", name, number)
    config: TrainConfig = spec.train_config(params, seed=seed, threads=threads)
    return Trial(number, system, params, config, attributes.get("attempt", 1), attributes.get("confirms", 0), repeat)


def to_trial_record(spec: SweepSpec, system: int, study: optuna.Study, entry: FrozenTrial, threads: int) -> TrialRecord:
    """All that the record has of a trial."""
    attributes = entry.user_attrs
    steps = sorted(int(key.partition(":")[2]) for key in attributes if key.startswith("report:"))
    kept = [attributes[f"report:{step}"] for step in steps]
    outcome = attributes.get("outcome")
    test = study.user_attrs.get(f"test:{attributes['number']}") if "confirms" in attributes else None
    return TrialRecord(
        trial=to_trial(spec, system, entry, threads),
        reports=tuple(
            ValidationReport(s, found["epoch"], found["metrics"]) for s, found in zip(steps, kept, strict=True)
        ),
        report_times=tuple(found["time"] for found in kept),
        started_at=_milliseconds(entry.datetime_start),
        end=_finish(attributes) if outcome and entry.state.is_finished() else None,
        ended_at=_milliseconds(entry.datetime_complete) if entry.datetime_complete else None,
        test=TestScore(**test) if test else None,
    )


def test_accesses(studies: Sequence[optuna.Study]) -> list[TestAccess]:
    """Every look at the test split that is in these studies, by time."""
    found = [
        TestAccess(**value) for study in studies for key, value in study.user_attrs.items() if key.startswith("look:")
    ]
    return sorted(found, key=lambda test_access: (test_access.at, test_access.trial))


def increasing_timestamps(latest: int) -> Callable[[], int]:
    """Milliseconds since 1970, later each time than the time before, and than `latest`: order decides at a rung."""

    def now() -> int:
        nonlocal latest
        latest = max(int(time.time() * 1000), latest + 1)
        return latest

    return now


def _finish(attributes: Mapping[str, Any]) -> TrialEnd:
    return TrialEnd(Outcome(attributes["outcome"]), attributes["reason"], attributes.get("traceback", ""))


def _milliseconds(moment: Any) -> int:
    return int(moment.timestamp() * 1000) if moment else int(time.time() * 1000)
