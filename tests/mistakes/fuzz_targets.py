"""The files that the fuzz alters, and the reading of each, as the commands read it."""

import json
import secrets
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import sweeper
from sweeper.app.recorded_sweeps import load_recorded_sweeps
from sweeper.app.specs import SHIPPED, load_spec
from sweeper.data.column_choice import choose_columns
from sweeper.data.column_profiles import profile_columns
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.local_files import read_tables
from sweeper.data.preprocessing import prepare
from sweeper.data.whole_tables import read_whole_table
from sweeper.protocol.results import stored_results
from sweeper.tracking.data_identity import DataIdentity
from sweeper.trials.outcome import Outcome
from tests.support.fake_mlflow_stores import create_empty_store
from tests.support.recorded_sweeps import RecordedSweep

_ROWS = [{"text": f'a film, "good" or é bad {k}', "label": ("up", "down")[k % 2], "score": k} for k in range(24)]


@dataclass(frozen=True)
class Target:
    """A file that the fuzz alters: what makes it in an empty folder, and what reads it there afterwards."""

    make: Callable[[Path], Path]
    read: Callable[[Path], object]


def _write(name: str, content: str, folder: Path) -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


def _space(folder: Path) -> Path:
    return Path(shutil.copy(SHIPPED.parents[1] / "search_spaces" / "sst5.yaml", folder))


def _override(path: Path) -> object:
    return load_spec("sst5", [path.read_bytes().decode("utf-8", errors="surrogateescape")])


def _delimited(separator: str) -> str:
    quoted = [[str(value).replace('"', '""') for value in row.values()] for row in _ROWS]
    return "\n".join(separator.join(f'"{value}"' for value in row) for row in [list(_ROWS[0]), *quoted])


def _parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(_ROWS), folder / "rows.parquet")
    return folder / "rows.parquet"


def _read_rows(path: Path) -> None:
    """Read a data file as `sweeper new` and as `sweeper run` do."""
    tables = read_tables({"train": str(path)}, ("text", "label"))
    prepare(DatasetSpec(name="own", files={"train": str(path)}), tables, "drop")
    choose_columns(profile_columns(read_whole_table(path)), (), None, str(path))


def _sweep(name: str, folder: Path) -> Path:
    """Make a finished sweep, and return its file of this name."""
    return RecordedSweep(folder / "sweeps").search([Outcome.COMPLETED] * 4).finish().folder.path / name


def _read_sweep(path: Path) -> None:
    """Read a sweep as `ls`, `show` and `table` do."""
    opened = sweeper.open(path.parent)
    json.dumps(opened.summary.model_dump(mode="json"))
    opened.results.trials()
    stored_results(opened.folder)
    load_recorded_sweeps(path.parents[1], ())


def _read_store(path: Path) -> None:
    """Look at an MLflow store as `run`, `ui` and `sync` do. MLflow keeps what it opened, so a copy is read."""
    from sweeper.tracking.store_check import check_store

    copy = Path(shutil.copy(path, path.with_name(f"{secrets.token_hex(8)}.db")))
    check_store(f"sqlite:///{copy}", [DataIdentity("own")])


TARGETS: Mapping[str, Target] = {
    "search space": Target(_space, load_spec),
    "--set": Target(partial(_write, "option", "search.tau={log: [0.05, 1], when: {loss: [scl, lcl]}}"), _override),
    "csv": Target(partial(_write, "rows.csv", _delimited(",")), _read_rows),
    "tsv": Target(partial(_write, "rows.tsv", _delimited("\t")), _read_rows),
    "json": Target(partial(_write, "rows.json", json.dumps(_ROWS, indent=1)), _read_rows),
    "jsonl": Target(partial(_write, "rows.jsonl", "\n".join(map(json.dumps, _ROWS))), _read_rows),
    "parquet": Target(_parquet, _read_rows),
    "results.json": Target(partial(_sweep, "results.json"), _read_sweep),
    "sweep.json": Target(partial(_sweep, "sweep.json"), _read_sweep),
    "sweep.yaml": Target(partial(_sweep, "sweep.yaml"), _read_sweep),
    "mlflow.db": Target(create_empty_store, _read_store),
    "record.journal": Target(partial(_sweep, "record.journal"), _read_sweep),
}
