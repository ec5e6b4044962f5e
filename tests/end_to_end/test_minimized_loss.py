"""A real sweep that minimizes the loss: whatever shows a best or a winner names the lowest, computed here again."""

import json
import re
import statistics
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

import sweeper
from sweeper.app.open_study import read_study
from sweeper.app.train_model import find_trial, train_model
from sweeper.app.ui_links import find_links
from sweeper.protocol.sweep_results import SweepResults
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.terminal.output import PlainOutput
from sweeper.tracking.saved_view import VIEW_TAG
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialRecord
from tests.support.cli_runner import runs_of
from tests.support.run_here import run_here

pytestmark = [pytest.mark.mlflow]
LOSS = "validation/loss"
SPACE = """\
dataset: feelings
compare: {encoder: [rnn], loss: [ce, scl]}
search: {learning_rate: {log: [1e-3, 1e-1]}}
training: {epochs: 6, batch_size: 16, max_length: 16, embedding_size: 32, hidden_size: 32}
objective: {minimize: validation/loss}
asha: {grace_epochs: 1, reduction_factor: 2}
limit: {train: 240, validation: 96}
budget: {trials: 12}
confirm: {seeds: 3}
"""


class Sweep:
    """A finished sweep with its record, and the lowest losses as they follow from the record alone."""

    def __init__(self, place: Path, folder: SweepFolder, results: SweepResults) -> None:
        self.place, self.folder, self.results = place, folder, results
        self.records: dict[int, TrialRecord] = {
            record.trial.number: record for record in read_study(folder, folder.read_spec()).all_trials()
        }
        self.lowest = {number: min(_losses(record)) for number, record in self.records.items()}
        completed = [
            number
            for number, record in self.records.items()
            if record.trial.is_of_search and record.outcome == Outcome.COMPLETED
        ]
        self.chosen = {
            system: min((k for k in completed if self.records[k].trial.system == system), key=self.lowest.__getitem__)
            for system in (0, 1)
        }
        seeds: dict[int, list[int]] = defaultdict(list)
        for number, record in self.records.items():
            if record.trial.source_trial:
                seeds[record.trial.system].append(number)
        self.means = {k: statistics.fmean(self.lowest[number] for number in own) for k, own in seeds.items()}
        self.winner = min(self.means, key=self.means.__getitem__)
        self.model = min(seeds[self.winner], key=self.lowest.__getitem__)

    def show(self, *arguments: str) -> str:
        done = run_here(arguments, self.place)
        assert done.returncode == 0, done.stderr
        return done.stdout


def _losses(record: TrialRecord) -> list[float]:
    return [report.metrics[LOSS] for report in record.reports]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    place = tmp_path_factory.mktemp("minimized")
    (place / "space.yaml").write_text(SPACE)
    results = sweeper.run(sweeper.load(place / "space.yaml"), sweeps=place / "sweeps", inline=True, progress=False)
    return Sweep(place, sweeper.open(place / "sweeps" / results.sweep).folder, results)


def test_the_results_have_the_lowest_losses(sweep: Sweep) -> None:
    results = sweep.results
    assert {trial.number: trial.score for trial in results.trial_results} == sweep.lowest
    for number, system in enumerate(results.systems):
        assert system.best is not None
        assert system.confirmation is not None
        assert system.best.trial == system.confirmation.source_trial == sweep.chosen[number]
        assert system.confirmation.mean == pytest.approx(sweep.means[number])
        assert system.confirmation.optimism == pytest.approx(sweep.means[number] - sweep.lowest[sweep.chosen[number]])
    assert next(iter(results.ranked_confirmations)) == sweep.winner
    assert results.best_trial == sweep.chosen[sweep.winner]
    model = json.loads((sweep.folder.path / "model" / "config.json").read_text())
    assert model["trial"] == sweep.model
    stopped = [it for it in sweep.records.values() if it.outcome == Outcome.STOPPED_EARLY]
    assert stopped
    for record in stopped:
        assert record.end is not None
        found = re.fullmatch(r"stopped after epoch \d+: (\d+\.\d+), needed (\d+\.\d+) or less", record.end.reason)
        assert found is not None
        assert float(found[1]) > float(found[2])


