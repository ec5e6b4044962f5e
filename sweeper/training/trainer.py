"""One training, from a config and token arrays to one Report per validation.

    for report in train(config, data, checkpoint):
        ...

The generator owns the loop, the caller owns what happens with the reports: it needs no callback and knows no tracker.
Where it gets a checkpoint path, it saves there before each report, and goes on from there when it is called again:
the reports of the earlier run come again first, then the training continues bit for bit as if it had not stopped.
`live` is the same with a sign of life after each batch, for a runner that must tell a worker at work from a dead one.
Where it is told what chooses an epoch, it keeps the model of the best one beside the checkpoint.
"""

import math
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sweeper.errors import DivergedError, OutOfMemoryError, UsageError
from sweeper.training import batching, checkpoint, device, training_loss
from sweeper.training.config import CONTRASTIVE, TrainConfig
from sweeper.training.evaluation import encode_batch, encode_split, evaluate_events
from sweeper.training.model import Classifier
from sweeper.training.optimizer import Optimizer
from sweeper.training.phases import Phase, training_phases
from sweeper.training.selection import ObjectiveMetric
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport

_REMEDY = "a lower learning_rate or a higher tau helps"
_CHECK_EVERY = 50  # steps between two looks at whether the loss is still a number: each look waits for the device


def train(
    config: TrainConfig, data: TrainingData, saved: Path | None = None
) -> Generator[ValidationReport, None, None]:
    """Train, yielding a Report after each validation.

    `data.splits` needs train and validation. With `saved`, the state is kept in that file before each report, and a
    file that is there is gone on from. Raises DivergedError where the loss is not finite, ExhaustedError where memory
    ran out, CheckpointError where the file cannot be read.
    """
    with closing(train_events(config, data, saved)) as events:
        yield from (event for event in events if isinstance(event, ValidationReport))


def train_events(
    config: TrainConfig, data: TrainingData, saved: Path | None = None, choose: ObjectiveMetric | None = None
) -> Generator[ValidationReport | Heartbeat, None, None]:
    """As `train`, with a Progress after each batch, trained or scored, and where a checkpoint could not be kept.

    With `choose`, checkpoints have the model of the best epoch so far too, and in the end it is in `model_of(saved)`.
    """
    try:
        yield from _Training(config, data, choose).run(saved)
    except torch.OutOfMemoryError as error:
        raise OutOfMemoryError(_out_of_memory(config, error)) from error
    except MemoryError as error:
        raise OutOfMemoryError(_out_of_memory(config, error)) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise OutOfMemoryError(_out_of_memory(config, error)) from error


def _out_of_memory(config: TrainConfig, error: BaseException) -> str:
    first = str(error).partition("\n")[0] or "no memory left"
    return f"out of memory at batch_size {config.batch_size}, max_length {config.max_length}: {first}"


def best_model_path(saved: Path) -> Path:
    """Where the model of the best epoch is once the training that kept its checkpoints in `saved` has ended."""
    return saved.with_name(saved.name.replace("checkpoint", "model"))


def latest_best_model(saved: Path) -> Path:
    """The model that the newest attempt at the training left, or where it would be: one that was given up is older."""
    found = saved.parent.glob(best_model_path(saved.with_name("checkpoint-*.pt")).name)
    return max(found, key=lambda path: int(path.stem.rpartition("-")[2]), default=best_model_path(saved))


Returned = TypeVar("Returned")
Events = Generator[ValidationReport | Heartbeat, None, Returned]


