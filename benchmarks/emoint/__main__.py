"""Show why LCL collapses on EmoInt with the second paper's setting, and what helps.

    python -m benchmarks.emoint [--out build/emoint] [--seeds 3] [--epochs 4] [--rows N] [--only WORD]

MiniLM is trained with the contrastive term summed and averaged, raw and cosine features, texts shuffled and in the
order of a file that is sorted by class, at batch sizes 32 and 8. In every tenth batch, the gradients of cross entropy
and of the contrastive term are measured before clipping. Scores are those of validation; the test split is not scored.
Data and weights come from the hub (HF_ENDPOINT). Each training is a JSON file in OUT: the same command continues, and
prints the table of all that have ended, which is also in OUT/table.md. All 69 trainings take about two and a half
hours on two cores.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.arguments import check_at_least
from benchmarks.emoint.design import Job, make_jobs
from benchmarks.emoint.table import table_lines
from benchmarks.result_files import choose_by_name, mixture_lines, read_result, write_result
from sweeper.errors import SweeperError
from sweeper.training.types import TrainingData


def main(words: Sequence[str] | None = None) -> int:
    """Train what is missing, and print the table. Returns the exit code."""
    arguments = _parse_arguments(words)
    try:
        for option in ("seeds", "epochs", "rows"):
            if (value := getattr(arguments, option)) is not None:
                check_at_least(f"--{option}", value, 1)
        jobs = choose_by_name(make_jobs(arguments.seeds, arguments.epochs, arguments.rows), arguments.only)
        train_missing(jobs, arguments.out, load_data)
    except SweeperError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    results = [result for job in jobs if (result := read_result(arguments.out, job.key)) is not None]
    mixture = mixture_lines(result.get("origin") for result in results)
    table = "\n".join([*table_lines(results), *mixture]) + "\n"
    (arguments.out / "table.md").write_text(table, encoding="utf-8")
    print(table, end="")
    return 0


def train_missing(jobs: Sequence[Job], folder: Path, load: Callable[[int | None], TrainingData]) -> None:
    """Train the jobs that have no file in the folder. `load` returns the data with a number of training texts."""
    for place, job in enumerate(jobs, 1):
        if read_result(folder, job.key) is None:
            print(
                f"{place} of {len(jobs)}: {job.name}, seed {job.hyperparameters['seed']}", file=sys.stderr, flush=True
            )
            write_result(folder, job.key, run_job(job, load(job.rows)))


def load_data(rows: int | None) -> TrainingData:
    """Return EmoInt as token arrays, with this many training texts."""
    from benchmarks.papers import MINILM, data

    return data("emoint", MINILM, rows)


def run_job(job: Job, data: TrainingData) -> dict[str, Any]:
    """Train once, on all cores, and return what its file shall hold."""
    from benchmarks.emoint.measured_training import train_measured
    from sweeper.training.config import TrainConfig
    from sweeper.training.device import cpu_count

    config = TrainConfig.model_validate({"threads": cpu_count(), **job.hyperparameters})
    start = time.perf_counter()
    epochs = list(train_measured(config, data, job.order))
    settings = {"order": job.order, "hyperparameters": dict(job.hyperparameters), "rows": job.rows}
    return {"name": job.name, **settings, "epochs": epochs, "seconds": time.perf_counter() - start}


def _parse_arguments(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.emoint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("build/emoint"), help="folder for results (build/emoint)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each training (3)")
    parser.add_argument("--epochs", type=int, default=4, help="epochs of each training (4)")
    parser.add_argument("--rows", type=int, help="training texts, stratified by class (all)")
    parser.add_argument("--only", metavar="WORD", help="only trainings whose name contains this")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
