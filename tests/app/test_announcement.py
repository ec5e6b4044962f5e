"""The lines before a sweep starts count in the singular and in the plural."""

from pathlib import Path

import pytest

from sweeper.app.announcement import announce, announce_plan, announce_workers
from sweeper.app.prepare_data import PreparedSweep
from sweeper.data.dataset_description import DatasetDescription
from sweeper.data.preprocessing import PreparedDataset
from sweeper.execution.inline_runner import InlineRunner
from sweeper.terminal.output import PlainOutput
from sweeper.trials.outcome import Outcome
from sweeper.trials.resources import TrialResources
from tests.app.test_share_gpus import FakeRunner
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.search_spaces import small_spec


@pytest.mark.parametrize(
    ("trials", "seeds", "expected"),
    [
        (1, 1, "  1 trial, at most 1 epoch, 1 epoch of confirmation; 2 at a time; "),
        (6, 3, "  6 trials, at most 6 epochs, 3 epochs of confirmation; 2 at a time; "),
    ],
)
def test_a_plan_counts_trials_and_epochs(
    trials: int, seeds: int, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = small_spec(
        compare={"encoder": ["m"], "loss": ["ce"]}, search={"batch_size": [4, 8]}, training={"epochs": 1}, asha="off",
        budget={"trials": trials}, confirm={"seeds": seeds},
    )  # fmt: skip
    announce_plan(PlainOutput(progress=True), spec, [], 2, 10_000_000)
    assert capsys.readouterr().out.startswith(expected)


def test_the_start_of_workers_is_said_where_there_are_some(capsys: pytest.CaptureFixture[str]) -> None:
    output = PlainOutput(progress=True)
    announce_workers(output, FakeRunner(), 2)
    announce_workers(output, FakeRunner(), 0)  # a cluster whose nodes have not started yet
    announce_workers(output, InlineRunner(2, 0), 1)
    assert capsys.readouterr().out == "  starting 2 workers; the first trial begins once one has started\n"


@pytest.mark.parametrize(
    ("outcomes", "slots", "record", "cluster"),
    [
        ([Outcome.COMPLETED], 1, "1 trial is in the record", "the cluster has room for 1 trial at a time"),
        ([Outcome.COMPLETED] * 2, 2, "2 trials are in the record", "the cluster has room for 2 trials at a time"),
    ],
)
def test_known_trials_and_the_room_of_a_cluster_are_counted(
    outcomes: list[Outcome], slots: int, record: str, cluster: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = RecordedSweep(tmp_path, compare={"encoder": ["m"], "loss": ["ce"]}).search(outcomes)
    prepared = PreparedSweep(
        sweep.spec, sweep.folder, PreparedDataset({}, ()), DatasetDescription((), (), (), {}), {}, {}
    )
    with sweep.study() as study:
        announce(PlainOutput(), "name", prepared, study, TrialResources(1, 1, slots), {}, is_remote=True)
    assert capsys.readouterr().out.splitlines()[1:] == [f"  continues: {record}", f"  {cluster}"]
