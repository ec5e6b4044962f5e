"""One attempt at a trial: its reports, its end, and the checkpoints of earlier attempts."""

from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch

from sweeper.errors import CheckpointError, DivergedError, OutOfMemoryError
from sweeper.execution.attempt import run_attempt
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.training.checkpoint import load_checkpoint, save_checkpoint
from sweeper.training.config import TrainConfig
from sweeper.training.model import Classifier
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trainer import train, train_events
from sweeper.training.types import EncoderWeights, Heartbeat, TokenizedSplit, Trainer, TrainingData, ValidationReport
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support import tiny_training
from tests.support.crash_helpers import limited_file_size
from tests.support.fakes import text_trainer

DATA = TrainingData(("a", "b"), EncoderWeights("none", {}, {}, 0), {})
REPORTS = [
    ValidationReport(1, 1.0, {"validation/accuracy": 0.5}),
    ValidationReport(2, 2.0, {"validation/accuracy": 0.75}),
]


def trial(number: int = 1, *, attempt: int = 1, config: TrainConfig | None = None) -> Trial:
    return Trial(number, 0, {}, config or TrainConfig(encoder="none"), attempt)


def job(trainer: Trainer, folder: Path) -> TrainingJob:
    return TrainingJob(trainer, {"none": DATA}, folder)


def failing(error: BaseException) -> Trainer:
    """Return a trainer that raises this error after one report."""

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield REPORTS[0]
        raise error

    return run


def caused_by(error: Exception) -> Exception:
    """Return an error that another one has caused."""
    wrapped = ValueError("a wrapper")
    wrapped.__cause__ = error
    return wrapped


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}


