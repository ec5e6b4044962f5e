"""Makers of the files and sweeps that are there before a mistake.

Each function works in the current folder, and returns the name of its sweep if it makes one.
"""

import gzip
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sweeper.app.bundle import versions
from sweeper.app.prepare_data import prepare_sweep
from sweeper.data.file_digest import file_digest
from sweeper.terminal.output import PlainOutput
from sweeper.training.config import TrainConfig
from sweeper.training.types import ModelScores, Predictions
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial
from tests.mistakes.servers import submitted_name
from tests.mistakes.stores import STORES
from tests.support.recorded_sweeps import LABELS, RecordedSweep

CSV = "text,label\na good film,up\na bad film,down\n"
_GRU = {"encoder": ["gru"]}


def _write(name: str, content: bytes) -> None:
    Path(name).write_bytes(content)


def _rows(*labels: object, column: str = "label") -> bytes:
    """Return a csv file of sixty texts with these labels in turn, and an id for each."""
    rows = [f"{k},a film that is good or bad {k},{labels[k % len(labels)]}" for k in range(60)]
    return "\n".join([f"id,text,{column}", *rows]).encode()


def _zip(name: str, *inside: str) -> None:
    with zipfile.ZipFile(name, "w") as packed:
        for member in inside:
            packed.writestr(member, CSV)


def _repeated_texts() -> None:
    rows = "".join(f"{text},{label}\n" for text, label in (("yes", "up"), ("no", "down")) for _ in range(30))
    _write("train.csv", f"text,label\n{rows}".encode())
    _write("validation.csv", b"text,label\nwell,up\nbad,down\n")


def _one_label_in_validation() -> None:
    _write("train.csv", _rows("up", "down", "level"))
    _write("validation.csv", b"text,label\n" + b"".join(b"another film %d,up\n" % k for k in range(20)))


def _pairs() -> None:
    rows = "".join(f"a film {k},a book {k},{('up', 'down')[k % 2]}\n" for k in range(60))
    _write("pairs.csv", f"a,b,label\n{rows}".encode())


def _spreadsheet(name: str, *rows: tuple[object, ...]) -> None:
    import openpyxl

    workbook = openpyxl.Workbook()
    for row in rows:
        workbook.active.append(row)
    with Path(name).open("wb") as file:
        workbook.save(file)


def _bytes() -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"text": [b"a film", b"caf\xe9"], "label": ["up", "down"]}), "reviews.parquet")


def _same_splits() -> None:
    for split in ("train", "validation", "test"):
        _write(f"{split}.csv", _rows("up", "down"))


def _running_sweep() -> str:
    """Make a sweep with two completed trials and an interrupted one in each system. No process drives it."""
    outcomes = [Outcome.COMPLETED, Outcome.COMPLETED, None]
    return RecordedSweep(Path("sweeps"), confirm={"seeds": 0}).search(outcomes).folder.name


def _finished_sweep() -> str:
    return RecordedSweep(Path("sweeps")).search([Outcome.COMPLETED] * 4).finish().folder.name


def _sweep_without_trials() -> str:
    return RecordedSweep(Path("sweeps")).search([]).folder.name


def _scored_sweep(**scores: float) -> str:
    """Make a finished sweep with these scores of the test split."""
    recorded = RecordedSweep(Path("sweeps")).search([Outcome.COMPLETED] * 4)
    return recorded.finish({f"test/{name}": score for name, score in scores.items()}).folder.name


def _two_sweeps(**manifest: Any) -> None:
    """Make two finished sweeps of a data set, with other systems. The manifest of the second has other values."""
    folder = Path("sweeps")
    (folder / _finished_sweep()).rename(folder / "first")
    second = RecordedSweep(Path("sweeps"), compare={**_GRU, "loss": ["lcl"]})
    path = second.search([Outcome.COMPLETED] * 4).finish().folder.path.rename(folder / "second") / "sweep.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **manifest}), encoding="utf-8")


def _damaged_predictions(name: str, content: str) -> str:
    """Make a finished sweep with a damaged file of predictions for each of its trials."""
    sweep = _finished_sweep()
    for trial in range(1, 13):
        path = Path("sweeps") / sweep / "predictions" / f"{trial}-{name}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return sweep


