"""`sweeper predict` writes one row for each row that it reads, and nothing else to stdout."""

import csv
import io
import json
import subprocess
from pathlib import Path

import pytest

from sweeper.storage.sweep_folder import SweepFolder
from tests.support.cli_runner import SWEEPER, environment
from tests.support.kept_models import keep_random_model
from tests.support.run_here import run_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    return keep_random_model(tmp_path_factory.mktemp("predict") / "sweeps")


def test_lines_of_stdin_become_a_table(folder: SweepFolder) -> None:
    done = subprocess.run(
        [*SWEEPER, "predict", folder.name],
        cwd=folder.path.parents[1],
        env=environment({}),
        input='w1 w2\n"a, b"\n',
        capture_output=True,
        text=True,
        check=True,
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert done.stderr == ""
    assert [row["review"] for row in rows] == ["w1 w2", '"a, b"']
    for row in rows:
        probabilities = {name: float(row[f"probability/{name}"]) for name in ("very negative", "neutral", "positive")}
        assert row["label"] == max(probabilities, key=lambda name: probabilities[name])
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_a_file_becomes_json_lines_in_its_order(folder: SweepFolder, tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "w5"}\n{"text": "w1 w2 w3"}\n', encoding="utf-8")
    options = ("--text", "text", "--out", "found.jsonl")
    done = run_here(["predict", str(folder.path / "model"), "rows.jsonl", *options], tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "written to found.jsonl: 2 rows"
    found = [json.loads(line) for line in (tmp_path / "found.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in found] == ["w5", "w1 w2 w3"]
    assert found[0]["label"] in found[0]["probabilities"]


def test_the_file_that_is_read_is_not_overwritten(folder: SweepFolder, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("review,stars\nw5,2\n", encoding="utf-8")
    done = run_here(["predict", str(folder.path / "model"), "rows.csv", "--out", str(rows)], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(f"--out {rows}: is the file that is read; name another\n")
    assert rows.read_text(encoding="utf-8") == "review,stars\nw5,2\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: not a sweep"),
        (["{model}", "missing.csv"], "missing.csv: cannot be read"),
        (["{model}", "--format", "cvs"], "cvs is unknown; allowed: csv, jsonl; did you mean csv?"),
        (
            ["{model}", "--out", "p.xml"],
            "--out p.xml: no format has the ending .xml, allowed: .csv, .jsonl; or name the format with --format\n",
        ),
        (["{model}", "--text", "a", "--text", "b"], "--text: the model takes 1 text in a row, got 2 columns"),
    ],
)
def test_a_mistake_is_one_line(arguments: list[str], message: str, folder: SweepFolder, tmp_path: Path) -> None:
    words = [word.format(model=folder.path / "model") for word in arguments]
    done = run_here(["predict", *words], tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())
