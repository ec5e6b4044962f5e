"""One attempt at a trial: its reports, its end, and the checkpoints of its predecessors."""

from collections.abc import Generator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import CheckpointError, DivergedError, OutOfMemoryError
from sweeper.execution.attempt import run_attempt
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.training.config import TrainConfig
from sweeper.training.model import Classifier
from sweeper.training.selection import ObjectiveMetric
from sweeper.training.trainer import train, train_events
from sweeper.training.types import EncoderWeights, Heartbeat, Trainer, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support import tiny_training
from tests.support.crash_helpers import room_for
from tests.support.fakes import writing

DATA = TrainingData(("a", "b"), EncoderWeights("none", {}, {}, 0), {})
REPORTS = [
    ValidationReport(1, 1.0, {"validation/accuracy": 0.5}),
    ValidationReport(2, 2.0, {"validation/accuracy": 0.75}),
]


def trial(number: int = 1, *, tries: int = 1, config: TrainConfig | None = None) -> Trial:
    return Trial(number, 0, {}, config or TrainConfig(encoder="none"), tries)


def job(trainer: Trainer, folder: Path) -> TrainingJob:
    return TrainingJob(trainer, {"none": DATA}, folder)


def failing(error: BaseException) -> Trainer:
    """A trainer that ends with this error after one report."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield REPORTS[0]
        raise error

    return run


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_reports_and_then_completed(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield from REPORTS

    assert list(run_attempt(trial(), job(run, tmp_path), DATA)) == [*REPORTS, TrialEnd(Outcome.COMPLETED)]
    assert list(tmp_path.iterdir()) == []


def test_the_trainer_gets_the_trials_config_the_data_and_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    given: list[tuple[TrainConfig, TrainingData, Path | None]] = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        given.append((config, data, saved))
        yield REPORTS[0]

    for number, tries in ((1, 1), (1, 2), (2, 1)):
        list(run_attempt(trial(number, tries=tries), job(run, tmp_path), DATA))
    assert given[0][0] == trial().config
    assert given[0][1] is DATA
    assert len({saved for _, _, saved in given}) == 3


@pytest.mark.parametrize(
    ("error", "finish"),
    [
        (DivergedError("not finite at epoch 2"), TrialEnd(Outcome.DIVERGED, "not finite at epoch 2")),
        (OutOfMemoryError("no memory left"), TrialEnd(Outcome.OUT_OF_MEMORY, "no memory left")),
        (ValueError("bad\n  shape"), TrialEnd(Outcome.FAILED, "ValueError: bad shape")),
        (KeyError(), TrialEnd(Outcome.FAILED, "KeyError: no message")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_exception_is_an_outcome_and_leaves_a_traceback(tmp_path: Path, error: Exception, finish: TrialEnd) -> None:
    assert list(run_attempt(trial(7), job(failing(error), tmp_path), DATA)) == [REPORTS[0], finish]
    text = (trial_folder(tmp_path, trial(7)) / "error.txt").read_text(encoding="utf-8")
    assert text.startswith("Traceback")
    assert type(error).__name__ in text
    assert "in run" in text


def test_an_exception_before_the_first_report_is_an_outcome_too(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        raise OSError("no such device")

    assert list(run_attempt(trial(), job(run, tmp_path), DATA)) == [TrialEnd(Outcome.FAILED, "OSError: no such device")]


def test_a_long_message_is_cut(tmp_path: Path) -> None:
    *_, finish = run_attempt(trial(), job(failing(RuntimeError("x" * 5000)), tmp_path), DATA)
    assert isinstance(finish, TrialEnd)
    assert len(finish.reason) == 400


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=lambda error: type(error).__name__)
def test_being_cut_off_is_no_outcome(tmp_path: Path, error: BaseException) -> None:
    events = run_attempt(trial(), job(failing(error), tmp_path), DATA)
    assert next(events) == REPORTS[0]
    with pytest.raises(type(error)):
        next(events)
    assert list(tmp_path.iterdir()) == []


def test_closing_early_closes_the_trainer(tmp_path: Path) -> None:
    ended = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        try:
            yield from REPORTS
        finally:
            ended.append(config)

    events = run_attempt(trial(), job(run, tmp_path), DATA)
    assert next(events) == REPORTS[0]
    assert not ended
    events.close()
    assert len(ended) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_attempt_goes_on_from_the_one_before_whose_file_goes_once_it_has_its_own(tmp_path: Path) -> None:
    for tries, text in ((1, "a"), (2, "b"), (3, "c")):
        list(run_attempt(trial(tries=tries), job(writing(text), tmp_path), DATA))
    folder = trial_folder(tmp_path, trial())
    assert contents(folder) == {"checkpoint-3.pt": "abc"}


def test_an_attempt_that_left_nothing_is_passed_over(tmp_path: Path) -> None:
    for tries, text in ((1, "a"), (4, "d")):
        list(run_attempt(trial(tries=tries), job(writing(text), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-4.pt": "ad"}


def test_an_attempt_begun_again_goes_on_from_its_own_checkpoint(tmp_path: Path) -> None:
    for tries, text in ((1, "a"), (2, "b"), (2, "c")):
        list(run_attempt(trial(tries=tries), job(writing(text), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial()))["checkpoint-2.pt"] == "abc"


def test_a_predecessor_believed_dead_does_not_reach_its_successor(tmp_path: Path) -> None:
    list(run_attempt(trial(tries=1), job(writing("a"), tmp_path), DATA))
    list(run_attempt(trial(tries=2), job(writing("b"), tmp_path), DATA))
    list(run_attempt(trial(tries=1), job(writing("late"), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-1.pt": "late", "checkpoint-2.pt": "ab"}


def test_the_checkpoint_before_stays_until_the_attempt_has_written_its_own(tmp_path: Path) -> None:
    list(run_attempt(trial(), job(writing("a"), tmp_path), DATA))

    def reading(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield REPORTS[0]

    list(run_attempt(trial(tries=2), job(reading, tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-1.pt": "a", "checkpoint-2.pt": "a"}


def only(text: str) -> Trainer:
    """A trainer that can begin with a checkpoint of this text alone, or with none."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        assert saved is not None
        if saved.exists() and saved.read_text(encoding="utf-8") != text:
            raise CheckpointError("its checksum is wrong")
        yield ValidationReport(1, 1.0, {"began_with_one": float(saved.exists())})

    return run


