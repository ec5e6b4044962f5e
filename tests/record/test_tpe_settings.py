"""The start of TPE: a design over all systems, the other systems' trials, and priors. A restart changes nothing."""

from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import FrozenTrial, create_trial

from sweeper.record.optuna_study import OptunaStudy
from sweeper.record.parameters import chosen_parameters
from sweeper.record.priors import draw_from_priors, prior_share
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.search_space.tpe_settings import TpeSettings
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import Trial, TrialEnd
from tests.support.fakes import report
from tests.support.search_spaces import SMALL, small_spec
from tests.support.studies import open_study

SEARCH: dict[str, Any] = {
    "batch_size": {"choice": [4, 8, 16], "prior": 8},
    "learning_rate": {"log": [1e-5, 1e-3], "prior": 5e-5},
    "normalize": [True, False],
    "tau": {
        "cases": [
            {"log": [0.05, 1], "when": {"normalize": True}, "prior": 0.1},
            {"log": [5, 1000], "when": {"normalize": False}},
        ]
    },
}
FLAT: dict[str, Any] = {"learning_rate": {"log": [1e-5, 1e-3]}, "dropout": {"uniform": [0, 0.5]}}
ALL = {"start": "quasi_random", "siblings": 0.5}


def by_rate(trial: Trial) -> float:
    """Score a trial by how near its learning rate is to 1e-3. Systems differ in level and scale."""
    place = np.log(trial.config.learning_rate / 1e-5) / np.log(100)
    return float(0.5 + 0.4 * place if trial.system else 0.1 + 0.04 * place)


def search(
    spec: SweepSpec, folder: Path, trials: int, score: Callable[[Trial], float] = by_rate, restart_every: int = 10**6
) -> list[Trial]:
    """Run trials of all systems in turn, and open the record again after so many of them."""
    folder.mkdir(exist_ok=True)
    proposed: list[Trial] = []
    while len(proposed) < trials:
        with open_study(spec, folder) as study:
            for _ in range(min(restart_every, trials - len(proposed))):
                trial = study.ask(len(proposed) % 2)
                proposed.append(trial)
                study.report(trial, report(1, score(trial)))
                study.end_trial(trial, TrialEnd(Outcome.STOPPED_EARLY if trial.number % 5 == 4 else Outcome.COMPLETED))
    return proposed


def borrowed(spec: SweepSpec, folder: Path) -> list[int]:
    with open_study(spec, folder) as study:
        return [record.borrowed for record in study.all_trials()]


@pytest.mark.parametrize("tpe", [{"start": "quasi_random"}, {"siblings": 1.0, "start_trials": 2}, ALL])
@pytest.mark.parametrize("space", [SEARCH, FLAT])
def test_the_same_proposals_come_again_after_a_restart(
    tmp_path: Path, tpe: dict[str, Any], space: dict[str, Any]
) -> None:
    spec = small_spec(search=space, tpe=tpe, budget={"trials": 24}, asha="off")
    in_one_go = [trial.params for trial in search(spec, tmp_path / "a", 16)]
    assert [trial.params for trial in search(spec, tmp_path / "b", 16, restart_every=1)] == in_one_go
    assert borrowed(spec, tmp_path / "a") == borrowed(spec, tmp_path / "b")


def test_a_proposal_that_was_cut_off_is_proposed_again(tmp_path: Path) -> None:
    spec = small_spec(search=SEARCH, tpe={**ALL, "siblings": 1.0}, budget={"trials": 24}, asha="off")
    whole = search(spec, tmp_path / "a", 14)[-1]
    lines = (tmp_path / "a" / "journal").read_bytes().splitlines(keepends=True)
    start = max(k for k, line in enumerate(lines) if b'"op_code": 4' in line or b'"op_code":4' in line)
    for cut in range(start + 1, start + 5):
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / "journal").write_bytes(b"".join(lines[:cut]))
        with closing(OptunaStudy(spec, tmp_path / "b" / "journal", threads=1)) as study:
            again = study.all_trials()[-1]
        assert again.trial.params == whole.params
        assert again.borrowed == 7


