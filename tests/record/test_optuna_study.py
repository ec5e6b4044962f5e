"""The record: proposals and reports survive any interruption, and only they decide what comes next."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from sweeper.errors import StorageError
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.samplers import SAMPLERS
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar, TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

FLAT = {"batch_size": [4, 8], "learning_rate": {"log": [1e-5, 1e-3]}}


@contextmanager
def open_study(spec: SweepSpec, folder: Path) -> Iterator[OptunaStudy]:
    with closing(OptunaStudy(spec, folder / "journal", threads=1)) as study:
        yield study


def complete(study: OptunaStudy, trial: Trial, accuracy: float) -> None:
    study.report(trial, report(1, accuracy))
    study.end_trial(trial, TrialEnd(Outcome.COMPLETED))


def test_proposals_lie_in_the_space_and_omit_inactive_hyperparameters(tmp_path: Path) -> None:
    spec = small_spec(asha="off")
    with open_study(spec, tmp_path) as study:
        for k in range(12):
            trial = study.ask(k % 2)
            complete(study, trial, 0.1 * k)
            params = dict(trial.params)
            if params["loss"] == "ce":
                assert set(params) == {"encoder", "loss", "batch_size"}
                continue
            low, high = (0.05, 1) if params["normalize"] else (5, 1000)
            assert low <= float(params["tau"]) <= high
            assert set(params) == {"encoder", "loss", "batch_size", "alpha", "normalize", "tau"}
            assert trial.config.tau == params["tau"]


def test_start_with_comes_first_and_the_missing_hyperparameters_are_sampled(tmp_path: Path) -> None:
    entry = {"loss": "lcl", "alpha": 0.2, "tau": 10, "normalize": False}
    with open_study(small_spec(start_with=[entry]), tmp_path) as study:
        first, other = study.ask(1), study.ask(0)
        assert {name: first.params[name] for name in entry} == entry
        assert first.params["batch_size"] in (4, 8)
        assert other.params["loss"] == "ce"
        assert study.ask(1).params["tau"] != 10


def test_a_grid_proposes_each_distinct_setting_once(tmp_path: Path) -> None:
    search = {"batch_size": [4, 8], "normalize": [True, False], "tau": {"choice": [1, 2], "when": {"normalize": True}}}
    spec = small_spec(search=search, sampler="grid", budget={"trials": 40})
    assert [spec.trial_budget(system) for system in (0, 1)] == [2, 6]
    with open_study(spec, tmp_path) as study:
        settings = [study.ask(system).params for system in (0, 1) for _ in range(spec.trial_budget(system))]
    assert len({tuple(sorted(params.items())) for params in settings}) == 8


@pytest.mark.parametrize("sampler", [name for name, entry in SAMPLERS.items() if not entry.is_exhaustive])
def test_a_range_in_steps_gives_each_value_once(tmp_path: Path, sampler: str) -> None:
    steps = {"alpha": {"uniform": [0.1, 0.7], "step": 0.1}, "dropout": {"uniform": [0, 0.3], "step": 0.05}}
    start = [{"loss": "lcl", "alpha": value} for value in (0.3, 0.7)]
    spec = small_spec(search=steps, sampler=sampler, asha="off", start_with=start)
    with open_study(spec, tmp_path) as study:
        for k in range(14):
            complete(study, study.ask(1), 0.01 * k)
        values = {name: {record.trial.params[name] for record in study.all_trials()} for name in steps}
    assert values["alpha"] <= {k / 10 for k in range(1, 8)}
    assert values["dropout"] <= {0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3}
    with open_study(spec, tmp_path) as study:
        assert {record.trial.params["alpha"] for record in study.all_trials()} == values["alpha"]


def test_a_computed_value_of_start_with_is_the_setting_of_its_decimal_number(tmp_path: Path) -> None:
    steps = {"alpha": {"uniform": [0.1, 0.7], "step": 0.1}}
    start = [{"alpha": value} for value in (0.1 + 0.2, 0.3, 0.7, 7 * 0.1)]
    spec = small_spec(search=steps, asha="off", start_with=start)
    with open_study(spec, tmp_path) as study:
        settings = [study.ask(1).params["alpha"] for _ in start]
    assert settings == [0.3, 0.3, 0.7, 0.7]


def test_a_grid_starts_with_a_computed_value_and_compares_it_with_its_decimal_number(tmp_path: Path) -> None:
    steps = {"uniform": [0.1, 0.5], "step": 0.1}
    start = [{"loss": "lcl", "alpha": 0.1 + 0.2, "dropout": 0.1 + 0.2}]
    space = {"compare": {"encoder": ["m"], "loss": ["lcl"], "alpha": steps}, "search": {"dropout": steps}}
    spec = small_spec(**space, asha="off", sampler="grid", start_with=start)
    compared = [system["alpha"] for system in spec.systems]
    assert compared == [0.1, 0.2, 0.3, 0.4, 0.5]
    with open_study(spec, tmp_path) as study:
        assert study.ask(2).params["dropout"] == 0.3


@pytest.mark.parametrize("sampler", [name for name, entry in SAMPLERS.items() if not entry.is_exhaustive])
def test_whole_numbers_uniform_in_their_logarithm_are_often_small(tmp_path: Path, sampler: str) -> None:
    spec = small_spec(search={"batch_size": {"int": [2, 256], "log": True}}, asha="off", sampler=sampler)
    with open_study(spec, tmp_path) as study:
        sizes = [study.ask(0).config.batch_size for _ in range(10)]
    assert all(2 <= size <= 256 for size in sizes)
    assert sum(size <= 32 for size in sizes) >= 3  # uniform: one in eight


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


def test_the_sampler_learns_the_last_value_of_a_trial_that_keeps_its_last_weights(tmp_path: Path) -> None:
    told = []
    for average in ("best", "last"):
        spec = small_spec(asha="off", training={"epochs": 3, "average": average})
        with open_study(spec, tmp_path / average) as study:
            trial = study.ask(0)
            for step, accuracy in enumerate((0.3, 0.9, 0.6), 1):
                study.report(trial, report(step, accuracy))
            study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
            told.append(study.studies.searches[0].trials[0].value)
    assert told == [0.9, 0.6]


RANGES = {"learning_rate": {"log": [1e-5, 1e-3]}, "dropout": {"uniform": [0, 0.5]}}
CONDITIONAL = {**FLAT, "dropout": {"uniform": [0, 0.5], "when": {"batch_size": 4}}}


@pytest.mark.parametrize("sampler", [name for name, entry in SAMPLERS.items() if not entry.is_exhaustive])
@pytest.mark.parametrize("search", [FLAT, RANGES, CONDITIONAL], ids=["list", "ranges", "conditional"])
def test_an_interrupted_sweep_proposes_the_same_as_an_uninterrupted_one(
    tmp_path: Path, sampler: str, search: dict[str, object]
) -> None:
    spec = small_spec(search=search, asha="off", sampler=sampler)

    def proposals(folder: Path, pieces: list[int]) -> list[object]:
        trials: list[object] = []
        for piece in pieces:
            with open_study(spec, folder) as study:
                for _ in range(piece):
                    trial = study.ask(0)
                    complete(study, trial, float(trial.config.learning_rate) * 100)
                    trials.append(trial)
        return trials

    assert proposals(tmp_path / "a", [14]) == proposals(tmp_path / "b", [5, 1, 8])


def test_cma_es_chooses_ranges_together_and_moves_to_the_better_ones(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = small_spec(search={**RANGES, "batch_size": [4, 8]}, asha="off", sampler="cmaes")
    with open_study(spec, tmp_path) as study:
        dropouts = []
        for _ in range(48):
            trial = study.ask(0)
            assert trial.params.keys() == {"encoder", "loss", "batch_size", "dropout", "learning_rate"}
            dropouts.append(float(trial.params["dropout"]))
            complete(study, trial, 1 - dropouts[-1])
    assert any(b"cma:optimizer" in line for line in journal_lines(tmp_path))  # a generation was completed
    assert np.mean(dropouts[-12:]) < np.mean(dropouts[:12]) / 2
    assert capfd.readouterr() == ("", "")  # no warning about the list, which is drawn at random


def test_a_gaussian_process_moves_to_the_better_values_of_lists_and_ranges(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    conditional = {"choice": [1, 2], "when": {"batch_size": 4}}
    search = {"dropout": {"uniform": [0, 0.5]}, "batch_size": [4, 8], "views": conditional}
    spec = small_spec(compare={"encoder": ["m"], "loss": ["scl"]}, search=search, asha="off", sampler="gp")
    with open_study(spec, tmp_path) as study:
        dropouts = []
        for _ in range(14):
            trial = study.ask(0)
            assert ("views" in trial.params) == (trial.params["batch_size"] == 4)
            dropouts.append(trial.config.dropout)
            complete(study, trial, 1 - dropouts[-1] - 0.2 * (trial.config.batch_size == 4))
    assert np.mean(dropouts[-4:]) < np.mean(dropouts[:10]) / 2
    assert capfd.readouterr() == ("", "")  # no warning about the conditional list, which is drawn at random


def test_a_proposal_that_was_interrupted_halfway_is_completed(tmp_path: Path) -> None:
    spec = small_spec(search=FLAT)
    with open_study(spec, tmp_path) as study:
        whole = study.ask(0)
    path = tmp_path / "journal"
    lines = path.read_bytes().splitlines(keepends=True)
    first = next(k for k, line in enumerate(lines) if b'"op_code": 4' in line)
    for cut in range(first + 1, len(lines)):
        path.write_bytes(b"".join(lines[:cut]))
        with open_study(spec, tmp_path) as study:
            (record,) = study.all_trials()
            assert record.trial.number == whole.number
            assert record.trial.params.keys() == whole.params.keys()
            assert record.trial.params["batch_size"] == whole.params["batch_size"] or cut == first + 1


def journal_lines(folder: Path) -> list[bytes]:
    return (folder / "journal").read_bytes().splitlines(keepends=True)


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


def test_a_repeated_setting_is_skipped_even_if_skipping_it_was_interrupted(tmp_path: Path) -> None:
    spec = small_spec(search={"batch_size": [4, 8]}, asha="off", sampler="random")
    with open_study(spec, tmp_path) as study:
        while not any(b"skipped" in line for line in journal_lines(tmp_path)):
            study.end_trial(study.ask(0), TrialEnd(Outcome.FAILED, "x"))
        whole = journal_lines(tmp_path)
    first = next(k for k, line in enumerate(whole) if b"skipped" in line)
    for cut in range(first - 1, first + 2):  # before the choice, before the mark, before the end of the proposal
        (tmp_path / "journal").write_bytes(b"".join(whole[:cut]))
        with open_study(spec, tmp_path) as study:
            before = [record.trial.number for record in study.all_trials()]
            again = study.ask(0)
            assert again.number == len(before) + 1
            assert before == list(range(1, again.number))
            settings = [record.trial.params["batch_size"] for record in study.all_trials()]
            assert len(set(settings)) == len(settings)


def test_a_stopped_setting_is_not_proposed_again(tmp_path: Path) -> None:
    spec = small_spec(search={"batch_size": [4, 8, 16, 32]}, asha="off", sampler="random")
    with open_study(spec, tmp_path) as study:
        for _ in range(3):
            trial = study.ask(0)
            study.report(trial, report(1, 0.1))
            study.end_trial(trial, TrialEnd(Outcome.DIVERGED, "not finite"))
        settings = [record.trial.params["batch_size"] for record in study.all_trials()]
        assert len(set(settings)) == 3
        assert [record.trial.number for record in study.all_trials()] == [1, 2, 3]


def test_a_repeated_setting_has_another_seed(tmp_path: Path) -> None:
    spec = small_spec(search={"batch_size": [4, 8]}, asha="off")
    with open_study(spec, tmp_path) as study:
        trials = []
        for _ in range(5):
            trials.append(study.ask(0))
            complete(study, trials[-1], 0.5)
    assert len({trial.config.seed for trial in trials}) == 5


def test_the_first_end_counts(tmp_path: Path) -> None:
    with open_study(small_spec(asha="off"), tmp_path) as study:
        trial = study.ask(0)
        study.report(trial, report(1, 0.5))
        study.end_trial(trial, TrialEnd(Outcome.FAILED, "first"))
        study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
        assert study.get(trial).end == TrialEnd(Outcome.FAILED, "first")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_not_finite_ends_the_trial_as_diverged(tmp_path: Path, value: float) -> None:
    with open_study(small_spec(), tmp_path) as study:
        trial = study.ask(0)
        trial_end = study.report(trial, report(1, value)).end
        assert trial_end is not None
        assert trial_end.outcome == Outcome.DIVERGED
        assert study.get(trial).end == trial_end


def test_with_a_minimized_objective_high_values_are_stopped(tmp_path: Path) -> None:
    def loss(value: float) -> ValidationReport:
        return ValidationReport(1, 1.0, {"validation/loss": value})

    with open_study(small_spec(objective={"minimize": "validation/loss"}), tmp_path) as study:
        trials = [study.ask(0) for _ in range(3)]
        assert study.report(trials[0], loss(0.5)).end is None
        assert study.report(trials[1], loss(0.4)).end is None
        assert study.report(trials[2], loss(0.9)).end is not None


def asha_of_ray(values: list[float], reduction_factor: int) -> list[bool]:
    """Return which trials continue at a rung by the rule of Ray's scheduler, in the order of arrival."""
    seen: list[float] = []
    continues = []
    for value in values:
        cutoff = np.nanpercentile(seen, (1 - 1 / reduction_factor) * 100) if seen else None
        continues.append(cutoff is None or bool(value >= cutoff))
        seen.append(value)
    return continues


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_rungs_decide_as_ray_tunes_asha(tmp_path: Path, factor: int) -> None:
    values = [float(value) for value in np.random.default_rng(factor).random(25)]
    spec = small_spec(asha={"grace_epochs": 1, "reduction_factor": factor}, search=FLAT, sampler="random")
    with open_study(spec, tmp_path) as study:
        verdicts = [study.report(study.ask(0), report(1, value)).end is None for value in values]
    assert verdicts == asha_of_ray(values, factor)