def _conditional_sweep() -> str:
    """Make a sweep in which `alpha` and `tau` depend on `normalize`: false in trial 1, which trial 2 confirms."""
    search = {
        "normalize": [True, False],
        "tau": {"log": [0.1, 1], "when": {"normalize": True}},
        "alpha": {
            "cases": [
                {"uniform": [0.1, 0.4], "when": {"normalize": True}},
                {"uniform": [0.5, 0.9], "when": {"normalize": False}},
            ]
        },
    }
    space: dict[str, Any] = {"search": search, "training": {"epochs": 2}, "compare": {**_GRU, "loss": ["scl"]}}
    space |= {"confirm": {"seeds": 1}, "start_with": [{"normalize": False, "alpha": 0.6}], "asha": "off"}
    sweep = RecordedSweep(Path("sweeps"), **space).search([Outcome.COMPLETED])
    with sweep.study() as study:
        study.confirm(study.all_trials()[0].trial, 1)
    return sweep.folder.name


def _model() -> str:
    """Make a sweep with the random model of a gru."""
    from tests.support.kept_models import keep_random_model

    return keep_random_model(Path("sweeps").absolute(), encoder="gru").name


def _model_of_pairs() -> str:
    from tests.support.kept_models import keep_random_model

    return keep_random_model(Path("sweeps").absolute(), pairs=True).name


def _confirming_sweep() -> str:
    """Make a sweep whose trial 3 confirms a setting, and was interrupted."""
    sweep = RecordedSweep(Path("sweeps")).search([Outcome.COMPLETED])
    with sweep.study() as study:
        study.confirm(study.all_trials()[0].trial, 1)
    return sweep.folder.name


def _used_up_sweep() -> str:
    """Make a sweep whose search has ended by the epochs of its budget. Nothing is confirmed yet."""
    return RecordedSweep(Path("sweeps"), budget={"epochs": 8}, asha="off").search([Outcome.COMPLETED]).folder.name


def _other_database() -> str:
    """Make a finished sweep, and an SQLite file that another program wrote."""
    with closing(sqlite3.connect("prices.db")) as database:
        database.execute("CREATE TABLE prices (name TEXT, price REAL)")
    return _finished_sweep()


def _damaged_model(**contents: str | None) -> str:
    """Make a sweep with a model of which JSON files have other contents, or are gone."""
    sweep = _model()
    for name, content in contents.items():
        path = Path("sweeps") / sweep / "model" / f"{name}.json"
        path.unlink()
        if content is not None:
            path.write_text(content, encoding="utf-8")
    return sweep


def _moved_model() -> None:
    """Make a model that lies in no sweep, without its settings."""
    shutil.move(Path("sweeps") / _damaged_model(prediction=None) / "model", "moved")


def _damaged(name: str, content: str | None) -> str:
    """Make a finished sweep of which a file has other content, or is gone."""
    sweep = _finished_sweep()
    path = Path("sweeps") / sweep / name
    path.unlink()
    if content is not None:
        path.write_text(content, encoding="utf-8")
    return sweep


def _shortened_record() -> str:
    """Make a finished sweep, and take the last line of its record away: a test score."""
    sweep = _finished_sweep()
    path = Path("sweeps") / sweep / "record.journal"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    return sweep


def _damaged_record() -> str:
    sweep = _finished_sweep()
    path = Path("sweeps") / sweep / "record.journal"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    return sweep


def _folder_for_record() -> str:
    """Make a finished sweep with a folder where its record was."""
    sweep = _damaged("record.journal", None)
    (Path("sweeps") / sweep / "record.journal").mkdir()
    return sweep


def _altered_record(line: str) -> str:
    """Make a finished sweep whose record has another first line."""
    sweep = _finished_sweep()
    path = Path("sweeps") / sweep / "record.journal"
    path.write_bytes(line.encode() + path.read_bytes()[path.read_bytes().index(b"\n") :])
    return sweep


def _sweep_without_id() -> str:
    """Make a finished sweep as the first version of sweeper did."""
    sweep = _finished_sweep()
    path = Path("sweeps") / sweep / "sweep.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), "id": ""}), encoding="utf-8")
    return sweep


def _damaged_weights() -> str:
    sweep = _model()
    path = next((Path("sweeps") / sweep / "model").glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:100])
    return sweep


