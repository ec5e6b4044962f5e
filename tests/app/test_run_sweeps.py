"""Sweeps run if they are not finished, and if no other command has begun them meanwhile."""

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sweeper.app.remove_sweeps import remove_sweep
from sweeper.app.run_sweeps import is_confirmed, run_sweeps
from sweeper.errors import SweepInterrupted, SweepLockedError, UsageError
from sweeper.protocol.system_results import ConfirmationResult, SearchBest, SystemResult
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.storage.new_sweep import create_sweep
from sweeper.terminal.output import PlainOutput
from tests.support.recorded_sweeps import RecordedSweep
from tests.support.search_spaces import small_spec

CONFIRMED = ConfirmationResult(
    source_trial=1, params={}, planned_seeds=3, top=1, epochs=1.0, hours=1.0, search_mean=0.5, mean=0.5, sd=0.1,
    optimism=0.0, tested_settings=1, seeds=[],
)  # fmt: skip


def search_best(*, completed: bool) -> SearchBest:
    return SearchBest(trial=1, completed=completed, params={}, mean=0.5)


@pytest.mark.parametrize(
    ("confirm", "best", "confirmation", "expected"),
    [
        ({"seeds": 0}, search_best(completed=True), None, True),
        ({"seeds": 3}, search_best(completed=True), None, False),  # it ran without confirmation, and now asks for one
        ({"seeds": 3}, search_best(completed=True), CONFIRMED, True),
        ({"seeds": 5}, search_best(completed=True), CONFIRMED, False),
        ({"seeds": 2}, search_best(completed=True), CONFIRMED, True),
        ({"seeds": 3, "top": 2}, search_best(completed=True), CONFIRMED, False),
        ({"seeds": 3}, search_best(completed=False), None, True),  # nothing completed: there is nothing to confirm
        ({"seeds": 3}, None, None, True),
    ],
)
def test_more_seeds_or_settings_to_confirm_continue_a_finished_search(
    confirm: dict[str, int], best: SearchBest | None, confirmation: ConfirmationResult | None, expected: bool
) -> None:
    system = SystemResult(
        system={}, num_trials=1, outcomes={}, epochs=1.0, hours=1.0, best=best, confirmation=confirmation
    )
    assert is_confirmed(small_spec(confirm=confirm), system) == expected


class Overtaken(PlainOutput):
    """An output of a command that another one overtakes, and begins the sweep, before trials start."""

    def __init__(self, spec: SweepSpec, sweeps: Path) -> None:
        super().__init__(progress=False)
        self.spec, self.sweeps = spec, sweeps

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        if text == "starting":
            create_sweep(self.sweeps, self.spec, {"dataset": "d"}, 1)
        yield lambda _: None


@pytest.mark.mlflow
def test_a_sweep_that_another_command_begins_meanwhile_does_not_begin_twice(tmp_path: Path) -> None:
    keys = {"dataset": "feelings", "compare": {"encoder": ["rnn"], "loss": ["ce"]}, "search": {}, "asha": "off"}
    spec, sweeps = small_spec(**keys, training={"epochs": 1}, budget={"trials": 1}), tmp_path / "sweeps"
    output = Overtaken(spec, sweeps)
    with pytest.raises(UsageError, match="another command has begun this sweep meanwhile; run this one again"):
        run_sweeps(output, [spec], sweeps, inline=True)
    assert len(list(sweeps.glob("*/sweep.json"))) == 1


class Interrupting(PlainOutput):
    """An output at which a user presses Ctrl-C as soon as a trial has ended."""

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        if "trials done" in text:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[SweepSpec, Path, SweepInterrupted]:
    """Stop a sweep after its first trial. Return its spec, its folder and the error."""
    keys = {"dataset": "feelings", "compare": {"encoder": ["rnn"], "loss": ["ce"]}, "search": {}, "asha": "off"}
    limit, sweeps = {"train": 60, "validation": 30}, tmp_path_factory.mktemp("stopped")
    spec = small_spec(**keys, training={"epochs": 1}, budget={"trials": 2}, limit=limit)
    with pytest.raises(SweepInterrupted) as interruption:
        run_sweeps(Interrupting(progress=False), [spec], sweeps, inline=True)
    (folder,) = sweeps.glob("feelings-*")
    return spec, folder, interruption.value


