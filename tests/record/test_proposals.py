"""Proposals: where they lie, what they repeat, and that an interruption does not change them."""

from pathlib import Path

import numpy as np
import pytest

from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.samplers import SAMPLERS
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.fakes import report
from tests.support.search_spaces import small_spec
from tests.support.studies import FLAT, complete, journal_lines, open_study


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


def test_a_kill_between_skipped_proposals_does_not_change_which_one_is_accepted(tmp_path: Path) -> None:
    spec = small_spec(search={"batch_size": [4, 8]}, asha="off", sampler="random")
    with open_study(spec, tmp_path) as study:
        for _ in range(2):
            study.end_trial(study.ask(0), TrialEnd(Outcome.FAILED, "x"))
        begin = len(journal_lines(tmp_path))
        whole = study.ask(0)  # every setting was stopped, so one of them is accepted in the end
        proposals = len(study.studies.searches[0].get_trials(deepcopy=False))
        lines = journal_lines(tmp_path)
    assert sum(b"skipped" in line for line in lines[begin:]) == 20
    for cut in range(begin, len(lines), 7):
        (tmp_path / "journal").write_bytes(b"".join(lines[:cut]))
        with open_study(spec, tmp_path) as study:
            assert study.ask(0) == whole
            assert len(study.studies.searches[0].get_trials(deepcopy=False)) == proposals


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


WENT_WRONG = [outcome for outcome in Outcome if not outcome.is_healthy]


@pytest.mark.parametrize("outcome", WENT_WRONG)
def test_the_sampler_sees_no_report_of_a_trial_that_went_wrong(outcome: Outcome, tmp_path: Path) -> None:
    """TPE ranks stopped trials by their last step first, and those without any last."""
    spec = small_spec(search=FLAT, asha="off", training={"epochs": 3})

    def seen(study: OptunaStudy) -> list[dict[int, float]]:
        return [stored.intermediate_values for stored in study.studies.searches[0].get_trials(deepcopy=False)]

    with open_study(spec, tmp_path) as study:
        for end, count in ((Outcome.STOPPED_EARLY, 1), (outcome, 2)):
            trial = study.ask(0)
            for step in range(1, count + 1):
                study.report(trial, report(step, 0.5))
            study.end_trial(trial, TrialEnd(end, "reason"))
        assert seen(study) == [{1: 0.5}, {}]
        assert [len(record.reports) for record in study.all_trials()] == [1, 2]
    with open_study(spec, tmp_path) as study:
        assert seen(study) == [{1: 0.5}, {}]
        assert [len(record.reports) for record in study.all_trials()] == [1, 2]


def test_a_repeated_setting_has_another_seed(tmp_path: Path) -> None:
    spec = small_spec(search={"batch_size": [4, 8]}, asha="off")
    with open_study(spec, tmp_path) as study:
        trials = []
        for _ in range(5):
            trials.append(study.ask(0))
            complete(study, trials[-1], 0.5)
    assert len({trial.config.seed for trial in trials}) == 5