def test_the_start_is_one_design_over_all_systems(tmp_path: Path) -> None:
    spec = small_spec(search=FLAT, tpe={"start": "quasi_random", "start_trials": 4}, budget={"trials": 16}, asha="off")
    trials = search(spec, tmp_path, 8)
    places = np.log([trial.config.learning_rate for trial in trials]) / np.log(10) + 5
    for system, bins in ((slice(0, None, 2), 4), (slice(1, None, 2), 4), (slice(None), 8)):
        counts = np.histogram(places[system], bins=bins, range=(0, 2))[0]
        assert counts.tolist() == [1] * bins


@pytest.mark.parametrize(("share", "expected"), [(1, 3), (12, 3), (16, 4), (24, 6), (100, 10)])
def test_the_budget_decides_how_many_trials_start(share: int, expected: int) -> None:
    assert TpeSettings(start="quasi_random").count_start_trials(share) == expected
    assert TpeSettings(start="quasi_random", start_trials=5).count_start_trials(share) == 5
    assert TpeSettings().count_start_trials(share) == 10


def test_a_stated_share_of_proposals_learns_from_siblings(tmp_path: Path) -> None:
    spec = small_spec(search=FLAT, tpe={"siblings": 0.5, "start_trials": 2}, budget={"trials": 24}, asha="off")
    search(spec, tmp_path / "a", 24)
    counts = borrowed(spec, tmp_path / "a")
    assert counts[:4] == [0] * 4
    assert counts[4:8] == [0, 0, 3, 4]
    assert sum(count > 0 for count in counts[4:]) == 10
    alone = small_spec(search=FLAT, tpe={"start_trials": 2}, budget={"trials": 24}, asha="off")
    search(alone, tmp_path / "b", 24)
    assert borrowed(alone, tmp_path / "b") == [0] * 24


def test_a_system_learns_from_its_sibling_where_good_values_lie(tmp_path: Path) -> None:
    """The second system scores all settings the same, so only its sibling can tell it that high rates are good."""

    def score(trial: Trial) -> float:
        return by_rate(trial) if trial.system == 0 else 0.9

    rates = {}
    for siblings in (0.0, 1.0):
        spec = small_spec(search=FLAT, tpe={"siblings": siblings, "start_trials": 4}, budget={"trials": 40}, asha="off")
        trials = search(spec, tmp_path / str(siblings), 40, score)
        rates[siblings] = np.median([trial.config.learning_rate for trial in trials if trial.system][8:])
    assert rates[1.0] > 1.5 * rates[0.0]


@pytest.mark.parametrize("tpe", [{}, ALL])
def test_the_first_setting_that_comes_from_the_priors_has_the_stated_values(
    tmp_path: Path, tpe: dict[str, Any]
) -> None:
    """Without evidence, a quarter of the systems begin with the stated values: a wrong prior does not cost them all."""
    firsts: list[Trial] = []
    for seed in range(12):
        spec = small_spec(search=SEARCH, tpe=tpe, asha="off", budget={"trials": 12}, seed=seed)
        firsts += search(spec, tmp_path / str(seed), 2)
    stated = [trial for trial in firsts if (trial.params["batch_size"], trial.params["learning_rate"]) == (8, 5e-5)]
    assert 1 <= len(stated) <= 14
    for trial in stated:
        if trial.params.get("normalize"):
            assert trial.params["tau"] == 0.1


def test_stated_values_that_were_cut_off_come_again(tmp_path: Path) -> None:
    spec = small_spec(search=SEARCH, asha="off", budget={"trials": 12})
    whole = search(spec, tmp_path / "a", 6)
    lines = (tmp_path / "a" / "journal").read_bytes().splitlines(keepends=True)
    for cut in range(4, len(lines)):
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / "journal").write_bytes(b"".join(lines[:cut]))
        with closing(OptunaStudy(spec, tmp_path / "b" / "journal", threads=1)) as study:
            again = [record.trial.params for record in study.all_trials()]
        assert again == [trial.params for trial in whole][: len(again)]


