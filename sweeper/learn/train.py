"""One training, from a config and token arrays to one Report per validation.

    for report in train(config, data, checkpoint):
        ...

The generator owns the loop, the caller owns what happens with the reports: it needs no callback and knows no tracker.
Where it gets a checkpoint path, it saves there before each report, and goes on from there when it is called again:
the reports of the earlier run come again first, then the training continues bit for bit as if it had not stopped.
"""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.config import TrainConfig
from sweeper.errors import DivergedError, ExhaustedError, UsageError
from sweeper.learn import batches, checkpoint, device, objective
from sweeper.learn.batches import Batch
from sweeper.learn.model import Classifier
from sweeper.learn.score import score
from sweeper.ports import Report, TrainingData

_NO_DECAY = ("bias", "norm")  # AdamW decays neither biases nor normalisation weights
_REMEDY = "a lower learning_rate or a higher tau helps"
_CHECK_EVERY = 50  # steps between two looks at whether the loss is still a number: each look waits for the device


def train(config: TrainConfig, data: TrainingData, saved: Path | None = None) -> Generator[Report, None, None]:
    """Train, yielding a Report after each validation.

    `data.splits` needs train and validation. With `saved`, the state is kept in that file before each report, and a
    file that is there is gone on from. Raises DivergedError where the loss is not finite, ExhaustedError where memory
    ran out.
    """
    try:
        yield from _Training(config, data).run(saved)
    except torch.OutOfMemoryError as error:
        raise ExhaustedError(_out_of_memory(config, error)) from error
    except MemoryError as error:
        raise ExhaustedError(_out_of_memory(config, error)) from error
    except RuntimeError as error:
        if "can't allocate memory" not in str(error):
            raise
        raise ExhaustedError(_out_of_memory(config, error)) from error


def _out_of_memory(config: TrainConfig, error: BaseException) -> str:
    first = str(error).partition("\n")[0] or "no memory left"
    return f"out of memory at batch_size {config.batch_size}, max_length {config.max_length}: {first}"


class _Training:
    """The state of one training."""

    def __init__(self, config: TrainConfig, data: TrainingData) -> None:
        self.config, self.data = config, data
        self.split = data.splits["train"]
        self.device = device.prepare(config)
        self.precision = device.precision(config.precision, self.device)
        self.model = Classifier(config, data).to(self.device)
        self.optimizer = _optimizer(config, self.model, self.device)
        self.scaler = device.scaler(self.precision, self.device)
        self.batches_per_epoch = math.ceil(len(self.split) / config.batch_size)
        if self.batches_per_epoch < config.validations_per_epoch:
            raise UsageError(
                f"training.validations_per_epoch: an epoch has {self.batches_per_epoch} batches at batch_size "
                f"{config.batch_size}, got {config.validations_per_epoch}; ask for fewer"
            )
        self.updates = math.ceil(self.batches_per_epoch / config.accumulate) * config.epochs
        self.done = 0  # of the updates
        self.reports: list[Report] = []

    def _rate(self) -> float:
        """The learning rate of the next update: up to the peak over the warm-up, then linear to 0."""
        warmup = round(self.config.warmup * self.updates)
        rising = self.done < warmup
        share = self.done / warmup if rising else (self.updates - self.done) / (self.updates - warmup)
        return self.config.learning_rate * share

    def run(self, saved: Path | None) -> Iterator[Report]:
        if saved is not None and saved.exists():
            self._restore(checkpoint.load(saved))
            yield from tuple(self.reports)
        for step in range(len(self.reports) + 1, self.config.reports + 1):
            report = self._stretch(step)
            self.reports.append(report)
            if saved is not None:
                checkpoint.save(self._state(), saved)
            generators = self._generators()
            yield report
            self._set_generators(generators)  # whatever the caller drew from them meanwhile

    def _stretch(self, step: int) -> Report:
        """Train up to validation number `step` (from 1), and validate."""
        epoch, part = divmod(step - 1, self.config.validations_per_epoch)
        order = batches.shuffled(
            self.split, self.config.batch_size, self.config.max_length, seed=self.config.seed, epoch=epoch
        )
        first, last = (len(order) * k // self.config.validations_per_epoch for k in (part, part + 1))
        sums, start, texts = _Sums(), time.perf_counter(), 0
        self.model.train()
        for index in range(first, last):
            batch = batches.collate(self.split, order[index], self.config.max_length, self.data.encoder.padding)
            sums.add(self._backward(batch.to(self.device), index, len(order)))
            texts += len(batch.labels)
            if (index + 1) % self.config.accumulate == 0 or index + 1 == len(order):
                self._update()
            if (index + 1) % _CHECK_EVERY == 0 or index + 1 == last:
                self._finite(sums, epoch, index)
        rate = self.optimizer.param_groups[0]["lr"]
        speed = texts / (time.perf_counter() - start)
        return self._report(step, sums, {"learning_rate": rate, "examples_per_second": speed})

    def _backward(self, batch: Batch, index: int, in_epoch: int) -> dict[str, Tensor]:
        with device.autocast(self.precision, self.device):
            outputs = self.model(batch.ids, batch.mask)
        parts = objective.parts(self.config, outputs, batch.labels)
        group = index - index % self.config.accumulate
        share = min(self.config.accumulate, in_epoch - group)  # batches in this optimiser step
        self.scaler.scale(parts["loss"] / share).backward()  # type: ignore[no-untyped-call]
        return {name: part.detach() for name, part in parts.items()}

    def _update(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.scaler.unscale_(self.optimizer)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad()
        self.done += 1

    def _finite(self, sums: "_Sums", epoch: int, index: int) -> None:
        if not math.isfinite(sums.mean().get("loss", 0.0)):
            place = f"epoch {epoch + 1}, batch {index + 1} of {self.batches_per_epoch}"
            raise DivergedError(f"the training loss is not finite at {place}; {_REMEDY}")

    def _report(self, step: int, sums: "_Sums", extra: dict[str, float]) -> Report:
        per_epoch = self.config.validations_per_epoch
        found = {f"train/{name}": value for name, value in sums.mean().items()}
        if step == 1:
            found["train/truncated"] = batches.truncated(self.split, self.config.max_length)
        scored = score(self.model, self.data, "validation", self.config)
        if not math.isfinite(scored.figures["loss"]):
            raise DivergedError(f"the validation loss is not finite after epoch {step / per_epoch:g}; {_REMEDY}")
        found |= {f"validation/{name}": value for name, value in scored.figures.items()}
        return Report(step, step / per_epoch, found | extra)

    def _state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "done": self.done,
            "generators": self._generators(),
            "gradients": [None if p.grad is None else p.grad for p in self.model.parameters()],
            "reports": [asdict(report) for report in self.reports],
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

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.done = state["done"]
        self._set_generators(state["generators"])
        for parameter, gradient in zip(self.model.parameters(), state["gradients"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(self.device)
        self.reports = [Report(**report) for report in state["reports"]]


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


def _optimizer(config: TrainConfig, model: nn.Module, place: torch.device) -> torch.optim.AdamW:
    groups: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for name, parameter in model.named_parameters():
        groups[any(word in name.lower() for word in _NO_DECAY)].append(parameter)
    decays = ({"params": groups[0], "weight_decay": config.weight_decay}, {"params": groups[1], "weight_decay": 0.0})
    return torch.optim.AdamW(list(decays), lr=config.learning_rate, fused=True)
