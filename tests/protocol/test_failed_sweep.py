"""A sweep in which nothing succeeded is an error, is not finished, and is tried again by the same command."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.errors import DivergedError, OutOfMemoryError, SweepFailedError
from sweeper.execution.inline_runner import InlineRunner
from sweeper.protocol import sweep
from sweeper.protocol.failed_sweep import count_failed_rounds, failed_alike, failure_kind
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import TrainConfig
from sweeper.training.types import Trainer, TrainingData, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from sweeper.trials.trial import Trial, TrialEnd, TrialRecord
from tests.support.fakes import report, scripted_jobs, scripted_trainer
from tests.support.search_spaces import small_spec
from tests.support.studies import open_study

GOOD, BAD = scripted_trainer, "bad"
SEARCH = {"batch_size": {"int": [2, 64]}, "alpha": {"uniform": [0.1, 0.9]}}
END = TrialEnd(Outcome.COMPLETED)


def spec(trials: int = 4, **changes: object) -> SweepSpec:
    training = {"epochs": 3, "tau": 1.0}
    return small_spec(
        **{"search": SEARCH, "training": training, "asha": "off", "budget": {"trials": trials}, **changes}
    )


def raising(*errors: Exception) -> Trainer:
    """Return a trainer whose trainings raise these errors in turn."""
    waiting = list(errors)

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield report(1, 0.5)
        error = waiting.pop(0)
        waiting.append(error)
        raise error

    return run


def collapsing(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
    """Train a model that gives all texts one class."""
    for step in range(1, config.epochs + 1):
        yield report(step, 0.2, classes=1)


def run(
    spec: SweepSpec, folder: Path, search: Trainer = scripted_trainer, confirm: Trainer = scripted_trainer
) -> list[TrialRecord]:
    """Run the sweep with these trainers. Return all trials."""
    jobs = scripted_jobs(folder)
    jobs = replace(jobs, search=replace(jobs.search, train=search), confirm=replace(jobs.confirm, train=confirm))
    with open_study(spec, folder) as study:
        sweep.run_protocol(spec, study, InlineRunner(1, 0), [], jobs, TrialResources(1, 0, 1))
        return list(study.all_trials())


@pytest.mark.parametrize(
    ("trainer", "summary"),
    [
        (raising(ValueError("a broken trial")), r"4 failed \(ValueError: a broken trial\)"),
        (raising(DivergedError("the loss is nan")), r"4 diverged \(the loss is nan\)"),
        (raising(OutOfMemoryError("no memory left")), r"4 out of memory \(no memory left\)"),
        (raising(TypeError("a"), DivergedError("b")), r"2 failed, 2 diverged \(the first: TypeError: a\)"),
        (collapsing, r"4 collapsed \(predicts one class.*\)"),
    ],
    ids=["failed", "diverged", "out of memory", "failed and diverged", "collapsed"],
)
def test_a_sweep_without_a_success_is_an_error_and_is_tried_again(
    trainer: Trainer, summary: str, tmp_path: Path
) -> None:
    for total in (4, 8):
        with pytest.raises(SweepFailedError, match=rf"none of the {total} trials succeeded: ") as error:
            run(spec(), tmp_path, trainer)
        assert error.value.exit_code == 1
        assert "the same command continues with the whole budget again" in str(error.value)
        if total == 4:
            assert error.match(summary)
    records = run(spec(), tmp_path)
    assert [record.trial.system for record in records] == [0, 1] * 6
    assert all(record.end == END for record in records[8:])
    assert len(run(spec(), tmp_path)) == 12  # it is finished now
    assert len(run(spec(12), tmp_path)) == 12


def test_a_second_round_that_was_interrupted_is_completed_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SweepFailedError):
        run(spec(), tmp_path, raising(ValueError("a"), KeyError("b")))

    def interrupted(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        yield report(1, 0.5)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec(), tmp_path, interrupted)
    assert len(run(spec(), tmp_path)) == 8


def test_a_grid_is_tried_again_as_a_whole(tmp_path: Path) -> None:
    grid = spec(4, sampler="grid", search={"batch_size": [8, 16]}, compare={"encoder": ["m"], "loss": ["ce"]})
    with pytest.raises(SweepFailedError):
        run(grid, tmp_path, raising(ValueError("a"), KeyError("b")))
    sizes = [record.trial.params["batch_size"] for record in run(grid, tmp_path)]
    assert len(sizes) == 4
    assert sizes[:2] == sizes[2:]
    assert set(sizes) == {8, 16}


def test_one_success_makes_a_sweep_and_its_budget_is_spent(tmp_path: Path) -> None:
    waiting: list[Trainer] = [
        raising(ValueError("a")),
        scripted_trainer,
        raising(KeyError("b")),
        raising(ValueError("c")),
    ]

    def next_trainer(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        yield from waiting.pop(0)(config, data, saved)  # type: ignore[misc]

    assert len(run(spec(), tmp_path, next_trainer)) == 4
    assert len(run(spec(), tmp_path)) == 4


def test_hours_that_end_after_nothing_but_failures_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(SweepFailedError, match="the first 2 trials all failed"):
        run(spec(fail_fast_after=2), tmp_path, raising(ValueError("a")))
    with pytest.raises(SweepFailedError, match="ended before a trial succeeded: the budget's 1e-15 hours") as error:
        run(spec(budget={"trials": 4, "hours": 1e-15}), tmp_path)
    assert "; of its trials, 2 failed (ValueError: a)" in str(error.value)
    assert "the same command with another budget.hours continues" in str(error.value)


@pytest.mark.parametrize(
    ("errors", "are_alike"),
    [
        ([ValueError("3 rows at 0x7f"), ValueError("4 rows at 0x8e")], True),
        ([ValueError("a"), TypeError("a")], False),
    ],
)
def test_failures_are_compared_by_type_and_place_not_by_text(
    errors: Sequence[Exception], are_alike: bool, tmp_path: Path
) -> None:
    expected = "the first 2 trials all failed" if are_alike else "none of the 4 trials succeeded"
    with pytest.raises(SweepFailedError, match=expected):
        run(spec(fail_fast_after=2), tmp_path, raising(*errors))


def test_a_single_trial_or_seed_without_a_success_is_told_in_the_singular(tmp_path: Path) -> None:
    compare = {"encoder": ["m"], "loss": ["ce"]}
    broken = raising(ValueError("a"))
    with pytest.raises(SweepFailedError, match=r": the only trial did not succeed: 1 failed \(ValueError: a\)"):
        run(spec(1, compare=compare), tmp_path / "one", broken)
    with pytest.raises(SweepFailedError, match=r": the first trial failed: ValueError: a"):
        run(spec(2, compare=compare, fail_fast_after=1), tmp_path / "first", broken)
    with pytest.raises(SweepFailedError, match=r": the only training with a fresh seed did not succeed: 1 failed"):
        run(spec(1, compare=compare, confirm={"seeds": 1}), tmp_path / "seed", confirm=broken)


def failed(reason: str, traceback: str = "") -> TrialRecord:
    trial = Trial(1, 0, {}, TrainConfig(encoder="m"))
    return TrialRecord(trial, end=TrialEnd(Outcome.FAILED, reason, traceback))


def frame(line: int, function: str = "forward") -> str:
    return f'Traceback (most recent call last):\n  File "/a/model.py", line {line}, in {function}\n    x\nE: text\n'


@pytest.mark.parametrize(
    ("first", "second", "are_alike"),
    [
        (failed("E: got 3", frame(7)), failed("E: got 4", frame(7)), True),
        (failed("E: got 3", frame(7)), failed("E: got 3", frame(8)), False),
        (failed("E: got 3", frame(7)), failed("F: got 3", frame(7)), False),
        (failed("E: x", frame(2) + frame(7)), failed("E: x", frame(3) + frame(7)), True),
        (failed("its worker process died, 3 times"), failed("its worker process died, 6 times"), True),
        (failed("its worker process died, 3 times"), failed("its node was lost, 3 times"), False),
    ],
)
def test_the_place_is_where_the_exception_was_raised(first: TrialRecord, second: TrialRecord, are_alike: bool) -> None:
    assert failed_alike([first, second]) == are_alike


def test_other_outcomes_are_never_alike() -> None:
    diverged = replace(failed("a"), end=TrialEnd(Outcome.DIVERGED, "a"))
    assert not failed_alike([diverged, diverged])
    assert not failed_alike([failed("a"), diverged])
    assert not failed_alike([])
    assert failure_kind(TrialEnd(Outcome.FAILED, "E: a")) == ("E: a", "")


@pytest.mark.parametrize(
    ("ends", "rounds"),
    [("", 0), ("bbb", 0), ("bbbb", 1), ("bbbbb", 1), ("bbbbbbbb", 2), ("bbbbggbb", 1), ("gbbbbbbb", 0), ("bbb.", 0)],
)
def test_rounds_without_a_success_do_not_count(ends: str, rounds: int) -> None:
    outcomes: dict[str, TrialEnd | None] = {"b": TrialEnd(Outcome.OUT_OF_MEMORY), "g": END, ".": None}
    records = [replace(failed(""), end=outcomes[end]) for end in ends]
    assert count_failed_rounds(spec(), records) == rounds


def test_fresh_seeds_that_all_fail_are_an_error_and_are_trained_again(tmp_path: Path) -> None:
    confirming = spec(confirm={"seeds": 2})
    for trainings in (4, 8):  # two systems with two seeds each
        with pytest.raises(SweepFailedError, match=r"none of the 4 trainings with fresh seeds succeeded: 4 failed"):
            run(confirming, tmp_path, confirm=raising(ValueError("a broken GPU")))
        with open_study(confirming, tmp_path) as study:
            assert sum(not record.trial.is_of_search for record in study.all_trials()) == trainings
    confirmed = [record for record in run(confirming, tmp_path) if record.trial.source_trial]
    assert len(confirmed) == 12
    assert [record.end == END for record in confirmed] == [False] * 8 + [True] * 4
    seeds = {(record.trial.system, record.trial.seed_index): set[int]() for record in confirmed}
    for record in confirmed:
        seeds[record.trial.system, record.trial.seed_index].add(record.trial.config.seed)
    assert all(len(numbers) == 1 for numbers in seeds.values())  # the same random seeds again
    assert len(run(confirming, tmp_path)) == 4 + 12


def test_the_rest_of_a_second_round_of_fresh_seeds_is_trained(tmp_path: Path) -> None:
    confirming, trained = spec(confirm={"seeds": 2}), list[int]()

    def interrupted(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        if trained:
            raise KeyboardInterrupt
        trained.append(config.seed)
        yield from scripted_trainer(config, data, saved)

    with pytest.raises(SweepFailedError):
        run(confirming, tmp_path, confirm=raising(ValueError("a broken GPU")))
    with pytest.raises(KeyboardInterrupt):
        run(confirming, tmp_path, confirm=interrupted)
    confirmed = [record for record in run(confirming, tmp_path) if record.trial.source_trial]
    assert [record.end == END for record in confirmed] == [False] * 4 + [True] * 4


def test_seeds_of_one_system_that_all_fail_do_not_fail_the_sweep(tmp_path: Path) -> None:
    confirming = spec(confirm={"seeds": 2})

    def failing_lcl(
        config: TrainConfig, data: TrainingData, saved: Path | None
    ) -> Generator[ValidationReport, None, None]:
        trainer: Callable[..., Generator[ValidationReport, None, None]] = scripted_trainer
        yield report(1, 0.5)
        if config.loss == "lcl":
            raise ValueError("a broken loss")
        yield from trainer(config, data, saved)

    records = run(confirming, tmp_path, confirm=failing_lcl)
    assert len(run(confirming, tmp_path)) == len(records) == 4 + 4
