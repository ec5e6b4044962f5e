"""A database that was moved with its files finds them again; experiments of others stay where they are."""

import shutil
from pathlib import Path

import pytest

from tests.support.fake_mlflow_stores import PARENT, FilledStore, create_empty_store
from tests.support.fake_results import sweep

pytestmark = pytest.mark.mlflow


@pytest.mark.parametrize("keep", [False, True])
def test_the_files_of_a_moved_or_copied_store_are_found(tmp_path: Path, keep: bool) -> None:
    from sweeper.tracking.moved_store import mend_addresses

    old, new = tmp_path / "old place", tmp_path / "deep" / "new_place%"
    store = FilledStore.copy_of(create_empty_store(tmp_path), old)
    runs = store.add_sweep(sweep({"ce": [0.5]}))
    theirs = store.client.create_experiment("theirs", artifact_location=(tmp_path / "theirs" / "artifacts").as_uri())
    (shutil.copytree if keep else shutil.move)(old, new)
    database = new / "mlflow.db"
    assert mend_addresses(database, new / "artifacts")
    assert not mend_addresses(database, new / "artifacts")
    moved = FilledStore(f"sqlite:///{database}", new, new / "artifacts")
    path = moved.client.download_artifacts(runs[PARENT], "results.json", str(tmp_path))
    assert Path(path).read_text() == sweep({"ce": [0.5]}).results.to_json()
    experiment = moved.client.get_experiment_by_name("sst5")
    assert experiment.artifact_location == (new / "artifacts").as_uri()
    created = moved.client.create_run(experiment.experiment_id)
    assert created.info.artifact_uri.startswith((new / "artifacts").as_uri())
    assert moved.client.get_experiment(theirs).artifact_location == (tmp_path / "theirs" / "artifacts").as_uri()


def test_data_sets_of_one_name_have_experiments_of_their_own(tmp_path: Path) -> None:
    from sweeper.tracking.client import find_trial_runs, identity_tags
    from sweeper.tracking.data_identity import DataIdentity
    from sweeper.tracking.run_registry import RunRegistry
    from sweeper.tracking.tracked_sweep import TrackedSweep

    uri = f"sqlite:///{create_empty_store(tmp_path)}"
    wanted = [
        (DataIdentity("data", "aaaaaaaa1"), "data"),
        (DataIdentity("data", "bbbbbbbb2"), "data (bbbbbbbb)"),
        (DataIdentity("data", "aaaaaaaa1"), "data"),
        (DataIdentity("sst5", "cccccccc3", is_renamed=True), "sst5 (cccccccc)"),
        (DataIdentity("sst5", "dddddddd4"), "sst5"),
    ]
    for k, (data, name) in enumerate(wanted):
        tracked_sweep = TrackedSweep(f"x-{k}", fingerprint=str(k), id=str(k), dataset=data)
        runs = RunRegistry(uri, tracked_sweep, artifacts=None, on_answer=lambda: None)
        runs.refresh()
        assert runs.client.get_experiment(runs.experiment).name == name
        runs.create(1, runs.stage_tags("search") | {"sweeper.trial": "1"}, "trial")
        _, found = find_trial_runs(uri, data.name, identity_tags(str(k), str(k)))
        assert [run.data.tags["sweeper.rows"] for run in found] == [data.rows]
