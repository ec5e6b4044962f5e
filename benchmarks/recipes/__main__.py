"""Measure what fine-tuning recipes change for CE, SCL, LCL and prototypes.

    python -m benchmarks.recipes DATASET [--rows 1000] [--seeds 5] [--epochs 5] [--batch-size 16] [--only WORD]

MiniLM is trained on a stratified part of the training split and scored on 500 texts of validation after each epoch; the
test split is not scored. Every recipe has the seeds of the loss by itself, so differences are paired. Trainings run in
parallel with one thread each. Each is a JSON file in OUT: the same command continues, and prints the table of all that
have ended, which is also in OUT/DATASET.md. Data and weights come from the hub (HF_ENDPOINT).
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.arguments import check_at_least, check_dataset
from benchmarks.recipes.design import Job, make_jobs
from benchmarks.recipes.table import table_lines
from benchmarks.recipes.trainings import train_missing
from benchmarks.result_files import choose_by_name, mixture_lines, read_result
from sweeper.errors import SweeperError


def main(words: Sequence[str] | None = None) -> int:
    """Train what is missing, and print the table. Returns the exit code."""
    arguments = _parse_arguments(words)
    try:
        jobs = choose_by_name(_all_jobs(arguments), arguments.only)
        train_missing(jobs, arguments.out)
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    results = [result for job in jobs if (result := read_result(arguments.out, job.key)) is not None]
    mixture = mixture_lines(result.get("origin") for result in results)
    table = "\n".join([*table_lines(results), *mixture]) + "\n"
    (arguments.out / f"{arguments.dataset}.md").write_text(table, encoding="utf-8")
    print(table, end="")
    return 0


def _all_jobs(arguments: argparse.Namespace) -> list[Job]:
    check_dataset(arguments.dataset)
    for name, least in (("rows", 1), ("seeds", 1), ("epochs", 1), ("batch_size", 1)):
        check_at_least(f"--{name.replace('_', '-')}", getattr(arguments, name), least)
    names = ("epochs", "batch_size", "learning_rate", "alpha", "tau")
    return make_jobs(
        arguments.dataset, arguments.rows, arguments.seeds, {name: getattr(arguments, name) for name in names}
    )


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recipes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("dataset", help="name of a data set of the catalog with a validation split, such as sst5")
    parser.add_argument("--out", type=Path, default=Path("build/recipes"), help="folder for results (build/recipes)")
    parser.add_argument("--rows", type=int, default=1000, help="training texts, stratified by class (1000)")
    parser.add_argument("--seeds", type=int, default=5, help="seeds of each training (5)")
    parser.add_argument("--epochs", type=int, default=5, help="epochs of each training (5)")
    parser.add_argument("--batch-size", type=int, default=16, help="batch size (16)")
    parser.add_argument("--learning-rate", type=float, default=2e-4, help="peak learning rate (2e-4)")
    parser.add_argument("--alpha", type=float, default=0.5, help="weight of cross entropy (0.5)")
    parser.add_argument("--tau", type=float, default=0.3, help="temperature of cosine features (0.3)")
    parser.add_argument("--only", metavar="WORD", help="only trainings whose name contains this, such as scl")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
