"""Train a model: a generator from a config and token arrays to one report per validation.

    for report in train(config, data, checkpoint_path):
        ...

The generator owns the loop; the caller decides what happens with the reports. So it needs no callback and knows no
tracker. With a checkpoint path, it saves its state there before each report. Called again, it continues from there: it
first yields the earlier reports again, then trains on, bit for bit as if it had not stopped.

`train_events` does the same with a heartbeat after each batch, for a runner that must tell a working worker from a dead
one. With an objective, it also keeps the model of the best epoch beside the checkpoint.
"""

from collections.abc import Generator
from contextlib import closing
from pathlib import Path

from sweeper.errors import OutOfMemoryError
from sweeper.training.config import TrainConfig
from sweeper.training.device_errors import is_out_of_memory
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.training_run import TrainingRun
from sweeper.training.types import TrainingData, TrainingEvents, ValidationReport


def train(
    config: TrainConfig, data: TrainingData, checkpoint_path: Path | None = None
) -> Generator[ValidationReport, None, None]:
    """Train, and yield a report after each validation.

    `data.splits` needs train and validation. With `checkpoint_path`, the state is saved in that file before each
    report, and training continues from the file if it exists. Raises DivergedError if the loss is not finite,
    OutOfMemoryError if memory runs out, CheckpointError if the file cannot be read or does not fit.
    """
    with closing(train_events(config, data, checkpoint_path)) as events:
        yield from (event for event in events if isinstance(event, ValidationReport))


def train_events(
    config: TrainConfig,
    data: TrainingData,
    checkpoint_path: Path | None = None,
    objective: ObjectiveMetric | None = None,
    *,
    keep_best: bool = True,
) -> TrainingEvents:
    """Train as `train` does, with a heartbeat after each batch trained or scored, and after each checkpoint.

    If a checkpoint cannot be written, a heartbeat's note says so. With `objective`, its metric is among those of each
    validation. With `keep_best` too, checkpoints also hold the best epoch's model so far, and at the end it is in the
    file `best_model_path(checkpoint_path)`.
    """
    try:
        yield from TrainingRun(config, data, objective, keep_best=keep_best).events(checkpoint_path)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemoryError(_out_of_memory_message(config, error)) from error


def _out_of_memory_message(config: TrainConfig, error: BaseException) -> str:
    reason = str(error).partition("\n")[0] or "no memory left"
    return f"out of memory at batch_size {config.batch_size}, max_length {config.max_length}: {reason}"