def test_a_rung_gives_the_same_answer_after_a_crash(tmp_path: Path) -> None:
    spec = small_spec(asha={"grace_epochs": 1, "reduction_factor": 2}, search=FLAT, sampler="random")
    with open_study(spec, tmp_path) as study:
        early = study.ask(0)
        assert study.report(early, report(1, 0.1)).end is None  # the first
        assert study.report(study.ask(0), report(1, 0.9)).end is None
    with open_study(spec, tmp_path) as study:
        again = study.restart(study.all_trials()[0].trial)
        assert study.report(again, report(1, 0.1)).end is None  # it is below the other, but the other came later


def test_a_verdict_from_before_a_crash_is_not_changed_by_a_later_step(tmp_path: Path) -> None:
    spec = small_spec(search={**FLAT, "epochs": [2, 8]}, training={}, asha={"grace_epochs": 2, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        for number, value in ((1, 0.9), (2, 0.1)):
            trial = study.ask(0)
            while trial.config.epochs != (8 if number == 1 else 2):
                trial = study.ask(0)
            assert [study.report(trial, report(step, value)).end for step in (1, 2)] == [None, None]
    with open_study(
        spec, tmp_path
    ) as study:  # the last trial was interrupted after its training, before its end was recorded
        again = study.restart(study.all_trials()[-1].trial)
        assert [study.report(again, report(step, 0.1)).end for step in (1, 2)] == [None, None]


def test_each_system_has_its_own_rungs(tmp_path: Path) -> None:
    with open_study(small_spec(), tmp_path) as study:
        assert study.report(study.ask(0), report(1, 0.9)).end is None
        assert study.report(study.ask(1), report(1, 0.1)).end is None


def test_a_report_without_the_objective_is_recorded_but_not_judged(tmp_path: Path) -> None:
    spec = small_spec(asha={"grace_epochs": 1, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        other = study.ask(0)
        study.report(other, report(1, 0.9))
        trial = study.ask(0)
        early = ValidationReport(1, 1.0, {"train/loss": 0.7})
        assert study.report(trial, early).end is None
        assert study.get(trial).reports == (early,)
        stopped = study.report(trial, report(2, 0.1)).end
        assert stopped is None  # no other trial has reached this rung


def test_the_last_report_of_a_trial_does_not_stop_it(tmp_path: Path) -> None:
    spec = small_spec(search={**FLAT, "epochs": [2, 8]}, training={}, asha={"grace_epochs": 2, "reduction_factor": 2})
    assert spec.rungs == (2, 4)
    with open_study(spec, tmp_path) as study:
        short = long = None
        while short is None or long is None:
            trial = study.ask(0)
            short, long = (trial, long) if trial.config.epochs == 2 else (short, trial)
        for step in (1, 2):
            study.report(long, report(step, 0.9))
        assert study.report(short, report(1, 0.1)).end is None
        assert (
            study.report(short, report(2, 0.1)).end is None
        )  # it is at a rung and below the other, but it is complete
        study.end_trial(short, TrialEnd(Outcome.COMPLETED))
        assert study.get(short).end == TrialEnd(Outcome.COMPLETED)


def test_a_rung_counts_the_trials_that_ended_at_it(tmp_path: Path) -> None:
    spec = small_spec(search={**FLAT, "epochs": [2, 8]}, training={}, asha={"grace_epochs": 2, "reduction_factor": 2})
    with open_study(spec, tmp_path) as study:
        trials = [study.ask(0) for _ in range(12)]
        short = next(trial for trial in trials if trial.config.epochs == 2)
        first, last = [trial for trial in trials if trial.config.epochs == 8][:2]
        for trial, value in ((first, 0.1), (short, 0.9), (last, 0.4)):
            verdicts = [study.report(trial, report(step, value)).end is None for step in (1, 2)]
            assert verdicts == [True, trial is not last]  # below the median of the two before it


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
