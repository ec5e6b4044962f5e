"""Checkpoints that outlive their node: two machines as two folders, and between them a storage."""

from collections.abc import Callable, Mapping
from pathlib import Path

import fsspec
import pytest

from sweeper.errors import UsageError
from sweeper.execution.attempt import run_attempt
from sweeper.storage.checkpoint_storage import SharedStorage, check_shared_storage
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import REPORT, data, writing


def trial(tries: int) -> Trial:
    return Trial(3, 0, {}, TrainConfig(encoder="m"), tries)


@pytest.fixture(params=["a folder", "a bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "shared") if request.param == "a folder" else f"memory://{tmp_path}/bucket"


def contents(url: str) -> dict[str, str]:
    """What is kept, by place."""
    files, root = fsspec.core.url_to_fs(url)
    found = files.find(root) if files.exists(root) else []
    return {path.removeprefix(f"{root}/"): files.cat_file(path).decode() for path in found}


def test_a_trial_goes_on_on_another_machine_from_what_the_lost_one_kept(url: str, tmp_path: Path) -> None:
    lost, other = tmp_path / "lost", tmp_path / "other"
    first = run_attempt(trial(1), TrainingJob(writing("a", model=True), {}, lost, storage=SharedStorage(url)), data())
    while next(first) != REPORT:
        pass
    assert contents(url) == {"3/checkpoint-1.pt": "a"}  # and now its node is gone

    second = TrainingJob(writing("b", model=True), {}, other, storage=SharedStorage(url))
    assert list(run_attempt(trial(2), second, data()))[-1] == TrialEnd(Outcome.COMPLETED)
    assert contents(url) == {"3/checkpoint-2.pt": "ab", "3/model-2.pt": "ab"}
    assert not (other / "trials").exists()  # the machine keeps nothing

    first.close()  # the lost one wakes up: its successor's files stay
    assert contents(url) == {"3/checkpoint-2.pt": "ab", "3/model-2.pt": "ab"}


def test_the_driver_gets_the_model_and_lets_go_of_the_rest(url: str, tmp_path: Path) -> None:
    storage, here = SharedStorage(url), tmp_path / "driver"
    list(run_attempt(trial(1), TrainingJob(writing("a", model=True), {}, tmp_path / "worker", storage=storage), data()))
    delete_trial_files(here, trial(1), storage=storage)
    assert contents(url) == {"3/model-1.pt": "a"}
    storage.fetch(trial_folder(here, trial(1)))
    assert (here / "trials" / "3" / "model-1.pt").read_text() == "a"
    delete_trial_files(here, trial(1), model=True, storage=storage)
    assert contents(url) == {}
    assert not (here / "trials").exists()


def test_what_was_fetched_is_not_sent_again(url: str, tmp_path: Path) -> None:
    list(
        run_attempt(
            trial(1), TrainingJob(writing("a", model=True), {}, tmp_path / "worker", storage=SharedStorage(url)), data()
        )
    )
    delete_trial_files(tmp_path, trial(1), storage=SharedStorage(url))
    storage, folder = SharedStorage(url), tmp_path / "scorer" / "3"
    storage.fetch(folder)
    files, root = fsspec.core.url_to_fs(url)
    files.pipe_file(f"{root}/3/model-1.pt", b"as it was")
    storage.save(folder, 1)
    assert contents(url) == {"3/model-1.pt": "as it was"}


def test_a_storage_that_is_away_ends_no_training_and_is_said(tmp_path: Path) -> None:
    away = TrainingJob(writing("a", model=True), {}, tmp_path / "worker", storage=SharedStorage("nothing://nowhere"))
    told = list(run_attempt(trial(1), away, data()))
    assert [event for event in told if not isinstance(event, Heartbeat)] == [REPORT, TrialEnd(Outcome.COMPLETED)]
    notes = [event.note for event in told if isinstance(event, Heartbeat) and event.note]
    assert notes[0].startswith("storage: its checkpoint cannot be had, so it begins with what is here (")
    assert notes[1].startswith("storage: its checkpoint could not be kept (")
    delete_trial_files(tmp_path, trial(1), storage=away.storage)


def test_a_storage_that_every_machine_reads_is_left_as_it_was(url: str) -> None:
    check_shared_storage(url, lambda check: {"one": check(), "two": check()})
    assert contents(url) == {}


def test_a_folder_that_a_machine_does_not_share_is_one_line_that_names_it(tmp_path: Path) -> None:
    def everywhere(check: Callable[[], str]) -> Mapping[str, str]:
        here = check()
        (tmp_path / "shared").rename(tmp_path / "elsewhere")  # as another machine sees it
        there = check()
        (tmp_path / "elsewhere").rename(tmp_path / "shared")
        return {"one": here, "two": there}

    with pytest.raises(UsageError) as caught:
        check_shared_storage(str(tmp_path / "shared"), everywhere)
    said = str(caught.value)
    assert said.startswith(
        f"storage: {tmp_path / 'shared'}: is not shared: two does not find there what was written here"
    )
    assert len(said.splitlines()) == 1
    assert list((tmp_path / "shared").iterdir()) == []


@pytest.mark.parametrize("url", ["/proc/nothing/here", "nothing://nowhere"])
def test_a_storage_that_cannot_be_written_is_one_line(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_shared_storage(url, lambda check: {"one": check()})
    assert str(caught.value).startswith(f"storage: {url}: cannot be written from here (")
    assert len(str(caught.value).splitlines()) == 1
