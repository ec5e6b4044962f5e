"""Train the papers' systems on real data, to compare the results with what the papers report.

    python -m benchmarks.papers losses [--only NAME ...] [--seeds 3] [--epochs 2]   CE, SCL and LCL at a tuned setting
    python -m benchmarks.papers recurrent [--rows N] [--seeds 3] [--epochs 6]       RNN, GRU on Empathetic Dialogues
    python -m benchmarks.papers grid [--rows 400] [--epochs 3]                      the second paper's settings of LCL

MiniLM replaces ELECTRA. Settings are tuned on 2,000 texts of the training split and chosen on 500 of the validation
split. The reported trainings use all of SST-5 and SST-2, and 2,000 texts of the other data sets. They are scored on
1,000 texts of the test split after each epoch; the score after the last epoch is reported, and no score of the test
split chooses anything. All subsets are stratified and always the same. Data and weights come from the hub
(HF_ENDPOINT). Results are printed as Markdown; docs/results.md keeps them with date and machine. Trainings run in
parallel, with one thread each.
"""

import argparse
import itertools
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from benchmarks.arguments import check_at_least
from benchmarks.training_course import follow_training
from benchmarks.worker_processes import worker_pool
from sweeper.data import hub_datasets, hub_encoders, preprocessing, sampling
from sweeper.data.catalog import DATASETS
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UsageError
from sweeper.protocol.collapse import ONE_CLASS
from sweeper.training.config import TrainConfig
from sweeper.training.device import cpu_count
from sweeper.training.pretrained import load_pretrained
from sweeper.training.registry import encoder_kind
from sweeper.training.tokenizer import Tokenizer
from sweeper.training.types import EncoderWeights, TrainingData
from sweeper.training.vocabulary import Vocabulary

MINILM = "sentence-transformers/all-MiniLM-L6-v2"
LENGTH = 64
TUNED: dict[str, int | None] = {"sst5": None, "goemotions": 2000, "empathetic_dialogues": 2000, "sst2": None}  # rows
TUNED_ON = 2000  # rows of each
RATE = 1e-4
# Settings to try on validation with seed 0: contrastive terms on cosine features, and the paper's on raw ones.
CONTRASTS: list[dict[str, Any]] = [
    {"alpha": 0.5, "tau": 0.1}, {"alpha": 0.5, "tau": 0.3}, {"alpha": 0.2, "tau": 10.0, "normalize": False},
]  # fmt: skip
SHAPES: dict[str, list[dict[str, Any]]] = {"ce": [{}], "scl": CONTRASTS, "lcl": CONTRASTS}

Job = tuple[str, int | None, dict[str, Any], bool]  # data set, rows, hyperparameters, and True to score the test split


@cache
def data(name: str, encoder: str, rows: int | None) -> TrainingData:
    """Return a data set as token arrays. Its test split is included; no training uses it."""
    dataset = DATASETS[name]
    splits: Mapping[str, LabelledTexts] = preprocessing.prepare(dataset, hub_datasets.load_tables(dataset).value).splits
    sizes = {"train": rows, "validation": 500, "test": 1000}
    splits = {split: sampling.stratified_subset(splits[split], size) for split, size in sizes.items()}
    if not encoder_kind(encoder).is_pretrained:
        words = Vocabulary(splits["train"], 20_000)
        weights = EncoderWeights(encoder, {}, {}, words.padding)
        tokens = {name: words.tokenize_split(split, LENGTH) for name, split in splits.items()}
    else:
        folder = hub_encoders.fetch_encoder(encoder).value
        tokenizer = Tokenizer(folder, encoder)
        weights = load_pretrained(folder, encoder, tokenizer.padding)
        tokens = {name: tokenizer.tokenize_split(split, LENGTH) for name, split in splits.items()}
    return TrainingData(dataset.class_names, weights, tokens)