def test_reports_come_first_and_then_completed(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield from REPORTS

    assert list(run_attempt(trial(), job(run, tmp_path), DATA)) == [*REPORTS, TrialEnd(Outcome.COMPLETED)]
    assert list(tmp_path.iterdir()) == []


def test_trainer_gets_the_config_the_data_and_a_checkpoint_of_its_own(tmp_path: Path) -> None:
    arguments: list[tuple[TrainConfig, TrainingData, Path | None]] = []

    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        arguments.append((config, data, saved))
        yield REPORTS[0]

    for number, attempt in ((1, 1), (1, 2), (2, 1)):
        list(run_attempt(trial(number, attempt=attempt), job(run, tmp_path), DATA))
    assert arguments[0][0] == trial().config
    assert arguments[0][1] is DATA
    assert len({saved for _, _, saved in arguments}) == 3


@pytest.mark.parametrize(
    ("error", "trial_end"),
    [
        (DivergedError("not finite at epoch 2"), TrialEnd(Outcome.DIVERGED, "not finite at epoch 2")),
        (OutOfMemoryError("no memory left"), TrialEnd(Outcome.OUT_OF_MEMORY, "no memory left")),
        (ValueError("bad\n  shape"), TrialEnd(Outcome.FAILED, "ValueError: bad shape")),
        (KeyError(), TrialEnd(Outcome.FAILED, "KeyError: no message")),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exception_is_an_outcome_and_leaves_a_traceback(tmp_path: Path, error: Exception, trial_end: TrialEnd) -> None:
    assert list(run_attempt(trial(7), job(failing(error), tmp_path), DATA)) == [REPORTS[0], trial_end]
    text = (trial_folder(tmp_path, trial(7)) / "error.txt").read_text(encoding="utf-8")
    assert text.startswith("Traceback")
    assert type(error).__name__ in text
    assert "in run" in text


@pytest.mark.parametrize(
    ("error", "is_broken"),
    [
        (torch.AcceleratorError("CUDA error: device-side assert triggered"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be"), True),
        (RuntimeError("cuDNN error: CUDNN_STATUS_EXECUTION_FAILED"), True),
        (caused_by(torch.AcceleratorError("CUDA error: unspecified launch failure")), True),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"), False),
        (OutOfMemoryError("no memory left"), False),
        (RuntimeError("index out of range in self"), False),
        (ValueError("CUDA"), False),
    ],
    ids=lambda value: str(value)[:30],
)
def test_error_that_breaks_the_device_says_that_the_process_can_train_no_more(
    tmp_path: Path, error: Exception, is_broken: bool
) -> None:
    *_, trial_end = run_attempt(trial(), job(failing(error), tmp_path), DATA)
    assert isinstance(trial_end, TrialEnd)
    assert trial_end.breaks_process == is_broken


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB"),
        torch.AcceleratorError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        MemoryError(),
    ],
    ids=lambda error: str(error)[:30],
)
def test_every_allocator_that_has_no_memory_left_is_out_of_memory(tmp_path: Path, error: Exception) -> None:
    class NoMemoryLeft(dict[str, TokenizedSplit]):
        def __getitem__(self, name: str) -> TokenizedSplit:
            raise error

    data, config = replace(tiny_training.data(rows=32), splits=NoMemoryLeft()), tiny_training.config(epochs=1)
    *_, trial_end = run_attempt(trial(config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data)
    assert isinstance(trial_end, TrialEnd)
    assert (trial_end.outcome, trial_end.breaks_process) == (Outcome.OUT_OF_MEMORY, False)


def test_exception_before_the_first_report_is_an_outcome_too(tmp_path: Path) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        raise OSError("no such device")

    assert list(run_attempt(trial(), job(run, tmp_path), DATA)) == [TrialEnd(Outcome.FAILED, "OSError: no such device")]


def test_long_message_is_cut(tmp_path: Path) -> None:
    *_, trial_end = run_attempt(trial(), job(failing(RuntimeError("x" * 5000)), tmp_path), DATA)
    assert isinstance(trial_end, TrialEnd)
    assert len(trial_end.reason) == 400


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=lambda error: type(error).__name__)
def test_interruption_is_not_an_outcome(tmp_path: Path, error: BaseException) -> None:
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


def test_attempt_continues_from_the_previous_one_and_then_deletes_its_checkpoint(tmp_path: Path) -> None:
    for attempt, text in ((1, "a"), (2, "b"), (3, "c")):
        list(run_attempt(trial(attempt=attempt), job(text_trainer(text), tmp_path), DATA))
    folder = trial_folder(tmp_path, trial())
    assert contents(folder) == {"checkpoint-3.pt": "abc"}


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


@pytest.mark.parametrize("value", [None, "0.5", [0.5]], ids=str)
def test_metric_that_is_not_a_number_ends_the_trial_before_it_is_recorded(tmp_path: Path, value: Any) -> None:
    def run(config: TrainConfig, data: TrainingData, saved: Path | None) -> Generator[ValidationReport, None, None]:
        yield ValidationReport(1, 1.0, {"validation/accuracy": value})

    (trial_end,) = run_attempt(trial(), job(run, tmp_path), DATA)
    assert trial_end == TrialEnd(
        Outcome.FAILED, f"TypeError: validation/accuracy = {value!r} after epoch 1 is not a number"
    )


@pytest.mark.parametrize("attempts", [1, 3])
def test_checkpoints_take_as_much_disk_as_documented(tmp_path: Path, attempts: int) -> None:
    """One checkpoint per running trial, a second while it is written, each with 12 bytes per parameter."""
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    parameters = sum(parameter.numel() for parameter in Classifier(config, data).parameters())
    file_counts: list[int] = []
    for number in range(1, attempts + 1):
        events = run_attempt(
            trial(attempt=number, config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data
        )
        for event in islice(events, None if number == attempts else 6):
            files = {path.stat().st_ino: path.stat().st_size for path in trial_folder(tmp_path, trial()).glob("*")}
            file_counts.append(len(files))
            if isinstance(event, ValidationReport):
                assert len(files) == 1
                assert sum(files.values()) < 12 * parameters + 100_000  # names, generators, reports
        events.close()
    assert max(file_counts) <= 2


def test_confirmation_takes_as_much_disk_as_documented(tmp_path: Path) -> None:
    """Checkpoints with 16 bytes per parameter. At the end only a model with 4 bytes per parameter is left."""
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=3)
    parameters = sum(parameter.numel() for parameter in Classifier(config, data).parameters())
    training_job = TrainingJob(
        partial(train_events, objective=ObjectiveMetric(maximize="validation/accuracy")), {"tiny": data}, tmp_path
    )
    for event in run_attempt(trial(config=config), training_job, data):
        if isinstance(event, ValidationReport):
            (size,) = (path.stat().st_size for path in trial_folder(tmp_path, trial()).glob("*"))
            assert size < 16 * parameters + 100_000
    delete_trial_files(tmp_path, trial())
    (model,) = trial_folder(tmp_path, trial()).glob("*")
    assert 4 * parameters < model.stat().st_size < 4 * parameters + 100_000
    delete_trial_files(tmp_path, trial(), model=True)
    assert not model.parent.exists()


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


def test_full_disk_leaves_a_training_without_checkpoints_and_is_reported(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=32), tiny_training.config(epochs=2)
    with limited_file_size(1000):
        events = [
            event
            for event in run_attempt(trial(config=config), TrainingJob(train_events, {"tiny": data}, tmp_path), data)
            if event != Heartbeat()
        ]
    notes = [event.note for event in events if isinstance(event, Heartbeat)]
    assert len(notes) == 1
    assert "checkpoint-1.pt cannot be written (File too large); training continues without a checkpoint" in notes[0]
    assert events[-1] == TrialEnd(Outcome.COMPLETED)
    assert contents(trial_folder(tmp_path, trial())) == {}


def test_deleting_trial_files_removes_every_checkpoint_and_empty_folders(tmp_path: Path) -> None:
    for attempt in (1, 2):
        list(run_attempt(trial(attempt=attempt), job(text_trainer("a"), tmp_path), DATA))
    delete_trial_files(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
    delete_trial_files(tmp_path, trial())  # twice does no harm


def test_deleting_trial_files_keeps_the_traceback_and_other_trials(tmp_path: Path) -> None:
    list(run_attempt(trial(1), job(text_trainer("a"), tmp_path), DATA))
    list(run_attempt(trial(1, attempt=2), job(failing(ValueError("bad")), tmp_path), DATA))
    list(run_attempt(trial(11), job(text_trainer("b"), tmp_path), DATA))
    delete_trial_files(tmp_path, trial(1))
    assert [path.name for path in trial_folder(tmp_path, trial(1)).iterdir()] == ["error.txt"]
    assert list(contents(trial_folder(tmp_path, trial(11)))) == ["checkpoint-1.pt"]


def test_deleting_trial_files_removes_a_half_written_checkpoint(tmp_path: Path) -> None:
    list(run_attempt(trial(), job(text_trainer("a"), tmp_path), DATA))
    (trial_folder(tmp_path, trial()) / ".checkpoint-1.pt-x1y2z3").write_text("half", encoding="utf-8")
    delete_trial_files(tmp_path, trial())
    assert list(tmp_path.iterdir()) == []
