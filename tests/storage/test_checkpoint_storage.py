"""Checkpoints in shared storage survive their node. Two folders stand for two machines."""

import errno
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from sweeper.errors import UsageError
from sweeper.execution.attempt import run_attempt
from sweeper.storage.checkpoint_storage import SharedStorage, check_shared_storage
from sweeper.storage.trial_files import delete_trial_files, trial_folder
from sweeper.training.config import TrainConfig
from sweeper.training.types import Heartbeat
from sweeper.trials.interfaces import TrainingJob
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import REPORT, data, text_trainer


def trial(attempt: int) -> Trial:
    return Trial(3, 0, {}, TrainConfig(encoder="m"), attempt)


class _Bucket(MemoryFileSystem):  # type: ignore[misc]  # fsspec is not typed
    """Copies files from and to paths only, as s3fs, gcsfs and adlfs do. Open files are refused with a TypeError."""

    protocol = "bucket"
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.removeprefix(f"{cls.protocol}://")))

    def get_file(self, rpath: str, lpath: str, **options: Any) -> None:
        super().get_file(rpath, os.fspath(lpath), **options)

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        super().put_file(os.fspath(lpath), rpath, **options)


class _FullBucket(_Bucket):
    """Takes half of each file, as a full disk does, or with `fails_to_move` all of it under its first name only."""

    protocol = "full"
    fails_to_move: ClassVar[bool] = False

    def put_file(self, lpath: str, rpath: str, **options: Any) -> None:
        super().put_file(lpath, rpath, **options)
        if not self.fails_to_move:
            self.pipe_file(rpath, self.cat_file(rpath)[::2])
            raise OSError(errno.ENOSPC, "No space left on device")

    def mv(self, *_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")


@pytest.fixture(params=["a folder", "memory", "a bucket"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    fsspec.register_implementation("bucket", _Bucket, clobber=True)
    urls = {"memory": f"memory://{tmp_path}/bucket", "a bucket": f"bucket://{tmp_path}/bucket"}
    return urls.get(request.param, str(tmp_path / "shared"))


def contents(url: str) -> dict[str, str]:
    """Return the content of all stored files, by path."""
    filesystem, root = fsspec.core.url_to_fs(url)
    paths = filesystem.find(root) if filesystem.exists(root) else []
    return {path.removeprefix(f"{root}/"): filesystem.cat_file(path).decode() for path in paths}


def test_a_trial_continues_on_another_machine_from_the_stored_checkpoint(url: str, tmp_path: Path) -> None:
    lost, other = tmp_path / "lost", tmp_path / "other"
    first = run_attempt(
        trial(1), TrainingJob(text_trainer("a", model=True), {}, lost, storage=SharedStorage(url)), data()
    )
    while next(first) != REPORT:
        pass
    assert contents(url) == {"3/checkpoint-1.pt": "a"}  # now the node is lost

    second = TrainingJob(text_trainer("b", model=True), {}, other, storage=SharedStorage(url))
    assert list(run_attempt(trial(2), second, data()))[-1] == TrialEnd(Outcome.COMPLETED)
    assert contents(url) == {"3/checkpoint-2.pt": "ab", "3/model-2.pt": "ab"}
    assert not (other / "trials").exists()  # no file stays on the machine

    first.close()  # the lost attempt wakes up; its successor's files stay
    assert contents(url) == {"3/checkpoint-2.pt": "ab", "3/model-2.pt": "ab"}


def test_the_driver_fetches_the_model_and_deletes_the_other_files(url: str, tmp_path: Path) -> None:
    storage, driver = SharedStorage(url), tmp_path / "driver"
    list(
        run_attempt(
            trial(1), TrainingJob(text_trainer("a", model=True), {}, tmp_path / "worker", storage=storage), data()
        )
    )
    delete_trial_files(driver, trial(1), storage=storage)
    assert contents(url) == {"3/model-1.pt": "a"}
    storage.fetch(trial_folder(driver, trial(1)))
    assert (driver / "trials" / "3" / "model-1.pt").read_text() == "a"
    delete_trial_files(driver, trial(1), model=True, storage=storage)
    assert contents(url) == {}
    assert not (driver / "trials").exists()


def test_a_fetched_file_is_not_stored_again(url: str, tmp_path: Path) -> None:
    list(
        run_attempt(
            trial(1),
            TrainingJob(text_trainer("a", model=True), {}, tmp_path / "worker", storage=SharedStorage(url)),
            data(),
        )
    )
    delete_trial_files(tmp_path, trial(1), storage=SharedStorage(url))
    storage, folder = SharedStorage(url), tmp_path / "scorer" / "3"
    storage.fetch(folder)
    filesystem, root = fsspec.core.url_to_fs(url)
    filesystem.pipe_file(f"{root}/3/model-1.pt", b"as it was")
    storage.save(folder, 1)
    assert contents(url) == {"3/model-1.pt": "as it was"}


def test_a_half_written_file_is_not_fetched_and_a_file_that_is_here_stays(url: str, tmp_path: Path) -> None:
    filesystem, root = fsspec.core.url_to_fs(url)
    filesystem.makedirs(f"{root}/3", exist_ok=True)
    for name in ("checkpoint-1.pt", "checkpoint-2.pt", ".checkpoint-2.pt-1a2b3c4d"):
        filesystem.pipe_file(f"{root}/3/{name}", b"stored")
    folder = trial_folder(tmp_path / "worker", trial(2))
    folder.mkdir(parents=True)
    (folder / "checkpoint-2.pt").write_text("here", encoding="utf-8")
    SharedStorage(url).fetch(folder)
    files = {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()}
    assert files == {"checkpoint-1.pt": "stored", "checkpoint-2.pt": "here"}


@pytest.mark.parametrize("fails_to_move", [False, True])
def test_a_file_that_cannot_be_stored_takes_no_space(
    fails_to_move: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsspec.register_implementation("full", _FullBucket, clobber=True)
    monkeypatch.setattr(_FullBucket, "fails_to_move", fails_to_move)
    url, path = f"full://{tmp_path}/bucket", tmp_path / "worker" / "3" / "checkpoint-1.pt"
    path.parent.mkdir(parents=True)
    path.write_text("state", encoding="utf-8")
    storage = SharedStorage(url)
    for _ in range(2):
        with pytest.raises(OSError, match="Input/output error" if fails_to_move else "No space left on device"):
            storage.save(path.parent, 1)
    assert contents(url) == {}


def test_unreachable_storage_is_reported_and_does_not_end_the_training(tmp_path: Path) -> None:
    unreachable = TrainingJob(
        text_trainer("a", model=True), {}, tmp_path / "worker", storage=SharedStorage("nothing://nowhere")
    )
    events = list(run_attempt(trial(1), unreachable, data()))
    assert [event for event in events if not isinstance(event, Heartbeat)] == [REPORT, TrialEnd(Outcome.COMPLETED)]
    notes = [event.note for event in events if isinstance(event, Heartbeat) and event.note]
    assert notes[0].startswith("storage: its checkpoint cannot be fetched; the training starts from what is here (")
    assert notes[1].startswith("storage: its checkpoint could not be saved (")
    delete_trial_files(tmp_path, trial(1), storage=unreachable.storage)


def test_storage_that_every_machine_can_read_is_left_unchanged(url: str) -> None:
    check_shared_storage(url, lambda check: {"one": check(), "two": check()})
    assert contents(url) == {}


def test_a_folder_that_a_machine_does_not_share_is_an_error_that_names_the_machine(tmp_path: Path) -> None:
    def run_on_all_nodes(check: Callable[[], str]) -> Mapping[str, str]:
        here = check()
        (tmp_path / "shared").rename(tmp_path / "elsewhere")  # as another machine sees it
        there = check()
        (tmp_path / "elsewhere").rename(tmp_path / "shared")
        return {"one": here, "two": there}

    with pytest.raises(UsageError) as caught:
        check_shared_storage(str(tmp_path / "shared"), run_on_all_nodes)
    message = str(caught.value)
    assert message.startswith(f"storage: {tmp_path / 'shared'}: not shared: two cannot read what was written there")
    assert len(message.splitlines()) == 1
    assert list((tmp_path / "shared").iterdir()) == []


@pytest.mark.parametrize("url", ["/proc/nothing/here", "nothing://nowhere"])
def test_storage_that_cannot_be_written_is_an_error_of_one_line(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_shared_storage(url, lambda check: {"one": check()})
    assert str(caught.value).startswith(f"storage: {url}: cannot be written from this machine (")
    assert len(str(caught.value).splitlines()) == 1
