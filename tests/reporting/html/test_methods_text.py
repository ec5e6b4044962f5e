"""A report says how its scores came about, and warns if they are not final."""

from dataclasses import replace
from html import unescape

from sweeper.protocol.sweep_results import SweepResults
from sweeper.reporting.html.report_data import ReportData
from sweeper.trials.outcome import Outcome
from sweeper.trials.trial import TrialEnd, stopped_by_user
from tests.reporting.html.helpers import confirmed_spec, page_text, report_data
from tests.support.fake_sweeps import BEGAN, FakeSweep
from tests.support.search_spaces import small_spec


def test_the_report_of_an_unfinished_sweep_says_so() -> None:
    sweep = FakeSweep(confirmed_spec(trials=26)).search([Outcome.COMPLETED, None])
    assert "13 of 26 trials have ended" in page_text(report_data(sweep), "glance", "results")


def test_clones_are_no_trials_of_the_budget_of_an_unfinished_sweep() -> None:
    sweep = FakeSweep(confirmed_spec(trials=8)).search([Outcome.COMPLETED])
    first, *others = sweep.records
    clone = replace(first, trial=replace(first.trial, number=9, clone_of=2))
    sweep.records = [replace(first, end=None, ended_at=None), *others, clone]
    assert "is not finished: 7 of 8 trials have ended." in page_text(report_data(sweep), "glance")
    sweep.records = [first, *others, replace(clone, end=None, ended_at=None)]
    assert "8 of 8 trials have ended, but 1 clone has not." in page_text(report_data(sweep), "glance")
    sweep.records = [first, *others, clone]
    assert "not finished: confirmation is not complete." in page_text(report_data(sweep, is_finished=False), "glance")


def test_an_unfinished_sweep_whose_search_is_over_names_what_is_left() -> None:
    spec = small_spec(budget={"trials": 26, "epochs": 20}, confirm={"seeds": 3})
    limited = FakeSweep(spec).search([Outcome.COMPLETED] * 3)  # its epochs are used
    limited.records = limited.records[:6]
    assert "not finished: confirmation is not complete." in page_text(report_data(limited), "glance")
    confirmed = report_data(FakeSweep(confirmed_spec(trials=8)).search().confirm(), is_finished=False)
    assert "not finished: its last steps are not complete." in page_text(confirmed, "glance")
    failed = report_data(FakeSweep(confirmed_spec(trials=8)).search([Outcome.FAILED]))
    assert "not finished: none of the 8 trials succeeded: 8 failed." in page_text(failed, "glance")


def test_the_report_of_an_unconfirmed_search_warns_about_its_scores() -> None:
    sweep = FakeSweep(confirmed_spec()).search()
    report = report_data(sweep)
    html = page_text(report, "glance", "results")
    assert "confirmation is not complete" in html
    assert "Nothing is confirmed" in html
    assert "The test split was not accessed" in html
    assert "No predictions of confirmed models" in page_text(report, "errors")
    turned_off = small_spec(budget={"trials": 6}, confirm={"seeds": 0})
    html = page_text(report_data(FakeSweep(turned_off).search(), is_finished=True), "glance", "results")
    assert "not finished" not in html
    assert "turned off" in html


def test_the_methods_name_test_accesses_repeats_and_subsamples(finished: ReportData) -> None:
    html = page_text(finished, "glance", "results")
    assert "6 test accesses in this sweep, from 2025-11-21" in html
    assert "left no score" not in html
    assert "Only a part" not in html
    results = finished.results.to_dict() | {"subsample": {"train": 500}}
    results["test_accesses"].append({"at": BEGAN, "trial": 1, "seed": 5})
    for system in results["systems"]:
        system["repeated"] = 2
    results["systems"][0]["confirmation"]["tested_settings"] = 2
    html = page_text(replace(finished, results=SweepResults.parse(results)), "glance", "results")
    assert "500 texts of train" in html
    assert "7 test accesses" in html
    assert "1 left no score here" in html
    assert "4 trials ran a setting that had been tried before" in html
    assert "Tested again: after the budget grew, another setting was tested of ce" in html


def test_the_methods_say_how_many_trials_the_user_stopped() -> None:
    for early_stopping, described in (("off", "there was no early stopping."), ({"asha": {}}, "stopped poor trials")):
        sweep = FakeSweep(confirmed_spec(trials=8, early_stopping=early_stopping)).search([Outcome.COMPLETED])
        html = page_text(report_data(sweep), "results")
        assert described in html
        assert "The user stopped" not in html
        sweep.records[0] = replace(sweep.records[0], end=stopped_by_user(1))
        html = page_text(report_data(sweep), "results")
        assert described in html
        assert "The user stopped 1 trial." in html


def test_the_methods_name_settings_that_were_tried_first() -> None:
    sweep = FakeSweep(confirmed_spec(start_with=[{"loss": "ce"}, {"loss": "lcl"}])).search([Outcome.COMPLETED])
    text = page_text(report_data(sweep), "results")
    assert "Before these, 2 settings were tried that the search space names (start_with)." in text


