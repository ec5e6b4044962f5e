"""Ray Tune with the Trainer of transformers: the way from OptunaSearch's proposal to the first update.

The Trainer would begin with its longest batch if it grouped texts by length. Each trial gets one random batch of
similar length instead, as sweeper's first batch is, from a `datasets.Dataset` in Ray's object store.
"""

import statistics
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import optuna
from datasets import Dataset
from ray import tune
from ray.tune.search.optuna import OptunaSearch

from benchmarks.instant.course import METRIC
from benchmarks.speed import inputs
from benchmarks.speed.cases import Measurement
from benchmarks.speed.peers.ray_tune import start_ray
from benchmarks.speed.peers.trainer import load_tokenizer, tokenized_rows, training_arguments
from benchmarks.speed.settings import Settings

_BATCH = 32


def space(trial: optuna.Trial) -> dict[str, float]:
    """Suggest a learning rate, and note the time."""
    proposed = time.time()
    trial.suggest_float("learning_rate", 1e-5, 1e-4, log=True)
    return {"proposed": proposed}


def train_one_step(
    config: dict[str, Any], settings: Settings, folder: Path, num_classes: int, rows: Dataset, tokenizer: Any
) -> None:
    """Load the model, train one batch, and report the seconds since the proposal. `rows` are sorted by length."""
    import torch
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding, Trainer, TrainerCallback

    class StepCallback(TrainerCallback):  # type: ignore[misc]  # transformers is not typed
        def on_step_end(self, *_: Any, **__: Any) -> None:
            tune.report({METRIC: 0.5, "seconds": time.time() - config["proposed"]})

    torch.set_num_threads(settings.threads)
    model = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=num_classes)
    with tempfile.TemporaryDirectory() as out:
        arguments = training_arguments(out, settings, tuned=True, batch_size=_BATCH, seed=0, max_steps=1)
        Trainer(
            model, arguments, train_dataset=take_batch(rows, config["learning_rate"]),
            data_collator=DataCollatorWithPadding(tokenizer),
            callbacks=[StepCallback()],
        ).train()  # fmt: skip


def sort_by_length(settings: Settings) -> Dataset:
    """Return the tokenized training texts, the shortest first."""
    return Dataset.from_list(sorted(tokenized_rows(settings), key=lambda row: len(row["input_ids"])))


def take_batch(rows: Dataset, seed: float) -> Dataset:
    """Return a random batch of texts of similar length from sorted rows."""
    number = Random(seed).randrange(max(1, len(rows) // _BATCH))
    return rows.select(range(_BATCH * number, min(len(rows), _BATCH * (number + 1))))


def measure(settings: Settings, folder: Path, trials: int, tuned: bool, seed: int) -> Measurement:
    """Run so many trials one after the other. Return the median seconds of all but the first.

    `tuned` reuses the workers of ended trials.
    """
    start_ray()
    data = inputs.texts(settings)
    function = tune.with_parameters(
        train_one_step, settings=settings, folder=data.encoder_folder, num_classes=data.num_classes,
        rows=sort_by_length(settings), tokenizer=load_tokenizer(settings),
    )  # fmt: skip
    results = tune.Tuner(
        tune.with_resources(function, {"cpu": settings.threads}),
        tune_config=tune.TuneConfig(
            search_alg=OptunaSearch(space, METRIC, "max", sampler=optuna.samplers.RandomSampler(seed=seed)),
            num_samples=trials,
            max_concurrent_trials=1,
            reuse_actors=tuned,
        ),
        run_config=tune.RunConfig(name="experiment", storage_path=str(folder), verbose=0),
    ).fit()
    errors = [result.error for result in results if result.error]
    if errors:
        raise errors[0]
    seconds = [result.metrics["seconds"] for result in results]
    return Measurement(statistics.median(seconds[1:]))
