"""Crashes between two trials: the sampler proposes the same trials as without them."""

import tempfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.execution.attempt import run_attempt
from sweeper.protocol.search_stage import SearchStage
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import data
from tests.support.simulation.state import fast_folder
from tests.support.simulation.sweep import simulated_spec
from tests.support.simulation.world import SimulatedTraining


def proposals(spec: SweepSpec, cuts: frozenset[int], torn: int) -> list[tuple[Trial, int, TrialEnd | None]]:
    """Run a sweep with one slot, killing it after the trials `cuts`. Returns trials, numbers of reports, and ends.

    Each kill leaves `torn` bytes of a line at the end of the record.
    """
    with tempfile.TemporaryDirectory(dir=fast_folder()) as parent:
        folder = Path(parent)
        job = TrainingJob(SimulatedTraining(), {}, folder)
        for first, last in pairwise(sorted({0, *cuts, spec.budget.trials})):
            with closing(OptunaStudy(spec, folder / "record.journal", threads=1)) as study:
                search = SearchStage(spec, study, [])
                for _ in range(first, last):
                    trial = search.next_trial()
                    assert trial is not None
                    _run(search, trial, job)
                trials = [(record.trial, len(record.reports), record.end) for record in study.all_trials()]
            with (folder / "record.journal").open("ab") as file:
                file.write(b"99 0123456 {"[:torn])
        return trials


def _run(search: SearchStage, trial: Trial, job: TrainingJob) -> None:
    with closing(run_attempt(trial, job, data())) as events:
        for event in events:
            if isinstance(event, TrialEnd):
                search.trial_ended(trial, event)
            elif isinstance(event, ValidationReport) and not search.report(trial, event):
                return


@pytest.mark.simulation
@settings(max_examples=25, derandomize=True, database=None)
@given(
    seed=st.integers(0, 999),
    sampler=st.sampled_from(["random", "tpe"]),
    cuts=st.frozensets(st.integers(1, 13), min_size=1),
    torn=st.integers(0, 12),
)
def test_crashes_between_trials_do_not_change_the_proposals(
    seed: int, sampler: str, cuts: frozenset[int], torn: int
) -> None:
    spec = simulated_spec(sampler, 14, seed=seed, fail_fast_after=99)
    assert repr(proposals(spec, cuts, torn)) == repr(proposals(spec, frozenset(), 0))
