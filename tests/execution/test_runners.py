"""The contract of every runner: each trial sends its reports and its end, whatever happens on the way."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.inline_runner import InlineRunner
from sweeper.storage.checkpoint_storage import check_shared_storage, read_probe
from sweeper.training.config import TrainConfig
from sweeper.trials.interfaces import Runner, TrainingJob
from sweeper.trials.outcome import Outcome
from tests.support.fakes import ScriptedTrials, data, scripted_trainer


def config(accuracy: float = 0.5, course: float = 1, epochs: int = 3) -> TrainConfig:
    return TrainConfig(encoder="m", alpha=accuracy, tau=float(course), epochs=epochs)


def make_inline_runner() -> Any:
    return InlineRunner(2, 0)


def make_ray_runner() -> Any:
    from sweeper.execution.ray_runner import RayRunner

    return RayRunner()


RUNNERS = [
    pytest.param(make_inline_runner, id="inline"),
    pytest.param(make_ray_runner, id="ray", marks=pytest.mark.ray),
]


@pytest.fixture(scope="module", params=RUNNERS)
def runner(request: pytest.FixtureRequest) -> Iterator[Runner]:
    make: Callable[[], Any] = request.param
    with make() as started:
        yield started


def run(runner: Runner, trials: ScriptedTrials, folder: Path) -> ScriptedTrials:
    runner.run(trials, TrainingJob(scripted_trainer, {"m": data()}, folder), runner.allocate(1, 0))
    return trials


def test_trials_run_to_their_end(runner: Runner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config(), config(), config(epochs=1)]), tmp_path)
    assert done.reports == {1: [1, 2, 3], 2: [1, 2, 3], 3: [1]}
    assert set(done.outcomes.values()) == {Outcome.COMPLETED}
    assert done.is_exhausted()


def test_stopped_trial_sends_nothing_more(runner: Runner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config(), config()], stop_at=[(1, 2)]), tmp_path)
    assert done.reports == {1: [1, 2], 2: [1, 2, 3]}
    assert 1 not in done.outcomes


def test_exception_is_an_outcome_and_the_next_trial_runs(runner: Runner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config(course=2), config(course=3), config()]), tmp_path)
    assert done.outcomes == {1: Outcome.DIVERGED, 2: Outcome.FAILED, 3: Outcome.COMPLETED}
    assert done.reasons[2] == "ValueError: a broken trial"
    assert "a broken trial" in (tmp_path / "trials" / "2" / "error.txt").read_text()


def test_checkpoints_do_not_outlive_their_trials(runner: Runner, tmp_path: Path) -> None:
    run(runner, ScriptedTrials([config(), config()], stop_at=[(1, 1)]), tmp_path)
    assert not list(tmp_path.rglob("checkpoint-*"))


def test_shared_folder_is_found_on_every_machine(runner: Runner, tmp_path: Path) -> None:
    check_shared_storage(str(tmp_path / "shared"), runner.run_on_all_nodes)
    answers = runner.run_on_all_nodes(partial(read_probe, str(tmp_path / "shared"), "nobody wrote this"))
    assert len(answers) == 1
    assert all("FileNotFoundError" in answer for answer in answers.values())


def test_no_more_trials_run_at_once_than_there_are_slots(runner: Runner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config() for _ in range(6)]), tmp_path)
    assert done.most_at_once <= runner.allocate(1, 0).slots


@pytest.mark.parametrize("runner", RUNNERS[1:], indirect=True)
def test_lost_worker_is_reported_and_its_trial_continues_from_the_checkpoint(runner: Runner, tmp_path: Path) -> None:
    done = run(runner, ScriptedTrials([config(course=5)]), tmp_path)
    assert done.losses == [1]
    assert done.reports[1] == [1, 1, 2, 3]
    assert done.outcomes == {1: Outcome.COMPLETED}
