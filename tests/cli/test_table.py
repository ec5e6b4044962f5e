"""`sweeper table` builds the table from records and, where asked for, from MLflow, or says why it cannot."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from sweeper.protocol.finished_sweep import FinishedSweep
from sweeper.reporting.table.formats import FORMATS, TableFormat
from sweeper.reporting.table.metrics import METRICS, TableMetric
from sweeper.reporting.table.render import render
from sweeper.reporting.table.results_table import build_table
from sweeper.trials.run_status import RunStatus
from tests.support.fake_mlflow_stores import FilledStore, create_empty_store
from tests.support.fake_results import sweep
from tests.support.run_here import run_here

ONE = sweep({"ce": [0.50, 0.51, 0.505], "lcl": [0.6, 0.61, 0.605]})
OTHER = sweep({"ce": [0.8, 0.81, 0.82]}, "sst2-0000000b", dataset="sst2")


@pytest.mark.parametrize(("option", "registry"), [("--metric", METRICS), ("--format", FORMATS)])
def test_the_choices_of_an_option_come_from_its_registry(
    option: str, registry: Mapping[str, TableMetric | TableFormat], tmp_path: Path
) -> None:
    help_text = unboxed(run_here(["table", "--help"], tmp_path).stdout)
    assert ", ".join(f"{name} ({entry.label})" for name, entry in registry.items()) in help_text
    rejected = run_here(["table", option, "typts"], tmp_path)
    assert rejected.returncode == 2
    assert f"typts is unknown; allowed: {', '.join(registry)}" in unboxed(rejected.stderr)


@pytest.mark.parametrize("format_name", ["md", "csv"])
def test_colours_of_a_format_without_any_are_refused(format_name: str, tmp_path: Path) -> None:
    (tmp_path / "sweeps").mkdir()
    done = run_here(["table", "--colour", "--format", format_name], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"--colour: the format {format_name} has no colours; use --format latex" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["table", "--out", "t.xlsx"], "--out t.xlsx: no format has the ending .xlsx, allowed: .md, .csv, .tex, "),
        (["schema", "--out", "s.yaml"], "--out s.yaml: no format has the ending .yaml, allowed: .json"),
        (["table", "--colour", "--out", "t.csv"], "--colour: the format csv has no colours; use --format latex"),
    ],
)
def test_a_file_that_no_format_is_for_is_not_written(arguments: list[str], message: str, tmp_path: Path) -> None:
    done = run_here(arguments, tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert message in done.stderr
    assert not list(tmp_path.iterdir())


def unboxed(text: str) -> str:
    """Return a text without the box that typer draws around it."""
    return re.sub(r"[│\s]+", " ", text)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with sweeps/mlflow.db, which has two finished sweeps and an unfinished one."""
    folder = tmp_path_factory.mktemp("there")
    shelf = FilledStore.copy_of(create_empty_store(tmp_path_factory.mktemp("empty")), folder / "sweeps")
    shelf.add_sweep(ONE)
    shelf.add_sweep(OTHER, id="two")
    shelf.add_sweep(sweep({"ce": [0.5, 0.5]}, "sst2-0000000c", dataset="sst2"), results=False, status=RunStatus.KILLED)
    return folder


LEFT = "Left out, because not finished or not completely in MLflow: sst2-0000000c (KILLED)."


def expected(*sweeps: FinishedSweep, **options: object) -> str:
    made = build_table(sweeps, elsewhere={"digest-of-sst2": 2}, remarks=[LEFT])
    return render(made, str(options.get("format", "md")))


STORE = ("--tracking-uri", "sqlite:///sweeps/mlflow.db")


@pytest.mark.mlflow
def test_only_the_table_of_the_store_is_printed(there: Path) -> None:
    done = run_here(["table", *STORE], there)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == expected(ONE, OTHER)


@pytest.mark.mlflow
def test_named_sweeps_in_a_format_to_a_file(there: Path) -> None:
    (there / "papers").mkdir()
    options = ("--metric", "macro_f1", "--published", "--detail", "--out", "papers/table.json")
    done = run_here(["table", "sst2-0000000b", "sst5-0000000a", *STORE, *options], there)
    assert (done.returncode, done.stdout, done.stderr) == (0, "written to papers/table.json\n", "")
    found = json.loads((there / "papers" / "table.json").read_text())
    assert (found["metric"], list(found["datasets"])) == ("macro_f1", ["sst5", "sst2"])
    assert any("The published scores are accuracies" in note["text"] for note in found["notes"])
    assert not any("Left out" in note["text"] for note in found["notes"])


@pytest.mark.mlflow
def test_an_unknown_experiment_and_an_unreachable_store_are_one_line_each(there: Path) -> None:
    done = run_here(["table", "--experiment", "sst9", "--experiment", "sst5"], there)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "has no such experiment, allowed: Default, sst2, sst5" in done.stderr
    away = {"MLFLOW_TRACKING_URI": "http://someone:secret@127.0.0.1:9"}
    done = run_here(["table"], there, variables=away)
    expected = "MLflow at http://127.0.0.1:9: Connection refused; nothing was read\n"
    assert (done.returncode, done.stdout, done.stderr) == (1, "", expected)


def test_nothing_is_created_if_there_are_no_sweeps(tmp_path: Path) -> None:
    done = run_here(["table", "--sweeps", "nowhere"], tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "nowhere: has no finished sweep for this table; --sweeps names another folder" in done.stderr
    done = run_here(["table", "--tracking-uri", "sqlite:///nowhere/mlflow.db"], tmp_path)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "nowhere/mlflow.db: there is no MLflow store" in done.stderr
    assert not list(tmp_path.iterdir())
