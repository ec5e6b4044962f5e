"""An attempt continues from the checkpoints of earlier ones, and does without those that it cannot use."""

import errno
import os
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweeper.errors import CheckpointError
from sweeper.execution.attempt import run_attempt
from sweeper.storage.trial_files import trial_folder
from sweeper.training.checkpoint import load_checkpoint, save_checkpoint
from sweeper.training.config import TrainConfig
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trainer import train, train_events
from sweeper.training.types import Heartbeat, Trainer, TrainingData, TrainingEvents, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support import tiny_training
from tests.support.attempts import DATA, REPORTS, contents, job, trial
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import text_trainer


def test_attempt_continues_from_the_previous_one_and_then_deletes_its_checkpoint(tmp_path: Path) -> None:
    for attempt, text in ((1, "a"), (2, "b"), (3, "c")):
        list(run_attempt(trial(attempt=attempt), job(text_trainer(text), tmp_path), DATA))
    folder = trial_folder(tmp_path, trial())
    assert contents(folder) == {"checkpoint-3.pt": "abc"}


def refuse_hard_links(path: Path, target: Path) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


@pytest.mark.parametrize("has_links", [True, False])
def test_checkpoint_is_linked_to_its_new_name_or_copied_where_the_file_system_has_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_links: bool
) -> None:
    folder, starts = trial_folder(tmp_path, trial()), []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> TrainingEvents:
        assert saved is not None
        starts.append((contents(folder), saved.samefile(folder / "checkpoint-1.pt")))
        yield from text_trainer("b")(config, data, saved)

    list(run_attempt(trial(), job(text_trainer("a"), tmp_path), DATA))
    if not has_links:
        monkeypatch.setattr(Path, "hardlink_to", refuse_hard_links)
    assert list(run_attempt(trial(attempt=2), job(run, tmp_path), DATA))[-1] == TrialEnd(Outcome.COMPLETED)
    assert starts == [({"checkpoint-1.pt": "a", "checkpoint-2.pt": "a"}, has_links)]
    assert contents(folder) == {"checkpoint-2.pt": "ab"}


def test_checkpoint_for_whose_copy_there_is_no_room_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    list(run_attempt(trial(), job(text_trainer("a"), tmp_path), DATA))
    monkeypatch.setattr(Path, "hardlink_to", refuse_hard_links)
    with limited_file_size(0):
        (end,) = run_attempt(trial(attempt=2), job(text_trainer("b"), tmp_path), DATA)
    assert isinstance(end, TrialEnd)
    copy = trial_folder(tmp_path, trial()) / "checkpoint-2.pt"
    assert (end.outcome, end.reason) == (Outcome.FAILED, f"OSError: [Errno 27] File too large: '{copy}'")
    assert contents(trial_folder(tmp_path, trial()))["checkpoint-1.pt"] == "a"