def ended(rates: list[float], spec: SweepSpec) -> list[FrozenTrial]:
    """Return completed trials with these learning rates, the best first."""
    parameters = [
        chosen_parameters(spec, 0, {"loss": "ce", "learning_rate": rate, "dropout": 0.1, "encoder": "m"})
        for rate in rates
    ]
    return [
        create_trial(params=dict(values), distributions=distributions, value=-k)
        for k, (values, distributions) in enumerate(parameters)
    ]


def test_a_prior_counts_for_less_with_every_trial_and_for_little_where_it_is_wrong() -> None:
    spec = small_spec(search={**FLAT, "learning_rate": {"log": [1e-5, 1e-3], "prior": 1e-4}}, asha="off")
    near, far = [1e-4, 1.1e-4, 0.9e-4], [1e-3, 0.9e-3, 0.8e-3]
    assert prior_share(spec, [[]], 0) == pytest.approx(0.25)
    few, many = (prior_share(spec, [ended(near * count, spec)], 3 * count) for count in (1, 6))
    assert 0.1 < few < 0.2
    assert many < few / 2
    assert prior_share(spec, [ended([*far, *near], spec)], 6) < few / 5
    assert prior_share(spec, [ended([*near, *far], spec)], 6) > 1.5 * prior_share(spec, [ended(near * 2, spec)], 6)


def test_a_trial_from_the_priors_is_no_evidence_for_them_by_itself() -> None:
    spec = small_spec(search={**FLAT, "learning_rate": {"log": [1e-5, 1e-3], "prior": 1e-4}}, asha="off")
    assert (
        prior_share(spec, [ended([1e-4], spec)], 1) == prior_share(spec, [ended([1e-3], spec)], 1) == pytest.approx(0.2)
    )
    assert prior_share(spec, [ended([1e-3, 1e-4], spec)], 2) < 0.02


def test_other_systems_tell_if_a_prior_is_wrong() -> None:
    spec = small_spec(search={**FLAT, "learning_rate": {"log": [1e-5, 1e-3], "prior": 1e-4}}, asha="off")
    assert prior_share(spec, [[], ended([1e-3, 1e-4], spec)], 0) < 0.1
    assert prior_share(spec, [[], ended([1e-4, 1e-3], spec)], 0) > 0.8


def test_draws_lie_near_the_prior_and_in_the_range() -> None:
    space = {
        "batch_size": {"choice": [4, 8, 16], "prior": 16},
        "learning_rate": {"log": [1e-5, 1e-3], "prior": 1e-3},
        "accumulate": {"int": [2, 12], "prior": 4},
        "dropout": {"uniform": [0, 0.4], "step": 0.1, "prior": 0.1},
        "alpha": {"value": 0.5, "prior": 0.5},
    }
    random = np.random.default_rng(0)
    draws = [draw_from_priors(small_spec(search=space), random) for _ in range(300)]
    values = {name: np.array([draw[name] for draw in draws]) for name in space}
    assert set(values["batch_size"]) == {4, 8, 16}
    assert 0.4 < np.mean(values["batch_size"] == 16) < 0.6
    assert 1e-5 <= values["learning_rate"].min() < values["learning_rate"].max() <= 1e-3
    assert np.mean(values["learning_rate"] > 3e-4) > 0.6
    assert set(values["accumulate"]) <= set(range(2, 13))
    assert set(values["dropout"]) <= {0, 0.1, 0.2, 0.3, 0.4}
    assert Counter(values["dropout"]).most_common(1)[0][0] == 0.1
    assert set(values["alpha"]) == {0.5}


def fingerprint_of(**changes: Any) -> dict[str, Any]:
    return small_spec(**changes).identity


def test_what_tpe_starts_from_is_part_of_a_sweeps_identity() -> None:
    plain = fingerprint_of()
    assert "tpe" not in plain
    assert fingerprint_of(tpe={"start": "random", "siblings": 0}) == plain
    assert fingerprint_of(tpe=ALL)["tpe"] != fingerprint_of(tpe={"siblings": 0.5})["tpe"]
    choice = {**SMALL["search"], "batch_size": {"choice": [4, 8]}}
    assert fingerprint_of(search=choice) != fingerprint_of(
        search={**choice, "batch_size": {"choice": [4, 8], "prior": 8}}
    )
