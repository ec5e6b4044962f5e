"""A trial that is trained again: in a folder of its own, and with the numbers that it had."""

from dataclasses import replace
from pathlib import Path

import pytest
from safetensors import SafetensorError

import sweeper
from sweeper.app.train_model import TrainedModel, find_trial, train_model
from sweeper.errors import UsageError
from sweeper.record.test_accesses import read_test_accesses
from sweeper.storage.sweep_folder import SweepFolder
from sweeper.storage.sweep_names import find_named_sweep
from sweeper.terminal.output import PlainOutput
from tests.support.recorded_sweeps import RecordedSweep

SPACE = """
dataset: feelings
compare: {encoder: [rnn], loss: [ce]}
search: {learning_rate: {log: [1e-3, 1e-2]}}
training: {epochs: 2, max_length: 32}
asha: off
limit: {train: 120, validation: 48}
budget: {trials: 2}
confirm: {seeds: 0}
"""


class Interrupted(PlainOutput):
    """An output whose user presses Ctrl-C as soon as an epoch is shown."""

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        if text.startswith("  epoch"):
            raise KeyboardInterrupt


class Listing(PlainOutput):
    """An output that keeps its lines."""

    def __init__(self) -> None:
        super().__init__(progress=False)
        self.lines: list[str] = []

    def line(self, text: str = "", style: str | None = None, *, tail: str = "") -> None:
        self.lines.append(text)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> SweepFolder:
    place = tmp_path_factory.mktemp("train")
    (place / "space.yaml").write_text(SPACE)
    results = sweeper.run(sweeper.load(place / "space.yaml"), sweeps=place / "sweeps", inline=True, progress=False)
    return find_named_sweep(Path(results.sweep), place / "sweeps")


def train(folder: SweepFolder, number: int, out: Path, output: PlainOutput | None = None) -> TrainedModel:
    quiet = output or PlainOutput(progress=False)
    return train_model(quiet, folder, find_trial(folder, number, None), out, test=False)


@pytest.mark.mlflow
def test_a_folder_is_not_used_for_the_model_of_another_trial(folder: SweepFolder, tmp_path: Path) -> None:
    first = train(folder, 1, tmp_path / "model")
    written = (tmp_path / "model" / "result.json").read_bytes()
    with pytest.raises(UsageError, match=f"model: has trial 1 of {folder.name}, seed .*, not trial 2 .*--out"):
        train(folder, 2, tmp_path / "model")
    assert (tmp_path / "model" / "result.json").read_bytes() == written
    assert train(folder, 1, tmp_path / "model") == first
    assert train(folder, 2, tmp_path / "other").trial == 2


@pytest.mark.mlflow
def test_an_interrupted_training_is_continued_by_its_own_trial_alone(folder: SweepFolder, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(folder, 1, tmp_path, Interrupted(progress=False))
    assert (tmp_path / "checkpoint.pt").exists()
    with pytest.raises(UsageError, match=r"has trial 1 of .*, not trial 2 of"):
        train(folder, 2, tmp_path)
    assert train(folder, 1, tmp_path).metrics["validation/loss"] == scores(folder)[1]
    assert not list(tmp_path.glob("*.pt"))
    assert not (tmp_path / "training.json").exists()


@pytest.mark.mlflow
@pytest.mark.parametrize("damage", [b"", b"no checkpoint"])
def test_with_a_damaged_checkpoint_the_training_starts_from_the_beginning(
    folder: SweepFolder, tmp_path: Path, damage: bytes
) -> None:
    with pytest.raises(KeyboardInterrupt):
        train(folder, 1, tmp_path, Interrupted(progress=False))
    (tmp_path / "checkpoint.pt").write_bytes(damage)
    output = Listing()
    assert train(folder, 1, tmp_path, output).metrics["validation/loss"] == scores(folder)[1]
    (note,) = [line for line in output.lines if "cannot be used" in line]
    assert note.startswith("checkpoint.pt cannot be used (")
    assert note.endswith("); the training starts from the beginning")
    assert [line.split("  ")[1] for line in output.lines if line.startswith("  epoch")] == ["epoch 1", "epoch 2"]


@pytest.mark.mlflow
def test_another_seed_trains_another_model_of_the_same_setting(folder: SweepFolder, tmp_path: Path) -> None:
    trial = find_trial(folder, 1, 7)
    model = train_model(PlainOutput(progress=False), folder, trial, tmp_path, test=False)
    assert (model.trial, model.seed, model.params) == (1, 7, train(folder, 1, tmp_path / "own").params)
    assert model.metrics["validation/loss"] != scores(folder)[1]


@pytest.mark.mlflow
def test_an_epoch_without_an_update_has_no_loss(folder: SweepFolder, tmp_path: Path) -> None:
    trial, output = find_trial(folder, 1, None), Listing()
    two_phases = {"loss": "scl_two_phase", "contrastive_epochs": 1, "epochs": 1, "validations_per_epoch": 2}
    config = trial.config.model_copy(update={**two_phases, "gradient_cache": True, "accumulate": 100})
    train_model(output, folder, replace(trial, config=config), tmp_path, test=False)
    first, second = (line for line in output.lines if "train/loss" in line)
    assert first == "  epoch 0.5  train/loss -"
    assert float(second.removeprefix("  epoch 1  train/loss ")) > 0


@pytest.mark.mlflow
def test_a_test_access_is_on_record_before_the_scoring(folder: SweepFolder, tmp_path: Path) -> None:
    train(folder, 1, tmp_path)
    (tmp_path / "classifier.safetensors").write_bytes(b"damaged")
    before = read_test_accesses(folder.journal)
    with pytest.raises(SafetensorError):
        train_model(PlainOutput(progress=False), folder, find_trial(folder, 1, None), tmp_path, test=True)
    (access,) = read_test_accesses(folder.journal)[len(before) :]
    assert access.trial == 1


def scores(folder: SweepFolder) -> dict[int, float]:
    """Return the loss of each trial of the sweep at its best validation."""
    trials = sweeper.open(folder.path).results.trials()
    return dict(zip(trials["number"], trials["validation/loss"], strict=True))


@pytest.mark.mlflow
def test_a_result_that_another_program_wrote_is_left_alone(folder: SweepFolder, tmp_path: Path) -> None:
    (tmp_path / "result.json").write_text('{"score": 1}')
    with pytest.raises(UsageError, match=r"result\.json: is not from sweeper train; name another folder with --out"):
        train(folder, 1, tmp_path)
    assert (tmp_path / "result.json").read_text() == '{"score": 1}'


def test_a_trial_is_found_while_the_sweep_runs(tmp_path: Path) -> None:
    sweep = RecordedSweep(tmp_path / "sweeps").search()
    with sweep.study():  # locked, as by a driver
        assert find_trial(sweep.folder, 1, None).number == 1


def test_without_a_score_there_is_no_best_trial(tmp_path: Path) -> None:
    folder = RecordedSweep(tmp_path / "sweeps").search([]).folder
    with pytest.raises(UsageError, match="has no trial with a score yet; run its search space first, or name a trial"):
        find_trial(folder, None, None)