@pytest.mark.parametrize("whole", [True, False])
def test_damaged_checkpoints_are_said_and_the_one_before_taken_or_none(tmp_path: Path, whole: bool) -> None:
    folder = trial_folder(tmp_path, trial())
    folder.mkdir(parents=True)
    for number, text in ((1, "good" if whole else "bad"), (2, "bad"), (3, "bad")):
        (folder / f"checkpoint-{number}.pt").write_text(text, encoding="utf-8")
    *notes, report, finish = run_attempt(trial(tries=4), job(only("good"), tmp_path), DATA)
    said = [
        "checkpoint-3.pt cannot be read (its checksum is wrong); it goes on from checkpoint-2.pt",
        "checkpoint-2.pt cannot be read (its checksum is wrong); it goes on from checkpoint-1.pt",
        "checkpoint-1.pt cannot be read (its checksum is wrong); it begins again",
    ]
    assert notes == [Heartbeat(note) for note in said[: 2 if whole else 3]]
    assert report == ValidationReport(1, 1.0, {"began_with_one": float(whole)})
    assert finish == TrialEnd(Outcome.COMPLETED)
    assert "bad" not in contents(folder).values()


@pytest.mark.parametrize("value", [None, "0.5", [0.5]], ids=str)
def test_a_metric_that_is_no_number_ends_the_trial_before_it_is_kept(tmp_path: Path, value: Any) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield ValidationReport(1, 1.0, {"validation/accuracy": value})

    (finish,) = run_attempt(trial(), job(run, tmp_path), DATA)
    assert finish == TrialEnd(
        Outcome.FAILED, f"TypeError: validation/accuracy = {value!r} after epoch 1 is not a number"
    )


