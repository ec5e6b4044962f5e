"""Open studies for tests of the record."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import report

FLAT = {"batch_size": [4, 8], "learning_rate": {"log": [1e-5, 1e-3]}}


@contextmanager
def open_study(spec: SweepSpec, folder: Path) -> Iterator[OptunaStudy]:
    with closing(OptunaStudy(spec, folder / "journal", threads=1)) as study:
        yield study


def complete(study: OptunaStudy, trial: Trial, accuracy: float) -> None:
    study.report(trial, report(1, accuracy))
    study.end_trial(trial, TrialEnd(Outcome.COMPLETED))


def journal_lines(folder: Path) -> list[bytes]:
    return (folder / "journal").read_bytes().splitlines(keepends=True)