def test_the_terminal_shows_the_lowest(sweep: Sweep) -> None:
    best = sweep.chosen[sweep.winner]
    listed = next(line for line in sweep.show("ls").splitlines() if line.startswith(sweep.folder.name))
    assert f" {sweep.means[sweep.winner]:.4f} " in listed
    assert " loss, 3 " in listed
    shown = sweep.show("show", sweep.folder.name).splitlines()
    assert shown[-1].endswith(f"sweeper train sweeps/{sweep.folder.name} {best}")
    rows = {int(line.split()[0]): line.split() for line in shown if re.match(r" *\d+  ", line)}
    assert {k: f"{loss:.4f}" for k, loss in sweep.lowest.items()} == {k: _first_score(row) for k, row in rows.items()}


def _first_score(cells: list[str]) -> str:
    return next(cell for cell in cells if re.fullmatch(r"\d+\.\d{4}", cell))


def test_the_table_and_the_report_name_the_lowest_as_the_winner(sweep: Sweep) -> None:
    table = sweep.show("table", "--metric", "loss")
    assert "Lower is better." in table
    report = (sweep.folder.path / "report.html").read_text(encoding="utf-8")
    assert "Lower is better." in report
    name = str(sweep.results.systems[sweep.winner].system["loss"])
    assert re.search(rf"<dt>winner</dt><dd>(<bdi>)?{re.escape(name)}<", report)
    assert f"(trial {sweep.chosen[sweep.winner]})" in report
    assert f"loss {sweep.means[sweep.winner]:.4f} ± " in report


def test_mlflow_shows_the_lowest(sweep: Sweep) -> None:
    from mlflow import MlflowClient

    uri = f"sqlite:///{sweep.place / 'sweeps' / 'mlflow.db'}"
    client, runs = MlflowClient(tracking_uri=uri), runs_of(sweep.place / "sweeps", "feelings")
    for number, record in sweep.records.items():
        rows = client.get_metric_history(runs[number].info.run_id, f"best/{LOSS}")
        losses = _losses(record)
        assert [row.value for row in rows] == [v for k, v in enumerate(losses) if v < min(losses[:k], default=9e9)]
        assert runs[number].data.tags["sweeper.best_step"] == str(1 + losses.index(min(losses)))
    starred = [number for number, run in runs.items() if "sweeper.winner" in run.data.tags]
    assert starred == [sweep.chosen[sweep.winner]]
    assert runs[starred[0]].data.tags["mlflow.runName"].startswith("★ ")
    experiment = client.get_experiment_by_name("feelings")
    (view,) = (json.loads(tag) for name, tag in experiment.tags.items() if name.startswith(VIEW_TAG))
    assert json.loads(view["state"])["orderByAsc"] is True
    for name in [name for name in experiment.tags if name.startswith(VIEW_TAG)]:
        client.delete_experiment_tag(experiment.experiment_id, name)
    assert "orderByAsc=true" in find_links("http://127.0.0.1:5000", uri, sweep.folder).lines[0]


def test_a_trial_that_is_trained_again_keeps_the_epoch_with_the_lowest_loss(sweep: Sweep, tmp_path: Path) -> None:
    class Listing(PlainOutput):
        def line(self, text: str = "", style: Any = None, *, tail: str = "") -> None:
            lines.append(text)

    lines: list[str] = []
    best = sweep.chosen[sweep.winner]
    found = find_trial(sweep.folder, best, None)
    model = train_model(Listing(progress=False), sweep.folder, found, tmp_path / "out", test=False)
    assert model.metrics[LOSS] == sweep.lowest[best]
    losses = [float(line.split(f"{LOSS} ")[1].split()[0]) for line in lines if LOSS in line and line.startswith("  ep")]
    marked = ["best so far" in line for line in lines if LOSS in line and line.startswith("  ep")]
    assert marked == [loss < min(losses[:k], default=9e9) for k, loss in enumerate(losses)]
    assert sum(marked) > 1