class _Training:
    """The state of one training."""

    def __init__(self, config: TrainConfig, data: TrainingData, choose: ObjectiveMetric | None) -> None:
        self.config, self.data, self.choose = config, data, choose
        self.split = data.splits["train"]
        self.labels = torch.from_numpy(self.split.labels)
        self.device = device.setup_device(config)
        self.precision = device.resolve_precision(config.precision, self.device)
        self.model = Classifier(config, data).to(self.device)
        balanced = (
            training_loss.balanced_class_weights(self.labels, len(data.labels))
            if config.class_weights == "balanced"
            else None
        )
        self.objective = training_loss.TrainingLoss(config, None if balanced is None else balanced.to(self.device))
        self.views = config.views if config.loss in CONTRASTIVE else 1
        self.batches_per_epoch = math.ceil(len(self.split) / config.batch_size)
        if self.batches_per_epoch < config.validations_per_epoch:
            raise UsageError(
                f"training.validations_per_epoch: an epoch has {self.batches_per_epoch} batches at batch_size "
                f"{config.batch_size}, got {config.validations_per_epoch}; ask for fewer"
            )
        self.reports: list[ValidationReport] = []
        self.best: dict[str, Any] = {}  # step, value and model of the best epoch so far
        self.unkept = False  # whether a checkpoint could not be written

    def _enter(self, phase: Phase) -> Events[None]:
        """Begin a phase: its optimiser, and where the encoder is frozen, its features of all texts if they are few."""
        self.phase = phase
        trained = self.model.classifier if phase.kind == "classifier" else self.model
        updates = math.ceil(self.batches_per_epoch / self.config.accumulate) * phase.epochs
        self.optimiser = Optimizer(self.config, trained, phase.peak_learning_rate, updates, self.precision, self.device)
        kept = phase.kind == "classifier" and self.config.pooling != "flatten"
        self.features = (yield from encode_split(self.model, self.data, "train", self.config)) if kept else None

    def run(self, saved: Path | None) -> Events[None]:
        if saved is not None and saved.exists():
            yield from self._restore(checkpoint.load_checkpoint(saved))
            yield from tuple(self.reports)
        else:
            yield from self._enter(training_phases(self.config)[0])
        for step in range(len(self.reports) + 1, self.config.num_validations + 1):
            report = yield from self._stretch(step)
            self.reports.append(report)
            self._choose(report)
            if saved is not None:
                yield self._keep(self._state(), saved)
            generators = self._generators()
            yield report
            self._set_generators(generators)  # whatever the caller drew from them meanwhile
        if saved is not None and self.best:
            yield self._keep(self.best, best_model_path(saved))

    def _choose(self, report: ValidationReport) -> None:
        """Keep the model of the best epoch, the first of equals."""
        value = report.metrics.get(self.choose.metric, math.nan) if self.choose else math.nan
        if (
            self.choose
            and math.isfinite(value)
            and (not self.best or self.choose.sign * value > self.choose.sign * self.best["value"])
        ):
            model = {name: tensor.detach().cpu().clone() for name, tensor in self.model.state_dict().items()}
            self.best = {"step": report.step, "epoch": report.epoch, "value": value, "model": model}

    def _keep(self, state: dict[str, Any], saved: Path) -> Heartbeat:
        """Write a checkpoint. A training whose disk is full goes on without, and says so once."""
        try:
            checkpoint.save_checkpoint(state, saved)
        except OSError as error:
            first, self.unkept = not self.unkept, True
            note = f"{saved.name} cannot be written ({error.strerror}); it trains on without a checkpoint"
            return Heartbeat(note if first else "")
        return Heartbeat()

    def _stretch(self, step: int) -> Events[ValidationReport]:
        """Train up to validation number `step` (from 1), and validate."""
        epoch, part = divmod(step - 1, self.config.validations_per_epoch)
        phase = next(phase for phase in training_phases(self.config) if epoch < phase.end_epoch)
        if phase != self.phase:
            yield from self._enter(phase)
        order = batching.bucketed_batches(
            self.split, self.config.batch_size, self.config.max_length, seed=self.config.seed, epoch=epoch
        )
        first, last = (len(order) * k // self.config.validations_per_epoch for k in (part, part + 1))
        sums, start, texts = _Sums(), time.perf_counter(), 0
        self.model.train()
        for index in range(first, last):
            sums.add(self._backward(order[index], index, len(order)))
            texts += len(order[index])
            if (index + 1) % self.config.accumulate == 0 or index + 1 == len(order):
                self.optimiser.update()
            if (index + 1) % _CHECK_EVERY == 0 or index + 1 == last:
                self._finite(sums, epoch, index)
            yield Heartbeat()
        speed = texts / (time.perf_counter() - start)
        extra = {"learning_rate": self.optimiser.learning_rate, "examples_per_second": speed}
        report = yield from self._report(step, sums, extra)
        return replace(report, metrics={**report.metrics, "seconds": time.perf_counter() - start})

    def _backward(self, rows: NDArray[np.int64], index: int, in_epoch: int) -> dict[str, Tensor]:
        """Add the gradients of the texts in `rows`, batch number `index` of its epoch; the parts of their loss."""
        parts = self._parts(rows)
        group = index - index % self.config.accumulate
        share = min(self.config.accumulate, in_epoch - group)  # batches in this update
        self.optimiser.backward(parts["train/loss"] / share)
        return {name: part.detach() for name, part in parts.items()}

    def _parts(self, rows: NDArray[np.int64]) -> dict[str, Tensor]:
        """What this phase minimises, `train/loss`, and its parts."""
        if self.features is not None:
            return self._classifier_parts(self.features[rows], self.labels[rows].to(self.device))
        batch = batching.collate(self.split, rows, self.config.max_length, self.data.encoder.padding)
        batch = batch.to(self.device)
        if self.phase.kind == "classifier":
            return self._classifier_parts(encode_batch(self.model, batch, self.config), batch.labels)
        batch = batch.repeat(self.views)
        with device.autocast(self.precision, self.device):
            outputs = self.model(batch)
        if self.phase.kind == "contrastive":
            parts = self.objective.contrastive_components(outputs, batch.labels)
            return {"train/loss": parts["train/contrastive"], **parts}
        return self.objective.components(outputs, batch.labels)

    def _classifier_parts(self, features: Tensor, labels: Tensor) -> dict[str, Tensor]:
        loss = self.objective.cross_entropy(self.model.classifier(features), labels)
        return {"train/loss": loss, "train/ce": loss}

    def _finite(self, sums: "_Sums", epoch: int, index: int) -> None:
        if not math.isfinite(sums.mean().get("train/loss", 0.0)):
            place = f"epoch {epoch + 1}, batch {index + 1} of {self.batches_per_epoch}"
            raise DivergedError(f"the training loss is not finite at {place}; {_REMEDY}")

    def _report(self, step: int, sums: "_Sums", extra: dict[str, float]) -> Events[ValidationReport]:
        """The report of a validation; in a phase without a classifier there is none, and the objective is absent."""
        epoch = step / self.config.validations_per_epoch
        found = {**sums.mean(), **extra}
        if step == 1:
            found["train/truncated"] = batching.truncated_share(self.split, self.config.max_length)
        if self.phase.kind != "contrastive":
            scored = yield from evaluate_events(self.model, self.data, "validation", self.config)
            if not math.isfinite(scored.metrics["loss"]):
                raise DivergedError(f"the validation loss is not finite after epoch {epoch:g}; {_REMEDY}")
            found |= {f"validation/{name}": value for name, value in scored.metrics.items()}
        return ValidationReport(step, epoch, found)

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state(),
            "generators": self._generators(),
            "reports": [_plain(report) for report in self.reports],
            **({"best": self.best} if self.best else {}),
        }

    def _generators(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def _set_generators(self, states: dict[str, Tensor]) -> None:
        torch.set_rng_state(states["cpu"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.device)

    def _restore(self, state: dict[str, Any]) -> Events[None]:
        self.model.load_state_dict(state["model"])
        self.reports = [ValidationReport(**report) for report in state["reports"]]
        last = (len(self.reports) - 1) // self.config.validations_per_epoch  # epoch of the last report
        yield from self._enter(next(phase for phase in training_phases(self.config) if last < phase.end_epoch))
        self.optimiser.restore(state["optimiser"])
        self._set_generators(state["generators"])
        self.best = state.get("best", {})


def _plain(report: ValidationReport) -> dict[str, Any]:
    return {"step": report.step, "epoch": report.epoch, "metrics": dict(report.metrics)}


class _Sums:
    """Running means of the parts of the loss, kept on the device until they are asked for."""

    def __init__(self) -> None:
        self.totals: dict[str, Tensor] = {}
        self.counts = 0

    def add(self, parts: dict[str, Tensor]) -> None:
        self.counts += 1
        for name, part in parts.items():
            self.totals[name] = self.totals[name] + part if name in self.totals else part.clone()

    def mean(self) -> dict[str, float]:
        return {name: float(total) / self.counts for name, total in self.totals.items()}
