"""Measure how often the table shows a best system in bold by mistake, and how often it finds a truly better one.

    python -m benchmarks.bold [--tables 1000] [--seed 0] [--json]

The tables are simulated. Test texts are easy or hard for all systems alike, each system is better at some texts than at
others, and seeds differ: accuracies over seeds have a standard deviation of at least 0.8 points. Every simulated table
goes through the same function as real results. If no system is the best, more than 64 tables of 1,000 with something in
bold would show that the significance level of 5 % does not hold (exact binomial test, two-sided, 5 %).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sweeper.protocol.finished_sweep import FinishedSweep, TestPredictions
from sweeper.protocol.sweep_results import ConfirmationResult, SeedResult, SweepResults, SystemResult, TestSplitInfo
from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.results_table import build_table
from sweeper.trials.outcome import Outcome

TEXTS = 2210
SEED_SD = 0.008  # standard deviation of accuracies over seeds
EASE_SD, TASTE_SD = 3.0, 0.7  # standard deviations in logits: of a text for all systems, and for one system
EASY = 3.0  # mean ease in logits of texts of which about four in five are answered correctly


@dataclass(frozen=True)
class Shape:
    """The shape of simulated tables.

    All systems are equal, except that the accuracy of the last one is higher by `lead`, and that of the first
    `trailing` ones is lower by `gap`. The last has `last_seeds` seeds unless that is 0. `ease` is the mean ease in
    logits.
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
]
LEADING = [  # the last system is the best
    *(Shape(2, 1, seeds, lead=0.01) for seeds in (3, 5)),
    *(Shape(systems, 1, 5, lead=lead) for systems in (3, 6) for lead in (0.01, 0.03)),
    Shape(2, 1, 5, lead=0.03),
    Shape(3, 3, 5, lead=0.03),
    Shape(3, 1, 5, lead=0.03, last_seeds=3),
]


def simulate_correct(random: np.random.Generator, shape: Shape) -> NDArray[np.bool_]:
    """Return simulated correct predictions: (systems, seeds, texts)."""
    systems, seeds, texts = shape.systems, shape.seeds, shape.texts
    ease = EASE_SD * random.standard_normal(texts) + TASTE_SD * random.standard_normal((systems, 1, texts)) + shape.ease
    slope = float(np.mean(_sigmoid(ease) * (1 - _sigmoid(ease))))  # of accuracy in logits; also a prediction's variance
    shift = np.sqrt(max(0.0, SEED_SD**2 - slope / texts)) / slope * random.standard_normal((systems, seeds, 1))
    skill = np.zeros((systems, 1, 1))
    skill[: shape.trailing] = -shape.gap / slope
    skill[-1] = shape.lead / slope
    return random.random((systems, seeds, texts)) < _sigmoid(ease + skill + shift)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def fake_sweep(dataset: str, correct: Sequence[NDArray[np.bool_]]) -> FinishedSweep:
    """Return a finished sweep with these correct predictions, (seeds, texts) for each system."""
    texts = correct[0].shape[1]
    trials = [[1000 * k + seed for seed in range(1, len(row) + 1)] for k, row in enumerate(correct)]
    results = SweepResults(
        sweep=f"{dataset}-0",
        dataset=dataset,
        source="catalog",
        objective="validation/accuracy",
        num_trials=len(correct),
        subsample={},
        resolved={},
        labels=["no", "yes"],
        threads=1,
        gpu=0.0,
        test_split=TestSplitInfo(texts=texts, digest=dataset),
        test_accesses=[],
        systems=[_fake_system(k, trials[k], correct[k]) for k in range(len(correct))],
    )
    true_labels = np.ones(texts, dtype=np.int64)
    predictions = {
        trial: TestPredictions(true_labels, seed_correct.astype(np.int64))
        for k, row in enumerate(trials)
        for trial, seed_correct in zip(row, correct[k], strict=True)
    }
    return FinishedSweep(results, predictions)


def _fake_system(number: int, trials: list[int], correct: NDArray[np.bool_]) -> SystemResult:
    """Return the results of one system; `correct` are (seeds, texts)."""
    seeds = [
        SeedResult(
            trial=trial, seed=trial, outcome=Outcome.COMPLETED, test={"test/accuracy": float(seed_correct.mean())}
        )
        for trial, seed_correct in zip(trials, correct, strict=True)
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


def bold_systems(sweeps: list[FinishedSweep]) -> list[int]:
    """Return the indices of the systems that the table shows in bold."""
    rows = build_table(sweeps).rows
    return [k for k, row in enumerate(rows) for cell in row.cells if isinstance(cell, TableCell) and cell.is_bold]


def simulate_table(random: np.random.Generator, shape: Shape) -> list[int]:
    """Return the indices of the systems in bold in one simulated table."""
    sweeps = []
    for dataset in range(shape.datasets):
        *others, last = simulate_correct(random, shape)
        sweeps.append(fake_sweep(f"data {dataset}", [*others, last[: shape.last_seeds or None]]))
    return bold_systems(sweeps)


def simulate_tables(tables: int, shape: Shape, seed: int = 0) -> dict[str, Any]:
    """Simulate tables, and count those with bold cells.

    `bold` counts tables with any bold cell, `right` those in which only the leading system is bold, on every data set.
    `most` is the largest acceptable count of `bold` if no system is better than all others.
    """
    numbers = [shape.systems, shape.datasets, shape.seeds, shape.texts, round(1000 * shape.lead)]
    more = [shape.trailing, round(1000 * shape.gap), shape.last_seeds, round(10 * shape.ease), seed]
    random = np.random.default_rng([*numbers, *(more if any(more) else ())])
    bold = [simulate_table(random, shape) for _ in range(tables)]
    most = int(stats.binom.ppf(0.975, tables, 0.05))
    right = sum(indices == [shape.systems - 1] * shape.datasets for indices in bold)
    counts = {"bold": sum(map(bool, bold)), "most": None if shape.lead else most, "right": right}
    return {**asdict(shape), "tables": tables, **counts}


def main() -> None:
    """Run all simulations, and print a table of the counts."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tables", type=int, default=1000)
    options.add_argument("--seed", type=int, default=0, help="another number simulates other tables")
    options.add_argument("--json", action="store_true", help="print JSON")
    arguments = options.parse_args()
    counts = [simulate_tables(arguments.tables, shape, arguments.seed) for shape in (*EQUAL, *LEADING)]
    if arguments.json:
        print(json.dumps(counts, indent=2))
        return
    print(
        "| systems | data sets | seeds | texts | mean ease | true lead | tables with bold | allowed | leader in bold |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    print("\n".join(_describe_counts(count) for count in counts))


def _describe_counts(count: dict[str, Any]) -> str:
    """Return the row of one shape."""
    behind = f", {count['trailing']} of them {100 * count['gap']:g} points behind" if count["trailing"] else ""
    seeds = f"{count['seeds']}, the last {count['last_seeds']}" if count["last_seeds"] else f"{count['seeds']}"
    right = f"{count['right']}" if count["lead"] else ""
    return (
        f"| {count['systems']}{behind} | {count['datasets']} | {seeds} | {count['texts']:,} | {count['ease']:g} "
        f"| {100 * count['lead']:g} points | {count['bold']} of {count['tables']} | {count['most'] or ''} | {right} |"
    )


if __name__ == "__main__":
    main()
