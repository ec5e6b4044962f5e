"""Recorded curves: the search spaces of the recorder, and the rows that it writes from records."""

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from benchmarks.economy.__main__ import main
from benchmarks.economy.record import missing_settings, write_rest, write_space
from benchmarks.economy.rows import check_kept, read_origin, read_rows, recorded_sweeps, write_rows
from benchmarks.economy.surrogate import read_records
from benchmarks.sensitivity.trainings import split_by_loss
from sweeper.errors import UsageError
from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support.fakes import report


def recorded(spec: SweepSpec, sweeps: Path, trials: int, resolved: Mapping[str, str] | None = None) -> SweepFolder:
    """Return a sweep in which all systems have the same number of trials, and one more trial has not ended."""
    folder = create_sweep(sweeps, spec, resolved or {}, 1, ["a", "b"], {}, [])
    folder.write_spec(spec)
    with closing(OptunaStudy(spec, folder.journal, threads=1)) as study:
        for k in range(trials):
            trial = study.ask(k % len(spec.systems))
            for step in range(1, trial.config.num_validations + 1):
                study.report(trial, report(step, 0.1 * step))
            study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
        study.report(study.ask(0), report(1, 0.9))
    return folder


@pytest.mark.parametrize("dataset", ["feelings", "emoint"])
def test_the_second_seed_trains_the_settings_of_the_first(tmp_path: Path, dataset: str) -> None:
    first = write_space(dataset, tmp_path / "first.yaml", 0, [], ["budget.trials=6"])
    settings = []
    with closing(OptunaStudy(first, tmp_path / "first.journal", threads=1)) as study:
        settings = [dict(study.ask(k % 3).params) for k in range(6)]
    second = write_space(dataset, tmp_path / "second.yaml", 1, settings, ["budget.trials=6"])
    with closing(OptunaStudy(second, tmp_path / "second.journal", threads=1)) as study:
        trials = [study.ask(k % 3) for k in range(6)]
    assert [dict(trial.params) for trial in trials] == settings
    assert first.identity["dataset"] == dataset
    assert first.trial_budget(0) == 2
    assert first.rungs == ()
    assert (first.max_epochs, first.validations_per_epoch, first.confirm.seeds) == (3, 2, 0)


def test_rows_have_every_validation_of_the_trials_that_ended(tmp_path: Path) -> None:
    specs = [write_space("feelings", tmp_path / f"{seed}.yaml", seed, [], []) for seed in (0, 1)]
    write_rows([recorded(spec, tmp_path / "sweeps", 6) for spec in specs], tmp_path / "rows.parquet")
    rows = read_rows(tmp_path / "rows.parquet")
    assert rows.groupby(["sweep_seed", "trial"]).size().tolist() == [6] * 12
    assert set(rows["loss"]) == {"ce", "scl", "lcl"}
    assert rows[rows["loss"] == "ce"]["alpha"].isna().all()
    assert rows[rows["loss"] == "lcl"][["alpha", "tau", "normalize"]].notna().all().all()
    assert rows[rows["step"] == 2]["validation/accuracy"].unique().tolist() == [0.2]
    assert set(rows["outcome"]) == {"completed"}
    origin = read_origin(tmp_path / "rows.parquet")
    assert origin[0]["machine"]["processor"]
    assert [sweep["seed"] for sweep in origin] == [0, 1]


def test_rows_that_are_there_are_not_replaced_by_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = write_space("feelings", tmp_path / "0.yaml", 0, [], [])
    write_rows([recorded(spec, tmp_path / "sweeps", 3)], path := tmp_path / "feelings.parquet")
    written = path.read_bytes()
    with pytest.raises(UsageError, match="no trial has ended yet"):
        write_rows([recorded(spec, tmp_path / "others", 0)], path)
    for dataset in ("feelings", "nosuch"):
        assert main(["rows", dataset, "--out", str(tmp_path / "nowhere")]) == 2
        assert f"has no sweep of {dataset}" in capsys.readouterr().err
    assert path.read_bytes() == written
    assert not (tmp_path / "nowhere").exists()


def test_sweeps_of_other_texts_are_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = write_space("feelings", tmp_path / "0.yaml", 0, [], ["limit.train=300"])
    recorded(spec, tmp_path / "sweeps", 3)
    write_rows(recorded_sweeps("feelings", tmp_path / "sweeps"), kept := tmp_path / "kept.parquet")
    for options in ([], ["--kept", str(kept)]):
        assert main(["record", "feelings", "--out", str(tmp_path), "--inline", *options]) == 2
        assert "has limit" in (error := capsys.readouterr().err)
        assert "another --out" in error
    recorded(write_space("feelings", tmp_path / "1.yaml", 1, [], []), tmp_path / "sweeps", 3)
    assert main(["rows", "feelings", "--out", str(tmp_path)]) == 2
    assert "use the same --set" in capsys.readouterr().err