def run(job: Job) -> dict[str, Any]:
    """Train once. Returns the outcome, and the score on validation (or on the test split) after each epoch."""
    name, rows, hyperparameters, test = job
    config = TrainConfig.model_validate({"max_length": LENGTH, "threads": 1, **hyperparameters})
    training_data = data(name, config.encoder, rows)
    if test:
        splits = {**training_data.splits, "validation": training_data.splits["test"]}
        training_data = replace(training_data, splits=splits)
    course = follow_training(config, training_data)
    outcome = "diverged" if course.error else "completed"
    if not course.error and min(course.values("validation/largest_class")[-2:]) >= ONE_CLASS:
        outcome = "collapsed"
    scores = course.values("validation/accuracy")
    return {"params": hyperparameters, "scores": scores, "outcome": outcome, "seconds": course.seconds}


def in_parallel(jobs: list[Job]) -> Iterator[dict[str, Any]]:
    """Run the jobs in parallel processes and yield their results in order."""
    with worker_pool(cpu_count()) as pool:
        for job, result in zip(jobs, pool.map(run, jobs), strict=True):
            print(json.dumps({"dataset": job[0], **result}), file=sys.stderr, flush=True)
            yield result


def fresh(name: str, rows: int | None, hyperparameters: dict[str, Any], seeds: int) -> list[dict[str, Any]]:
    """Train with each of `seeds` fresh seeds, and return the results, scored on the test split after each epoch."""
    jobs: list[Job] = [(name, rows, {**hyperparameters, "seed": 100 + seed}, True) for seed in range(seeds)]
    return list(in_parallel(jobs))


def losses(names: Iterable[str], seeds: int, epochs: int) -> None:
    """Tune each loss on validation, train its best setting with fresh seeds, and print the test accuracies."""
    print("| data set | CE | SCL | LCL | settings (chosen on validation) |\n|---|---|---|---|---|")
    for name in names:
        base = {"encoder": MINILM, "pooling": "mean", "batch_size": 32, "warmup": 0.1, "learning_rate": RATE}
        base |= {"epochs": epochs}
        settings = [{**base, "loss": loss, "seed": 0, **shape} for loss in SHAPES for shape in SHAPES[loss]]
        jobs: list[Job] = [(name, TUNED_ON, hyperparameters, False) for hyperparameters in settings]
        tried = list(in_parallel(jobs))
        systems, chosen = [], []
        for loss in SHAPES:
            best = max((result for result in tried if result["params"]["loss"] == loss), key=_last_score)
            systems.append(describe_seeds(fresh(name, TUNED[name], best["params"], seeds)))
            shown = {k: v for k, v in best["params"].items() if k in ("alpha", "tau", "normalize")}
            if shown:
                chosen.append(f"{loss}: " + ", ".join(f"{k} {v}" for k, v in shown.items()))
        print(f"| {name} | {' | '.join(systems)} | {'; '.join(chosen)} |", flush=True)


def recurrent(rows: int | None, seeds: int, epochs: int) -> None:
    """Train RNN and GRU on Empathetic Dialogues with one setting, on the last state and on the mean of all states."""
    print("| encoder | features | test accuracy |\n|---|---|---|")
    base = {"batch_size": 64, "epochs": epochs, "embedding_size": 200, "hidden_size": 256, "learning_rate": 3e-3}
    for encoder, pooling in itertools.product(("rnn", "gru"), ("cls", "mean")):
        hyperparameters = {**base, "encoder": encoder, "pooling": pooling, "vocabulary": 10_000, "dropout": 0.3}
        results = fresh("empathetic_dialogues", rows, hyperparameters, seeds)
        features = "last state" if pooling == "cls" else "mean of the states"
        print(f"| {encoder} | {features} | {describe_seeds(results)} |", flush=True)