def test_the_methods_say_whose_models_were_tested_and_how_often() -> None:
    tested = "setting that left a model was scored"
    once = FakeSweep(confirmed_spec(trials=8)).search().confirm()
    assert f"{tested} once, after" in unescape(page_text(report_data(once), "results"))
    once.test_accesses.append(replace(once.test_accesses[0], at=BEGAN + 10_000_000))  # a scoring that was started again
    assert f"{tested}, after" in unescape(page_text(report_data(once), "results"))
    once.records[-1] = replace(once.records[-1], test=None)
    assert "setting that left a model is scored" in unescape(page_text(report_data(once), "results"))


def test_one_of_several_confirmed_settings_was_not_chosen_by_the_search(finished: ReportData) -> None:
    assert "in the search: it was the best there." in page_text(finished, "optimism")
    spec = small_spec(budget={"trials": 12}, confirm={"seeds": 3, "top": 2})
    html = page_text(report_data(FakeSweep(spec).search().confirm()), "optimism")
    assert "in the search: it was one of the 2 best there, and fresh seeds chose it." in html


def test_the_methods_say_that_settings_which_lost_a_seed_came_last() -> None:
    exception = "a setting that lost a seed came after those that lost fewer"
    sweep = FakeSweep(small_spec(budget={"trials": 12}, confirm={"seeds": 3, "top": 2})).search().confirm()
    html = page_text(report_data(sweep), "results")
    assert "The setting with the best mean over its fresh seeds was chosen." in html
    assert exception not in html
    sweep.records[-1] = replace(sweep.records[-1], end=TrialEnd(Outcome.DIVERGED, "the loss is not finite"))
    assert exception in page_text(report_data(sweep), "results")


def test_the_methods_say_what_ended_the_search_before_its_last_trial() -> None:
    spec = small_spec(budget={"trials": 40, "epochs": 20})
    html = page_text(report_data(FakeSweep(spec).search(), is_finished=True), "glance", "results")
    assert "ended before" not in html  # all its trials were run
    cut = FakeSweep(spec).search([Outcome.COMPLETED, Outcome.COMPLETED, None])
    html = page_text(report_data(cut, is_finished=True), "glance", "results")
    assert "It ended before all trials of the budget were run, because the budget" in html
    assert "20 epochs are used." in html


def test_the_methods_say_how_many_trials_raced_and_which_mean_ranks() -> None:
    spec = small_spec(budget={"trials": 40}, racing={"settings": 4, "seeds": 2})
    sweep = FakeSweep(spec).search()
    html = page_text(report_data(sweep, is_finished=True), "glance", "results")
    assert "the last 12 trials of each system race its 4 best settings: 4, then 2 settings, with 2 further" in html
    assert "Of the trials above, 0 trials raced. A setting is ranked by the mean over its seeds, shrunk" in html
    first = {system: next(it.trial.number for it in sweep.records if it.trial.system == system) for system in (0, 1)}
    for system, count in ((0, 3), (1, 2)):
        for k in [k for k, record in enumerate(sweep.records) if record.trial.system == system][-count:]:
            record = sweep.records[k]
            sweep.records[k] = replace(record, trial=replace(record.trial, race_of=first[system]))
    assert "Of the trials above, 5 trials raced." in page_text(report_data(sweep, is_finished=True), "results")


def test_the_methods_say_what_the_sampler_had_besides_a_systems_own_trials(finished: ReportData) -> None:
    assert "learned from" not in page_text(finished, "glance", "results")
    search = {"batch_size": {"choice": [4, 8], "prior": 8}}
    spec = small_spec(search=search, tpe={"start": "quasi_random", "siblings": 0.5})
    report = report_data(FakeSweep(spec).search(), is_finished=True)
    records = [
        replace(record, borrowed=count) for record, count in zip(report.records, (0, 0, 4, 0, 8, 0), strict=False)
    ]
    html = page_text(replace(report, records=records), "glance", "results")
    assert "one quasi-random design over all systems" in html
    assert "where good values were expected: batch_size 8." in html
    assert "2 trials were also learned from trials of the other systems, 6 on average" in html
    source = {"sweep": "sst5-0a1b2c3d", "dataset": "sst5", "trials": 9, "ended": 12, "same_validation": True}
    results = SweepResults.parse(report.results.to_dict() | {"learned_from": [source]})
    html = page_text(replace(report, records=records, results=results), "glance", "results")
    assert "2 trials were also learned from trials of the other systems and earlier sweeps, 6 on average" in html
    assert "Borrowed from earlier sweeps when this one began: sst5-0a1b2c3d (sst5), 9 of 12 ended trials" in html
    assert "A system's first trials have the best setting that it had in each of these sweeps." in html.replace(
        "&#39;", "'"
    )
