"""The files that the fuzz alters, and the reading of each, as the commands read it."""

import gzip
import json
import secrets
import shutil
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import sweeper
from sweeper.app.mlflow_sync import sync_all
from sweeper.app.recorded_sweeps import load_recorded_sweeps
from sweeper.app.specs import load_spec, shipped_spaces
from sweeper.app.table_of_sweeps import SweepSelection, render_table
from sweeper.data.column_choice import choose_columns
from sweeper.data.column_profiles import profile_columns
from sweeper.data.dataset_spec import DatasetSpec
from sweeper.data.local_files import read_tables
from sweeper.data.preprocessing import prepare
from sweeper.data.whole_tables import read_whole_table
from sweeper.protocol.results import stored_results
from sweeper.storage.sweep_folder import open_sweeps
from sweeper.terminal.output import PlainOutput
from sweeper.tracking.data_identity import DataIdentity
from sweeper.trials.outcome import Outcome
from tests.support.fake_mlflow_stores import FilledStore, create_empty_store
from tests.support.fake_results import sweep
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


def _space(shipped: Path, folder: Path) -> Path:
    return Path(shutil.copy(shipped, folder))


def _override(path: Path) -> object:
    return load_spec("sst5", [path.read_bytes().decode("utf-8", errors="surrogateescape")])


def _delimited(separator: str) -> str:
    quoted = [[str(value).replace('"', '""') for value in row.values()] for row in _ROWS]
    return "\n".join(separator.join(f'"{value}"' for value in row) for row in [list(_ROWS[0]), *quoted])


def _parquet(folder: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(_ROWS), folder / "rows.parquet")
    return folder / "rows.parquet"


def _xlsx(folder: Path) -> Path:
    import openpyxl

    workbook = openpyxl.Workbook()
    for row in (list(_ROWS[0]), *(list(row.values()) for row in _ROWS)):
        workbook.active.append(row)
    workbook.save(folder / "rows.xlsx")
    return folder / "rows.xlsx"


def _gzip(folder: Path) -> Path:
    (folder / "rows.csv.gz").write_bytes(gzip.compress(_delimited(",").encode()))
    return folder / "rows.csv.gz"


def _zip(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "rows.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("rows.csv", _delimited(","))
    return folder / "rows.zip"


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
    """Look at an MLflow store as `run`, `ui` and `sync` do."""
    from sweeper.tracking.store_check import check_store

    check_store(_copied_store(path), [DataIdentity("own")])


def _copied_store(path: Path) -> str:
    """Return the address of a copy of a store: MLflow keeps what it opened."""
    return f"sqlite:///{shutil.copy(path, path.with_name(f'{secrets.token_hex(8)}.db'))}"


def _filled_store(folder: Path) -> Path:
    """Make a store with a finished sweep that is nowhere else."""
    FilledStore.copy_of(create_empty_store(folder), folder / "store").add_sweep(sweep({"ce": [0.5, 0.6]}))
    return folder / "store" / "mlflow.db"


def _read_table(path: Path) -> None:
    """Read an MLflow store as `table --tracking-uri` does."""
    uri = _copied_store(path)
    render_table(SweepSelection(path.parent / "none", tracking_uri=uri), "accuracy", "md", detail=True)


def _synced_store(folder: Path) -> Path:
    """Make a sweep, and beside it the store that has its runs."""
    create_empty_store(folder)
    recorded = RecordedSweep(folder / "sweeps", confirm={"seeds": 0}).search()
    path = (folder / "mlflow.db").rename(folder / "sweeps" / "mlflow.db")
    sync_all(PlainOutput(progress=False), [recorded.folder])
    return path


def _sync(path: Path) -> None:
    """Send the runs of a sweep to an altered store, as `sync` does, in a copy of their folder."""
    copy = Path(shutil.copytree(path.parent, path.parent.with_name(secrets.token_hex(8))))
    sync_all(PlainOutput(progress=False), open_sweeps(copy), timeout=20)


TARGETS: Mapping[str, Target] = {
    **{f"search space {name}": Target(partial(_space, path), load_spec) for name, path in shipped_spaces().items()},
    "--set": Target(partial(_write, "option", "search.tau={log: [0.05, 1], when: {loss: [scl, lcl]}}"), _override),
    "csv": Target(partial(_write, "rows.csv", _delimited(",")), _read_rows),
    "tsv": Target(partial(_write, "rows.tsv", _delimited("\t")), _read_rows),
    "json": Target(partial(_write, "rows.json", json.dumps(_ROWS, indent=1)), _read_rows),
    "jsonl": Target(partial(_write, "rows.jsonl", "\n".join(map(json.dumps, _ROWS))), _read_rows),
    "parquet": Target(_parquet, _read_rows),
    "results.json": Target(partial(_sweep, "results.json"), _read_sweep),
    "sweep.json": Target(partial(_sweep, "sweep.json"), _read_sweep),
    "sweep.yaml": Target(partial(_sweep, "sweep.yaml"), _read_sweep),
    "xlsx": Target(_xlsx, _read_rows),
    "gz": Target(_gzip, _read_rows),
    "zip": Target(_zip, _read_rows),
    "mlflow.db": Target(create_empty_store, _read_store),
    "mlflow.db of a finished sweep": Target(_filled_store, _read_table),
    "mlflow.db that is synced": Target(_synced_store, _sync),
    "record.journal": Target(partial(_sweep, "record.journal"), _read_sweep),
}
