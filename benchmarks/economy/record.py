"""Record the learning curves of real trials: quasi-random settings of every system, each with several seeds.

Each seed is a sweep of its own. The first one chooses the settings, the others train the same ones. Interrupted at any
moment, the same call continues, because a sweep does.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import sweeper
from benchmarks.economy.rows import recorded_sweeps, write_rows
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.yaml_file import dump_yaml, load_yaml
from sweeper.training.config import Scalar

SPACE = Path(__file__).with_name("space.yaml")


def record(dataset: str, out: Path, seeds: int, overrides: Sequence[str], *, inline: bool = False) -> None:
    """Run or continue the sweeps of a data set, and write the rows of each when it is done.

    Sweeps, spaces and rows are kept in `out`. `overrides` are keys of space.yaml as in `budget.trials=72`. With
    `inline`, trials run in this process. Raises what `sweeper.run` raises.
    """
    settings: list[Mapping[str, Scalar]] = []
    for seed in range(seeds):
        spec = write_space(dataset, out / f"{dataset}-seed{seed}.yaml", seed, settings, overrides)
        results = sweeper.run(spec, sweeps=out / "sweeps", inline=inline)
        if not settings:
            settings = [dict(trial.params) for trial in results.trial_results]
        write_rows(recorded_sweeps(dataset, out / "sweeps"), rows_path(dataset, out))


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
