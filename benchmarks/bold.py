"""How often the table is wrong when it shows a best system in bold, and how often it finds one that is better.

    python -m benchmarks.bold [--tables 1000] [--json]

Tables are simulated as experiments come: the test texts are easy and hard for all systems alike, a system has its own
taste for some, and seeds differ, so that accuracies over seeds have a standard deviation of .8 points on 2,210 texts.
Each goes through the same function as real results. Where all systems are equal, more than 64 tables of 1,000 with
something in bold would say that the level of 5 % does not hold (exact binomial test, two-sided, 5 %).
"""

import argparse
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.results_table import FinishedSweep, TestPredictions, build_table

TEXTS = 2210
DEVIATION = 0.008  # of accuracies over seeds
EASE, TASTE = 3.0, 0.7  # standard deviations in logits: of a text for all systems, and for one


def experiment(
    random: np.random.Generator, systems: int, seeds: int, texts: int = TEXTS, lead: float = 0.0
) -> NDArray[np.bool_]:
    """Hits (systems, seeds, texts): the systems are equal, but that the last one's accuracy is better by `lead`."""
    ease = EASE * random.standard_normal(texts) + TASTE * random.standard_normal((systems, 1, texts))
    slope = float(np.mean(_chance(ease) * (1 - _chance(ease))))  # of accuracy in logits, and a hit's variance
    shift = np.sqrt(max(0.0, DEVIATION**2 - slope / texts)) / slope * random.standard_normal((systems, seeds, 1))
    skill = np.zeros((systems, 1, 1))
    skill[-1] = lead / slope
    return random.random((systems, seeds, texts)) < _chance(ease + skill + shift)


def _chance(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-logits))


def finished(dataset: str, hits: NDArray[np.bool_]) -> FinishedSweep:
    """A sweep that found this, as results.json has it."""
    systems, seeds, texts = hits.shape
    trials = np.arange(1, systems * seeds + 1).reshape(systems, seeds).tolist()
    cells = [
        {
            **{"system": {"encoder": "m", "loss": f"loss {k}"}, "num_trials": 1, "outcomes": {"completed": 1}},
            **{"epochs": 1.0, "hours": 1.0, "best": None},
            "confirmation": {
                **{
                    "source_trial": 1,
                    "params": {},
                    "planned_seeds": seeds,
                    "epochs": 1.0,
                    "hours": 1.0,
                    "search_mean": 0.5,
                },
                **{"mean": 0.5, "sd": 0.0, "optimism": 0.0, "tested_settings": 1},
                "seeds": [
                    {
                        "trial": trial,
                        "seed": trial,
                        "outcome": "completed",
                        "test": {"test/accuracy": float(own.mean())},
                    }
                    for trial, own in zip(trials[k], hits[k], strict=True)
                ],
            },
        }
        for k in range(systems)
    ]
    results = {
        **{"sweep": f"{dataset}-0", "dataset": dataset, "objective": "validation/accuracy", "subsample": {}},
        **{"resolved": {}, "labels": ["no", "yes"], "threads": 1, "gpu": 0.0, "test_accesses": [], "systems": cells},
        "num_trials": systems,
        "test_split": {"texts": texts, "digest": dataset},
    }
    truth = np.ones(texts, dtype=np.int64)
    answers = {
        t: TestPredictions(truth, own.astype(np.int64))
        for k, row in enumerate(trials)
        for t, own in zip(row, hits[k], strict=True)
    }
    return FinishedSweep(SweepResults.parse(results), answers)


def bold(sweeps: list[FinishedSweep]) -> list[int]:
    """The places, among the systems of each data set, of those that the table has in bold."""
    rows = build_table(sweeps).rows
    return [k for k, row in enumerate(rows) for cell in row.cells if isinstance(cell, TableCell) and cell.bold]


def simulated(
    tables: int, systems: int, datasets: int, seeds: int, texts: int = TEXTS, lead: float = 0.0
) -> dict[str, Any]:
    """Of so many tables, how many have something in bold, and how many the system that leads, on every data set."""
    random = np.random.default_rng([systems, datasets, seeds, texts, round(1000 * lead)])
    found = [
        bold([finished(f"data {k}", experiment(random, systems, seeds, texts, lead)) for k in range(datasets)])
        for _ in range(tables)
    ]
    most = int(stats.binom.ppf(0.975, tables, 0.05))
    return {
        **{"systems": systems, "datasets": datasets, "seeds": seeds, "lead": lead, "tables": tables},
        **{"bold": sum(map(bool, found)), "most": most if not lead else None},
        "right": sum(places == [systems - 1] * datasets for places in found),
    }


def main() -> None:
    """Simulate, and print what came of it."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tables", type=int, default=1000)
    options.add_argument("--json", action="store_true", help="print JSON")
    chosen = options.parse_args()
    shapes = [(2, 1), (3, 1), (3, 3)]
    found = [simulated(chosen.tables, *shape, seeds) for shape in shapes for seeds in (3, 5)]
    found += [simulated(chosen.tables, *shape, seeds=5, lead=0.03) for shape in shapes[:2]]
    if chosen.json:
        print(json.dumps(found, indent=2))
        return
    print("| systems | data sets | seeds | true lead | tables with bold | allowed | the leader in bold |")
    print("|---|---|---|---|---|---|---|")
    for one in found:
        right = f"{one['right']}" if one["lead"] else ""
        print(
            f"| {one['systems']} | {one['datasets']} | {one['seeds']} | {100 * one['lead']:g} points "
            f"| {one['bold']} of {one['tables']} | {one['most'] or ''} | {right} |"
        )


if __name__ == "__main__":
    main()
