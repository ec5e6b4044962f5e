"""Record the learning curves of real trials: quasi-random settings of every system, each with several seeds.

Each seed is a sweep of its own. The first one chooses the settings, the others train the same ones. Interrupted at any
moment, the same call continues, because a sweep does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import sweeper
from benchmarks.arguments import check_dataset
from benchmarks.economy.rows import SETTING, check_kept, read_rows, recorded_sweeps, write_rows
from benchmarks.economy.settings import Setting, spread_settings
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import dump_yaml, load_yaml
from sweeper.training.config import Scalar

SPACE = Path(__file__).with_name("space.yaml")


def record(dataset: str, out: Path, seeds: int, overrides: Sequence[str], *, inline: bool = False) -> None:
    """Run or continue the sweeps of a data set, and write the rows of each when it is done.

    Sweeps, spaces and rows are kept in `out`. `overrides` are keys of space.yaml as in `budget.trials=72`. With
    `inline`, trials run in this process. Raises what `sweeper.run` raises, and UsageError if `out` has sweeps of the
    data set with other texts, encoders or training.
    """
    design = _write_design(dataset, out, overrides)
    settings: list[Mapping[str, Scalar]] = []
    for seed in range(seeds):
        spec = write_space(dataset, out / f"{dataset}-seed{seed}.yaml", seed, settings, overrides)
        results = sweeper.run(spec, sweeps=out / "sweeps", inline=inline)
        if not settings:
            settings = [dict(trial.params) for trial in results.trial_results]
        write_rows(recorded_sweeps(dataset, out / "sweeps", design), rows_path(dataset, out))


def record_missing(
    dataset: str, out: Path, kept: Path, seeds: int, overrides: Sequence[str], *, inline: bool = False
) -> None:
    """Train the settings that the rows in the file `kept` lack, such as those of another machine.

    The settings are those that `record` would train with the same arguments, in its order. Afterwards the rows
    of the data set in `out` have those of `kept`, too. Raises UsageError if its sweeps, or those in `out`, differ in
    data set, systems, training, texts or encoders. Revisions are compared with those of sweeps that `out` has.
    """
    design = _write_design(dataset, out, overrides)
    for folder in recorded_sweeps(dataset, out / "sweeps", design):
        check_kept(kept, design, folder)
    for seed in range(seeds):
        missing = missing_settings(design, kept, seed)
        if missing:
            spec = write_rest(dataset, out / f"{dataset}-seed{seed}-rest.yaml", seed, missing, overrides)
            sweeper.run(spec, sweeps=out / "sweeps", inline=inline)
        write_rows(recorded_sweeps(dataset, out / "sweeps", design), rows_path(dataset, out), kept)


def _write_design(dataset: str, out: Path, overrides: Sequence[str]) -> SweepSpec:
    """Write the search space of all seeds, and return it.

    Raises UsageError if the catalog has no such data set, or if sweeps in `out` differ from the space.
    """
    check_dataset(dataset)
    design = write_space(dataset, out / f"{dataset}-design.yaml", 0, [], overrides)
    recorded_sweeps(dataset, out / "sweeps", design)
    return design


def missing_settings(design: SweepSpec, kept: Path, seed: int) -> list[Setting]:
    """Return the settings of the design that the rows in `kept` do not have with this seed. Raises UsageError.

    All systems get the same number of settings: one that lacks fewer gets its last ones again, which are further seeds.
    """
    check_kept(kept, design)
    rows = read_rows(kept)
    known = {tuple(row) for row in _comparable(rows[rows["sweep_seed"] == seed][list(SETTING)].to_dict("records"))}
    designs = [spread_settings(design, system, design.trial_budget(system)) for system in range(len(design.systems))]
    todo = [
        [it for it, key in zip(settings, _comparable(settings), strict=True) if key not in known]
        for settings in designs
    ]
    count = max(map(len, todo))
    if not count:
        return []
    padded = [[*settings, *it][-count:] for settings, it in zip(designs, todo, strict=True)]
    return [it for turn in zip(*padded, strict=True) for it in turn]


def write_rest(dataset: str, path: Path, seed: int, missing: Sequence[Setting], overrides: Sequence[str]) -> SweepSpec:
    """Write the search space that trains the missing settings alone, whatever number of trials the design has."""
    others = [override for override in overrides if not override.startswith("budget.trials=")]
    return write_space(dataset, path, seed, missing, [*others, f"budget.trials={len(missing)}"])


def _comparable(settings: Sequence[Mapping[str, Any]]) -> list[tuple[Any, ...]]:
    """Return settings as tuples. A hyperparameter that does not apply is None, also where a table has NaN."""
    return [tuple(None if pd.isna(value := setting.get(name)) else value for name in SETTING) for setting in settings]


def rows_path(dataset: str, out: Path) -> Path:
    """Return the file with the rows of a data set."""
    return out / f"{dataset}.parquet"


def write_space(
    dataset: str, path: Path, seed: int, settings: Sequence[Mapping[str, Scalar]], overrides: Sequence[str]
) -> SweepSpec:
    """Write the search space of one seed as a file, and return it checked. The `settings` are its first trials."""
    document = {**load_yaml(SPACE).values, "dataset": dataset, "seed": seed}
    if settings:
        document["start_with"] = [dict(setting) for setting in settings]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dump_yaml(document), encoding="utf-8")
    return sweeper.load(path, overrides)
