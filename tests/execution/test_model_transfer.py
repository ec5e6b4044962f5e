"""Models copied between a worker's disk and the driver's: two folders, and what can fail between them."""

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sweeper.execution.attempt import Event
from sweeper.execution.model_transfer import ModelExchange, with_model_transfer
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

END = TrialEnd(Outcome.COMPLETED)


class OtherDisk(ModelExchange):
    """A driver with a disk of its own: a path below `worker` is a path below `driver` there."""

    def __init__(self, worker: Path, driver: Path) -> None:
        self.worker, self.driver, self.calls = worker, driver, list[str]()

    def has_model(self, path: Path, size: int, modified_at: int) -> bool:
        self.calls.append("has_model")
        return super().has_model(self.on_driver(path), size, modified_at)

    def save_model(self, path: Path, content: "NDArray[np.uint8]") -> None:
        self.calls.append("save_model")
        super().save_model(self.on_driver(path), content)

    def load_models(self, folder: Path) -> "Mapping[Path, NDArray[np.uint8]]":
        self.calls.append("load_models")
        models = super().load_models(self.on_driver(folder))
        return {self.worker / path.relative_to(self.driver): content for path, content in models.items()}

    def on_driver(self, path: Path) -> Path:
        return self.driver / path.relative_to(self.worker)


@pytest.fixture
def exchange(tmp_path: Path) -> OtherDisk:
    return OtherDisk(tmp_path / "worker", tmp_path / "driver")


def training(folder: Path) -> Generator[Event, None, None]:
    yield ValidationReport(1, 1.0, {})
    folder.mkdir(parents=True)
    (folder / "model-1.pt").write_bytes(b"weights")
    yield END


def scoring(folder: Path, models: list[bytes]) -> Generator[Event, None, None]:
    models += [path.read_bytes() for path in folder.glob("model-*.pt")]
    yield ValidationReport(1, 1.0, {})
    yield END


def test_model_is_with_the_driver_before_the_attempt_ends_and_no_longer_on_the_worker(exchange: OtherDisk) -> None:
    folder = exchange.worker / "trials" / "7"
    for event in with_model_transfer(training(folder), folder, exchange):
        if event == END:
            break
    else:
        pytest.fail("the attempt has no end")
    assert (exchange.driver / "trials" / "7" / "model-1.pt").read_bytes() == b"weights"
    assert not list(folder.iterdir())


def test_model_is_fetched_to_where_it_is_scored_and_no_copy_stays(exchange: OtherDisk) -> None:
    driver_folder, models = exchange.driver / "trials" / "7", list[bytes]()
    driver_folder.mkdir(parents=True)
    (driver_folder / "model-2.pt").write_bytes(b"weights")
    folder = exchange.worker / "trials" / "7"
    events = with_model_transfer(scoring(folder, models), folder, exchange)
    assert next(event for event in events if isinstance(event, ValidationReport)).step == 1
    events.close()  # the score ends the attempt from outside
    assert models == [b"weights"]
    assert not list(folder.iterdir())
    assert (driver_folder / "model-2.pt").exists()


def test_folder_that_nodes_share_is_left_as_it_is(tmp_path: Path) -> None:
    shared, folder = OtherDisk(tmp_path, tmp_path), tmp_path / "trials" / "7"
    list(with_model_transfer(training(folder), folder, shared))
    models: list[bytes] = []
    list(with_model_transfer(scoring(folder, models), folder, shared))
    assert models == [b"weights"]
    assert (folder / "model-1.pt").exists()
    assert "save_model" not in shared.calls


def test_shared_folder_whose_file_times_differ_loses_nothing(tmp_path: Path) -> None:
    class SkewedDisk(OtherDisk):
        def has_model(self, path: Path, size: int, modified_at: int) -> bool:
            return False

    folder = tmp_path / "trials" / "7"
    list(with_model_transfer(training(folder), folder, SkewedDisk(tmp_path, tmp_path)))
    assert (folder / "model-1.pt").read_bytes() == b"weights"


def test_driver_that_does_not_answer_ends_no_trial(tmp_path: Path) -> None:
    class LostDriver(ModelExchange):
        def has_model(self, path: Path, size: int, modified_at: int) -> bool:
            raise OSError("ActorDiedError: the node has died")

        def load_models(self, folder: Path) -> "Mapping[Path, NDArray[np.uint8]]":
            raise OSError("ActorDiedError: the node has died")

    folder = tmp_path / "trials" / "7"
    events = list(with_model_transfer(training(folder), folder, LostDriver()))
    assert [event.note for event in events if isinstance(event, Heartbeat)] == [
        "its model cannot be fetched from the driver (ActorDiedError: the node has died)",
        "its model could not be sent to the driver (ActorDiedError: the node has died)",
    ]
    assert events[-1] == END
    assert [path.name for path in folder.iterdir()] == ["model-1.pt"]  # scored here, it need not be trained again
