"""`sweeper checklist` drafts an answer to each item from the record, and says what it does not know."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import sweeper
from sweeper.app.open_study import read_study
from sweeper.app.prepare_data import summarize_encoders
from sweeper.protocol.borrowing import borrow_trials
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd
from tests.support import tiny_training
from tests.support.recorded_sweeps import SPACE, RecordedSweep
from tests.support.run_here import run_here
from tests.support.search_spaces import small_spec


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return RecordedSweep(tmp_path_factory.mktemp("sweeps")).search().finish().folder.path


def test_each_item_has_an_answer_from_the_record(finished: Path) -> None:
    drafted = sweeper.checklist(finished)
    assert [answer.item for answer in drafted.answers] == ["B1", "B2", "B3", "B4", "B5", "B6", "C1", "C2", "C3", "C4"]
    answers = {answer.item: " ".join(answer.lines) for answer in drafted.answers}
    assert all(answers.values())
    assert "search learning_rate" in answers["C2"]
    assert "Best of gru ce: " in answers["C2"]
    assert "(n = 2)" in answers["C3"]
    assert "--metric accuracy --detail; tests of the leads: --format json." in answers["C3"]
    results = sweeper.open(finished).results
    hours = sum(system.hours for system in results.systems) + sum(found.hours for found in results.confirmations)
    assert f"CPU thread hours: {hours * results.threads:.2f} " in answers["C1"]
    assert "unknown" in answers["C1"]  # the kept model's parameters: there is none
    assert answers["C4"] == "unknown"  # no versions.json


def search_answer(sweep: RecordedSweep) -> str:
    """Return the answer on the search of a sweep."""
    return next(
        " ".join(answer.lines) for answer in sweeper.checklist(sweep.folder.path).answers if answer.item == "C2"
    )


def test_settings_that_the_sampler_did_not_choose_are_named(tmp_path: Path) -> None:
    entries = [{"learning_rate": 1e-4, "alpha": 0.5}, {"learning_rate": 2e-4, "alpha": 0.5}]
    changes: dict[str, Any] = {"sampler": "tpe", "tpe": {"start": "quasi_random"}, "start_with": entries, "racing": 2}
    sweep = RecordedSweep(tmp_path, **changes).search()
    with sweep.study() as study:
        first = study.all_trials()[0].trial
        clone = study.restart(study.clone(first, {**first.params, "learning_rate": 3e-4}))
        study.end_trial(clone, TrialEnd(Outcome.FAILED, "KeyError: 'a'"))
    answer = search_answer(sweep)
    assert "1 was chosen by a user, beyond the equal shares of the systems." in answer
    assert "2 settings were tried that the search space names (start_with)." in answer
    assert "The first settings of each system are points of one quasi-random design over all systems." in answer
    assert "Race: the last 2 trials of each system race its 2 best settings" in answer


def test_a_search_that_learned_from_an_earlier_sweep_names_it(tmp_path: Path) -> None:
    earlier = RecordedSweep(tmp_path, seed=1).search().folder
    borrowed = borrow_trials(small_spec(**SPACE), earlier, earlier.spec, read_study(earlier, earlier.spec).all_trials())
    answer = search_answer(RecordedSweep(tmp_path, learn_from=[str(earlier.path)], borrowed=[borrowed]))
    assert f"Borrowed from earlier sweeps when this one began: {earlier.name} (sst5), 2 of 2 ended trials;" in answer


def test_the_licence_and_the_parameters_of_each_encoder_are_those_on_record(tmp_path: Path) -> None:
    encoders = {
        "org/known": {"licence": "apache-2.0", "parameters": 22_713_216},
        "org/silent": {"licence": "", "parameters": 1_000},
        "org/bare": {"licence": None, "parameters": 1_000},
    }
    compared = {"encoder": [*encoders, "org/earlier", "gru"], "loss": ["ce"]}
    drafted = sweeper.checklist(RecordedSweep(tmp_path, encoders=encoders, compare=compared).search().folder.path)
    answers = {answer.item: answer.lines for answer in drafted.answers}
    assert answers["B2"][1:] == (
        "Encoder org/known: apache-2.0.",
        "Encoder org/silent: unknown; its model card names none.",
        "Encoder org/bare: unknown; it came without a model card.",
        "Encoder org/earlier: unknown here; its page says it.",
    )
    assert answers["C1"][1:6] == (
        "Parameters of the encoder org/known: 22,713,216.",
        "Parameters of the encoder org/silent: 1,000.",
        "Parameters of the encoder org/bare: 1,000.",
        "Parameters with org/earlier: unknown.",
        "Parameters of gru, which is trained from scratch: they depend on the setting.",
    )


def test_a_sweep_keeps_what_the_card_and_the_weights_of_an_encoder_say(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n")
    data = tiny_training.data()
    prepared: Any = SimpleNamespace(encoders={"org/model": tmp_path})
    parameters = sum(array.size for array in data.encoder.weights.values())
    assert summarize_encoders(prepared, {"org/model": data}) == {
        "org/model": {"licence": "mit", "parameters": parameters}
    }


def size_of_data(sweeps: Path, **changes: Any) -> tuple[str, ...]:
    """Return the answer on the size of the data of a sweep with these splits and keys."""
    drafted = sweeper.checklist(RecordedSweep(sweeps, **changes).search().folder.path)
    return next(answer.lines for answer in drafted.answers if answer.item == "B6")


def test_the_size_of_the_data_is_said_before_and_after_a_limit(tmp_path: Path) -> None:
    train = {"texts": 600, "of": 8_544, "digest": "", "classes": {"bad": 350, "good": 250}}
    test = {"texts": 2_210, "digest": "", "classes": {"bad": 1_000, "good": 1_210}}
    lines = size_of_data(tmp_path, splits={"train": train, "test": test}, limit={"train": 600})
    assert lines == (
        "train: 600 of 8,544 texts were used: bad 350, good 250.",
        "test: 2,210 texts: bad 1,000, good 1,210.",
    )


def test_texts_with_several_labels_are_counted_once(tmp_path: Path) -> None:
    moods = {"hub": "someone/moods", "task": "multi_label"}
    train = {"texts": 300, "digest": "", "classes": {"joy": 220, "fear": 250}}
    changes = {"dataset": moods, "objective": {"maximize": "validation/macro_f1"}, "asha": "off"}
    lines = size_of_data(tmp_path, splits={"train": train}, **changes)
    assert lines == ("train: 300 texts; texts with each label: joy 220, fear 250.",)


def test_the_command_writes_markdown_and_latex(finished: Path, tmp_path: Path) -> None:
    assert run_here(["checklist", str(finished)], tmp_path).stdout == sweeper.checklist(finished).to_markdown()
    written = run_here(["checklist", str(finished), "--format", "latex", "--out", "a.tex"], tmp_path)
    assert written.returncode == 0
    text = (tmp_path / "a.tex").read_text()
    assert text == sweeper.checklist(finished).to_latex()
    assert "\\item[C2 " in text
    assert r"learning\_rate" in text
