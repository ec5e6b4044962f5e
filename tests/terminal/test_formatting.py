"""The lines that say what a search space would run, and which system has no score."""

import io
import re
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from sweeper.terminal.deciding_rungs import rungs_of
from sweeper.terminal.formatting import describe_spec, search_table, settings_lines, system_label, trial_line
from sweeper.terminal.trial_view import rivals_line, trial_facts
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from tests.support.fake_sweeps import FakeSweep
from tests.support.search_spaces import small_spec

NINE = {"learning_rate": [1e-3, 3e-3, 1e-2], "batch_size": [8, 16, 32]}
COMPARE = {"encoder": ["gru"], "loss": ["ce"]}


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"sampler": "grid", "search": NINE, "budget": {"trials": 3}}, "epochs, 3 of 9 settings,"),
        ({"sampler": "random", "search": NINE, "budget": {"trials": 3}}, "3 trials of up to 4 epochs, of 9 settings,"),
        ({"sampler": "grid", "search": NINE, "budget": {"trials": 30}}, "9 trials of up to 4 epochs, ASHA"),
        ({"search": {"tau": {"log": [1, 2]}}, "budget": {"trials": 3}}, "3 trials of up to 4 epochs, ASHA"),
    ],
)
def test_a_budget_smaller_than_the_space_is_said(keys: dict[str, Any], says: str) -> None:
    assert says in describe_spec(small_spec(compare=COMPARE, **keys))


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"budget": {"epochs": 40, "hours": 1.5}}, "ASHA after epoch 1, 2, at most 40 epochs, 1.5 hours"),
        ({"budget": {"cost": {"usd": 50, "per_gpu_hour": 2.5}}, "resources": {"gpu": 1}}, "at most 50 USD"),
        ({"objective": {"maximize": "validation/accuracy", "stop_at": 0.6}}, "until validation/accuracy is 0.6"),
        ({"budget": {"patience": 8}}, "patience of 8 trials"),
        ({"early_stopping": {"hyperband": {"grace_epochs": 1}}}, "Hyperband in 3 brackets after epoch 1, 3"),
        (
            {"training": {"epochs": 4, "validations_per_epoch": 3}, "asha": {"grace_epochs": 0.33}},
            "ASHA after epoch 0.333, 1, 3",
        ),
    ],
)
def test_every_limit_of_the_budget_is_said(keys: dict[str, Any], says: str) -> None:
    assert says in describe_spec(small_spec(**keys))


@pytest.mark.parametrize(
    ("losses", "says"), [(["ce"], ", alpha and tau never used"), (["ce", "scl"], "")], ids=["none", "some"]
)
def test_hyperparameters_that_no_trial_has_are_said(losses: list[str], says: str) -> None:
    search = {"alpha": [0.1, 0.5], "tau": [0.1, 1], "batch_size": [4, 8]}
    described = describe_spec(small_spec(compare={"encoder": ["m"], "loss": losses}, search=search))
    assert ("never used" in described) == bool(says)
    assert says in described


@pytest.mark.parametrize(("trials", "idle"), [(6, ", which ends nothing: a system has only 3 trials"), (20, "")])
def test_a_patience_that_ends_nothing_is_said(trials: int, idle: str) -> None:
    described = describe_spec(small_spec(budget={"trials": trials, "patience": 8}))
    assert described.endswith(f"patience of 8 trials{idle}")


@pytest.mark.parametrize(
    ("encoders", "labels"),
    [
        (["a/mini", "b/mini"], ["a/mini", "b/mini"]),
        (["a/mini", "b/base"], ["mini", "base"]),
    ],
)
def test_two_systems_never_have_the_same_label(encoders: list[str], labels: list[str]) -> None:
    spec = small_spec(compare={"encoder": encoders, "loss": ["ce"]})
    assert [system_label(spec, system) for system in range(2)] == labels


def test_a_system_without_a_success_is_said_with_its_outcomes_and_a_reason() -> None:
    spec = small_spec(confirm={"seeds": 2})
    failed = FakeSweep(spec)
    failed.search([Outcome.FAILED])
    assert settings_lines(spec, failed.results())[1] == "lcl: no trial reached a validation: 3 failed (why it is so)"
    unconfirmed = FakeSweep(spec).search([Outcome.COMPLETED]).confirm(Outcome.OUT_OF_MEMORY)
    assert settings_lines(spec, unconfirmed.results())[1::2] == [
        f"{loss}: no fresh seed completed: 2 out of memory (why it is so)" for loss in ("ce", "lcl")
    ]
    collapsed = FakeSweep(spec).search([Outcome.COLLAPSED, Outcome.DIVERGED])
    assert (
        "no trial of this system completed: 2 collapsed, 1 diverged (why it is so); this one came furthest"
        in (settings_lines(spec, collapsed.results())[0])
    )


