"""Measure how often the table shows a best system in bold by mistake, and how often it finds a truly better one.

    python -m benchmarks.bold [--tables 1000] [--json]

The tables are simulated. Test texts are easy or hard for all systems alike, each system is better at some texts than at
others, and seeds differ: accuracies over seeds have a standard deviation of at least 0.8 points. Every simulated table
goes through the same function as real results. If all systems are equal, more than 64 tables of 1,000 with something in
bold would show that the significance level of 5 % does not hold (exact binomial test, two-sided, 5 %).
"""

import argparse
import json
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


def simulate_correct(
    random: np.random.Generator, systems: int, seeds: int, texts: int = TEXTS, lead: float = 0.0
) -> NDArray[np.bool_]:
    """Return simulated correct predictions: (systems, seeds, texts).

    All systems are equal, except that the accuracy of the last one is higher by `lead`.
    """
    ease = EASE_SD * random.standard_normal(texts) + TASTE_SD * random.standard_normal((systems, 1, texts))
    slope = float(np.mean(_sigmoid(ease) * (1 - _sigmoid(ease))))  # of accuracy in logits; also a prediction's variance
    shift = np.sqrt(max(0.0, SEED_SD**2 - slope / texts)) / slope * random.standard_normal((systems, seeds, 1))
    skill = np.zeros((systems, 1, 1))
    skill[-1] = lead / slope
    return random.random((systems, seeds, texts)) < _sigmoid(ease + skill + shift)


def _sigmoid(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def fake_sweep(dataset: str, correct: NDArray[np.bool_]) -> FinishedSweep:
    """Return a finished sweep with these correct predictions: (systems, seeds, texts)."""
    num_systems, num_seeds, texts = correct.shape
    trials = np.arange(1, num_systems * num_seeds + 1).reshape(num_systems, num_seeds).tolist()
    results = SweepResults(
        sweep=f"{dataset}-0",
        dataset=dataset,
        source="catalog",
        objective="validation/accuracy",
        num_trials=num_systems,
        subsample={},
        resolved={},
        labels=["no", "yes"],
        threads=1,
        gpu=0.0,
        test_split=TestSplitInfo(texts=texts, digest=dataset),
        test_accesses=[],
        systems=[_fake_system(k, trials[k], correct[k]) for k in range(num_systems)],
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


def simulate_tables(
    tables: int, systems: int, datasets: int, seeds: int, texts: int = TEXTS, lead: float = 0.0
) -> dict[str, Any]:
    """Simulate tables, and count those with bold cells.

    `bold` counts tables with any bold cell, `right` those in which only the leading system is bold, on every data set.
    `most` is the largest acceptable count of `bold` if all systems are equal.
    """
    random = np.random.default_rng([systems, datasets, seeds, texts, round(1000 * lead)])
    bold = [
        bold_systems(
            [fake_sweep(f"data {k}", simulate_correct(random, systems, seeds, texts, lead)) for k in range(datasets)]
        )
        for _ in range(tables)
    ]
    most = int(stats.binom.ppf(0.975, tables, 0.05))
    return {
        **{"systems": systems, "datasets": datasets, "seeds": seeds, "texts": texts, "lead": lead, "tables": tables},
        **{"bold": sum(map(bool, bold)), "most": most if not lead else None},
        "right": sum(indices == [systems - 1] * datasets for indices in bold),
    }


def main() -> None:
    """Run all simulations, and print a table of the counts."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tables", type=int, default=1000)
    options.add_argument("--json", action="store_true", help="print JSON")
    arguments = options.parse_args()
    shapes = [(2, 1, 3), (2, 1, 5), (2, 1, 10), (3, 1, 3), (3, 1, 5), (6, 1, 5), (3, 3, 5)]
    counts = [simulate_tables(arguments.tables, *shape) for shape in shapes]
    counts += [simulate_tables(arguments.tables, 2, 1, 5, texts) for texts in (240, 5000)]
    counts += [simulate_tables(arguments.tables, 2, 1, seeds, lead=0.01) for seeds in (3, 5)]
    counts += [simulate_tables(arguments.tables, *shape, lead=0.03) for shape in shapes[1:5:3]]
    if arguments.json:
        print(json.dumps(counts, indent=2))
        return
    print("| systems | data sets | seeds | texts | true lead | tables with bold | allowed | the leader in bold |")
    print("|---|---|---|---|---|---|---|---|")
    for count in counts:
        right = f"{count['right']}" if count["lead"] else ""
        print(
            f"| {count['systems']} | {count['datasets']} | {count['seeds']} | {count['texts']:,} "
            f"| {100 * count['lead']:g} points "
            f"| {count['bold']} of {count['tables']} | {count['most'] or ''} | {right} |"
        )


if __name__ == "__main__":
    main()
