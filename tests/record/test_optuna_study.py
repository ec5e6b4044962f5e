"""The record: reports, ends and tracebacks survive any interruption."""

from pathlib import Path

import pytest

from sweeper.errors import StorageError
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar, TrainConfig
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import report
from tests.support.search_spaces import small_spec
from tests.support.studies import FLAT, complete, journal_lines, open_study


def test_reports_and_outcomes_survive_reopening_the_record(tmp_path: Path) -> None:
    spec = small_spec(asha="off")
    with open_study(spec, tmp_path) as study:
        done, cut = study.ask(0), study.ask(1)
        complete(study, done, 0.4)
        study.report(cut, report(1, 0.3))
        before = study.all_trials()
    with open_study(spec, tmp_path) as study:
        assert study.all_trials() == before
        assert [record.end and record.end.outcome for record in before] == [Outcome.COMPLETED, None]
        again = study.restart(before[1].trial)
        assert (again.number, again.attempt, again.config) == (cut.number, 2, cut.config)
        study.report(again, report(1, 0.9))  # the first report of a step counts
        study.report(again, report(2, 0.5))
        study.end_trial(again, TrialEnd(Outcome.COMPLETED))
        values = [entry.metrics["validation/accuracy"] for entry in study.get(again).reports]
        assert values == [0.3, 0.5]
        assert study.ask(0).number == 3


def test_a_trial_with_a_recorded_end_has_ended_even_if_the_sampler_was_not_told(tmp_path: Path) -> None:
    spec = small_spec(search=FLAT)
    with open_study(spec, tmp_path) as study:
        complete(study, study.ask(0), 0.5)
        whole = study.all_trials()
    (tmp_path / "journal").write_bytes(b"".join(journal_lines(tmp_path)[:-1]))
    with open_study(spec, tmp_path) as study:
        assert [(record.trial, record.reports, record.end) for record in study.all_trials()] == [
            (record.trial, record.reports, record.end) for record in whole
        ]


def test_the_first_end_counts(tmp_path: Path) -> None:
    with open_study(small_spec(asha="off"), tmp_path) as study:
        trial = study.ask(0)
        study.report(trial, report(1, 0.5))
        study.end_trial(trial, TrialEnd(Outcome.FAILED, "first"))
        study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
        assert study.get(trial).end == TrialEnd(Outcome.FAILED, "first")


def test_a_traceback_is_in_the_record(tmp_path: Path) -> None:
    spec = small_spec(asha="off")
    with open_study(spec, tmp_path) as study:
        study.end_trial(study.ask(0), TrialEnd(Outcome.FAILED, "ValueError: x", "Traceback\n  …\nValueError: x\n"))
    with open_study(spec, tmp_path) as study:
        trial_end = study.all_trials()[0].end
        assert trial_end is not None
        assert trial_end.traceback == "Traceback\n  …\nValueError: x\n"


def test_the_traceback_of_an_interrupted_end_does_not_stay_with_another_end(tmp_path: Path) -> None:
    spec = small_spec(asha="off")
    with open_study(spec, tmp_path) as study:
        study.end_trial(study.ask(0), TrialEnd(Outcome.FAILED, "ValueError: x", "Traceback"))
    lines = journal_lines(tmp_path)
    (tmp_path / "journal").write_bytes(b"".join(lines[:-2]))  # without its outcome and its state
    with open_study(spec, tmp_path) as study:
        again = study.restart(study.all_trials()[0].trial)
        complete(study, again, 0.5)
        assert study.get(again).end == TrialEnd(Outcome.COMPLETED)
        assert study.all_trials()[0].end == TrialEnd(Outcome.COMPLETED)
        trial_end = study.all_trials()[0].end
        assert trial_end is not None
        assert trial_end.traceback == ""


def test_a_disk_that_is_full_at_the_start_does_not_keep_the_lock(tmp_path: Path) -> None:
    with limited_file_size(40), pytest.raises(StorageError):
        OptunaStudy(small_spec(), tmp_path / "journal", threads=1)
    with open_study(small_spec(), tmp_path) as study:
        assert study.ask(0).number == 1


def test_a_config_is_validated_once_for_each_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = small_spec()
    validated: list[int] = []
    train_config = SweepSpec.train_config

    def counting(self: SweepSpec, params: dict[str, Scalar], *, seed: int, threads: int) -> TrainConfig:
        validated.append(seed)
        return train_config(self, params, seed=seed, threads=threads)

    monkeypatch.setattr(SweepSpec, "train_config", counting)
    with open_study(spec, tmp_path) as study:
        trial = study.ask(0)
        records = [study.report(trial, report(step, 0.1 * step)) for step in (1, 2, 3)]
        study.end_trial(study.restart(trial), TrialEnd(Outcome.COMPLETED))
        assert [len(record.reports) for record in records] == [1, 2, 3]
        assert all(record.trial.config is trial.config for record in (*records, study.get(trial), *study.all_trials()))
        before = study.all_trials()
    assert validated == [trial.config.seed]
    with open_study(spec, tmp_path) as study:
        assert study.all_trials() == before
    assert validated == [trial.config.seed] * 2
