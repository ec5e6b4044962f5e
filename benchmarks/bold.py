"""Measure how often the table shows a best system in bold by mistake, and how often it finds a truly better one.

    python -m benchmarks.bold [--tables 1000] [--seed 0] [--json]

The tables are simulated. Test texts are easy or hard for all systems alike, each system is better at some texts than at
others, and seeds differ: accuracies over seeds have a standard deviation of at least 0.8 points. Every simulated table
goes through the same function as real results. If no system is the best, more than 64 tables of 1,000 with something in
bold would show that the significance level of 5 % does not hold (exact binomial test, two-sided, 5 %).
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks.arguments import check_at_least
from sweeper.errors import UsageError
from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import SweepResults, TestSplitInfo
from sweeper.protocol.system_results import ConfirmationResult, SeedResult, SystemResult
from sweeper.protocol.text_scores import metric_of
from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.results_table import build_table
from sweeper.trials.outcome import Outcome

TEXTS = 2210
SEED_SD = 0.008  # standard deviation of accuracies over seeds
COMMON_EASE_SD = 3.0  # standard deviation of a text's ease for all systems, in logits
OWN_EASE_SD = 0.7  # of its further ease for one system
CLASSES = 5  # each has half as many texts as the one before it
EASY = 3.0  # mean ease in logits of texts of which about four in five are answered correctly


@dataclass(frozen=True)
class Shape:
    """The shape of simulated tables.

    All systems are equal, except that the accuracy of the last one is higher by `lead`, and that of the first
    `trailing` ones is lower by `gap`. The last has `last_seeds` seeds unless that is 0. `ease` is the mean ease in
    logits. By `metric`, texts have CLASSES classes, the smallest with one text in 33, unless the metric is accuracy.
    """

    systems: int
    datasets: int
    seeds: int
    texts: int = TEXTS
    lead: float = 0.0
    trailing: int = 0
    gap: float = 0.0
    last_seeds: int = 0
    ease: float = 0.0
    metric: str = "accuracy"


EQUAL = [  # no system is better than all others
    *(Shape(2, 1, seeds) for seeds in (3, 5, 10)),
    *(Shape(2, 1, 5, texts) for texts in (240, 5000)),
    *(Shape(2, 1, seeds, texts, ease=EASY) for seeds, texts in ((3, TEXTS), (5, TEXTS), (5, 240))),
    *(Shape(3, 1, seeds) for seeds in (3, 5)),
    *(Shape(6, 1, seeds) for seeds in (3, 5, 10)),
    *(Shape(6, 1, 5, texts) for texts in (240, 5000)),
    Shape(3, 3, 5),
    *(Shape(systems, 1, 5, trailing=systems - 2, gap=0.05) for systems in (3, 6)),
    *(Shape(3, 1, 10, trailing=trailing, gap=0.01, last_seeds=3) for trailing in (0, 1)),
    *(Shape(2, 1, seeds, texts, metric="macro_f1") for seeds, texts in ((3, TEXTS), (5, TEXTS), (10, TEXTS), (5, 240))),
    Shape(3, 1, 5, trailing=1, gap=0.05, metric="macro_f1"),
]
LEADING = [  # the last system is the best
    *(Shape(2, 1, seeds, lead=0.01) for seeds in (3, 5)),
    *(Shape(systems, 1, 5, lead=lead) for systems in (3, 6) for lead in (0.01, 0.03)),
    Shape(2, 1, 5, lead=0.03),
    Shape(3, 3, 5, lead=0.03),
    Shape(3, 1, 5, lead=0.03, last_seeds=3),
    *(Shape(2, 1, 5, lead=lead, metric="macro_f1") for lead in (0.01, 0.03)),
]


def simulate_correct(random: np.random.Generator, shape: Shape) -> NDArray[np.bool_]:
    """Return simulated correct predictions: (systems, seeds, texts)."""
    systems, seeds, texts = shape.systems, shape.seeds, shape.texts
    ease = (
        COMMON_EASE_SD * random.standard_normal(texts)
        + OWN_EASE_SD * random.standard_normal((systems, 1, texts))
        + shape.ease
    )
    slope = float(np.mean(_sigmoid(ease) * (1 - _sigmoid(ease))))  # of accuracy in logits; also a prediction's variance
    shift = np.sqrt(max(0.0, SEED_SD**2 - slope / texts)) / slope * random.standard_normal((systems, seeds, 1))
    skill = np.zeros((systems, 1, 1))
    skill[: shape.trailing] = -shape.gap / slope
    skill[-1] = shape.lead / slope
    return random.random((systems, seeds, texts)) < _sigmoid(ease + skill + shift)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def draw_labels(random: np.random.Generator, texts: int) -> NDArray[np.int64]:
    """Return true classes: each class has half as many texts as the one before it."""
    shares = 0.5 ** np.arange(CLASSES)
    return random.choice(CLASSES, texts, p=shares / shares.sum())


def draw_predictions(
    random: np.random.Generator, correct: NDArray[np.bool_], labels: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return predicted classes, (seeds, texts). Of the wrong ones, half are of the class that is easily confused."""
    easily = np.where(random.random(correct.shape) < 0.5, 1, random.integers(1, CLASSES, correct.shape))
    return np.where(correct, labels, (labels + easily) % CLASSES)


