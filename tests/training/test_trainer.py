"""The reports of a training, its repeatability, its learning and its failures."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from sweeper.errors import DivergedError, OutOfMemoryError, UsageError
from sweeper.training import checkpoint
from sweeper.training.trainer import train
from sweeper.training.types import TIMING_METRICS, TrainingData, ValidationReport
from tests.support import tiny_training

CE = {"train/loss", "train/ce"}
SCL = CE | {"train/contrastive", "anchors/without_positive"}
LCL = SCL | {"train/weighting_ce", "weights/true_class"}
SCORES = {f"validation/{name}" for name in ("loss", "accuracy", "macro_f1", "weighted_f1", "largest_class", "majority")}
ALWAYS = SCORES | {"learning_rate", *TIMING_METRICS}


def reports(data: TrainingData, **hyperparameters: Any) -> list[ValidationReport]:
    return list(train(tiny_training.config(**hyperparameters), data))


def read_only(data: TrainingData) -> TrainingData:
    """The data with read-only weights, as a worker gets them from an object store."""
    weights = {name: array.copy() for name, array in data.encoder.weights.items()}
    for array in weights.values():
        array.flags.writeable = False
    return replace(data, encoder=replace(data.encoder, weights=weights))


@pytest.fixture
def every_warning() -> Iterator[None]:
    """Make torch repeat its warnings, so that they are errors in this test even if an earlier one has raised them."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


@pytest.mark.parametrize(("loss", "parts"), [("ce", CE), ("scl", SCL), ("lcl", LCL)])
def test_metrics_are_named_as_documented(data: TrainingData, loss: str, parts: set[str]) -> None:
    first, second = reports(data, loss=loss)
    assert set(first.metrics) == ALWAYS | parts | {"train/truncated", "batches/classes"}
    assert set(second.metrics) == ALWAYS | parts
    assert all(type(value) is float and np.isfinite(value) for value in second.metrics.values())


def test_two_phases_report_first_the_encoder_and_then_the_classifier(data: TrainingData) -> None:
    all_reports = reports(data, loss="scl_two_phase", contrastive_epochs=2, epochs=3, validations_per_epoch=2)
    assert [report.step for report in all_reports] == list(range(1, 11))
    first, second = {"train/loss", "train/contrastive", "anchors/without_positive"}, {"train/loss", "train/ce"} | SCORES
    always = {"learning_rate", *TIMING_METRICS}
    names = [set(report.metrics) - {"train/truncated", "batches/classes"} for report in all_reports]
    assert names == [first | always] * 4 + [second | always] * 6


def test_the_second_phase_does_not_change_the_encoder(data: TrainingData, tmp_path: Path) -> None:
    checkpoint_path = tmp_path / "checkpoint.pt"
    models = [
        {name: value.clone() for name, value in checkpoint.load_checkpoint(checkpoint_path)["model"].items()}
        for _ in train(
            tiny_training.config(loss="scl_two_phase", contrastive_epochs=1, epochs=2), data, checkpoint_path
        )
    ]
    changed = [
        {name for name in before if not torch.equal(before[name], after[name])} for before, after in pairwise(models)
    ]
    assert changed == [{"classifier.output.weight", "classifier.output.bias"}] * 2


def test_the_second_phase_has_its_own_learning_rate(data: TrainingData) -> None:
    rates = {"learning_rate": 1e-3, "classifier_learning_rate": 0.05, "schedule": "constant", "warmup": 0.0}
    first, *others = reports(data, loss="scl_two_phase", contrastive_epochs=1, epochs=2, **rates)
    assert [report.metrics["learning_rate"] for report in (first, *others)] == pytest.approx([1e-3, 0.05, 0.05])


def test_two_phases_learn(data: TrainingData) -> None:
    all_reports = reports(data, loss="scl_two_phase", contrastive_epochs=8, epochs=8, classifier_learning_rate=0.05)
    assert all_reports[-1].metrics["validation/accuracy"] > 0.6


@pytest.mark.parametrize("per_epoch", [1, 2, 4])
def test_there_is_one_report_for_each_validation(data: TrainingData, per_epoch: int) -> None:
    all_reports = reports(data, validations_per_epoch=per_epoch)
    assert [report.step for report in all_reports] == list(range(1, 2 * per_epoch + 1))
    assert [report.epoch for report in all_reports] == [step / per_epoch for step in range(1, 2 * per_epoch + 1)]


def test_validating_more_often_does_not_change_the_training(data: TrainingData) -> None:
    once = [report.metrics["validation/loss"] for report in reports(data)]
    twice = [report.metrics["validation/loss"] for report in reports(data, validations_per_epoch=2)]
    assert once == twice[1::2]


def test_every_epoch_has_other_batches() -> None:
    # with a learning rate near 0, a batch has the same loss whenever it is trained
    without_dropout = tiny_training.data(dropout=0.0)
    by_batch = reports(without_dropout, dropout=0.0, learning_rate=1e-12, validations_per_epoch=4)
    losses = [round(report.metrics["train/loss"], 5) for report in by_batch]
    assert set(losses[:4]) != set(losses[4:])
    assert sum(losses[:4]) == pytest.approx(sum(losses[4:]), rel=1e-4)


def test_truncated_is_the_share_of_texts_that_max_length_cuts(data: TrainingData) -> None:
    lengths = data.splits["train"].lengths
    assert reports(data, max_length=10, epochs=1)[0].metrics["train/truncated"] == (lengths > 10).mean()


