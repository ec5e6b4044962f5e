"""Proposals that learn from borrowed trials: where good values lie, from which trial on, and the same ones again."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sweeper.record.optuna_study import OptunaStudy
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.config import Scalar, TrainConfig
from sweeper.trials.borrowed import BorrowedTrials
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.borrowed_trials import borrowed_trials
from tests.support.fakes import report
from tests.support.search_spaces import SMALL, small_spec

FLAT: dict[str, Any] = {"learning_rate": {"log": [1e-5, 1e-3]}, "dropout": {"uniform": [0, 0.5]}}


def high_rate(config: TrainConfig) -> float:
    return float(1000 + 10 * np.log(config.learning_rate))  # another scale than accuracies: scores are standardised


def search(
    spec: SweepSpec, folder: Path, borrowed: list[BorrowedTrials], trials: int, restart_every: int = 10**6
) -> list[tuple[Trial, int]]:
    """Run trials of all systems in turn that all score the same. Return them with the trials that each borrowed."""
    folder.mkdir(exist_ok=True)
    proposed: list[Trial] = []
    while len(proposed) < trials:
        with closing(OptunaStudy(spec, folder / "journal", 1, borrowed=borrowed)) as study:
            for _ in range(min(restart_every, trials - len(proposed))):
                trial = study.ask(len(proposed) % len(spec.systems))
                proposed.append(trial)
                study.report(trial, report(1, 0.5))
                study.end_trial(trial, TrialEnd(Outcome.COMPLETED))
            records = study.all_trials()
    return [(trial, record.borrowed) for trial, record in zip(proposed, records, strict=True)]


@pytest.mark.parametrize("search_keys", [SMALL["search"], FLAT])
@pytest.mark.parametrize("siblings", [0, 0.5])
def test_the_same_proposals_come_again_after_a_restart(
    search_keys: dict[str, Any], siblings: float, tmp_path: Path
) -> None:
    changes = {"search": search_keys, "asha": "off", "budget": {"trials": 24}}
    spec = small_spec(**changes, tpe={"siblings": siblings, "start_trials": 4})
    borrowed = [borrowed_trials(spec, 5), borrowed_trials(spec, 3)]
    whole = [(trial.params, count) for trial, count in search(spec, tmp_path / "a", borrowed, 12)]
    parts = search(spec, tmp_path / "b", borrowed, 12, restart_every=1)
    assert [(trial.params, count) for trial, count in parts] == whole
    alone = search(spec, tmp_path / "c", [], 12)
    assert [trial.params for trial, _ in alone] != [params for params, _ in whole]


def test_the_first_proposal_learns_already(tmp_path: Path) -> None:
    changes = {"search": FLAT, "asha": "off", "budget": {"trials": 24}}
    spec = small_spec(**changes)  # TPE begins after ten trials, of which the earlier sweep has twelve
    trials = search(spec, tmp_path / "a", [borrowed_trials(spec, 12, high_rate)], 12)
    assert [count for _, count in trials] == [0, 0, *[12] * 10]  # each system begins with its best earlier setting
    alone = search(spec, tmp_path / "b", [], 12)
    assert [count for _, count in alone] == [0] * 12
    rates, rates_alone = (np.median([trial.config.learning_rate for trial, _ in run]) for run in (trials, alone))
    assert rates > 2 * rates_alone


def starts(trials: list[tuple[Trial, int]], system: int, count: int) -> list[dict[str, Scalar]]:
    own = [dict(trial.params) for trial, _ in trials if trial.system == system]
    return own[:count]


def best_of(borrowed: BorrowedTrials, loss: str, spec: SweepSpec) -> dict[str, Scalar]:
    completed = [trial for trial in borrowed.trials if trial.system["loss"] == loss and trial.score is not None]
    values = max(completed, key=lambda trial: spec.objective.sign * (trial.score or 0)).values
    varied = {hyperparameter.name for hyperparameter in spec.space.hyperparameters}
    return {name: value for name, value in values.items() if name in varied}


@pytest.mark.parametrize("objective", [{"maximize": "validation/accuracy"}, {"minimize": "validation/loss"}])
def test_a_system_begins_with_its_best_setting_of_each_earlier_sweep(objective: dict[str, str], tmp_path: Path) -> None:
    spec = small_spec(search=FLAT, asha="off", budget={"trials": 12}, objective=objective)
    borrowed = [borrowed_trials(spec, 8), borrowed_trials(spec, 5)]
    trials = search(spec, tmp_path, borrowed, 6)
    for system, loss in enumerate(("ce", "lcl")):
        expected = [best_of(source, loss, spec) for source in borrowed]
        assert starts(trials, system, 2) == expected


def test_an_earlier_setting_with_several_seeds_counts_with_its_mean(tmp_path: Path) -> None:
    spec = small_spec(search={"batch_size": [4, 8]}, asha="off", budget={"trials": 12})
    source = borrowed_trials(spec, 1)
    scores = [(4, 0.9), (4, 0.5), (4, 0.5), (8, 0.8), (8, 0.8)]
    repeats = [
        replace(trial, values={**trial.values, "batch_size": batch_size}, score=score, reports={1: score})
        for trial in source.trials
        for batch_size, score in scores
    ]
    trials = search(spec, tmp_path, [replace(source, trials=repeats)], 2)
    assert [trial.config.batch_size for trial, _ in trials] == [8, 8]


def test_the_same_best_setting_is_tried_once_and_after_start_with(tmp_path: Path) -> None:
    first = {"loss": "ce", "learning_rate": 2e-5, "dropout": 0.25}
    spec = small_spec(search=FLAT, asha="off", budget={"trials": 12}, start_with=[first])
    earlier = borrowed_trials(spec, 8)
    trials = search(spec, tmp_path, [earlier, replace(earlier, sweep="copy")], 6)
    best = best_of(earlier, "ce", spec)
    settings = starts(trials, 0, 3)
    assert settings[:2] == [{**first, "encoder": "m"}, best]
    assert settings[2] != best


def test_earlier_settings_take_half_of_a_share_at_most(tmp_path: Path) -> None:
    spec = small_spec(search=FLAT, asha="off", budget={"trials": 6})  # three of each system
    sources = [borrowed_trials(spec, count) for count in (8, 5, 4)]
    trials = search(spec, tmp_path, sources, 6)
    for system, loss in enumerate(("ce", "lcl")):
        best = [best_of(source, loss, spec) for source in sources]
        assert starts(trials, system, 2) == best[:2]
        assert starts(trials, system, 3)[2] != best[2]


def test_what_an_earlier_setting_leaves_open_is_sampled(tmp_path: Path) -> None:
    earlier = small_spec(search={"learning_rate": FLAT["learning_rate"]}, asha="off")
    spec = small_spec(search=FLAT, asha="off", budget={"trials": 12})
    source = borrowed_trials(earlier, 6)
    kept = ("encoder", "loss", "learning_rate")
    only_rates = [replace(trial, values={name: trial.values[name] for name in kept}) for trial in source.trials]
    trials = search(spec, tmp_path, [replace(source, trials=only_rates)], 2)
    for system, loss in enumerate(("ce", "lcl")):
        (params,) = starts(trials, system, 1)
        assert params["learning_rate"] == best_of(source, loss, spec)["learning_rate"]
        assert 0 <= float(params["dropout"]) <= 0.5


def test_few_borrowed_trials_shorten_the_start_by_their_number(tmp_path: Path) -> None:
    spec = small_spec(search=FLAT, asha="off", budget={"trials": 24}, tpe={"start_trials": 6})
    counts = [count for _, count in search(spec, tmp_path, [borrowed_trials(spec, 4)], 10)]
    assert counts == [0, 0, 0, 0, *[4] * 6]


def test_other_systems_lend_to_the_stated_share_of_proposals(tmp_path: Path) -> None:
    earlier = small_spec(search=FLAT, compare={"encoder": ["other"], "loss": ["ce"]})
    changes = {"search": FLAT, "asha": "off", "budget": {"trials": 12}, "compare": {"encoder": ["m"], "loss": ["ce"]}}
    spec = small_spec(**changes, tpe={"siblings": 0.5, "start_trials": 2})
    counts = [count for _, count in search(spec, tmp_path, [borrowed_trials(earlier, 7, high_rate)], 8)]
    assert counts == [0, 0, 0, 7, 0, 7, 0, 7]