def test_a_setting_that_one_sweep_trained_twice_has_two_seeds(tmp_path: Path) -> None:
    spec = write_space("feelings", tmp_path / "0.yaml", 0, [], ["budget.trials=12"])
    write_rows([recorded(spec, tmp_path / "elsewhere", 7)], kept := tmp_path / "kept.parquet")
    rest = write_rest("feelings", tmp_path / "rest.yaml", 0, missing_settings(spec, kept, 0), [])
    write_rows([recorded(rest, tmp_path / "here", 6)], kept, kept)
    rows = read_rows(kept)
    assert [len(deviations) for deviations in read_records(rows).deviations].count(2) == 1
    assert [sorted(loss.seeds) for loss in split_by_loss("feelings", rows)] == [[1, 1, 1, 2], [1] * 4, [1] * 4]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["README.md"], "README.md: not a file of recorded rows"),
        (["nowhere.parquet"], "nowhere.parquet: no such file"),
        (["README.md", "--replays", "0"], "--replays 0: must be at least 1"),
        (["README.md", "--workers", "4", "0"], "--workers 0: must be at least 1"),
    ],
)
def test_a_wrong_argument_is_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(message)


def test_another_machine_trains_what_the_rows_lack(tmp_path: Path) -> None:
    """The second machine gets the rows of an interrupted recording, and its own rows are added to them."""
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    spec = write_space("feelings", tmp_path / "0.yaml", 0, [], ["budget.trials=12"])
    write_rows([recorded(spec, elsewhere, 7)], kept := elsewhere / "feelings.parquet")

    missing = missing_settings(spec, kept, 0)
    assert [setting["loss"] for setting in missing] == ["ce", "scl", "lcl"] * 2  # ce lacks one, and gets one again
    rest = write_rest("feelings", tmp_path / "rest.yaml", 0, missing, ["budget.trials=12"])
    assert rest.trial_budget(0) == 2
    write_rows([recorded(rest, here, 6)], here / "feelings.parquet", kept)

    rows = read_rows(here / "feelings.parquet")
    settings = rows[rows["step"] == 1].groupby("loss")["learning_rate"]
    assert settings.nunique().tolist() == [4, 4, 4]
    assert settings.size().tolist() == [5, 4, 4]
    assert missing_settings(spec, here / "feelings.parquet", 0) == []
    assert len(missing_settings(spec, here / "feelings.parquet", 1)) == 12
    assert len(read_origin(here / "feelings.parquet")) == 2


def test_rows_of_other_trainings_are_refused(tmp_path: Path) -> None:
    spec = write_space("feelings", tmp_path / "0.yaml", 0, [], ["budget.trials=12"])
    write_rows([recorded(spec, tmp_path, 3)], kept := tmp_path / "feelings.parquet")
    other = write_space("feelings", tmp_path / "1.yaml", 0, [], ["limit.train=300"])
    with pytest.raises(UsageError, match=r"has limit .*2000.*, not .*300.*; use the same --set"):
        missing_settings(other, kept, 0)


ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
REVISIONS = {"dataset": "shipped", "rows": "1", ENCODER: "sha256:1"}


@pytest.mark.parametrize(
    ("dataset", "overrides", "resolved", "message"),
    [
        ("sst5", [], REVISIONS, "has dataset sst5, not feelings"),
        ("feelings", ["compare.loss=[ce]"], REVISIONS, "has compare"),
        ("feelings", [f"compare.encoder=[{ENCODER}, other/model]"], REVISIONS, "has compare"),
        ("feelings", [], {**REVISIONS, ENCODER: "sha256:2"}, f"has revision of {ENCODER} sha256:2, not sha256:1"),
        ("feelings", [], {**REVISIONS, "rows": "2"}, "has revision of rows 2, not 1"),
    ],
)
def test_rows_of_other_data_or_encoders_are_not_mixed(
    tmp_path: Path, dataset: str, overrides: list[str], resolved: dict[str, str], message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    other = write_space(dataset, tmp_path / "other.yaml", 0, [], overrides)
    write_rows([recorded(other, tmp_path / "elsewhere", 2, resolved)], kept := tmp_path / "kept.parquet")
    recorded(write_space("feelings", tmp_path / "0.yaml", 0, [], []), tmp_path / "sweeps", 3, REVISIONS)
    for part in (["rows"], ["record", "--inline"]):
        assert main([*part, "feelings", "--out", str(tmp_path), "--kept", str(kept)]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert message in line
        assert line.endswith("or other rows with --kept")
    assert not (tmp_path / "feelings.parquet").exists()


def test_rows_without_data_set_and_systems_are_known_by_the_sweep_and_its_encoders(tmp_path: Path) -> None:
    """Files of before have neither."""
    spec = write_space("feelings", tmp_path / "0.yaml", 0, [], [])
    write_rows([recorded(spec, tmp_path / "elsewhere", 3, REVISIONS)], kept := tmp_path / "kept.parquet")
    (origin,) = read_origin(kept)
    del origin["dataset"], origin["compare"]
    table = pq.read_table(kept)
    pq.write_table(table.replace_schema_metadata({b"sweeper.economy": json.dumps([origin]).encode()}), kept)
    check_kept(kept, spec)
    with pytest.raises(UsageError, match="has dataset feelings, not sst5"):
        check_kept(kept, write_space("sst5", tmp_path / "1.yaml", 0, [], []))
    with pytest.raises(UsageError, match=r"has encoders .*MiniLM.*, not .*other/model"):
        check_kept(kept, write_space("feelings", tmp_path / "2.yaml", 0, [], ["compare.encoder=[other/model]"]))


def test_a_data_set_that_is_not_in_the_catalog_is_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["record", "nosuch", "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("nosuch: no such data set, allowed are")
    assert not (tmp_path / "out").exists()