def _lost_table() -> str:
    """Make a finished sweep, and beside it a database of MLflow's that lost its runs."""
    sweep = _finished_sweep()
    with closing(sqlite3.connect(Path("sweeps") / "mlflow.db")) as database:
        for table in ("experiments", "experiment_tags", "latest_metrics", "metrics", "params", "tags"):
            database.execute(f"CREATE TABLE {table} (name TEXT)")
    return sweep


def _model_of_label_sets() -> str:
    """Make a sweep with a model of several labels for a text, whose thresholds lack a label."""
    sweep = _model()
    model = Path("sweeps") / sweep / "model"
    settings = json.loads((model / "prediction.json").read_text(encoding="utf-8"))
    (model / "prediction.json").write_text(json.dumps({**settings, "task": "multi_label"}), encoding="utf-8")
    (model / "thresholds.json").write_text('{"neutral": 0.5}', encoding="utf-8")
    return sweep


def _predicted_sweep(*, right: int, rows_differ: bool = False) -> str:
    """Make a finished sweep whose models are right about so many of the 100 texts of the test split.

    With `rows_differ`, each model has other texts.
    """
    from sweeper.storage.predictions import save_predictions

    sweep = _finished_sweep()
    for trial in range(9, 13):
        labels = np.roll(np.arange(100) % 2, trial if rows_differ else 0)
        probabilities = np.eye(2, dtype=np.float32)[np.where(np.arange(100) < right, labels, 1 - labels)]
        scored = ModelScores({"test": Predictions(labels, probabilities)})
        of_trial = Trial(trial, 0, {}, TrainConfig(encoder="gru"))
        save_predictions(Path("sweeps") / sweep, of_trial, LABELS, scored)
    return sweep


def _sweep_of_own_data(*, has_changed: bool) -> str:
    """Make a sweep of one's own data without a test split."""
    _write("reviews.csv", _rows("up", "down"))
    dataset = {"train": str(Path("reviews.csv").absolute())}
    folder = RecordedSweep(Path("sweeps"), dataset=dataset).search([Outcome.COMPLETED]).folder
    resolved = {**prepare_sweep(PlainOutput(progress=False), folder.read_spec(), None).resolved}
    if has_changed:
        resolved["rows"] = "0123456789abcdef"
    manifest = json.loads((folder.path / "sweep.json").read_text(encoding="utf-8"))
    (folder.path / "sweep.json").write_text(json.dumps({**manifest, "resolved": resolved}), encoding="utf-8")
    return folder.name


def _parcel(*, python: str = "", digest: str = "") -> None:
    """Write the list of a bundle that `sweeper submit` sent: from this Python, with space.yaml as it is."""
    here = versions()
    sent = {**here, "Python": python or here["Python"]}
    files = {"space.yaml": digest or file_digest(Path("space.yaml"))}
    _write("parcel.json", json.dumps({"versions": sent, "files": files}).encode())


