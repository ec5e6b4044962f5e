"""The pruner applies any registered rule at its rungs, in either direction, and reads a study once."""

from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray

from sweeper.record.optuna_study import OptunaStudy
from sweeper.record.rung_pruner import describe_stop
from sweeper.search_space.early_stopping import EARLY_STOPPING, EarlyStoppingRule, RungSettings
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.search_spaces import small_spec


class EveryValidation(RungSettings):
    """Settings of a rule with a rung at every validation."""

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        return tuple(range(1, epochs * validations_per_epoch))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[float]]:
    """Register a rule that stops a trial below all earlier ones. Return the earlier values that it is shown."""
    questions: list[list[float]] = []

    def least(earlier_values: NDArray[np.float64], settings: EveryValidation) -> float | None:
        questions.append(earlier_values.tolist())
        return float(earlier_values.min()) if earlier_values.size else None

    rule = EarlyStoppingRule("the worst rule", "Stops the worst.", EveryValidation, least)
    monkeypatch.setitem(cast("dict[str, Any]", EARLY_STOPPING), "worst", rule)
    return questions


def report_loss(study: OptunaStudy, value: float) -> Outcome | None:
    """Report one validation of a new trial. Return the trial's outcome."""
    trial = study.ask(0)
    end = study.report(trial, ValidationReport(1, 1.0, {"validation/loss": value})).end
    return end.outcome if end else None


def test_a_registered_rule_decides_on_the_values_in_the_order_of_arrival(
    tmp_path: Path, asked: list[list[float]]
) -> None:
    spec = small_spec(objective={"minimize": "validation/loss"}, asha="off", search={"batch_size": {"int": [2, 64]}})
    values = {key: value for key, value in spec.model_dump().items() if key != "asha"}
    spec = type(spec).model_validate({**values, "early_stopping": {"worst": {}}})
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        assert [report_loss(study, loss) for loss in (0.5, 0.3, 0.4)] == [None, None, None]
        assert report_loss(study, 0.6) == Outcome.STOPPED_EARLY
    assert asked[:4] == [[], [-0.5], [-0.5, -0.3], [-0.5, -0.3, -0.4]]
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        assert report_loss(study, 0.55) is None
    assert asked[-1] == [-0.5, -0.3, -0.4, -0.6]


def test_after_its_first_question_the_pruner_reads_no_ended_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(
        objective={"minimize": "validation/loss"}, search={"batch_size": {"int": [2, 64]}}, sampler="random"
    )
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        report_loss(study, 0.5)
        trials = [study.ask(0) for _ in range(3)]
        monkeypatch.setattr(optuna.Study, "get_trials", lambda *_, **__: pytest.fail("walks over all trials"))
        for trial in trials:
            study.report(trial, ValidationReport(1, 1.0, {"validation/loss": 0.4}))


@pytest.mark.parametrize(
    ("objective", "values", "reason"),
    [
        ({"maximize": "validation/accuracy"}, [0.8, 0.7], "stopped after epoch 1: 0.7000, needed 0.8000"),
        ({"maximize": "validation/accuracy"}, [0.9, 0.8, 0.849999], "stopped after epoch 1: 0.849999, needed 0.850000"),
        ({"minimize": "validation/loss"}, [0.5, 1.25], "stopped after epoch 1: 1.2500, needed 0.5000 or less"),
    ],
)
@pytest.mark.parametrize("validations_per_epoch", [1, 2])
def test_a_stopped_trial_says_against_what_and_says_it_again_after_a_kill(
    tmp_path: Path, objective: dict[str, str], values: list[float], reason: str, validations_per_epoch: int
) -> None:
    spec = small_spec(
        objective=objective,
        compare={"encoder": ["m"], "loss": ["ce"]},
        training={"epochs": 4, "validations_per_epoch": validations_per_epoch},
        search={"batch_size": {"int": [2, 64]}},
    )
    metric, journal = spec.objective.metric, tmp_path / "journal"
    with closing(OptunaStudy(spec, journal, threads=1)) as study:
        for value in values:
            trial = study.ask(0)
            for step in range(1, validations_per_epoch + 1):
                record = study.report(trial, ValidationReport(step, step / validations_per_epoch, {metric: value}))
    lines = journal.read_bytes().splitlines(keepends=True)
    decided = next(k for k, line in enumerate(lines) if reason.encode() in line)
    journal.write_bytes(b"".join(lines[:decided]))  # killed before the decision was recorded
    with closing(OptunaStudy(spec, journal, threads=1)) as study:
        last = ValidationReport(validations_per_epoch, 1.0, {metric: values[-1]})
        again = study.report(study.restart(trial), last)
    assert record.end == again.end == TrialEnd(Outcome.STOPPED_EARLY, reason)


def test_the_numbers_of_a_stop_are_told_apart() -> None:
    assert describe_stop(0.5, 0.3, np.nextafter(0.3, 1), 1).partition(": ")[2].split(", needed ") == [
        "0.29999999999999999", "0.30000000000000004",
    ]  # fmt: skip
    assert describe_stop(2, 0.3, None, 1) == "stopped after epoch 2"
