"""`learn_from`: a sweep starts from the trials of earlier sweeps, of which it keeps a copy."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import sweeper
from sweeper.app import bundle
from sweeper.app.learn_from import borrowing_lines, read_earlier_sweeps, suggest_learn_from
from sweeper.app.plan_sweep import plan
from sweeper.app.specs import load_spec
from sweeper.errors import UsageError
from sweeper.search_space.yaml_file import dump_yaml
from sweeper.trials.outcome import Outcome
from tests.support.recorded_sweeps import SPACE, RecordedSweep
from tests.support.run_here import run_here
from tests.support.search_spaces import small_spec


def write_space(folder: Path, earlier: Path, **changes: Any) -> Path:
    path = folder / "space.yaml"
    values = {"dataset": "sst5", **SPACE, "seed": 1, "learn_from": [str(earlier)], **changes}
    path.write_text(dump_yaml(values))
    return path


def no_sweep(folder: Path) -> Path:
    return folder / "nowhere"


def no_trial(folder: Path) -> Path:
    return RecordedSweep(folder).folder.path


def nothing_ended(folder: Path) -> Path:
    return RecordedSweep(folder).search([None]).folder.path


def other_metric(folder: Path) -> Path:
    objective = {"maximize": "validation/macro_f1"}
    return RecordedSweep(folder, objective=objective).search().folder.path


def nothing_inside(folder: Path) -> Path:
    search = {**SPACE["search"], "learning_rate": {"log": [2e-3, 1e-2]}}
    return RecordedSweep(folder, search=search).search().folder.path


def other_systems(folder: Path) -> Path:
    return RecordedSweep(folder, compare={"encoder": ["rnn"], "loss": ["ce", "scl"]}).search().folder.path


def damaged_record(folder: Path) -> Path:
    path = RecordedSweep(folder).search([Outcome.COMPLETED] * 2).folder.path
    lines = (path / "record.journal").read_bytes().splitlines(keepends=True)
    (path / "record.journal").write_bytes(b"".join([*lines[:3], b"garbage\n", *lines[4:]]))
    return path


MISTAKES = {
    no_sweep: "not the folder of a sweep; name one",
    no_trial: "has no ended trial yet; run it first, or leave it out",
    nothing_ended: "has no ended trial yet; run it first, or leave it out",
    other_metric: "has another objective, maximize: validation/macro_f1, and this space has maximize: validation/acc",
    nothing_inside: "has no trial that lies in this space, of 2 that ended; leave it out, or widen the ranges",
    other_systems: "has trials of other systems only; set tpe.siblings to learn from these",
    damaged_record: "record.journal:4: ",
}


@pytest.mark.parametrize("make", MISTAKES)
def test_a_sweep_that_cannot_be_learned_from_is_one_line(make: Any, tmp_path: Path) -> None:
    spec = load_spec(write_space(tmp_path, make(tmp_path / "sweeps")))
    with pytest.raises(UsageError) as caught:
        read_earlier_sweeps(spec)
    assert MISTAKES[make] in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path / 'space.yaml'}:")
    assert "learn_from[1]: " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learn_from": "sweeps/a"}, "learn_from: must be a list, got sweeps/a"),
        ({"learn_from": [3]}, "learn_from[1]: must be a word or a text in quotes, got 3"),
        ({"learn_from": [""]}, "learn_from[1]: is empty; name the folder of a sweep"),
        ({"learn_from": ["a/x", "b/x/"]}, "learn_from[2]: names x twice; name each sweep once"),
        ({"learn_from": ["a"], "sampler": "random"}, "learn_from: is only for sampler: tpe, got random"),
        ({"learn_form": ["a"]}, "learn_form: unknown key"),
    ],
)
def test_a_mistake_in_the_key_is_one_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        small_spec(**changes)
    assert message in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_check_says_what_would_be_borrowed_and_changes_nothing(tmp_path: Path) -> None:
    earlier = RecordedSweep(tmp_path / "sweeps").search([Outcome.COMPLETED, None]).folder
    before = {path: path.read_bytes() for path in earlier.path.iterdir() if path.is_file()}
    write_space(tmp_path, Path("sweeps") / earlier.name)
    done = run_here(["check", "space.yaml"], tmp_path)
    assert done.returncode == 0
    assert f"would learn from {earlier.name} (sst5), 2 of 2 ended trials;" in " ".join(done.stdout.split())
    assert {path: path.read_bytes() for path in earlier.path.iterdir() if path.is_file()} == before
    shutil.rmtree(earlier.path)
    done = run_here(["check", "space.yaml"], tmp_path)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) <= 2
    assert "learn_from[1]: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_gets_the_earlier_sweep_and_the_sweep_stays_the_same(tmp_path: Path) -> None:
    earlier = RecordedSweep(tmp_path / "sweeps").search().folder
    (earlier.path / "predictions").mkdir()
    spec = load_spec(write_space(tmp_path, earlier.path))
    (tmp_path / "sent").mkdir()
    _, files = bundle.pack([spec], tmp_path / "sent")
    there = load_spec(tmp_path / "sent" / files[0])
    assert there.identity == spec.identity
    assert there.learn_from[0].startswith(str(tmp_path / "sent" / "files"))
    assert read_earlier_sweeps(there) == read_earlier_sweeps(spec)


def test_the_newest_finished_sweep_of_each_other_data_set_is_suggested(tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    spec = small_spec(**SPACE, dataset="sst2")
    assert suggest_learn_from(spec, sweeps) is None
    older, old, new = (
        RecordedSweep(sweeps, seed=seed, dataset=dataset).search().finish().folder.path
        for seed, dataset in enumerate(("emoint", "sst5", "emoint"))
    )
    for path, seconds in ((older, 1_000), (old, 2_000), (new, 3_000)):
        manifest = json.loads((path / "sweep.json").read_text())
        (path / "sweep.json").write_text(json.dumps({**manifest, "began_at": seconds}))
    suggested = f"learn_from: [{new}, {old}] would begin with the settings that were best there"
    assert suggest_learn_from(spec, sweeps) == suggested
    assert suggested in plan(spec, sweeps=sweeps, calibrate=False).notes
    assert suggest_learn_from(small_spec(**SPACE, dataset="sst2", learn_from=[str(old)]), sweeps) is None
    assert suggest_learn_from(small_spec(**{**SPACE, "asha": "off"}, dataset="sst2", sampler="random"), sweeps) is None
    RecordedSweep(sweeps, dataset="sst2").search()
    assert suggest_learn_from(spec, sweeps) is None  # its own sweep has begun


@pytest.mark.parametrize(
    "changes",
    [
        {"dataset": "sst2"},
        {"compare": {"encoder": ["rnn"], "loss": ["ce", "scl"]}},
        {"objective": {"maximize": "validation/macro_f1"}},
        {"search": {**SPACE["search"], "learning_rate": {"log": [2e-3, 1e-2]}}},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_sweep_that_is_of_no_use_is_not_suggested(changes: dict[str, Any], tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    RecordedSweep(sweeps, **{"seed": 1, **changes}).search().finish()
    RecordedSweep(sweeps, seed=2).search()  # has not finished
    assert suggest_learn_from(small_spec(**SPACE, dataset="sst2"), sweeps) is None


def test_a_sweep_in_which_nothing_completed_is_not_suggested(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps", seed=1).search([Outcome.COLLAPSED]).finish()
    spec = small_spec(**SPACE, dataset="sst2", learn_from=[str(sweep.folder.path)])
    assert [len(source.trials) for source in read_earlier_sweeps(spec)] == [2]  # of use to TPE, but no setting
    assert suggest_learn_from(small_spec(**SPACE, dataset="sst2"), tmp_path / "sweeps") is None


def test_a_damaged_sweep_is_not_suggested(tmp_path: Path) -> None:
    earlier = RecordedSweep(tmp_path / "sweeps").search().finish().folder
    (earlier.path / "sweep.yaml").write_text("dataset: [")
    assert suggest_learn_from(small_spec(**SPACE, dataset="sst2"), tmp_path / "sweeps") is None


RUN = """
dataset: feelings
compare: {encoder: [rnn], loss: [ce]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 1, max_length: 16}
limit: {train: 60, validation: 24}
budget: {trials: 2}
confirm: {seeds: 1}
"""


@pytest.mark.mlflow
def test_a_sweep_goes_on_when_what_it_learned_from_is_gone(tmp_path: Path) -> None:
    sweeps = tmp_path / "sweeps"
    options: Any = {"sweeps": sweeps, "inline": True, "progress": False}
    (tmp_path / "first.yaml").write_text(RUN)
    first = sweeper.run(sweeper.load(tmp_path / "first.yaml"), **options)
    (tmp_path / "second.yaml").write_text(f"{RUN}learn_from: [{first.path}]\ntpe: {{start_trials: 2}}\n")
    second = sweeper.run(sweeper.load(tmp_path / "second.yaml"), **options)
    (source,) = second.learned_from
    assert (source.sweep, source.trials, source.same_validation) == (first.path.name, 2, True)
    assert "further tuning on it" in (second.path / "table.md").read_text()
    assert "further tuning on it" in (second.path / "report.html").read_text()
    shutil.rmtree(first.path)
    spec = sweeper.load(tmp_path / "second.yaml", ["budget.trials=3"])
    (line,) = borrowing_lines(spec, sweeps)
    assert line.startswith(f"{second.path.name} learns from {first.path.name}")
    third = sweeper.run(spec, **options)
    assert third.path == second.path
    assert third.num_trials == 3
    assert third.learned_from == second.learned_from
    with pytest.raises(UsageError, match=r"learn_from\[1\]: .*not the folder of a sweep"):
        sweeper.run(spec, fresh=True, **options)