@pytest.mark.parametrize("tries", [1, 3])
def test_what_checkpoints_take_is_what_the_readme_says(tmp_path: Path, tries: int) -> None:
    """One checkpoint for each trial that runs, a second while it is written, 12 bytes for each parameter."""
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    parameters = sum(one.numel() for one in Classifier(config, data).parameters())
    most: list[int] = []
    for number in range(1, tries + 1):
        events = run_attempt(
            trial(tries=number, config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data
        )
        for event in islice(events, None if number == tries else 6):
            files = {path.stat().st_ino: path.stat().st_size for path in trial_folder(tmp_path, trial()).glob("*")}
            most.append(len(files))
            if isinstance(event, ValidationReport):
                assert len(files) == 1
                assert sum(files.values()) < 12 * parameters + 100_000  # names, generators, reports
        events.close()
    assert max(most) <= 2


def test_what_confirmation_takes_is_what_the_readme_says(tmp_path: Path) -> None:
    """Checkpoints of 16 bytes for each parameter, and in the end a model of 4, which alone is left."""
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    parameters = sum(one.numel() for one in Classifier(config, data).parameters())
    work = TrainingJob(
        partial(train_events, choose=ObjectiveMetric(maximize="validation/accuracy")), {"tiny": data}, tmp_path
    )
    for event in run_attempt(trial(config=config), work, data):
        if isinstance(event, ValidationReport):
            (size,) = (path.stat().st_size for path in trial_folder(tmp_path, trial()).glob("*"))
            assert size < 16 * parameters + 100_000
    delete_trial_files(tmp_path, trial())
    (left,) = trial_folder(tmp_path, trial()).glob("*")
    assert 4 * parameters < left.stat().st_size < 4 * parameters + 100_000
    delete_trial_files(tmp_path, trial(), model=True)
    assert not left.parent.exists()


def test_a_second_attempt_at_a_real_training_ends_as_the_first_would_have(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    work = TrainingJob(train_events, {"tiny": data}, tmp_path)
    expected = tiny_training.figures(train(config, data, None))
    first = run_attempt(trial(config=config), work, data)
    before = next(event for event in first if isinstance(event, ValidationReport))
    first.close()

    *found, finish = run_attempt(trial(tries=2, config=config), work, data)
    reports = [event for event in found if isinstance(event, ValidationReport)]
    assert finish == TrialEnd(Outcome.COMPLETED)
    assert reports[0] == before
    assert tiny_training.figures(reports) == expected


def test_a_real_checkpoint_with_an_altered_byte_is_said_and_the_training_ends_the_same(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    work = TrainingJob(train_events, {"tiny": data}, tmp_path)
    first = run_attempt(trial(config=config), work, data)
    assert any(isinstance(event, ValidationReport) for event in first)
    first.close()
    path = trial_folder(tmp_path, trial()) / "checkpoint-1.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    said, *found = (e for e in run_attempt(trial(tries=2, config=config), work, data) if e != Heartbeat())
    assert isinstance(said, Heartbeat)
    assert said.note == (
        "checkpoint-1.pt cannot be read (its checksum is wrong: it was cut short, or altered); it begins again"
    )
    reports = [event for event in found if isinstance(event, ValidationReport)]
    assert tiny_training.figures(reports) == tiny_training.figures(train(config, data, None))


def test_a_full_disk_leaves_a_training_without_checkpoints_and_says_so(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=2)
    with room_for(1000):
        events = [
            e
            for e in run_attempt(trial(config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data)
            if e != Heartbeat()
        ]
    notes = [event.note for event in events if isinstance(event, Heartbeat)]
    assert len(notes) == 1
    assert "checkpoint-1.pt cannot be written (File too large); it trains on without a checkpoint" in notes[0]
    assert events[-1] == TrialEnd(Outcome.COMPLETED)
    assert contents(trial_folder(tmp_path, trial())) == {}


def test_forget_removes_every_checkpoint_and_the_empty_folders(tmp_path: Path) -> None:
    for tries in (1, 2):
        list(run_attempt(trial(tries=tries), job(writing("a"), tmp_path), DATA))
    delete_trial_files(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
    delete_trial_files(tmp_path, trial())  # and again does no harm


def test_forget_leaves_the_traceback_and_other_trials(tmp_path: Path) -> None:
    list(run_attempt(trial(1), job(writing("a"), tmp_path), DATA))
    list(run_attempt(trial(1, tries=2), job(failing(ValueError("bad")), tmp_path), DATA))
    list(run_attempt(trial(11), job(writing("b"), tmp_path), DATA))
    delete_trial_files(tmp_path, trial(1))
    assert [path.name for path in trial_folder(tmp_path, trial(1)).iterdir()] == ["error.txt"]
    assert list(contents(trial_folder(tmp_path, trial(11)))) == ["checkpoint-1.pt"]


def test_forget_removes_what_a_kill_left_of_a_checkpoint_half_written(tmp_path: Path) -> None:
    list(run_attempt(trial(), job(writing("a"), tmp_path), DATA))
    (trial_folder(tmp_path, trial()) / ".checkpoint-1.pt-x1y2z3").write_text("half", encoding="utf-8")
    delete_trial_files(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