def test_a_system_whose_trials_are_only_interrupted_has_no_ended_trial() -> None:
    spec = small_spec()
    assert settings_lines(spec, FakeSweep(spec).search([None]).results())[1] == "lcl: no trial has ended yet"


def test_a_trial_is_shown_with_the_rungs_and_the_rivals_of_its_bracket() -> None:
    rule = {"hyperband": {"grace_epochs": 1, "reduction_factor": 2}}
    spec = small_spec(early_stopping=rule, budget={"trials": 24}, compare={**COMPARE, "loss": ["ce", "lcl"]})
    records = FakeSweep(spec).search([Outcome.STOPPED_EARLY]).records
    by_bracket = {bracket: [r for r in records if r.trial.bracket == bracket] for bracket in (1, 2, 3)}
    assert [rungs_of(spec, by_bracket[bracket][0].trial) for bracket in (1, 2, 3)] == [(1, 2), (2,), ()]
    last = max((r for r in by_bracket[2] if not r.trial.system), key=lambda record: record.trial.number)
    rivals = {f"trial {r.trial.number} " for r in by_bracket[2] if r.trial.system == 0} - {
        f"trial {last.trial.number} "
    }
    line = rivals_line(spec, last, records)
    assert line.startswith("at epoch 2 before it: ")
    assert line.count("trial ") == len(rivals)
    assert all(rival in line for rival in rivals)
    assert "bracket 2 of 3" in "\n".join(trial_facts(spec, last))


@pytest.mark.parametrize("width", [44, 60, 80])
def test_no_score_of_the_best_settings_is_cut(width: int) -> None:
    spec = small_spec(compare={"encoder": ["org/an-encoder-with-a-long-name"], "loss": ["ce", "lcl"]})
    results = FakeSweep(spec).search([Outcome.COMPLETED]).results()
    console = Console(file=io.StringIO(), width=width)
    console.print(search_table(spec, results, width))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    for result in results.systems:
        assert result.best is not None
        assert all(
            f"{result.best.metrics[name]:.4f}" in shown for name in ("validation/accuracy", "validation/macro_f1")
        )
    assert "…" not in shown


@pytest.mark.parametrize(("width", "stopped"), [(60, "1 stopped"), (80, "3 (1 stopped)")])
def test_the_heads_of_the_best_settings_are_whole(width: int, stopped: str) -> None:
    spec = small_spec(compare={"encoder": ["org/an-encoder-with-a-long-name"], "loss": ["ce", "lcl"]})
    results = FakeSweep(spec).search([Outcome.COMPLETED, Outcome.STOPPED_EARLY]).results()
    console = Console(file=io.StringIO(), width=width)
    console.print(search_table(spec, results, width))
    lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines[0].split() == ["encoder", "loss", "accuracy", "macro_f1", "epoch", "trial", "trials"]
    assert any(line.rstrip().endswith(stopped) for line in lines)


def test_the_time_that_a_trial_trained_leaves_out_the_pause_between_two_attempts() -> None:
    spec = small_spec()
    record = FakeSweep(spec).search([Outcome.COMPLETED]).records[0]
    reports = tuple(ValidationReport(n, n, {"validation/accuracy": 0.5, "seconds": 6.0}) for n in (1, 2))
    began, hour = 1_700_000_000_000, 3_600_000
    paused = replace(
        record, reports=reports, report_times=(began, began + hour), started_at=began, ended_at=began + hour
    )
    assert trial_line(spec, paused, 4).endswith("   12s")
    times = list(trial_facts(spec, paused))[-1]
    assert re.fullmatch(r"began [-\d]+ \d\d:\d\d, ended [-\d]+ \d\d:\d\d, trained 12s", times)
    untrained = replace(paused, reports=(), report_times=())
    assert trial_line(spec, untrained, 4).endswith("    -")
    assert "trained" not in list(trial_facts(spec, untrained))[-1]
