"""One attempt at a trial: its reports, its end, and the checkpoints of its predecessors."""

from collections.abc import Generator
from itertools import islice
from pathlib import Path

import pytest

from sweeper.attempt import attempt, forget, trial_folder
from sweeper.config import TrainConfig
from sweeper.errors import DivergedError, ExhaustedError
from sweeper.learn.train import train
from sweeper.outcome import Outcome
from sweeper.ports import Encoder, Finish, Job, Report, Trainer, TrainingData, Trial
from tests.learn import tiny

DATA = TrainingData(("a", "b"), Encoder("none", {}, {}, 0), {})
REPORTS = [Report(1, 1.0, {"validation/accuracy": 0.5}), Report(2, 2.0, {"validation/accuracy": 0.75})]


def trial(number: int = 1, *, tries: int = 1, config: TrainConfig | None = None) -> Trial:
    return Trial(number, 0, {}, config or TrainConfig(encoder="none"), tries)


def job(trainer: Trainer, folder: Path) -> Job:
    return Job(trainer, {"none": DATA}, folder)


def failing(error: BaseException) -> Trainer:
    """A trainer that ends with this error after one report."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[Report, None, None]:
        yield REPORTS[0]
        raise error

    return run


def writing(text: str) -> Trainer:
    """A trainer whose checkpoint is a text: it goes on from the text that is there, by a rename as the real one."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[Report, None, None]:
        assert saved is not None
        before = saved.read_text(encoding="utf-8") if saved.exists() else ""
        saved.parent.mkdir(parents=True, exist_ok=True)
        beside = saved.with_name("beside")
        beside.write_text(before + text, encoding="utf-8")
        beside.replace(saved)
        yield REPORTS[0]

    return run


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_reports_and_then_completed(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[Report, None, None]:
        yield from REPORTS

    assert list(attempt(trial(), job(run, tmp_path), DATA)) == [*REPORTS, Finish(Outcome.COMPLETED)]
    assert list(tmp_path.iterdir()) == []


def test_the_trainer_gets_the_trials_config_the_data_and_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    given: list[tuple[TrainConfig, TrainingData, Path | None]] = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[Report, None, None]:
        given.append((config, data, saved))
        yield REPORTS[0]

    for number, tries in ((1, 1), (1, 2), (2, 1)):
        list(attempt(trial(number, tries=tries), job(run, tmp_path), DATA))
    assert given[0][0] == trial().config
    assert given[0][1] is DATA
    assert len({saved for _, _, saved in given}) == 3


@pytest.mark.parametrize(
    ("error", "finish"),
    [
        (DivergedError("not finite at epoch 2"), Finish(Outcome.DIVERGED, "not finite at epoch 2")),
        (ExhaustedError("no memory left"), Finish(Outcome.OUT_OF_MEMORY, "no memory left")),
        (ValueError("bad\n  shape"), Finish(Outcome.FAILED, "ValueError: bad shape")),
        (KeyError(), Finish(Outcome.FAILED, "KeyError: no message")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_is_an_outcome_and_leaves_a_traceback(tmp_path: Path, error: Exception, finish: Finish) -> None:
    assert list(attempt(trial(7), job(failing(error), tmp_path), DATA)) == [REPORTS[0], finish]
    text = (trial_folder(tmp_path, trial(7)) / "error.txt").read_text(encoding="utf-8")
    assert text.startswith("Traceback")
    assert type(error).__name__ in text
    assert "in run" in text


def test_an_exception_before_the_first_report_is_an_outcome_too(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[Report, None, None]:
        raise OSError("no such device")

    assert list(attempt(trial(), job(run, tmp_path), DATA)) == [Finish(Outcome.FAILED, "OSError: no such device")]


def test_a_long_message_is_cut(tmp_path: Path) -> None:
    *_, finish = attempt(trial(), job(failing(RuntimeError("x" * 5000)), tmp_path), DATA)
    assert isinstance(finish, Finish)
    assert len(finish.reason) == 400


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=lambda error: type(error).__name__)
def test_being_cut_off_is_no_outcome(tmp_path: Path, error: BaseException) -> None:
    events = attempt(trial(), job(failing(error), tmp_path), DATA)
    assert next(events) == REPORTS[0]
    with pytest.raises(type(error)):
        next(events)
    assert list(tmp_path.iterdir()) == []


def test_closing_early_closes_the_trainer(tmp_path: Path) -> None:
    ended = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[Report, None, None]:
        try:
            yield from REPORTS
        finally:
            ended.append(config)

    events = attempt(trial(), job(run, tmp_path), DATA)
    assert next(events) == REPORTS[0]
    assert not ended
    events.close()
    assert len(ended) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_goes_on_from_the_one_before_and_leaves_its_file_alone(tmp_path: Path) -> None:
    for tries, text in ((1, "a"), (2, "b"), (3, "c")):
        list(attempt(trial(tries=tries), job(writing(text), tmp_path), DATA))
    folder = trial_folder(tmp_path, trial())
    assert contents(folder) == {"checkpoint-1.pt": "a", "checkpoint-2.pt": "ab", "checkpoint-3.pt": "abc"}


def test_an_attempt_that_left_nothing_is_passed_over(tmp_path: Path) -> None:
    for tries, text in ((1, "a"), (4, "d")):
        list(attempt(trial(tries=tries), job(writing(text), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-1.pt": "a", "checkpoint-4.pt": "ad"}


def test_an_attempt_begun_again_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    for tries, text in ((1, "a"), (2, "b"), (2, "c")):
        list(attempt(trial(tries=tries), job(writing(text), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial()))["checkpoint-2.pt"] == "abc"


def test_a_predecessor_believed_dead_does_not_reach_its_successor(tmp_path: Path) -> None:
    list(attempt(trial(tries=1), job(writing("a"), tmp_path), DATA))
    list(attempt(trial(tries=2), job(writing("b"), tmp_path), DATA))
    list(attempt(trial(tries=1), job(writing("late"), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-1.pt": "alate", "checkpoint-2.pt": "ab"}


def test_a_second_attempt_at_a_real_training_ends_as_the_first_would_have(tmp_path: Path) -> None:
    data, config = tiny.data(rows=32), tiny.config(epochs=3)
    work = Job(train, {"tiny": data}, tmp_path)
    expected = tiny.figures(train(config, data, None))
    first = attempt(trial(config=config), work, data)
    before = list(islice(first, 1))
    first.close()
    left = (trial_folder(tmp_path, trial()) / "checkpoint-1.pt").read_bytes()

    *found, finish = attempt(trial(tries=2, config=config), work, data)
    assert finish == Finish(Outcome.COMPLETED)
    assert found[:1] == before
    assert tiny.figures(event for event in found if isinstance(event, Report)) == expected
    assert (trial_folder(tmp_path, trial()) / "checkpoint-1.pt").read_bytes() == left


def test_forget_removes_every_checkpoint_and_the_empty_folders(tmp_path: Path) -> None:
    for tries in (1, 2):
        list(attempt(trial(tries=tries), job(writing("a"), tmp_path), DATA))
    forget(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
    forget(tmp_path, trial())  # and again does no harm


def test_forget_leaves_the_traceback_and_other_trials(tmp_path: Path) -> None:
    list(attempt(trial(1), job(writing("a"), tmp_path), DATA))
    list(attempt(trial(1, tries=2), job(failing(ValueError("bad")), tmp_path), DATA))
    list(attempt(trial(11), job(writing("b"), tmp_path), DATA))
    forget(tmp_path, trial(1))
    assert [path.name for path in trial_folder(tmp_path, trial(1)).iterdir()] == ["error.txt"]
    assert list(contents(trial_folder(tmp_path, trial(11)))) == ["checkpoint-1.pt"]


def test_forget_removes_what_a_kill_left_of_a_checkpoint_half_written(tmp_path: Path) -> None:
    list(attempt(trial(), job(writing("a"), tmp_path), DATA))
    (trial_folder(tmp_path, trial()) / ".checkpoint-1.pt-x1y2z3").write_text("half", encoding="utf-8")
    forget(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
