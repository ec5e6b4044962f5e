"""A new sweep borrows what lies in its space from an earlier one, and says what it left out."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from sweeper.app.learn_from import read_earlier_sweeps
from sweeper.protocol.borrowing import fit_trial, is_of_system
from sweeper.protocol.learned_from import describe_learned_from, summarize_borrowed
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import open_sweep
from sweeper.training.types import ValidationReport
from sweeper.trials.borrowed import BorrowedTrials, borrowed_digest
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.recorded_sweeps import SPACE, RecordedSweep
from tests.support.search_spaces import small_spec

OUTCOMES: Sequence[Outcome | None] = (Outcome.COMPLETED, Outcome.FAILED, Outcome.COMPLETED, None)


def borrow(sweeps: Path, **changes: Any) -> tuple[SweepSpec, BorrowedTrials]:
    """Return a space that learns from a sweep with six ended trials in two systems, and what it borrows."""
    earlier = RecordedSweep(sweeps).search(OUTCOMES)
    spec = small_spec(**{**SPACE, "seed": 1, **changes, "learn_from": [str(earlier.folder.path)]})
    return spec, read_earlier_sweeps(spec)[0]


def test_the_ended_trials_of_the_same_systems_are_borrowed(tmp_path: Path) -> None:
    spec, borrowed = borrow(tmp_path)
    assert (len(borrowed.trials), borrowed.ended, borrowed.outside, borrowed.of_other_systems) == (6, 6, 0, 0)
    scores = [trial.score for trial in borrowed.trials]
    assert scores[:2] == pytest.approx([0.45, 0.45])
    assert scores[2:4] == [None, None]
    assert borrowed.trials[0].reports == pytest.approx({1: 0.3, 2: 0.4, 3: 0.5 - 0.2 / 3, 4: 0.45})
    for trial in borrowed.trials:
        own = [system for system in range(2) if is_of_system(spec, system, trial)]
        assert [spec.systems[system]["loss"] for system in own] == [trial.values["loss"]]
        assert fit_trial(spec, own[0], trial)["learning_rate"][0] == trial.values["learning_rate"]


@pytest.mark.parametrize(("average", "score"), [("best", 0.6), ("last", 0.4)])
def test_a_borrowed_trial_has_the_score_that_it_had_in_its_own_sweep(
    average: str, score: float, tmp_path: Path
) -> None:
    training = {**SPACE["training"], "average": average}
    earlier = RecordedSweep(tmp_path, training=training)
    with earlier.study() as study:
        trial = study.ask(0)
        for step, accuracy in enumerate((0.3, 0.6, 0.5, 0.4), start=1):
            study.report(trial, ValidationReport(step, float(step), {"validation/accuracy": accuracy}))
        study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
    spec = small_spec(**{**SPACE, "training": training, "seed": 1, "learn_from": [str(earlier.folder.path)]})
    assert [trial.score for trial in read_earlier_sweeps(spec)[0].trials] == [score]


@pytest.mark.parametrize(
    ("there", "here", "reports"),
    [
        (4, 1, {1: 0.4, 2: 0.7}),
        (2, 4, {2: 0.1, 4: 0.2, 6: 0.3, 8: 0.4, 10: 0.5, 12: 0.6, 14: 0.9, 16: 0.7}),
        (3, 2, {2: 0.3, 4: 0.6}),
    ],
)
def test_only_validations_of_the_same_epoch_are_borrowed_and_all_of_them_make_the_score(
    there: int, here: int, reports: dict[int, float], tmp_path: Path
) -> None:
    training = {**SPACE["training"], "epochs": 4}
    earlier = RecordedSweep(tmp_path, training={**training, "validations_per_epoch": there})
    with earlier.study() as study:
        trial = study.ask(0)
        for step, accuracy in enumerate((0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9, 0.7), start=1):
            study.report(trial, ValidationReport(step, step / there, {"validation/accuracy": accuracy}))
        study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
    changes = {"training": {**training, "validations_per_epoch": here}, "seed": 1}
    spec = small_spec(**{**SPACE, **changes, "learn_from": [str(earlier.folder.path)]})
    (borrowed,) = read_earlier_sweeps(spec)[0].trials
    assert (borrowed.score, borrowed.reports) == (0.9, reports)


def test_the_reports_of_a_trial_that_went_wrong_are_not_borrowed(tmp_path: Path) -> None:
    earlier = RecordedSweep(tmp_path)
    outcomes = (Outcome.STOPPED_EARLY, Outcome.DIVERGED, Outcome.COLLAPSED, Outcome.FAILED)
    with earlier.study() as study:
        for outcome in outcomes:
            trial = study.ask(0)
            study.report(trial, ValidationReport(1, 1.0, {"validation/accuracy": 0.5}))
            study.end_trial(trial, TrialEnd(outcome, "reason"))
    spec = small_spec(**{**SPACE, "seed": 1, "learn_from": [str(earlier.folder.path)]})
    assert [trial.reports for trial in read_earlier_sweeps(spec)[0].trials] == [{1: 0.5}, {}, {}, {}]


def test_values_outside_the_space_leave_their_trials_out(tmp_path: Path) -> None:
    narrow = {"learning_rate": {"log": [1e-4, 1e-3]}}
    _, borrowed = borrow(tmp_path, search=narrow)
    assert all(float(trial.values["learning_rate"]) >= 1e-4 for trial in borrowed.trials)
    assert 0 < len(borrowed.trials) < 6
    assert borrowed.outside == 6 - len(borrowed.trials)
    assert borrowed.left_out == ["alpha"]
    assert not any("alpha" in trial.values for trial in borrowed.trials)


def test_values_that_were_fixed_there_count_and_those_fixed_here_do_not(tmp_path: Path) -> None:
    search = {"learning_rate": SPACE["search"]["learning_rate"], "epochs": [2, 4], "batch_size": [16, 32, 64]}
    spec, borrowed = borrow(tmp_path, search=search, training={"alpha": 0.5, "dropout": 0.3})
    default = small_spec(**SPACE).train_config({**spec.systems[0], "learning_rate": 1e-4}, seed=0, threads=1).batch_size
    for trial in borrowed.trials:
        assert fit_trial(spec, 0, trial)["epochs"][0] == 4
        assert trial.values["batch_size"] == default
        assert not {"alpha", "dropout"} & trial.values.keys()
    assert len(borrowed.trials) == 6


@pytest.mark.parametrize(
    "there",
    [
        {"training": {"epochs": 4, "batch_size": 64}},
        {"search": {**SPACE["search"], "batch_size": 64}},
        {"search": {**SPACE["search"], "batch_size": [64]}},
        {"compare": {**SPACE["compare"], "batch_size": [64]}},
    ],
)
def test_a_value_outside_that_all_trials_share_is_dropped_wherever_it_was_written(
    there: dict[str, Any], tmp_path: Path
) -> None:
    earlier = RecordedSweep(tmp_path, **there).search(OUTCOMES)
    search = {**SPACE["search"], "batch_size": [8, 16]}
    learning = {"search": search, "seed": 1, "learn_from": [str(earlier.folder.path)]}
    borrowed = read_earlier_sweeps(small_spec(**{**SPACE, **learning}))[0]
    assert (len(borrowed.trials), borrowed.outside, borrowed.left_out) == (6, 0, ["batch_size"])
    assert not any("batch_size" in trial.values for trial in borrowed.trials)


@pytest.mark.parametrize(("siblings", "expected"), [(0, (3, 3)), (0.5, (6, 0))])
def test_other_systems_lend_trials_where_siblings_do(
    siblings: float, expected: tuple[int, int], tmp_path: Path
) -> None:
    compare = {"encoder": ["gru"], "loss": ["scl", "lcl"]}
    spec, borrowed = borrow(tmp_path, compare=compare, tpe={"siblings": siblings, "start_trials": 3})
    assert (len(borrowed.trials), borrowed.of_other_systems) == expected
    own = [trial for trial in borrowed.trials if is_of_system(spec, 0, trial)]
    assert {trial.values["loss"] for trial in own} == {"scl"}
    for trial in borrowed.trials:  # ce has no alpha, so its trials lend the learning rate alone
        fit = fit_trial(spec, 1, trial)
        assert set(fit) == ({"learning_rate"} if trial.values["loss"] == "ce" else {"learning_rate", "alpha"})


def test_a_copy_comes_back_unchanged_and_names_the_sweep_that_has_it(tmp_path: Path) -> None:
    spec, borrowed = borrow(tmp_path / "a", search={**SPACE["search"], "normalize": [True, False]})
    pins = {"rows": "r", "learn_from": borrowed_digest([borrowed])}
    made = create_sweep(tmp_path / "b", spec, pins, 1, borrowed=[borrowed])
    again = open_sweep(made.path)
    assert [asdict(source) for source in again.manifest.borrowed] == [
        json.loads(json.dumps(asdict(borrowed))) | {"trials": [asdict(trial) for trial in borrowed.trials]}
    ]
    assert borrowed_digest(again.manifest.borrowed) == borrowed_digest([borrowed])
    assert again.read_spec() == spec
    other = create_sweep(tmp_path / "b", spec, {**pins, "learn_from": "other"}, 1, borrowed=[borrowed])
    assert other.fingerprint != made.fingerprint == again.fingerprint
    alone = create_sweep(tmp_path / "b", small_spec(), {}, 1)
    assert "borrowed" not in (alone.path / "sweep.json").read_text()


def test_a_sweep_has_the_identity_of_its_earlier_sweeps_names_wherever_they_are(tmp_path: Path) -> None:
    spec, _ = borrow(tmp_path)
    name = Path(spec.learn_from[0]).name
    gone = small_spec(**{**SPACE, "seed": 1, "learn_from": [f"/moved/away/{name}"]})
    assert gone.identity == spec.identity
    assert spec.identity["learn_from"] == [name]
    assert "learn_from" not in small_spec(**SPACE, learn_from=[]).identity
    assert spec.identity != small_spec(**SPACE, seed=1).identity


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "6 of 6 ended trials; its scores are on the same validation split, so this is further tuning on it"),
        ({"dataset": "sst2"}, "6 of 6 ended trials; its scores are on another validation split"),
        ({"search": {"learning_rate": {"log": [1e-5, 1e-3]}}}, "without alpha, whose values do not apply here"),
        ({"search": {**SPACE["search"], "batch_size": [4, 8]}}, "6 of 6 ended trials; without batch_size, whose"),
        ({"compare": {"encoder": ["gru"], "loss": ["ce"]}}, "3 of 6 ended trials; 3 are of other systems"),
    ],
)
def test_what_was_borrowed_is_said(changes: dict[str, Any], words: str, tmp_path: Path) -> None:
    spec, borrowed = borrow(tmp_path, **changes)
    name = Path(spec.learn_from[0]).name
    text = describe_learned_from(summarize_borrowed([borrowed])[0])
    assert text.startswith(f"{name} (sst5), ")
    assert words in text


def test_equal_validation_texts_are_the_same_split_under_any_name(tmp_path: Path) -> None:
    _, borrowed = borrow(tmp_path, dataset="sst2")
    assert not summarize_borrowed([borrowed], "d1gest")[0].same_validation
    known = BorrowedTrials(**{**vars(borrowed), "validation": "d1gest"})
    assert summarize_borrowed([known], "d1gest")[0].same_validation
