"""Reading a csv and a parquet file of many rows, until the rows can be tokenized."""

from collections.abc import Iterator
from functools import partial

from benchmarks.speed.cases import SWEEPER, Arm, Case
from benchmarks.speed.session import Session

_DATASETS, _PANDAS = "datasets.load_dataset", "pandas"
_MEASURE = {
    SWEEPER: "benchmarks.speed.arms.loading:measure",
    _DATASETS: "benchmarks.speed.peers.loading:measure_datasets",
    _PANDAS: "benchmarks.speed.peers.loading:measure_pandas",
}


def cases(session: Session) -> Iterator[Case]:
    """Yield a case for each format."""
    settings, folder = session.settings, session.subfolder("files")
    with session.processes("files") as processes:
        processes["files"].call("benchmarks.speed.arms.loading:write_files", folder, settings.file_rows, settings.seed)
    for suffix in ("csv", "parquet"):
        with session.processes(*_MEASURE) as processes:
            arms = [
                Arm(name, partial(processes[name].call, measure, folder, suffix)) for name, measure in _MEASURE.items()
            ]
            title = f"loading {suffix} of {settings.file_rows:,} rows"
            note = "sweeper checks every row; datasets starts with an empty cache; pandas checks nothing"
            yield Case(f"loading/{suffix}", title, "s", arms, note=note)