def test_attempt_without_a_checkpoint_is_skipped(tmp_path: Path) -> None:
    for attempt, text in ((1, "a"), (4, "d")):
        list(run_attempt(trial(attempt=attempt), job(text_trainer(text), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-4.pt": "ad"}


def test_restarted_attempt_continues_from_its_own_checkpoint(tmp_path: Path) -> None:
    for attempt, text in ((1, "a"), (2, "b"), (2, "c")):
        list(run_attempt(trial(attempt=attempt), job(text_trainer(text), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial()))["checkpoint-2.pt"] == "abc"


def test_earlier_attempt_taken_for_dead_does_not_touch_the_files_of_its_successor(tmp_path: Path) -> None:
    list(run_attempt(trial(attempt=1), job(text_trainer("a"), tmp_path), DATA))
    list(run_attempt(trial(attempt=2), job(text_trainer("b"), tmp_path), DATA))
    list(run_attempt(trial(attempt=1), job(text_trainer("late"), tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-1.pt": "late", "checkpoint-2.pt": "ab"}


def test_previous_checkpoint_stays_until_the_attempt_has_written_its_own(tmp_path: Path) -> None:
    list(run_attempt(trial(), job(text_trainer("a"), tmp_path), DATA))

    def reading(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield REPORTS[0]

    list(run_attempt(trial(attempt=2), job(reading, tmp_path), DATA))
    assert contents(trial_folder(tmp_path, trial())) == {"checkpoint-1.pt": "a", "checkpoint-2.pt": "a"}


def requiring_checkpoint(text: str) -> Trainer:
    """Return a trainer that can start from a checkpoint with exactly this text, or without one."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        assert saved is not None
        if saved.exists() and saved.read_text(encoding="utf-8") != text:
            raise CheckpointError("its checksum is wrong")
        yield ValidationReport(1, 1.0, {"had_checkpoint": float(saved.exists())})

    return run


@pytest.mark.parametrize("has_good", [True, False])
def test_damaged_checkpoints_are_reported_and_an_earlier_one_is_used_if_there_is_one(
    tmp_path: Path, has_good: bool
) -> None:
    folder = trial_folder(tmp_path, trial())
    folder.mkdir(parents=True)
    for number, text in ((1, "good" if has_good else "bad"), (2, "bad"), (3, "bad")):
        (folder / f"checkpoint-{number}.pt").write_text(text, encoding="utf-8")
    *notes, report, trial_end = run_attempt(trial(attempt=4), job(requiring_checkpoint("good"), tmp_path), DATA)
    messages = [
        "checkpoint-3.pt cannot be used (its checksum is wrong); the training continues from checkpoint-2.pt",
        "checkpoint-2.pt cannot be used (its checksum is wrong); the training continues from checkpoint-1.pt",
        "checkpoint-1.pt cannot be used (its checksum is wrong); the training starts from the beginning",
    ]
    assert notes == [Heartbeat(note) for note in messages[: 2 if has_good else 3]]
    assert report == ValidationReport(1, 1.0, {"had_checkpoint": float(has_good)})
    assert trial_end == TrialEnd(Outcome.COMPLETED)
    assert "bad" not in contents(folder).values()


def test_second_attempt_at_a_real_training_ends_as_the_first_would_have(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    training_job = TrainingJob(train_events, {"tiny": data}, tmp_path)
    expected = tiny_training.without_timing(train(config, data, None))
    first = run_attempt(trial(config=config), training_job, data)
    first_report = next(event for event in first if isinstance(event, ValidationReport))
    first.close()

    *events, trial_end = run_attempt(trial(attempt=2, config=config), training_job, data)
    reports = [event for event in events if isinstance(event, ValidationReport)]
    assert trial_end == TrialEnd(Outcome.COMPLETED)
    assert reports[0] == first_report
    assert tiny_training.without_timing(reports) == expected


def test_real_checkpoint_with_an_altered_byte_is_reported_and_the_result_is_the_same(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    training_job = TrainingJob(train_events, {"tiny": data}, tmp_path)
    first = run_attempt(trial(config=config), training_job, data)
    assert any(isinstance(event, ValidationReport) for event in first)
    first.close()
    path = trial_folder(tmp_path, trial()) / "checkpoint-1.pt"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    damage, *events = (
        event for event in run_attempt(trial(attempt=2, config=config), training_job, data) if event != Heartbeat()
    )
    assert isinstance(damage, Heartbeat)
    assert damage.note == (
        "checkpoint-1.pt cannot be used (its checksum is wrong: it was cut short, or altered); "
        "the training starts from the beginning"
    )
    reports = [event for event in events if isinstance(event, ValidationReport)]
    assert tiny_training.without_timing(reports) == tiny_training.without_timing(train(config, data, None))


def drop(*names: str) -> Callable[[dict[str, Any]], None]:
    """Return a change that takes a value out of a checkpoint, by the keys that lead to it."""

    def change(state: dict[str, Any]) -> None:
        *parents, last = names
        for name in parents:
            state = state[name]
        del state[last]

    return change


def drop_factors(state: dict[str, Any]) -> None:
    for group in state["optimizer"]["adamw"]["param_groups"]:
        del group["factor"]


def swap_groups(state: dict[str, Any]) -> None:
    first, second = state["optimizer"]["adamw"]["param_groups"]
    first["weight_decay"], second["weight_decay"] = second["weight_decay"], first["weight_decay"]


def merge_groups(state: dict[str, Any]) -> None:
    first, second = state["optimizer"]["adamw"]["param_groups"]
    first["params"] += second["params"]
    state["optimizer"]["adamw"]["param_groups"] = [first]


def reverse_moments(state: dict[str, Any]) -> None:
    moments = state["optimizer"]["adamw"]["state"]
    state["optimizer"]["adamw"]["state"] = dict(zip(moments, reversed(moments.values()), strict=True))


def rename_weight(state: dict[str, Any]) -> None:
    state["model"]["head.weight"] = state["model"].pop("classifier.output.weight")


def count_epochs_otherwise(state: dict[str, Any]) -> None:
    state["reports"][0]["step"] = 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (drop_factors, "its optimizer has no factor"),
        (swap_groups, "its optimizer has the weights in other groups"),
        (reverse_moments, "its optimizer has the weights in another order"),
        (merge_groups, "it does not fit: loaded state dict has a different number of parameter groups"),
        (drop("optimizer"), "it has no 'optimizer'"),
        (drop("optimizer", "completed_updates"), "it has no 'completed_updates'"),
        (drop("random_states"), "it has no 'random_states'"),
        (drop("model"), "it has no 'model'"),
        (rename_weight, "it is of a model with other weights"),
        (lambda state: state["reports"][0].update(loss=1.0), "it does not fit: "),
        (count_epochs_otherwise, "its reports are those of another training"),
        (lambda state: state.update(reports=[]), "its reports are those of another training"),
        (drop("best"), "it has no best model"),
        (drop("best", "value"), "it has no best model"),
    ],
)
def test_checkpoint_that_does_not_fit_costs_only_the_training_so_far(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], reason: str
) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=2)
    trainer = partial(train_events, objective=ObjectiveMetric(maximize="validation/accuracy"))
    training_job = TrainingJob(trainer, {"tiny": data}, tmp_path)
    first = run_attempt(trial(config=config), training_job, data)
    assert any(isinstance(event, ValidationReport) for event in first)
    first.close()
    path = trial_folder(tmp_path, trial()) / "checkpoint-1.pt"
    state = load_checkpoint(path)
    change(state)
    save_checkpoint(state, path)

    events = list(run_attempt(trial(attempt=2, config=config), training_job, data))
    (note,) = (event.note for event in events if isinstance(event, Heartbeat) and event.note)
    assert note.startswith(f"checkpoint-1.pt cannot be used ({reason}")
    assert note.endswith("); the training starts from the beginning")
    assert events[-1] == TrialEnd(Outcome.COMPLETED)
    reports = [event for event in events if isinstance(event, ValidationReport)]
    assert [report.step for report in reports] == [1, 2]


def test_checkpoint_of_another_shape_of_file_is_not_used(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=1)
    path = trial_folder(tmp_path, trial()) / "checkpoint-1.pt"
    path.parent.mkdir(parents=True)
    save_checkpoint([1, 2], path)  # type: ignore[arg-type]
    events = list(run_attempt(trial(config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data))
    notes = [event.note for event in events if isinstance(event, Heartbeat) and event.note]
    assert notes == ["checkpoint-1.pt cannot be used (it holds no training); the training starts from the beginning"]
    assert events[-1] == TrialEnd(Outcome.COMPLETED)
