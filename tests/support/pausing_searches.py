"""Searches whose trials wait at rungs."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.trial import Trial
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

WIDE = {"batch_size": {"int": [2, 64]}, "alpha": {"uniform": [0.1, 0.9]}}


def pausing_spec(trials: int = 12, factor: int = 2, epochs: int = 4, **changes: Any) -> SweepSpec:
    """Return a spec of one system whose trials wait after epochs 1, `factor`, ..., with these keys replaced."""
    rule = {"promotion": {"grace_epochs": 1, "reduction_factor": factor}}
    keys = {
        "compare": {"encoder": ["m"], "loss": ["lcl"]}, "search": WIDE, "training": {"epochs": epochs, "tau": 1.0},
        "sampler": "random", "early_stopping": rule, "budget": {"trials": trials},
    }  # fmt: skip
    return small_spec(**{**keys, **changes})


@contextmanager
def searching(spec: SweepSpec, path: Path) -> Iterator[tuple[OptunaStudy, SearchStage]]:
    """Open a record and its search."""
    with closing(OptunaStudy(spec, path, threads=1)) as study:
        yield study, SearchStage(spec, study, [])


def begin(stage: SearchStage) -> Trial:
    """Let a free slot take a trial."""
    trial = stage.next_trial()
    assert trial is not None
    return trial


def wait_with(stage: SearchStage, *values: float, step: int = 1) -> list[Trial]:
    """Start a trial for each value and let it report that at the first rung."""
    trials = [begin(stage) for _ in values]
    for trial, value in zip(trials, values, strict=True):
        assert not stage.report(trial, report(step, value))
    return trials


def ends(study: OptunaStudy) -> dict[int, str]:
    """Return the reasons of the trials that have ended, by number."""
    return {it.trial.number: it.end.reason for it in study.all_trials() if it.end is not None}
