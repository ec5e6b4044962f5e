"""Models on their way between a worker's disk and the driver's: two folders, and what may go wrong between them."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.attempt import Event
from sweeper.execution.model_transfer import ModelExchange, with_model_transfer
from sweeper.training.types import Heartbeat, ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd

END = TrialEnd(Outcome.COMPLETED)


class Elsewhere:
    """A driver whose disk is another one: a path there is another place."""

    def __init__(self, here: Path, there: Path) -> None:
        self.here, self.there, self.asked = here, there, list[str]()

    def __call__(self, method: str, path: Path, *rest: Any) -> Any:
        self.asked.append(method)
        answer = getattr(ModelExchange(), method)(self.there / path.relative_to(self.here), *rest)
        return {self.here / k.relative_to(self.there): v for k, v in answer.items()} if method == "give" else answer


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path / "worker", tmp_path / "driver")


def training(folder: Path) -> Generator[Event, None, None]:
    yield ValidationReport(1, 1.0, {})
    folder.mkdir(parents=True)
    (folder / "model-1.pt").write_bytes(b"weights")
    yield END


def scoring(folder: Path, seen: list[bytes]) -> Generator[Event, None, None]:
    seen += [path.read_bytes() for path in folder.glob("model-*.pt")]
    yield ValidationReport(1, 1.0, {})
    yield END


def test_a_model_is_with_the_driver_before_the_attempt_has_ended_and_not_here(elsewhere: Elsewhere) -> None:
    folder = elsewhere.here / "trials" / "7"
    for event in with_model_transfer(training(folder), folder, elsewhere):
        if event == END:
            assert (elsewhere.there / "trials" / "7" / "model-1.pt").read_bytes() == b"weights"
            assert not list(folder.iterdir())


def test_a_model_is_brought_to_where_it_is_scored_and_no_copy_stays(elsewhere: Elsewhere) -> None:
    place, seen = elsewhere.there / "trials" / "7", list[bytes]()
    place.mkdir(parents=True)
    (place / "model-2.pt").write_bytes(b"weights")
    folder = elsewhere.here / "trials" / "7"
    events = with_model_transfer(scoring(folder, seen), folder, elsewhere)
    assert next(event for event in events if isinstance(event, ValidationReport)).step == 1
    events.close()  # a score ends the attempt from outside
    assert seen == [b"weights"]
    assert not list(folder.iterdir())
    assert (place / "model-2.pt").exists()


def test_a_folder_that_nodes_share_is_left_as_it_is(tmp_path: Path) -> None:
    shared, folder = Elsewhere(tmp_path, tmp_path), tmp_path / "trials" / "7"
    list(with_model_transfer(training(folder), folder, shared))
    seen: list[bytes] = []
    list(with_model_transfer(scoring(folder, seen), folder, shared))
    assert seen == [b"weights"]
    assert (folder / "model-1.pt").exists()
    assert "take" not in shared.asked


def test_a_shared_folder_whose_times_differ_loses_nothing(tmp_path: Path) -> None:
    class Skewed(Elsewhere):
        def __call__(self, method: str, path: Path, *rest: Any) -> Any:
            return False if method == "has" else super().__call__(method, path, *rest)

    folder = tmp_path / "trials" / "7"
    list(with_model_transfer(training(folder), folder, Skewed(tmp_path, tmp_path)))
    assert (folder / "model-1.pt").read_bytes() == b"weights"


def test_a_driver_that_does_not_answer_ends_no_trial(tmp_path: Path) -> None:
    def gone(*_: object) -> Any:
        raise OSError("ActorDiedError: the node has died")

    folder = tmp_path / "trials" / "7"
    events = list(with_model_transfer(training(folder), folder, gone))
    assert [event.note for event in events if isinstance(event, Heartbeat)] == [
        "its model cannot be had from the driver (ActorDiedError: the node has died)",
        "its model could not be brought to the driver (ActorDiedError: the node has died)",
    ]
    assert events[-1] == END
    assert [path.name for path in folder.iterdir()] == ["model-1.pt"]  # scored here, it need not be trained again