def grid(rows: int, epochs: int) -> None:
    """Train the second paper's grid on SST-5: raw features, sum over the batch. Prints one table per batch size."""
    alphas, taus, sizes = (0.1, 0.2, 0.7), (0.07, 7.0, 10.0, 100.0, 1000.0), (32, 8, 4)
    base: dict[str, Any] = {"encoder": MINILM, "loss": "lcl", "normalize": False, "reduction": "sum"}
    base |= {"learning_rate": 1e-4, "seed": 0}
    settings = [
        {**base, "epochs": epochs, "alpha": alpha, "tau": tau, "batch_size": size}
        for size, alpha, tau in itertools.product(sizes, alphas, taus)
    ]
    jobs: list[Job] = [("sst5", rows, hyperparameters, False) for hyperparameters in settings]
    results = list(in_parallel(jobs))
    for size in sizes:
        print(f"\nbatch {size}\n\n| alpha | " + " | ".join(f"tau {tau:g}" for tau in taus) + " |")
        print("|---|" + "---|" * len(taus))
        for alpha in alphas:
            at_alpha = [r for r in results if (r["params"]["batch_size"], r["params"]["alpha"]) == (size, alpha)]
            print(f"| {alpha} | " + " | ".join(_format_result(result) for result in at_alpha) + " |")
    scores = [_last_score(result) for result in results if result["outcome"] == "completed"]
    bad = [result["outcome"] for result in results if result["outcome"] != "completed"]
    print(f"\n{len(results)} settings: {bad.count('collapsed')} collapsed, {bad.count('diverged')} diverged;", end=" ")
    if scores:
        print(f"the others from {min(scores):.3f} to {max(scores):.3f}, median {statistics.median(scores):.3f}")


def describe_seeds(results: Sequence[dict[str, Any]]) -> str:
    """Return mean and standard deviation over the seeds that completed, in percent, and name the other seeds."""
    scores = [100 * result["scores"][-1] for result in results if result["outcome"] == "completed"]
    others = [f"seed {it['params']['seed']} {it['outcome']}" for it in results if it["outcome"] != "completed"]
    text = f"{statistics.fmean(scores):.1f}" if scores else "–"
    text += f" ± {statistics.stdev(scores):.1f}" if len(scores) > 1 else ""
    return f"{text} ({', '.join(others)})" if others else text


def _last_score(result: dict[str, Any]) -> float:
    """Return the last score, by which settings are chosen: 0 for a training that did not complete."""
    return result["scores"][-1] if result["outcome"] == "completed" else 0.0


def _format_result(result: dict[str, Any]) -> str:
    return f"{result['scores'][-1]:.3f}" if result["outcome"] == "completed" else str(result["outcome"])


def main(words: Sequence[str] | None = None) -> int:
    """Run one of the three comparisons. Returns the exit code."""
    arguments = vars(_parse_arguments(words))
    part, run_part = arguments.pop("part"), arguments.pop("run")
    try:
        for option, least in (("rows", 1), ("seeds", 2), ("epochs", 1)):  # a standard deviation needs two seeds
            if arguments.get(option) is not None:
                check_at_least(f"--{option}", arguments[option], least)
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    options = ", ".join(f"{name} {value}" for name, value in arguments.items())
    print(f"{time.strftime('%Y-%m-%d')}, {cpu_count()} cores, {part}, {options}\n")
    run_part(**arguments)
    return 0


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.papers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parts = parser.add_subparsers(dest="part", required=True)
    for run_part, epochs in ((losses, 2), (recurrent, 6), (grid, 3)):
        part = parts.add_parser(run_part.__name__, help=(run_part.__doc__ or "").partition(".")[0])
        part.set_defaults(run=run_part)
        part.add_argument("--epochs", type=int, default=epochs, help=f"epochs of each training ({epochs})")
        if run_part is losses:
            part.add_argument("--only", dest="names", nargs="+", choices=list(TUNED), default=list(TUNED),
                              help="only these data sets")  # fmt: skip
        else:
            rows = 400 if run_part is grid else None
            part.add_argument("--rows", type=int, default=rows, help=f"training texts, stratified ({rows or 'all'})")
        if run_part is not grid:
            part.add_argument("--seeds", type=int, default=3, help="fresh seeds of each system (3)")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
