"""One run of a training: phases, validations, checkpoints, and resuming from a checkpoint."""

import math
import time
from collections.abc import Generator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.errors import CheckpointError, DivergedError
from sweeper.training import batching, checkpoint
from sweeper.training.averaging import Averaging, Validation
from sweeper.training.best_model import BestModel, best_model_path
from sweeper.training.config import TrainConfig
from sweeper.training.device import random_states, set_random_states
from sweeper.training.evaluation import evaluate_events
from sweeper.training.named_function import load_function
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.phase_trainer import PhaseTrainer
from sweeper.training.phases import phase_of_epoch
from sweeper.training.registry import AVERAGES
from sweeper.training.running_means import RunningMeans
from sweeper.training.trained_model import resume_model
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import Heartbeat, TrainingData, TrainingEvents, ValidationReport

_CHECK_EVERY = 50  # batches between two checks that the loss is finite: a check waits for the device


class TrainingRun:
    """A training and its state."""

    def __init__(
        self,
        config: TrainConfig,
        data: TrainingData,
        objective: ObjectiveMetric | None,
        *,
        keep_best: bool = True,
        all_tokens: bool = False,
    ) -> None:
        """Prepare the training. `all_tokens` keeps word embeddings that it does not need, for comparison."""
        self.config, self.data, self.objective = config, data, objective
        self.setup = prepare_training(config, data, all_tokens=all_tokens)
        self.model, self.device = self.setup.model, self.setup.device
        self.average: Averaging = load_function(AVERAGES[config.average].build)(config, objective or ObjectiveMetric())
        self.best = BestModel(objective if keep_best else None, keeps_last=config.keeps_last)
        self.reports: list[ValidationReport] = []
        self.skipped_updates: list[int] = []  # of the encoder
        self.phase_trainer: PhaseTrainer | None = None
        self.has_reported_write_error = False

    def events(self, checkpoint_path: Path | None) -> TrainingEvents:
        """Train to the end, from the checkpoint if the file exists; yield reports and heartbeats."""
        if checkpoint_path is not None and checkpoint_path.exists():
            yield from self._resume(checkpoint.load_checkpoint(checkpoint_path))
            yield from tuple(self.reports)
        else:
            yield from self._enter_phase_of(0)
        for step in range(len(self.reports) + 1, self.config.num_validations + 1):
            report = yield from self._train_until(step)
            self.reports.append(report)
            if self.best.is_beaten_by(report):
                with self.average.applied():
                    self.best.keep(report, self.model, self.skipped_updates, self.average.origin)
            if checkpoint_path is not None:
                yield self._save(self._state(), checkpoint_path)
            states = random_states(self.device)
            yield report
            set_random_states(states, self.device)  # the caller may have drawn random numbers
        if checkpoint_path is not None and self.best.state:
            yield self._save(self.best.state, best_model_path(checkpoint_path))

    def _enter_phase_of(self, epoch: int) -> Generator[Heartbeat, None, PhaseTrainer]:
        """Return the trainer of the phase that contains `epoch` (from 0); make one if another phase came before."""
        phase = phase_of_epoch(self.config, epoch)
        if self.phase_trainer is None or self.phase_trainer.phase != phase:
            self.phase_trainer = PhaseTrainer(self.setup, phase, self.average)
            yield from self.phase_trainer.precompute_features()
        return self.phase_trainer

    def _train_until(self, step: int) -> Generator[Heartbeat, None, ValidationReport]:
        """Train up to validation number `step` (from 1), validate, and return the report."""
        config = self.config
        epoch, index_in_epoch = divmod(step - 1, config.validations_per_epoch)
        trainer = yield from self._enter_phase_of(epoch)
        batches = batching.bucketed_batches(
            self.setup.split, config.batch_size, config.max_length, seed=config.seed, epoch=epoch,
            texts_per_class=config.texts_per_class,
        )  # fmt: skip
        first, stop = (len(batches) * k // config.validations_per_epoch for k in (index_in_epoch, index_in_epoch + 1))
        means, start_time = RunningMeans(), time.perf_counter()
        yield from self._train_batches(trainer, batches, range(first, stop), means, epoch)
        if trainer.phase.kind != "classifier":
            self.skipped_updates = trainer.optimizer.skipped_updates()
        num_texts = sum(len(rows) for rows in batches[first:stop])
        speed = num_texts / (time.perf_counter() - start_time)
        metrics = means.means()
        if trainer.optimizer.learning_rate is not None:
            metrics["learning_rate"] = trainer.optimizer.learning_rate
        metrics["examples_per_second"] = speed
        if step == 1:
            metrics["train/truncated"] = batching.truncated_share(self.setup.split, config.max_length)
            metrics["batches/classes"] = batching.mean_classes(self.setup.split, batches)
        if trainer.phase.kind != "contrastive":  # there is no trained classifier to validate yet
            validate = partial(self._validate, step / config.validations_per_epoch)
            metrics |= yield from self.average.validate(step, validate)
        metrics["seconds"] = time.perf_counter() - start_time
        return ValidationReport(step, step / config.validations_per_epoch, metrics)

    def _train_batches(
        self,
        trainer: PhaseTrainer,
        batches: list[NDArray[np.int64]],
        indices: range,
        means: RunningMeans,
        epoch: int,
    ) -> Generator[Heartbeat, None, None]:
        """Train the batches at `indices` of an epoch, and add their losses to `means`.

        Raises DivergedError if the loss is not finite.
        """
        self.model.train()
        for index in indices:
            means.add(trainer.train(batches, index))
            is_check_due = (index + 1) % _CHECK_EVERY == 0 or index + 1 == indices.stop
            if is_check_due and not math.isfinite(means.means().get("train/loss", 0.0)):
                position = f"epoch {epoch + 1}, batch {index + 1} of {len(batches)}"
                raise DivergedError(f"the training loss is not finite at {position}; {self._remedy}")
            yield Heartbeat()

    @property
    def _remedy(self) -> str:
        has_tau = "tau" in self.config.active_params
        return f"a lower learning_rate {'or a higher tau ' if has_tau else ''}helps"

    def _validate(self, epoch: float) -> Validation:
        """Return the metrics on the validation split. Raises DivergedError if the loss is not finite."""
        evaluation = yield from evaluate_events(self.model, self.data, "validation", self.config, self.objective)
        if not math.isfinite(evaluation.metrics["loss"]):
            raise DivergedError(f"the validation loss is not finite after epoch {epoch:g}; {self._remedy}")
        return {f"validation/{name}": value for name, value in evaluation.metrics.items()}

    def _save(self, state: dict[str, Any], path: Path) -> Heartbeat:
        """Write a checkpoint. If the file cannot be written, say so once, and let the training continue without it."""
        try:
            checkpoint.save_checkpoint(state, path)
        except OSError as error:
            is_first, self.has_reported_write_error = not self.has_reported_write_error, True
            note = f"{path.name} cannot be written ({error.strerror}); training continues without a checkpoint"
            return Heartbeat(note if is_first else "")
        return Heartbeat()

    def _state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        assert self.phase_trainer is not None
        return {
            "model": self.model.trained_state(),
            "optimizer": self.phase_trainer.optimizer.state(),
            "average": self.average.state(),
            "memory": self.setup.loss.memory.state(),
            "random_states": random_states(self.device),
            "reports": [
                {"step": report.step, "epoch": report.epoch, "metrics": dict(report.metrics)} for report in self.reports
            ],
            "skipped_updates": self.skipped_updates,
            **({"best": self.best.state} if self.best.state else {}),
        }

    def _resume(self, state: dict[str, Any]) -> Generator[Heartbeat, None, None]:
        """Continue from a checkpoint's state. Raises CheckpointError, before any report, if it does not fit."""
        with checkpoint.checking_fit():
            resume_model(self.model, state["model"])
            self.reports = [ValidationReport(**report) for report in state["reports"]]
            steps = [report.step for report in self.reports]
            if not 1 <= len(steps) <= self.config.num_validations or steps != list(range(1, len(steps) + 1)):
                raise CheckpointError("its reports are those of another training")
        last_epoch = (len(self.reports) - 1) // self.config.validations_per_epoch
        trainer = yield from self._enter_phase_of(last_epoch)
        with checkpoint.checking_fit():
            trainer.optimizer.restore(state["optimizer"])
            self.average.restore(state.get("average", {}))
            if self.setup.loss.memory.size:
                self.setup.loss.memory.restore(state["memory"], self.device)
            set_random_states(state["random_states"], self.device)
            self.skipped_updates = list(state.get("skipped_updates", ()))
            self.best.restore(state.get("best", {}), self.reports)
