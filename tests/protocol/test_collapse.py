"""The trials that have collapsed: those that predict one class and never beat the best constant prediction, or rise."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.protocol.collapse import CollapseRule, count_validation_classes
from sweeper.protocol.search_stage import SearchStage
from sweeper.protocol.stages import ConfirmationStage
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import data
from tests.support.search_spaces import small_spec
from tests.support.studies import open_study

COUNTS = {"very negative": 6, "negative": 3, "neutral": 1}
CONSTANTS = {  # the values of the best constant prediction
    **{"accuracy": 0.6, "macro_f1": 0.25, "weighted_f1": 0.45, "loss": 0.898},
    **{"f1/very negative": 0.75, "f1/neutral": 2 / 11},
}
ASHA = {"grace_epochs": 2, "reduction_factor": 2}

Course = Sequence[tuple[float, float]]  # of each validation: the objective, and the largest class's share


def spec(metric: str = "accuracy", **changes: Any) -> SweepSpec:
    objective = {"minimize" if metric == "loss" else "maximize": f"validation/{metric}"}
    return small_spec(**{"training": {"epochs": 8}, "asha": ASHA, "objective": objective, **changes})


def reports(course: Course, metric: str = "accuracy", loss: float = 2.0) -> list[ValidationReport]:
    def metrics(value: float, share: float) -> dict[str, float]:
        return {"validation/loss": loss, f"validation/{metric}": value, "validation/largest_class": share}

    return [ValidationReport(step, float(step), metrics(*each)) for step, each in enumerate(course, start=1)]


def outcome(
    folder: Path, validations: Sequence[ValidationReport], sweep: SweepSpec, counts: Mapping[str, int] = COUNTS
) -> tuple[int, TrialEnd | None]:
    """Report these validations, and the end if nothing ends the trial before. Return the last step and the end."""
    with open_study(sweep, folder) as study:
        search = SearchStage(sweep, study, [], class_counts=counts)
        trial = search.next_trial()
        assert trial is not None
        if all(search.report(trial, validation) for validation in validations):
            search.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
        assert not search.running
        record = study.all_trials()[0]
        return len(record.reports), record.end


def recorded(validations: Sequence[ValidationReport]) -> TrialRecord:
    config = TrainConfig(encoder="m")
    return TrialRecord(Trial(1, 0, {}, config), reports=tuple(validations))


def verdicts(course: Course, *, asha: Any = ASHA, metric: str = "accuracy", loss: float = 2.0) -> list[Outcome]:
    """Return the outcome of a training with this course, by the rule alone: early after any report, and at the end."""
    sweep = spec(metric, asha=asha)
    rule, validations = CollapseRule(sweep, COUNTS), reports(course, metric, loss)
    record = recorded(validations)
    early = [rule.check(record, step) for step in range(1, len(validations) + 1)]
    return [end.outcome for end in early if end] + [rule.final_end(record).outcome]


# ---- what collapses


@pytest.mark.parametrize(
    ("course", "ended_at"),
    [
        ([(0.6, 1.0)] * 8, 4),  # the largest class for every text
        ([(0.3, 1.0)] * 8, 4),  # another class
        ([(0.6, 0.98), (0.6, 0.99)] * 4, 4),
        ([(0.1, 1.0), (0.6, 1.0), (0.3, 1.0), (0.1, 1.0), (0.6, 1.0)], 4),  # another class each time
        ([(0.1, 1.0), (0.2, 1.0), (0.3, 1.0), (0.6, 1.0), (0.6, 1.0), (0.6, 1.0)], 6),  # rose, and rises no more
        ([(0.5, 0.5), (0.5, 0.5), (0.3, 1.0), (0.3, 1.0)], 4),
    ],
)
def test_two_validations_with_one_class_that_do_not_rise_end_a_trial_after_the_grace_epochs(
    tmp_path: Path, course: Course, ended_at: int
) -> None:
    steps, end = outcome(tmp_path, reports(course), spec())
    assert (steps, end and end.outcome) == (ended_at, Outcome.COLLAPSED)


def test_grace_epochs_come_from_the_search_space(tmp_path: Path) -> None:
    asha = {"grace_epochs": 4, "reduction_factor": 2}
    assert outcome(tmp_path, reports([(0.6, 1.0)] * 8), spec(asha=asha))[0] == 6


def test_grace_epochs_count_their_validations(tmp_path: Path) -> None:
    sweep = spec(training={"epochs": 8, "validations_per_epoch": 2})
    assert outcome(tmp_path, reports([(0.6, 1.0)] * 16), sweep)[0] == 6


def test_a_phase_without_a_classifier_does_not_count(tmp_path: Path) -> None:
    phase = [ValidationReport(step, float(step), {"train/loss": 1.0}) for step in (1, 2)]
    course = [ValidationReport(each.step + 2, each.epoch + 2, each.metrics) for each in reports([(0.6, 1.0)] * 6)]
    assert outcome(tmp_path, [*phase, *course], spec())[0] == 6


@pytest.mark.parametrize("epochs", [1, 2, 3])
def test_a_short_training_is_marked_at_its_end(tmp_path: Path, epochs: int) -> None:
    steps, end = outcome(tmp_path, reports([(0.6, 1.0)] * epochs), spec())
    assert (steps, end and end.outcome) == (epochs, Outcome.COLLAPSED)
    assert end is not None
    assert end.reason == (
        "predicts one class for 100% of the texts at its best validation too; "
        "accuracy 0.6000 is no better than the best constant prediction's 0.6000"
    )


def test_the_reason_names_share_and_scores(tmp_path: Path) -> None:
    end = outcome(tmp_path, reports([(0.3, 0.98567)] * 4, "macro_f1"), spec("macro_f1"), {"bad": 5, "good": 5})[1]
    assert end is not None
    assert end.reason == (
        "predicts one class for 98.5% of the texts twice in a row; "
        "macro_f1 0.3000 is no better than the best constant prediction's 0.3333"
    )


# ---- what never collapses


@pytest.mark.parametrize("metric", list(CONSTANTS))
@given(st.data())
@settings(max_examples=60)
def test_a_trial_that_beats_the_best_constant_prediction_once_never_collapses(metric: str, data: st.DataObject) -> None:
    course = data.draw(st.lists(st.tuples(st.floats(0, 2), st.floats(0, 1)), min_size=1, max_size=8))
    better = CONSTANTS[metric] + (-0.01 if metric == "loss" else 0.01)
    index = data.draw(st.integers(0, len(course) - 1))
    course[index] = better, data.draw(st.floats(0, 1))
    sweep = spec(metric)
    rule, validations = CollapseRule(sweep, COUNTS), reports(course, metric)
    record = recorded(validations)
    assert rule.final_end(record).outcome == Outcome.COMPLETED
    assert not any(rule.check(record, step) for step in range(index + 1, len(course) + 1))


@pytest.mark.parametrize(("metric", "sign"), [("accuracy", 1), ("macro_f1", 1), ("loss", -1)])
@given(st.lists(st.integers(0, 1000), min_size=2, max_size=8, unique=True), st.floats(0.98, 1))
@settings(max_examples=60)
def test_a_trial_that_rises_never_collapses(metric: str, sign: int, values: list[int], share: float) -> None:
    course = [(value / 1000 + (1 if metric == "loss" else 0), share) for value in sorted(values, reverse=sign < 0)]
    assert verdicts(course, metric=metric) == [Outcome.COMPLETED]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.sampled_from(["accuracy", "macro_f1", "loss"]))
@settings(max_examples=60)
def test_with_one_class_in_validation_no_trial_collapses(values: list[float], metric: str) -> None:
    rule = CollapseRule(spec(metric), {"bad": 0, "good": 7, "so so": 0})
    record = recorded(reports([(value, 1.0) for value in values], metric))
    assert rule.check(record, len(values)) is None
    assert rule.final_end(record).outcome == Outcome.COMPLETED


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 0.97)), min_size=1, max_size=8))
@settings(max_examples=60)
def test_a_trial_that_predicts_several_classes_never_collapses(course: Course) -> None:
    assert verdicts(course) == [Outcome.COMPLETED]


def test_a_loss_well_below_that_of_the_best_constant_prediction_is_no_collapse() -> None:
    """With a rare class, the loss falls long before a text gets the rare class."""
    flat = [(0.6, 1.0)] * 6
    assert verdicts(flat, loss=0.85) == [Outcome.COMPLETED]
    assert set(verdicts(flat, loss=0.86)) == {Outcome.COLLAPSED}  # less than 5 % below .898: chance


def test_validation_with_nearly_one_class_needs_more_than_98_percent() -> None:
    rule = CollapseRule(spec(), {"bad": 985, "good": 15})
    record = recorded(reports([(0.98, 0.99)] * 8))
    assert rule.final_end(record).outcome == Outcome.COMPLETED
    record = recorded(reports([(0.98, 1.0)] * 8))
    assert rule.final_end(record).outcome == Outcome.COLLAPSED


# ---- early stopping off, resuming, and the stages


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.9, 1)), min_size=1, max_size=8))
@settings(max_examples=60)
def test_without_early_stopping_only_the_end_can_be_a_collapse(course: Course) -> None:
    assert len(verdicts(course, asha="off")) == 1
    assert verdicts(course, asha="off")[-1] == verdicts(course)[-1]


def test_without_early_stopping_a_trial_that_recovers_completes(tmp_path: Path) -> None:
    course = [(0.6, 1.0)] * 6 + [(0.7, 0.9), (0.98, 0.6)]
    steps, end = outcome(tmp_path, reports(course), spec(asha="off"))
    assert (steps, end) == (8, TrialEnd(Outcome.COMPLETED))


def test_a_trial_of_the_confirmation_is_trained_to_its_end_and_marked_there(tmp_path: Path) -> None:
    sweep = spec(confirm={"seeds": 1}, compare={"encoder": ["m"], "loss": ["ce"]}, budget={"trials": 1})
    assert outcome(tmp_path, reports([(0.9, 0.5)] * 8), sweep)[1] == TrialEnd(Outcome.COMPLETED)
    with open_study(sweep, tmp_path) as study:
        confirmation = ConfirmationStage(sweep, study, [], class_counts=COUNTS)
        trial = confirmation.next_trial()
        assert trial is not None
        assert all(confirmation.report(trial, validation) for validation in reports([(0.6, 1.0)] * 8))
        confirmation.trial_ended(trial, TrialEnd(Outcome.COMPLETED))
        end = study.all_trials()[1].end
    assert end is not None
    assert end.outcome == Outcome.COLLAPSED


@given(st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.6]), st.sampled_from([0.9, 1.0])), min_size=4, max_size=8))
@settings(max_examples=60)
def test_the_answer_at_a_report_does_not_depend_on_later_ones(course: Course) -> None:
    rule, validations = CollapseRule(spec(), COUNTS), reports(course)
    whole = recorded(validations)
    for step in range(1, len(course) + 1):
        cut = recorded(validations[:step])
        assert rule.check(whole, step) == rule.check(cut, step)


def test_validation_texts_are_counted_by_class() -> None:
    assert list(count_validation_classes({"m": data()}).values()) == [9, 1, 0]
    assert count_validation_classes({}) == {}
