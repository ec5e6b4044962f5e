"""The remaining time of a sweep lies within a third of the truth, from the first quarter of the sweep on."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from sweeper.protocol.remaining_time import RemainingTime, seconds_left
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.types import ValidationReport
from sweeper.trials.outcome import Outcome
from sweeper.trials.search_session import SearchSession
from sweeper.trials.trial import TestScore, Trial, TrialEnd, TrialRecord
from tests.support.fakes import report
from tests.support.search_spaces import small_spec

BEGAN = 1_700_000_000_000  # milliseconds since 1970
STEP, PROCESSES, SCORING = 5.0, 12.0, 2.0  # seconds of a validation, of the start of processes, of a score
TEXTS = {"train": 400, "validation": 100, "test": 300}  # of a step, 4.5 seconds train and 0.5 validate


def moment(seconds: float) -> int:
    return BEGAN + int(1000 * seconds)


def timed_report(step: int, value: float) -> ValidationReport:
    """Return a report with the seconds of a step, and the speed of its training."""
    return replace(report(step, value), metrics={**report(step, value).metrics, "seconds": STEP,
                                                 "examples_per_second": TEXTS["train"] / 4.5})  # fmt: skip


def played(spec: SweepSpec, slots: int) -> list[TrialRecord]:
    """Return the record of a sweep in which every other trial is worse and stops at the first rung, if there is one."""
    setting = {**spec.systems[0], "batch_size": 8, "alpha": 0.5, "normalize": True, "tau": 0.1}
    config, systems = spec.train_config(setting, seed=1, threads=1), len(spec.systems)
    records: list[TrialRecord] = []
    clock = 0.0
    for stage, count in (("search", spec.budget.trials), ("confirm", systems * spec.confirm.seeds)):
        opens = clock + (PROCESSES if stage == "search" else 0)
        free = [opens] * slots
        for index in range(count):
            begin = min(free)
            stops = stage == "search" and bool(spec.rungs) and index >= systems and index % 4 < systems
            times = [begin + STEP * (k + 1) for k in range(spec.rungs[0] if stops else config.num_validations)]
            free[free.index(begin)] = times[-1]
            fresh = {"source_trial": index % systems + 1, "seed_index": 1 + index // systems}
            params = {"alpha": index % systems if stage == "confirm" else index}  # the first trial of each is confirmed
            trial = Trial(len(records) + 1, index % systems, params, config,
                          **(fresh if stage == "confirm" else {}))  # fmt: skip
            reports = tuple(timed_report(k + 1, 0.4 if stops else 0.5) for k in range(len(times)))
            records.append(TrialRecord(
                trial, reports, tuple(map(moment, times)),
                moment(clock if begin == opens else begin),
                TrialEnd(Outcome.STOPPED_EARLY if stops else Outcome.COMPLETED), moment(times[-1]),
            ))  # fmt: skip
        clock = max(free)
    confirmed = [record for record in records if record.trial.source_trial]
    for index, record in enumerate(confirmed):
        scored_at = moment(clock + SCORING * (index + 1) / slots)
        records[record.trial.number - 1] = replace(record, test=TestScore(scored_at, 1, {}))
    return records


def record_at(record: TrialRecord, now: float) -> TrialRecord:
    """Return the record of a trial as it was at a time."""
    count = sum(time <= now for time in record.report_times)
    ended = record.ended_at is not None and record.ended_at <= now
    return replace(
        record, reports=record.reports[:count], report_times=record.report_times[:count],
        end=record.end if ended else None, ended_at=record.ended_at if ended else None,
        test=record.test if record.test and record.test.at <= now else None,
    )  # fmt: skip


@pytest.mark.parametrize("slots", [1, 2, 3])
@pytest.mark.parametrize(
    "keys",
    [{"asha": "off", "confirm": {"seeds": 0}}, {"asha": "off", "confirm": {"seeds": 3}}, {"confirm": {"seeds": 3}}],
    ids=["search", "with confirmation", "with early stopping"],
)
def test_it_is_within_a_third_from_the_first_quarter_on(keys: Mapping[str, Any], slots: int) -> None:
    spec = small_spec(budget={"trials": 24}, **keys)
    records = played(spec, slots)
    end = max(record.test.at if record.test else record.ended_at or 0 for record in records)
    for percent in range(25, 96, 5):
        now = BEGAN + (end - BEGAN) * percent / 100
        known = [record_at(record, now) for record in records if record.started_at <= now]
        truth = (end - now) / 1000
        left = seconds_left(spec, known, slots, now / 1000, texts=TEXTS)
        assert left == pytest.approx(truth, rel=1 / 3), f"at {percent} %"


def test_it_ends_at_nothing_and_is_unknown_before_the_first_report() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 1})
    records = played(spec, 2)
    end = max(record.test.at for record in records if record.test)
    assert seconds_left(spec, records, 2, end / 1000) == 0
    first = record_at(records[0], BEGAN + 1000)
    assert seconds_left(spec, [first], 2, BEGAN / 1000 + 1) is None


SESSION = SearchSession(began=BEGAN, at=BEGAN, gpu=0.5)
NEXT_REPORT = PROCESSES + 20 * STEP  # the first report after 108 seconds


@pytest.mark.parametrize(
    ("budget", "left"),
    [
        ({"hours": 0.03}, NEXT_REPORT - 60),  # after 108 seconds
        ({"gpu_hours": 0.02}, 0.02 * 3600 / (2 * 0.5) - 9 * STEP),  # 2 trials at a time on half a GPU each
        ({"cost": {"usd": 0.08, "per_gpu_hour": 4}}, 0.02 * 3600 / (2 * 0.5) - 9 * STEP),
        ({"gpu_hours": 9, "hours": 0.03}, NEXT_REPORT - 60),
    ],
    ids=str,
)
def test_a_limit_ends_it_at_the_next_reports(budget: Mapping[str, Any], left: float) -> None:
    keys: dict[str, Any] = {"asha": "off", "confirm": {"seeds": 0}, "resources": {"gpu": 0.5}}
    spec = small_spec(**keys, budget={"trials": 400, **budget})
    records = played(spec, 2)
    now = BEGAN / 1000 + 60
    known = [record_at(record, 1000 * now) for record in records if record.started_at <= 1000 * now]
    unlimited = seconds_left(small_spec(**keys, budget={"trials": 400}), known, 2, now)
    assert unlimited is not None
    assert unlimited > 1000
    assert seconds_left(spec, known, 2, now, [SESSION]) == pytest.approx(left)


@pytest.mark.parametrize(
    ("seconds", "left"), [(PROCESSES + 9 * STEP + 0.5, STEP - 1), (36, 0)], ids=["before the next report", "after it"]
)
def test_after_the_end_of_the_hours_it_is_the_time_until_the_next_report(seconds: float, left: float) -> None:
    spec = small_spec(asha="off", confirm={"seeds": 0}, budget={"trials": 400, "hours": seconds / 3600})
    now = BEGAN / 1000 + PROCESSES + 9 * STEP + 1
    known = [record_at(it, 1000 * now) for it in played(spec, 2) if it.started_at <= 1000 * now]
    assert seconds_left(spec, known, 2, now, [SESSION]) == pytest.approx(left)


def test_a_trial_that_completes_at_its_next_report_after_a_limit_is_confirmed() -> None:
    """Both trials have one validation to go, and the epochs are used up before."""
    keys: dict[str, Any] = {"asha": "off", "budget": {"trials": 2, "epochs": 7}}
    spec = small_spec(**keys, confirm={"seeds": 2})
    now = BEGAN / 1000 + PROCESSES + 3 * STEP + 1
    known = [record_at(it, 1000 * now) for it in played(spec, 2) if it.started_at <= 1000 * now]
    left = seconds_left(spec, known, 2, now)
    search = seconds_left(small_spec(**keys, confirm={"seeds": 0}), known, 2, now)
    assert search is not None
    assert search == pytest.approx(STEP - 1)
    assert left is not None
    assert left > search + 2 * known[0].trial.config.num_validations * STEP


def test_it_says_nothing_of_a_confirmation_that_has_no_settings() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 3}, budget={"trials": 4})
    stopped = TrialEnd(Outcome.STOPPED_EARLY)
    records = [replace(it, end=stopped) for it in played(spec, 2) if it.trial.is_of_search]
    assert seconds_left(spec, records, 2, (records[-1].ended_at or 0) / 1000) == 0


def test_trainings_that_take_no_time_have_limits_too() -> None:
    """A second passes until each trial trains, and then its reports come at once."""
    spec = small_spec(asha="off", confirm={"seeds": 0}, budget={"trials": 400, "hours": 5.5 / 3600})
    instant = [
        replace(it, started_at=moment(k), report_times=(moment(k + 1),) * len(it.reports), ended_at=moment(k + 1),
                reports=tuple(report(step, 0.5) for step in range(1, len(it.reports) + 1)))
        for k, it in enumerate(played(spec, 1)[:3])
    ]  # fmt: skip
    left = seconds_left(spec, instant, 1, BEGAN / 1000 + 3, [SESSION])
    assert left is not None
    assert 2.5 <= left <= 3


def test_epochs_end_the_search_when_they_are_used() -> None:
    keys: dict[str, Any] = {"asha": "off", "confirm": {"seeds": 0}}
    now = BEGAN / 1000 + PROCESSES + 4 * STEP
    spec = small_spec(**keys, budget={"trials": 400, "epochs": 28})
    known = [record_at(it, 1000 * now) for it in played(spec, 2) if it.started_at <= 1000 * now]
    used = sum(len(it.reports) for it in known)
    left = seconds_left(spec, known, 2, now)
    assert left == pytest.approx((28 - used) / 2 * STEP)


@pytest.mark.parametrize("slots", [1, 2, 3, 8])
def test_scores_take_as_long_as_validations_of_as_many_texts(slots: int) -> None:
    spec = small_spec(asha="off", confirm={"seeds": 4}, budget={"trials": 4})
    records = played(spec, slots)
    confirmed = max(it.ended_at or 0 for it in records)
    at_end = [record_at(it, confirmed) for it in records]
    rounds = -(-8 // slots)  # of eight models
    left = seconds_left(spec, at_end, slots, confirmed / 1000, texts=TEXTS)
    assert left == pytest.approx(rounds * SCORING, rel=0.01)


def test_the_scores_that_are_known_tell_the_time_of_the_others() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 4}, budget={"trials": 4})
    records = [replace(it, test=None) for it in played(spec, 2)]
    fresh = [it for it in records if it.trial.source_trial]
    began = (max(it.ended_at or 0 for it in fresh)) / 1000
    for number, seconds in enumerate((20, 20, 30, 30)):  # two at a time, each of 10 seconds
        scored = replace(fresh[number], test=TestScore(int(1000 * (began + seconds)), 1, {}))
        records[scored.trial.number - 1] = scored
    assert seconds_left(spec, records, 2, began + 34, texts=TEXTS) == pytest.approx(16, abs=0.01)


def test_models_that_score_longer_count_longer() -> None:
    """Of the first system, whose models are scored first, one takes 10 seconds, and of the second one 20."""
    spec = small_spec(asha="off", confirm={"seeds": 4}, budget={"trials": 4})
    records = [replace(it, test=None) for it in played(spec, 1)]
    slow = [it for it in records if it.trial.system == 1]
    for record in slow:  # validations take 1 second in place of 0.5
        metrics = [
            {**it.metrics, "seconds": STEP, "examples_per_second": TEXTS["train"] / 4.0} for it in record.reports
        ]
        reports = tuple(replace(it, metrics=new) for it, new in zip(record.reports, metrics, strict=True))
        records[record.trial.number - 1] = replace(record, reports=reports)
    fresh = sorted((it for it in records if it.trial.source_trial), key=lambda it: it.trial.system)
    began = max(it.ended_at or 0 for it in fresh) / 1000
    for record, seconds in zip(fresh, (20, 30, 40, 50, 70), strict=False):
        records[record.trial.number - 1] = replace(record, test=TestScore(int(1000 * (began + seconds)), 1, {}))
    assert seconds_left(spec, records, 1, began + 75, texts=TEXTS) == pytest.approx(55, abs=0.01)


def test_what_no_trial_has_reported_takes_at_least_as_long_as_it_has_taken() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 0}, budget={"trials": 2})
    first = played(spec, 1)[0]
    config = first.trial.config.model_copy(update={"batch_size": first.trial.config.batch_size * 4})
    began = int(first.ended_at or 0)
    running = TrialRecord(Trial(2, 1, first.trial.params, config), started_at=began)
    left = seconds_left(spec, [first, running], 1, began / 1000 + 8 * STEP)
    assert left == pytest.approx((config.num_validations - 1) * 8 * STEP)


def test_a_trial_that_waits_for_processes_has_all_of_its_training_left() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 0}, budget={"trials": 2})
    first, second = played(spec, 2)[:2]
    silent = replace(second, reports=(), report_times=(), end=None, ended_at=None, started_at=BEGAN)
    known = record_at(replace(first, started_at=BEGAN), moment(PROCESSES + 2 * STEP))
    left = seconds_left(spec, [known, silent], 2, BEGAN / 1000 + PROCESSES)
    assert left == pytest.approx(first.trial.config.num_validations * STEP)


def test_a_running_trial_is_foreseen_from_its_value() -> None:
    """At the rung, a trial that is better than the others passes, and one that is worse does not."""
    spec = small_spec(asha={"grace_epochs": 2, "reduction_factor": 2}, confirm={"seeds": 0}, budget={"trials": 12})
    lefts = []
    for value in (0.4, 0.6):
        records = played(spec, 1)[:12]
        last = max(records, key=lambda it: it.started_at)
        now = last.report_times[0]
        running = record_at(last, now)
        reports = tuple(replace(it, metrics={**it.metrics, "validation/accuracy": value}) for it in running.reports)
        records[last.trial.number - 1] = replace(running, reports=reports)
        lefts.append(seconds_left(spec, records, 1, now / 1000))
    steps = [1, last.trial.config.num_validations - 1]
    assert lefts == pytest.approx([STEP * count for count in steps])


def test_the_confirmation_is_that_of_a_setting_that_wins_in_most_draws() -> None:
    """The best trial so far is short, and one under way is long and much better."""
    spec = small_spec(
        asha="off", confirm={"seeds": 3}, budget={"trials": 2}, compare={"encoder": ["bert-base-uncased"]}
    )
    first, second = played(spec, 1)[:2]
    lefts = []
    for value in (0.1, 0.9):
        reports = tuple(report(it.step, value) for it in second.reports[:-1])
        config = second.trial.config.model_copy(update={"epochs": 2 * second.trial.config.epochs})
        trial = replace(second.trial, config=config)
        running = replace(second, trial=trial, reports=reports, report_times=second.report_times[:-1], end=None,
                          ended_at=None)  # fmt: skip
        now = second.report_times[-2] / 1000
        lefts.append(seconds_left(spec, [first, running], 3, now))
    short, long = first.trial.config.num_validations, 2 * first.trial.config.num_validations
    assert lefts[0] is not None
    assert lefts[1] is not None
    assert lefts[1] - lefts[0] == pytest.approx((long - short) * STEP)


def test_a_search_that_reached_its_goal_takes_the_confirmation_alone() -> None:
    keys: dict[str, Any] = {"asha": "off", "confirm": {"seeds": 2}, "budget": {"trials": 100}}
    spec = small_spec(**keys, objective={"maximize": "validation/accuracy", "stop_at": 0.5})
    records = [record for record in played(spec, 2)[:4] if record.end]
    now = (records[-1].ended_at or 0) / 1000
    without = seconds_left(small_spec(**keys), records, 2, now)
    left = seconds_left(spec, records, 2, now)
    assert left is not None
    assert without is not None
    trainings = len(spec.systems) * 2 * records[0].trial.config.num_validations * STEP / 2
    assert 0 < left < 2 * trainings < without


def test_patience_ends_the_search_it_is_expected_to_end() -> None:
    keys: dict[str, Any] = {"asha": "off", "confirm": {"seeds": 0}}
    trials = played(small_spec(**keys, budget={"trials": 400}), 2)  # all values are equal
    lefts = []
    for count in (10, 14, 18, 22):
        spec = small_spec(**keys, budget={"trials": 400, "patience": {"trials": 10}})
        left = seconds_left(spec, trials[:count], 2, (trials[count - 1].ended_at or 0) / 1000)
        assert left is not None
        lefts.append(left)
    assert lefts == sorted(lefts, reverse=True)
    assert lefts[-1] == 0
    assert lefts[0] < 200 * STEP


def test_confirmation_and_test_do_not_wait_for_processes_again() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 4}, budget={"trials": 8})
    records = played(spec, 2)
    search = [record for record in records if record.trial.is_of_search]
    now = max(record.ended_at or 0 for record in search)
    seeds = 4 * len(spec.systems)
    left = seconds_left(spec, search, 2, now / 1000, texts=TEXTS)
    assert left == pytest.approx(seeds / 2 * (search[0].trial.config.num_validations * STEP + SCORING), rel=0.01)


def test_a_clock_that_was_set_back_gives_an_estimate_all_the_same() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 0}, training={"epochs": 1})
    late = [replace(record, started_at=record.started_at + 3_600_000) for record in played(spec, 2)[:2]]
    left = seconds_left(spec, late, 2, (late[0].ended_at or 0) / 1000)
    assert left is not None
    assert left >= 0


def test_an_estimate_that_takes_long_is_made_seldom() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 0}, budget={"trials": 24})
    records = played(spec, 2)
    ticks = iter([0.0, 0.1, 1.0, 1.1, 2.5, 2.6])  # an estimate from 0 to 0.1 and from 2.5 to 2.6; none between
    estimate = RemainingTime(spec, 2, timer=lambda: next(ticks))
    now = (records[9].ended_at or 0) / 1000
    first = estimate.seconds_left(records[:10], now)
    assert first is not None
    assert estimate.seconds_left(records, now + 1) == first - 1
    assert estimate.seconds_left(records, now + 3600) is None  # the sweep moves faster than time: a log is read
    assert estimate.seconds_left(records, now + 3601) == 0
