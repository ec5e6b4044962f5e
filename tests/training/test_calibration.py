"""A calibration times a few steps of the real trainer and scales them to whole trainings."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.training.calibration import calibrate
from sweeper.training.config import TrainConfig
from sweeper.training.parameter_count import count_parameters
from sweeper.training.trainer import train_events
from sweeper.training.training_cost import TrainingCost
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import EncoderWeights, TrainingData, ValidationReport
from tests.support import tiny_training


def test_a_calibration_foresees_what_a_training_takes(tmp_path: Path) -> None:
    data, config = tiny_training.data(rows=1500), tiny_training.config(batch_size=8, epochs=2)
    cost = calibrate(config, data, tmp_path)
    began = time.process_time()
    with closing(train_events(config, data, tmp_path / "checkpoint-1.pt")) as events:
        reports = [event for event in events if isinstance(event, ValidationReport)]
    used = time.process_time() - began
    assert len(reports) == 2
    assert used / 2.5 < cost.processor_seconds(config) < used * 2.5
    assert cost.memory > 10**7
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1.pt"]


@pytest.mark.parametrize("loss", ["ce", "scl_two_phase", "lcl"])
@pytest.mark.parametrize("rows", [6, 200])
def test_every_loss_and_size_of_data_can_be_timed(tmp_path: Path, loss: str, rows: int) -> None:
    cost = calibrate(tiny_training.config(loss=loss), tiny_training.data(rows=rows), tmp_path, test_rows=50)
    assert min(cost.epoch, cost.validation, cost.score, cost.processor) > 0
    assert (cost.contrastive_epoch > 0) == (loss == "scl_two_phase")


def test_seconds_count_epochs_validations_and_phases() -> None:
    cost = TrainingCost(start=1, epoch=10, contrastive_epoch=20, features=5, validation=2, checkpoint=0.5)
    plain = tiny_training.config(epochs=3, validations_per_epoch=2)
    assert cost.seconds(plain) == 1 + 30 + 6 * 2.5
    assert replace(cost, processor=2, checkpoint_processor=0.1).processor_seconds(plain) == 2 * 43 + 6 * 0.1
    assert cost.seconds(plain, 1) == 1 + 5 + 2.5
    phases = tiny_training.config(epochs=1, contrastive_epochs=2, loss="scl_two_phase")
    assert cost.seconds(phases, 2) == 1 + 40 + 2 * 0.5
    assert cost.seconds(phases) == 1 + 40 + 5 + 10 + 2 + 3 * 0.5


def trained_parameters(config: TrainConfig, data: TrainingData) -> int:
    model = prepare_training(config, data).model
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


@pytest.mark.parametrize(
    "hyperparameters",
    [
        {},
        {"classifier": "mlp"},
        {"pooling": "flatten"},
        {"loss": "lcl"},
        {"loss": "lcl", "weighting": "shared"},
        {"loss": "prototypes", "pooling": "flatten"},
        {"lora": 3},
        {"loss": "lcl", "lora": 3, "classifier": "mlp"},
        {"encoder": "gru", "vocabulary": 50},
        {"encoder": "rnn", "hidden_size": 7, "embedding_size": 5},
    ],
    ids=str,
)
def test_parameters_are_counted_without_a_model(hyperparameters: dict[str, object]) -> None:
    config, data = tiny_training.config().model_copy(update=hyperparameters), tiny_training.data(rows=8)
    encoder = replace(data.encoder, width=32)
    if config.encoder != "tiny":
        encoder = EncoderWeights(config.encoder, {}, {}, 0)
    data = replace(data, encoder=encoder)
    assert count_parameters(config, data) == pytest.approx(trained_parameters(config, data), rel=0.03)
