"""The published table in the formats that it is wanted in: for people by markup.py, for programs as CSV and JSON.

People see percent, as the papers print them; programs get shares in [0, 1], as MLflow has them, with all their digits.
"""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.reporting.table.cells import TableCell
from sweeper.reporting.table.comparisons import Comparison
from sweeper.reporting.table.details import details, percent
from sweeper.reporting.table.markup import Sheet, SheetCell, html, latex, markdown
from sweeper.reporting.table.published_results import PublishedScore as Printed
from sweeper.reporting.table.results_table import ResultsTable, TableRow

FORMATS = ("md", "csv", "latex", "html", "json")
_MARKUPS: Mapping[str, Callable[[Sheet], str]] = {"md": markdown, "latex": latex, "html": html}


def render(table: ResultsTable, format: str, *, detail: bool = False) -> str:
    """The table in one of FORMATS, ending in a newline; with `detail` also what is behind each cell, as JSON always."""
    if format == "json":
        return json.dumps(_plain(table), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    if format == "csv":
        return _csv(table, detail)
    return _MARKUPS[format](to_sheet(table, detail=detail))


def to_sheet(table: ResultsTable, *, detail: bool = False) -> Sheet:
    """The table as people read it."""
    papers = any(row.paper for row in table.rows)
    heads = (*(["from"] if papers else []), *table.hyperparameters, *table.datasets)
    rows = tuple(
        (
            (*([row.paper or "ours"] if papers else []), *row.names),
            tuple(_figure(table, row, cell) for cell in row.cells),
        )
        for row in table.rows
    )
    names = {cell.system: row.names for row in table.rows for cell in row.cells if isinstance(cell, TableCell)}
    behind = details([cell for _, cell in _cells(table)], names) if detail else []
    notes = tuple((note.sign, note.text) for note in table.notes)
    return Sheet(f"Test {table.metric} in %.", heads, rows, notes, behind)


def _figure(table: ResultsTable, row: TableRow, cell: TableCell | Printed | None) -> SheetCell:
    if cell is None:
        return SheetCell("n/a" if row.paper else "–")
    if isinstance(cell, Printed):
        sd = "" if cell.sd is None else f"{cell.sd:g}"
        return SheetCell(f"{cell.mean:g}", sd, "" if cell.seeds is None else str(cell.seeds))
    sd = "" if cell.sd is None else percent(cell.sd)
    signs = "".join(sign for mark, sign in table.signs.items() if mark in cell.caveats)
    return SheetCell(percent(cell.mean), sd, f"{len(cell.scores)}; {cell.found.num_trials}", cell.bold, signs)


def _cells(table: ResultsTable) -> list[tuple[TableRow, TableCell]]:
    """Our cells with their rows, row by row."""
    return [(row, cell) for row in table.rows for cell in row.cells if isinstance(cell, TableCell)]


# ---- CSV


def _csv(table: ResultsTable, detail: bool) -> str:
    """A line for each cell, ours and then the papers'; a share is a share."""
    lines = [{**_head(table, row), **_line(table, cell, detail)} for row, cell in _cells(table)]
    names = list(lines[0]) if lines else []
    for row in table.rows:
        for dataset, cell in zip(table.datasets, row.cells, strict=True):
            if isinstance(cell, Printed):
                lines.append({**_head(table, row), "dataset": dataset, "metric": table.metric, **_printed(cell)})
    out = io.StringIO()
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue()


def _head(table: ResultsTable, row: TableRow) -> dict[str, Any]:
    return {"from": row.paper or "ours", **dict(zip(table.hyperparameters, row.names, strict=True))}


def _printed(cell: Printed) -> dict[str, Any]:
    sd = None if cell.sd is None else round(cell.sd / 100, 6)
    return {"mean": round(cell.mean / 100, 6), "sd": sd, "seeds": cell.seeds}


def _line(table: ResultsTable, cell: TableCell, detail: bool) -> dict[str, Any]:
    """A cell's values by column."""
    plain = _cell(cell)
    low, high = plain["interval"] or (None, None)
    line = {name: plain[name] for name in ("dataset", "mean", "sd")} | {"metric": table.metric}
    line |= {
        "seeds": len(cell.scores),
        "planned": plain["planned"],
        "trials": plain["trials"],
        "low": low,
        "high": high,
    }
    line |= {"bold": cell.bold, "marks": " ".join(plain["marks"]), "sweep": plain["sweep"]}
    if detail:
        runs = [str(seed["run"] or seed["trial"]) for seed in plain["seeds"]]
        line |= plain["cost"] | {name: plain[name] for name in ("looks", "search", "confirmed", "optimism")}
        line |= {"setting": json.dumps(plain["setting"], ensure_ascii=False), "runs": " ".join(runs)}
    return line


# ---- JSON


def _plain(table: ResultsTable) -> dict[str, Any]:
    """Everything, as plain values."""
    printed = [
        {"paper": row.paper, "encoder": row.names[0], "loss": row.names[1], "dataset": dataset, **_printed(cell)}
        for row in table.rows
        for dataset, cell in zip(table.datasets, row.cells, strict=True)
        if isinstance(cell, Printed)
    ]
    return {
        "metric": table.metric,
        "datasets": {
            name: {
                "classes": one.classes,
                "sweeps": one.sweeps,
                "looks": one.test_accesses,
                "looks_elsewhere": one.elsewhere,
            }
            | {"test": one.test.model_dump() if one.test else None}
            for name, one in table.datasets.items()
        },
        "knobs": list(table.hyperparameters),
        "cells": [_cell(cell) for _, cell in _cells(table)],
        "published": printed,
        "pairs": [_pair(pair) for pair in table.pairs],
        "notes": [{"sign": note.sign, "text": note.text} for note in table.notes],
    }


def _cell(cell: TableCell) -> dict[str, Any]:
    """A cell as plain values; what was not confirmed has no figures."""
    confirmed, runs = cell.found.confirmation, cell.source.runs
    of = confirmed.model_dump() if confirmed else {}
    kept = ("confirms", "planned", "search", "optimism", "tested_settings")
    return {
        "system": dict(cell.system),
        "dataset": cell.dataset,
        "sweep": cell.sweep.sweep,
        "mean": cell.mean,
        "sd": cell.sd,
        "interval": [cell.interval.low, cell.interval.high] if cell.interval else None,
        "bold": cell.bold,
        "marks": {mark.name.lower(): how for mark, how in cell.caveats.items()},
        "trials": cell.found.num_trials,
        "outcomes": {outcome.value: count for outcome, count in cell.found.outcomes.items()},
        "setting": dict(confirmed.params) if confirmed else None,
        **{name: of.get(name) for name in kept},
        "confirmed": confirmed.mean if confirmed else None,
        "objective": cell.sweep.objective,
        "looks": cell.test_accesses,
        "cost": _cost(cell),
        "seeds": [
            {"trial": s.trial, "seed": s.seed, "outcome": s.outcome.value}
            | {"score": cell.scores.get(s.trial), "run": runs.get(s.trial)}
            for s in cell.seeds
        ],
    }


def _cost(cell: TableCell) -> dict[str, Any]:
    found, confirmed = cell.found, cell.found.confirmation
    return {
        "search_epochs": found.epochs,
        "search_hours": found.hours,
        "confirm_epochs": confirmed.epochs if confirmed else 0,
        "confirm_hours": confirmed.hours if confirmed else 0,
        "gpu": cell.sweep.gpu,
        "threads": cell.sweep.threads,
    }


def _pair(pair: Comparison) -> dict[str, Any]:
    lead = pair.lead
    freedom = lead.freedom if lead and math.isfinite(lead.freedom) else None
    figures = {"lead": lead.mean, "low": lead.low, "high": lead.high, "error": lead.error, "p": lead.p} if lead else {}
    return {
        "dataset": pair.dataset,
        "ours": dict(pair.ours),
        "theirs": dict(pair.theirs),
        **{name: figures.get(name) for name in ("lead", "low", "high", "error", "p")},
        "freedom": freedom,
        "holm": pair.holm,
        "why": pair.why,
    }
