"""The pruner applies any registered rule at its rungs, in either direction, and reads a study once."""

from collections.abc import Mapping
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
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.search_spaces import small_spec
from tests.support.studies import open_study


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
    with open_study(spec, tmp_path) as study:
        assert [report_loss(study, loss) for loss in (0.5, 0.3, 0.4)] == [None, None, None]
        assert report_loss(study, 0.6) == Outcome.STOPPED_EARLY
    assert asked[:4] == [[], [-0.5], [-0.5, -0.3], [-0.5, -0.3, -0.4]]
    with open_study(spec, tmp_path) as study:
        assert report_loss(study, 0.55) is None
    assert asked[-1] == [-0.5, -0.3, -0.4, -0.6]


def test_after_its_first_question_the_pruner_reads_no_ended_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = small_spec(
        objective={"minimize": "validation/loss"}, search={"batch_size": {"int": [2, 64]}}, sampler="random"
    )
    with open_study(spec, tmp_path) as study:
        report_loss(study, 0.5)
        trials = [study.ask(0) for _ in range(3)]
        whole = "walks over all trials"
        monkeypatch.setattr(optuna.storages.JournalStorage, "get_all_trials", lambda *_, **__: pytest.fail(whole))
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


# ---- brackets


def hyperband_spec(search: Mapping[str, object] | None = None, **settings: float) -> SweepSpec:
    """Return a spec of one system whose trials train up to 4 epochs, with rungs 1 and 2 and three brackets."""
    rule = {"hyperband": {"grace_epochs": 1, "reduction_factor": 2, **settings}}
    compare, search = {"encoder": ["m"], "loss": ["ce"]}, search or {"batch_size": {"int": [2, 64]}}
    return small_spec(compare=compare, search=search, sampler="random", early_stopping=rule, budget={"trials": 12})


def report_accuracy(study: OptunaStudy, trial: Trial, *values: float) -> Outcome | None:
    """Report these validations of a trial until it ends. Return the trial's outcome."""
    for step, value in enumerate(values, start=1):
        end = study.report(trial, ValidationReport(step, float(step), {"validation/accuracy": value})).end
        if end is not None:
            return end.outcome
    return None


def test_a_trial_is_compared_within_its_bracket_and_has_its_grace(tmp_path: Path) -> None:
    spec = hyperband_spec()
    with open_study(spec, tmp_path) as study:
        trials: dict[int, list[Trial]] = {bracket: [] for bracket in spec.brackets}
        for _ in range(12):
            trial = study.ask(0)
            trials[trial.bracket].append(trial)
        assert {bracket: len(own) >= 2 for bracket, own in trials.items()} == {1: True, 2: True, 3: True}
        best = {bracket: own[0] for bracket, own in trials.items()}
        assert [report_accuracy(study, best[bracket], 0.9, 0.9, 0.9) for bracket in (3, 2)] == [None, None]
        assert report_accuracy(study, best[1], 0.5, 0.5) is None  # the others are in other brackets
        poor = {bracket: own[1] for bracket, own in trials.items()}
        assert {bracket: report_accuracy(study, trial, 0.1, 0.1, 0.1) for bracket, trial in poor.items()} == {
            1: Outcome.STOPPED_EARLY, 2: Outcome.STOPPED_EARLY, 3: None,
        }  # fmt: skip
        ended = {bracket: len(study.get(trial).reports) for bracket, trial in poor.items()}
        assert ended == {1: 1, 2: 2, 3: 3}


def test_brackets_keep_their_shares_where_proposals_are_skipped(tmp_path: Path) -> None:
    spec = hyperband_spec(search={"batch_size": [2, 3]})
    with open_study(spec, tmp_path) as study:
        for _ in range(5):
            study.end_trial(study.ask(0), TrialEnd(Outcome.FAILED, "x"))
        asked = [record.trial for record in study.all_trials()]
        proposals = study.studies.searches[0].get_trials(deepcopy=False)
    assert len(proposals) > len(asked)  # repeats were skipped
    assert [trial.bracket for trial in asked] == [spec.bracket_of(k) for k in range(5)]


def test_brackets_are_the_same_after_a_kill_at_any_moment(tmp_path: Path) -> None:
    spec, journal = hyperband_spec(), tmp_path / "journal"
    with closing(OptunaStudy(spec, journal, threads=1)) as study:
        asked = [study.ask(0) for _ in range(4)]
        clone = study.clone(asked[0], {**asked[0].params, "batch_size": 3})
        asked += [clone, study.ask(0)]
    assert [trial.bracket for trial in asked] == [spec.bracket_of(k) for k in range(6)]
    assert len({trial.bracket for trial in asked}) == 3
    lines = journal.read_bytes().splitlines(keepends=True)
    begin = next(k for k, line in enumerate(lines) if b'"bracket"' in line)
    for end in range(begin, len(lines)):
        journal.write_bytes(b"".join(lines[:end]))
        with closing(OptunaStudy(spec, journal, threads=1)) as study:
            restored = [record.trial for record in study.all_trials()]
            assert [trial.bracket for trial in restored] == [trial.bracket for trial in asked[: len(restored)]]


def test_a_fresh_seed_has_no_bracket(tmp_path: Path) -> None:
    with open_study(hyperband_spec(), tmp_path) as study:
        source = study.ask(0)
        report_accuracy(study, source, 0.9, 0.9, 0.9, 0.9)
        study.end_trial(source, TrialEnd(Outcome.COMPLETED))
        fresh = study.confirm(source, 1)
        assert (source.bracket, fresh.bracket) == (1, 0)
        assert report_accuracy(study, fresh, 0.1, 0.1, 0.1, 0.1) is None


def test_a_rung_within_an_epoch_decides_and_says_where(tmp_path: Path) -> None:
    spec = small_spec(
        compare={"encoder": ["m"], "loss": ["ce"]}, search={"batch_size": {"int": [2, 64]}, "epochs": [1, 4]},
        training={"validations_per_epoch": 3}, asha={"grace_epochs": 0.33, "reduction_factor": 2}, sampler="random",
    )  # fmt: skip
    with open_study(spec, tmp_path) as study:
        trials = [study.ask(0) for _ in range(8)]
        long, other = [trial for trial in trials if trial.config.epochs == 4][:2]
        short = next(trial for trial in trials if trial.config.epochs == 1)
        assert report_accuracy(study, long, 0.8) is None
        assert report_accuracy(study, short, 0.9, 0.9, 0.9) is None
        assert report_accuracy(study, other, 0.7) == Outcome.STOPPED_EARLY
        assert study.get(other).end == TrialEnd(
            Outcome.STOPPED_EARLY, "stopped after epoch 0.333: 0.7000, needed 0.8500"
        )
