"""Turn a table into plain values for programs: flat records for CSV, one nested document for JSON.

Scores are shares in [0, 1]. Published percentages are converted.
"""

import json
import math
from typing import Any

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.comparisons import Comparison
from sweeper.reporting.table.published_results import PublishedScore
from sweeper.reporting.table.results_table import ResultsTable, TableRow


def to_records(table: ResultsTable, *, detail: bool = False) -> list[dict[str, Any]]:
    """Return a flat record for each of our cells, then for each published score, which has fewer keys."""
    records = [{**_names(table, row), **_cell_record(table, cell, detail)} for row, cell in table.system_cells()]
    for row, dataset, score in table.published_scores():
        records.append({**_names(table, row), "dataset": dataset, "metric": table.metric, **_published_values(score)})
    return records


def _names(table: ResultsTable, row: TableRow) -> dict[str, Any]:
    return {"from": row.paper or "ours", **dict(zip(table.hyperparameters, row.names, strict=True))}


def _published_values(score: PublishedScore) -> dict[str, Any]:
    sd = None if score.sd is None else round(score.sd / 100, 6)
    return {"mean": round(score.mean / 100, 6), "sd": sd, "seeds": score.seeds}


def _cell_record(table: ResultsTable, cell: TableCell, detail: bool) -> dict[str, Any]:
    values = _cell_values(cell)
    low, high = values["interval"] or (None, None)
    record = {name: values[name] for name in ("dataset", "mean", "sd")}
    record |= {"metric": table.metric, "seeds": len(cell.scores)}
    record |= {name: values[name] for name in ("planned_seeds", "num_trials")}
    record |= {"low": low, "high": high, "bold": cell.is_bold}
    record |= {"caveats": " ".join(values["caveats"]), "sweep": values["sweep"], "rows": values["rows"]}
    if detail:
        runs = [str(seed["run"] or seed["trial"]) for seed in values["seeds"]]
        record |= values["cost"]
        record |= {name: values[name] for name in ("test_accesses", "search_mean", "confirmed_mean", "optimism")}
        record |= {"setting": json.dumps(values["setting"], ensure_ascii=False), "runs": " ".join(runs)}
    return record


def to_document(table: ResultsTable) -> dict[str, Any]:
    """Return everything that the table holds, as nested plain values."""
    published = [
        {"paper": row.paper, "encoder": row.names[0], "loss": row.names[1], "dataset": dataset}
        | _published_values(score)
        for row, dataset, score in table.published_scores()
    ]
    return {
        "metric": table.metric,
        "datasets": {
            name: {
                "name": usage.column.name,
                "rows": usage.column.rows,
                "origin": usage.column.origin,
                "classes": usage.num_classes,
                "sweeps": usage.num_sweeps,
                "test_accesses": usage.test_accesses,
                "test_accesses_in_other_columns": usage.test_accesses_in_other_columns,
                "test_accesses_elsewhere": usage.test_accesses_elsewhere,
                "test": usage.test.model_dump() if usage.test else None,
            }
            for name, usage in table.datasets.items()
        },
        "hyperparameters": list(table.hyperparameters),
        "cells": [_cell_values(cell) for _, cell in table.system_cells()],
        "published": published,
        "comparisons": [_comparison_values(comparison) for comparison in table.comparisons],
        "notes": [{"letter": note.letter, "text": note.text} for note in table.notes],
    }


def _cell_values(cell: TableCell) -> dict[str, Any]:
    """Return a cell as plain values. A system that was not confirmed has None for the results of confirmation."""
    result, confirmation = cell.result, cell.result.confirmation
    return {
        "system": dict(cell.system),
        "dataset": cell.dataset,
        "rows": cell.results.rows,
        "sweep": cell.results.sweep,
        "mean": cell.mean,
        "sd": cell.sd,
        "interval": [cell.interval.low, cell.interval.high] if cell.interval else None,
        "bold": cell.is_bold,
        "best_p": cell.best_p,
        "caveats": {caveat.name.lower(): extent for caveat, extent in cell.caveats.items()},
        "num_trials": result.num_trials,
        "outcomes": {outcome.value: count for outcome, count in result.outcomes.items()},
        "setting": dict(confirmation.params) if confirmation else None,
        "source_trial": confirmation.source_trial if confirmation else None,
        "planned_seeds": confirmation.planned_seeds if confirmation else None,
        "search_mean": confirmation.search_mean if confirmation else None,
        "optimism": confirmation.optimism if confirmation else None,
        "tested_settings": confirmation.tested_settings if confirmation else None,
        "confirmed_mean": confirmation.mean if confirmation else None,
        "objective": cell.results.objective,
        "test_accesses": cell.num_test_accesses,
        "cost": _cost_values(cell),
        "seeds": _seed_values(cell),
    }


def _cost_values(cell: TableCell) -> dict[str, Any]:
    result, confirmation = cell.result, cell.result.confirmation
    return {
        "search_epochs": result.epochs,
        "search_hours": result.hours,
        "confirmation_epochs": confirmation.epochs if confirmation else 0,
        "confirmation_hours": confirmation.hours if confirmation else 0,
        "gpu": cell.results.gpu,
        "threads": cell.results.threads,
    }


def _seed_values(cell: TableCell) -> list[dict[str, Any]]:
    return [
        {
            "trial": seed.trial,
            "seed": seed.seed,
            "outcome": seed.outcome.value,
            "score": cell.scores.get(seed.trial),
            "run": cell.source.runs.get(seed.trial),
        }
        for seed in cell.seeds
    ]


def _comparison_values(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values. Infinite degrees of freedom are None, because JSON has no infinity."""
    lead = comparison.lead
    return {
        "dataset": comparison.dataset,
        "first": dict(comparison.first),
        "second": dict(comparison.second),
        "lead": lead.mean if lead else None,
        "low": lead.low if lead else None,
        "high": lead.high if lead else None,
        "error": lead.error if lead else None,
        "p": lead.p if lead else None,
        "freedom": lead.freedom if lead and math.isfinite(lead.freedom) else None,
        "corrected_p": comparison.corrected_p,
        "reason": comparison.reason,
    }