GIVENS: dict[str, Callable[[], str | None]] = {
    **STORES,
    "latin-1": lambda: _write("latin.yaml", b"dataset: sst5\n# caf\xe9\n"),
    "a huge file": lambda: _write("huge.yaml", b"#" * 2_000_000),
    "a gzip file cut short": lambda: _write("reviews.csv.gz", gzip.compress(CSV.encode())[:-9]),
    "a gzip file without a format": lambda: _write("reviews.gz", gzip.compress(CSV.encode())),
    "a gzip file as text": lambda: _write("reviews.csv", gzip.compress(CSV.encode())),
    "a zip file as text": lambda: _zip("reviews.csv", "a.csv"),
    "a zip file of two files": lambda: _zip("reviews.zip", "a.csv", "b.csv"),
    "utf-16": lambda: _write("reviews.csv", CSV.encode("utf-16")),
    "a header in latin-1": lambda: _write("reviews.csv", "Gefühl,label\na,1\n".encode("latin-1")),
    "rows in latin-1": lambda: _write("reviews.csv", "text,label\nGefühl,1\n".encode("latin-1")),
    "bad rows": lambda: _write("reviews.csv", _rows("up", "down") + b"\nshort\n61,caf\xe9,up\n62,a,b,c\n"),
    "deep json": lambda: _write("reviews.json", b"[" * 100_000),
    "reviews": lambda: _write("reviews.csv", _rows("up", "down")),
    "no labels": lambda: _write("reviews.csv", _rows(*range(60), column="number")),
    "one label": lambda: _write("reviews.csv", _rows("up")),
    "measurements": lambda: _write("reviews.csv", _rows(*(f"{k}.5" for k in range(60)), column="score")),
    "the same splits": _same_splits,
    "repeated texts": _repeated_texts,
    "a running sweep": _running_sweep,
    "a finished sweep": _finished_sweep,
    "a sweep with conditions": _conditional_sweep,
    "a sweep that confirms": _confirming_sweep,
    "a sweep whose budget is used": _used_up_sweep,
    "another program's database": _other_database,
    "some rows in latin-1": lambda: _write("reviews.csv", _rows("up", "down") + b"\n61,caf\xe9,up\n"),
    "a broken spreadsheet": lambda: _write("reviews.xlsx", b"PK\3\4 and nothing else"),
    "a model": _model,
    "a model with damaged labels": partial(_damaged_model, labels="["),
    "a model without labels": partial(_damaged_model, labels=None),
    "a model with damaged settings": partial(_damaged_model, prediction="{"),
    "a model with a list of settings": partial(_damaged_model, prediction="[]"),
    "a model without a setting": partial(_damaged_model, prediction="{}"),
    "a model with damaged values": partial(_damaged_model, prediction=None, config="["),
    "an incomplete model": partial(_damaged_model, prediction=None, config=None),
    "a model outside its sweep": _moved_model,
    "a sweep with a damaged manifest": partial(_damaged, "sweep.json", "{"),
    "a sweep with damaged results": partial(_damaged, "results.json", "{"),
    "a sweep without its search space": partial(_damaged, "sweep.yaml", None),
    "a sweep with a damaged search space": partial(_damaged, "sweep.yaml", "a: [\n"),
    "a sweep with a damaged record": _damaged_record,
    "a sweep with a shortened record": _shortened_record,
    "a sweep with another record": partial(_damaged, "record.journal", "a journal\n"),
    "a sweep of an older version": partial(_altered_record, "sweeper record 1"),
    "a sweep with a folder for a record": _folder_for_record,
    "a sweep without an id": _sweep_without_id,
    "a model with damaged weights": _damaged_weights,
    "a database without a table": _lost_table,
    "a validation split of one label": _one_label_in_validation,
    "pairs": _pairs,
    "a spreadsheet": partial(_spreadsheet, "reviews.xlsx", ("text", "label"), ("a good film", "up")),
    "an empty spreadsheet": partial(_spreadsheet, "reviews.xlsx"),
    "a sweep without trials": _sweep_without_trials,
    "a model of pairs": _model_of_pairs,
    "two sweeps with other test sets": partial(_two_sweeps, splits={"test": {"texts": 70, "digest": "fedcba98"}}),
    "two sweeps with other classes": partial(_two_sweeps, labels=["bad", "fair"]),
    "a sweep without a macro-F1": partial(_scored_sweep, accuracy=0.5),
    "a sweep with an accuracy of 2": partial(_scored_sweep, accuracy=2.0, macro_f1=0.5),
    "a sweep with damaged predictions": partial(_damaged_predictions, "test.parquet", "PAR1"),
    "a sweep with other results": partial(_damaged, "results.json", '{"sweep": "sst5-1"}'),
    "bytes that are no text": _bytes,
    "a sweep with damaged class weights": partial(_damaged_predictions, "weights.json", "[[1, 2]]"),
    "a model that lacks a threshold": _model_of_label_sets,
    "a sweep whose predictions are better": partial(_predicted_sweep, right=90),
    "a sweep with predictions of other texts": partial(_predicted_sweep, right=50, rows_differ=True),
    "a sweep whose data have changed": partial(_sweep_of_own_data, has_changed=True),
    "a sweep without a test split": partial(_sweep_of_own_data, has_changed=False),
    "a submitted sweep": submitted_name,
    "a parcel": _parcel,
    "a parcel from another Python": partial(_parcel, python="2.7"),
    "a parcel whose file has changed": partial(_parcel, digest="0"),
    "an unreadable file": lambda: Path("reviews.csv").symlink_to("/proc/self/mem"),
    "deep yaml": lambda: _write("deep.yaml", b"[" * 100_000),
    "a sweep without a record": partial(_damaged, "record.journal", None),
}