def fake_sweep(
    dataset: str, correct: Sequence[NDArray[Any]], labels: NDArray[np.int64] | None = None, metric: str = "accuracy"
) -> FinishedSweep:
    """Return a finished sweep with these predicted classes, (seeds, texts) for each system.

    Without true `labels`, `correct` says which predictions are correct.
    """
    texts = correct[0].shape[1]
    true_labels = np.ones(texts, dtype=np.int64) if labels is None else labels
    names = ["no", "yes"] if labels is None else [str(k) for k in range(CLASSES)]
    trials = [[1000 * k + seed for seed in range(1, len(row) + 1)] for k, row in enumerate(correct)]
    predictions = {
        trial: TestPredictions(true_labels, predicted.astype(np.int64))
        for k, row in enumerate(trials)
        for trial, predicted in zip(row, correct[k], strict=True)
    }
    results = SweepResults(
        sweep=f"{dataset}-0",
        dataset=dataset,
        source="catalog",
        objective="validation/accuracy",
        num_trials=len(correct),
        subsample={},
        resolved={},
        labels=names,
        threads=1,
        gpu=0.0,
        test_split=TestSplitInfo(texts=texts, digest=dataset),
        test_accesses=[],
        systems=[
            _fake_system(k, {trial: metric_of(predictions[trial], metric, names) for trial in row}, metric)
            for k, row in enumerate(trials)
        ],
    )
    return FinishedSweep(results, predictions)


def _fake_system(number: int, scores: Mapping[int, float], metric: str) -> SystemResult:
    """Return the results of one system from the test scores of its trials."""
    seeds = [
        SeedResult(trial=trial, seed=trial, outcome=Outcome.COMPLETED, test={f"test/{metric}": score})
        for trial, score in scores.items()
    ]
    confirmation = ConfirmationResult(
        source_trial=1,
        params={},
        planned_seeds=len(seeds),
        epochs=1.0,
        hours=1.0,
        search_mean=0.5,
        mean=0.5,
        sd=0.0,
        optimism=0.0,
        tested_settings=1,
        seeds=seeds,
    )
    return SystemResult(
        system={"encoder": "m", "loss": f"loss {number}"},
        num_trials=1,
        outcomes={Outcome.COMPLETED: 1},
        epochs=1.0,
        hours=1.0,
        best=None,
        confirmation=confirmation,
    )


def bold_systems(sweeps: list[FinishedSweep], metric: str = "accuracy") -> list[int]:
    """Return the indices of the systems that the table shows in bold."""
    rows = build_table(sweeps, metric).rows
    return [k for k, row in enumerate(rows) for cell in row.cells if isinstance(cell, TableCell) and cell.is_bold]


def simulate_table(random: np.random.Generator, shape: Shape) -> list[int]:
    """Return the indices of the systems in bold in one simulated table."""
    sweeps = []
    for dataset in range(shape.datasets):
        correct, labels = list(simulate_correct(random, shape)), None
        if shape.metric != "accuracy":
            labels = draw_labels(random, shape.texts)
            correct = [draw_predictions(random, each, labels) for each in correct]
        correct[-1] = correct[-1][: shape.last_seeds or None]
        sweeps.append(fake_sweep(f"data {dataset}", correct, labels, shape.metric))
    return bold_systems(sweeps, shape.metric)


def simulate_tables(tables: int, shape: Shape, seed: int = 0) -> dict[str, Any]:
    """Simulate tables, and count those with bold cells.

    `bold` counts tables with any bold cell, and `leader_bold` those in which only the leading system is bold, on every
    data set. `allowed` is the largest acceptable count of `bold` if no system is better than all others.
    """
    numbers = [shape.systems, shape.datasets, shape.seeds, shape.texts, round(1000 * shape.lead)]
    more = [shape.trailing, round(1000 * shape.gap), shape.last_seeds, round(10 * shape.ease), seed]
    random = np.random.default_rng([*numbers, *(more if any(more) else ())])
    bold = [simulate_table(random, shape) for _ in range(tables)]
    allowed = None if shape.lead else int(stats.binom.ppf(0.975, tables, 0.05))
    leader_bold = sum(indices == [shape.systems - 1] * shape.datasets for indices in bold)
    counts = {"bold": sum(map(bool, bold)), "allowed": allowed, "leader_bold": leader_bold}
    return {**asdict(shape), "tables": tables, **counts}


def main(words: Sequence[str] | None = None) -> int:
    """Run all simulations, and print a table of the counts. Returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tables", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0, help="another number simulates other tables")
    options.add_argument("--json", action="store_true", help="print JSON")
    arguments = options.parse_args(words)
    try:
        check_at_least("--tables", arguments.tables, 1)
        check_at_least("--seed", arguments.seed, 0)
    except UsageError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    counts = [simulate_tables(arguments.tables, shape, arguments.seed) for shape in (*EQUAL, *LEADING)]
    if arguments.json:
        print(json.dumps(counts, indent=2))
        return 0
    print(
        "| metric | systems | data sets | seeds | texts | mean ease | true lead | tables with bold | allowed "
        "| leader in bold |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    print("\n".join(_describe_counts(count) for count in counts))
    return 0


def _describe_counts(count: dict[str, Any]) -> str:
    """Return the row of one shape."""
    behind = f", {count['trailing']} of them {100 * count['gap']:g} points behind" if count["trailing"] else ""
    seeds = f"{count['seeds']}, the last {count['last_seeds']}" if count["last_seeds"] else f"{count['seeds']}"
    leader_bold = f"{count['leader_bold']}" if count["lead"] else ""
    return (
        f"| {count['metric']} | {count['systems']}{behind} | {count['datasets']} | {seeds} | {count['texts']:,} "
        f"| {count['ease']:g} | {100 * count['lead']:g} points "
        f"| {count['bold']} of {count['tables']} | {count['allowed'] or ''} | {leader_bold} |"
    )


if __name__ == "__main__":
    sys.exit(main())