@pytest.mark.mlflow
def test_a_stopped_sweep_is_named_with_what_continues_it(stopped: tuple[SweepSpec, Path, SweepInterrupted]) -> None:
    _, folder, interruption = stopped
    assert str(interruption) == f"{folder.name} was stopped; calling sweeper.run again continues it"
    assert (interruption.exit_code, isinstance(interruption, KeyboardInterrupt)) == (130, True)


@pytest.mark.mlflow
def test_a_sweep_that_has_lost_its_manifest_is_refused_and_stays_as_it_is(
    stopped: tuple[SweepSpec, Path, SweepInterrupted], tmp_path: Path
) -> None:
    spec, folder, _ = stopped
    lost = shutil.copytree(folder, tmp_path / folder.name)
    (lost / "sweep.json").unlink()
    before = (lost / "record.journal").read_bytes()
    with pytest.raises(UsageError, match=r"sweep\.json: is missing, and record\.journal is there.*--fresh"):
        run_sweeps(PlainOutput(progress=False), [spec], tmp_path, inline=True)
    assert (lost / "record.journal").read_bytes() == before


class Removing(PlainOutput):
    """An output of a command whose sweep is deleted before its trials continue."""

    def __init__(self, folder: Path) -> None:
        super().__init__(progress=False)
        self.folder = folder

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        if text == "starting":
            remove_sweep(self.folder)
        yield lambda _: None


@pytest.mark.mlflow
def test_a_sweep_that_is_deleted_meanwhile_does_not_begin_at_zero(
    stopped: tuple[SweepSpec, Path, SweepInterrupted],
) -> None:
    spec, folder, _ = stopped
    with pytest.raises(UsageError, match="was deleted, moved or replaced while this command prepared to continue it"):
        run_sweeps(Removing(folder), [spec], folder.parent, inline=True)
    assert not folder.exists()


class SecondInterrupted(PlainOutput):
    """An output at which a user presses Ctrl-C when the second sweep is announced. It keeps the errors."""

    def __init__(self) -> None:
        super().__init__(progress=False)
        self.names, self.errors = set[str](), list[str]()

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        self.names |= set(re.findall(r"feelings-[0-9a-f]{8}", text))
        if len(self.names) > 1:
            raise KeyboardInterrupt

    def error(self, text: str) -> None:
        self.errors.append(text)


@pytest.mark.mlflow
def test_a_sweep_that_failed_is_shown_once_when_another_error_ends_the_command(tmp_path: Path) -> None:
    keys = {"dataset": "feelings", "compare": {"encoder": ["rnn"], "loss": ["ce"]}, "search": {}, "asha": "off"}
    limit = {"train": 60, "validation": 30}
    failing = {"epochs": 1, "learning_rate": 1e30, "clip_norm": 1e30}
    specs = [
        small_spec(**keys, training=training, budget={"trials": 2}, limit=limit)
        for training in (failing, {**failing, "learning_rate": 1e29})
    ]
    output = SecondInterrupted()
    with pytest.raises(KeyboardInterrupt):
        run_sweeps(output, specs, tmp_path, inline=True)
    (failure,) = output.errors
    assert "none of the 2 trials succeeded" in failure


class Unused(PlainOutput):
    """An output of a command that must not begin anything."""

    @contextmanager
    def step(self, text: str) -> Iterator[Callable[[str], None]]:
        raise AssertionError(text)
        yield


def test_a_sweep_that_is_driven_is_refused_before_anything_is_fetched(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search([None])
    with sweep.study(), pytest.raises(SweepLockedError, match="another sweeper drives this sweep, process"):
        run_sweeps(Unused(), [sweep.spec], tmp_path / "sweeps", inline=True)