def test_the_test_split_is_not_used(data: TrainingData) -> None:
    blind = replace(data, splits={name: data.splits[name] for name in ("train", "validation")})
    assert tiny_training.without_timing(reports(blind)) == tiny_training.without_timing(reports(data))


@pytest.mark.parametrize("loss", ["ce", "scl", "lcl"])
def test_the_same_config_gives_the_same_numbers(data: TrainingData, loss: str) -> None:
    first = tiny_training.without_timing(reports(data, loss=loss))
    assert tiny_training.without_timing(reports(data, loss=loss)) == first
    reports(data, loss="lcl", weighting="shared", batch_size=8, seed=9, epochs=1)
    torch.rand(3)
    assert tiny_training.without_timing(reports(data, loss=loss)) == first


def test_what_happens_between_two_reports_does_not_change_the_training(data: TrainingData) -> None:
    expected = tiny_training.without_timing(reports(data))
    collected = []
    for report in train(tiny_training.config(), data):
        collected.append(report)
        torch.manual_seed(len(collected))
    assert tiny_training.without_timing(collected) == expected


def test_two_interleaved_trainings_do_not_change_each_other(data: TrainingData) -> None:
    expected = tiny_training.without_timing(reports(data))
    pairs = list(zip(train(tiny_training.config(), data), train(tiny_training.config(seed=5), data), strict=True))
    assert tiny_training.without_timing(mine for mine, _ in pairs) == expected


def test_another_seed_gives_other_numbers(data: TrainingData) -> None:
    first, other = (reports(data, seed=seed, epochs=1)[0].metrics["train/loss"] for seed in (0, 1))
    assert first != other


@pytest.mark.usefixtures("every_warning")
def test_read_only_weights_work_without_a_warning(data: TrainingData) -> None:
    assert tiny_training.without_timing(reports(read_only(data))) == tiny_training.without_timing(reports(data))


def test_training_does_not_change_the_data(data: TrainingData) -> None:
    split = data.splits["train"]
    arrays: list[NDArray[Any]] = [
        *data.encoder.weights.values(),
        split.tokens,
        split.starts,
        split.lengths,
        split.labels,
    ]
    before = [array.copy() for array in arrays]
    reports(data, loss="lcl", max_length=8)
    assert all(np.array_equal(array, copy) for array, copy in zip(arrays, before, strict=True))


@pytest.mark.parametrize("weighting", ["separate", "shared"])
@pytest.mark.parametrize("loss", ["ce", "scl", "lcl"])
def test_a_training_learns(data: TrainingData, loss: str, weighting: str) -> None:
    all_reports = reports(data, loss=loss, weighting=weighting, epochs=10)
    assert all_reports[0].metrics["validation/accuracy"] < 0.75  # of three classes
    assert max(report.metrics["validation/accuracy"] for report in all_reports) > 0.75
    assert all_reports[-1].metrics["train/ce"] < 0.8 * all_reports[0].metrics["train/ce"]


@pytest.mark.parametrize("loss", ["scl", "lcl"])
def test_a_last_batch_of_one_text_gives_finite_metrics(loss: str) -> None:
    all_reports = reports(tiny_training.data(rows=17), loss=loss)
    assert all(np.isfinite(value) for report in all_reports for value in report.metrics.values())


@pytest.mark.parametrize("loss", ["scl", "lcl"])
def test_batches_without_positives_give_finite_metrics(data: TrainingData, loss: str) -> None:
    all_reports = reports(data, loss=loss, batch_size=2, epochs=1, normalize=False, tau=0.07)
    assert all(np.isfinite(value) for report in all_reports for value in report.metrics.values())


def test_a_far_too_high_learning_rate_diverges(data: TrainingData) -> None:
    with pytest.raises(DivergedError, match=r"not finite at epoch 1, batch \d+ of 4; a lower learning_rate"):
        reports(data, learning_rate=1e30)


def test_a_weight_that_is_not_a_number_diverges(data: TrainingData) -> None:
    weights = {name: array.copy() for name, array in data.encoder.weights.items()}
    weights["encoder.layer.0.output.dense.weight"][3, 3] = np.nan
    broken = replace(data, encoder=replace(data.encoder, weights=weights))
    with pytest.raises(DivergedError, match="epoch 1, batch 4 of 4"):
        reports(broken)


def test_diverging_in_the_last_update_is_detected(data: TrainingData) -> None:
    with pytest.raises(DivergedError):
        reports(data, batch_size=64, epochs=1, learning_rate=1e30)


def test_a_model_too_large_for_memory_is_out_of_memory(data: TrainingData) -> None:
    configuration = {**data.encoder.configuration, "vocab_size": 10**13}
    huge = replace(data, encoder=replace(data.encoder, configuration=configuration))
    with pytest.raises(OutOfMemoryError, match="out of memory at batch_size 16, max_length 32: "):
        reports(huge)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_fp16_needs_a_gpu(data: TrainingData) -> None:
    with pytest.raises(UsageError, match=r"training\.precision: fp16 needs a GPU"):
        reports(data, precision="fp16")


@pytest.mark.skipif(not torch.cpu.get_capabilities().get("avx512_bf16"), reason="this processor has no bf16")
@pytest.mark.parametrize("loss", ["ce", "lcl"])
def test_bf16_trains_and_auto_chooses_it_here(data: TrainingData, loss: str) -> None:
    bf16 = tiny_training.without_timing(reports(data, loss=loss, precision="bf16"))
    assert tiny_training.without_timing(reports(data, loss=loss, precision="auto")) == bf16
    assert bf16 != tiny_training.without_timing(reports(data, loss=loss))
    assert all(np.isfinite(value) for value in bf16[-1][2].values())
