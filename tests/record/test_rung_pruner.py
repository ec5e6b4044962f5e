"""The pruner applies any registered rule at its rungs, in either direction, and reads a study once."""

from contextlib import closing
from pathlib import Path
from typing import Any, cast

import numpy as np
import optuna
import pytest
from numpy.typing import NDArray

from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.early_stopping import EARLY_STOPPING, EarlyStoppingRule, RungSettings
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from tests.support.search_spaces import small_spec


class EveryValidation(RungSettings):
    """Settings of a rule with a rung at every validation."""

    def rungs(self, epochs: int, validations_per_epoch: int) -> tuple[int, ...]:
        return tuple(range(1, epochs * validations_per_epoch))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, list[float]]]:
    """Register a rule that stops a trial below all earlier ones. Return the questions that it is asked."""
    questions: list[tuple[float, list[float]]] = []

    def is_worst(value: float, earlier_values: NDArray[np.float64], settings: EveryValidation) -> bool:
        questions.append((value, earlier_values.tolist()))
        return earlier_values.size > 0 and bool(value < earlier_values.min())

    rule = EarlyStoppingRule("the worst rule", "Stops the worst.", EveryValidation, is_worst)
    monkeypatch.setitem(cast("dict[str, Any]", EARLY_STOPPING), "worst", rule)
    return questions


def report_loss(study: OptunaStudy, value: float) -> Outcome | None:
    """Report one validation of a new trial. Return the trial's outcome."""
    trial = study.ask(0)
    end = study.report(trial, ValidationReport(1, 1.0, {"validation/loss": value})).end
    return end.outcome if end else None


def test_a_registered_rule_decides_on_the_values_in_the_order_of_arrival(
    tmp_path: Path, asked: list[tuple[float, list[float]]]
) -> None:
    spec = small_spec(objective={"minimize": "validation/loss"}, asha="off", search={"batch_size": {"int": [1, 64]}})
    values = {key: value for key, value in spec.model_dump().items() if key != "asha"}
    spec = type(spec).model_validate({**values, "early_stopping": {"worst": {}}})
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        assert [report_loss(study, loss) for loss in (0.5, 0.3, 0.4)] == [None, None, None]
        assert report_loss(study, 0.6) == Outcome.STOPPED_EARLY
    assert asked == [(-0.5, []), (-0.3, [-0.5]), (-0.4, [-0.5, -0.3]), (-0.6, [-0.5, -0.3, -0.4])]
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        assert report_loss(study, 0.55) is None
    assert asked[-1] == (-0.55, [-0.5, -0.3, -0.4, -0.6])


def test_after_its_first_question_the_pruner_reads_no_ended_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(
        objective={"minimize": "validation/loss"}, search={"batch_size": {"int": [1, 64]}}, sampler="random"
    )
    with closing(OptunaStudy(spec, tmp_path / "journal", threads=1)) as study:
        report_loss(study, 0.5)
        trials = [study.ask(0) for _ in range(3)]
        monkeypatch.setattr(optuna.Study, "get_trials", lambda *_, **__: pytest.fail("walks over all trials"))
        for trial in trials:
            study.report(trial, ValidationReport(1, 1.0, {"validation/loss": 0.4}))
