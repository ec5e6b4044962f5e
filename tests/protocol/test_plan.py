"""The plan of a sweep: simulated sweeps, disk, and limits that it exceeds."""

from typing import Any

import pytest

from sweeper.protocol.calibration_points import calibration_points, describe_point, nearest_point
from sweeper.protocol.disk_need import certain_disk_need, disk_need
from sweeper.protocol.plan import find_exceeded, make_plan, plan_use, simulate
from sweeper.protocol.simulated_sweep import Overhead
from sweeper.protocol.sweep_plan import SweepPlan
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.training.training_cost import TrainingCost
from sweeper.trials.resources import TrialResources
from tests.support.search_spaces import small_spec

TWO_SLOTS = TrialResources(1, 0.0, 2)
GIGABYTE = 10**9


def plan_of(spec: SweepSpec, resources: TrialResources = TWO_SLOTS) -> SweepPlan:
    return make_plan(spec, resources, simulate(spec, resources), is_remote=False)


def used_by(spec: SweepSpec, cost: TrainingCost, resources: TrialResources = TWO_SLOTS, **times: float) -> SweepPlan:
    """Return a plan in which every training has the same cost."""
    timed = [(spec.train_config({"encoder": "m", "loss": "ce"}, seed=0, threads=1), cost)]
    sweeps = simulate(spec, resources, timed, Overhead(**times))
    use = plan_use(resources, sweeps, timed, disk=0, free=GIGABYTE)
    return plan_of(spec, resources).model_copy(update={"use": use})


def test_a_plan_names_what_runs() -> None:
    plan = plan_of(small_spec(confirm={"seeds": 2, "top": 2}))
    assert [(system.params["loss"], system.trials) for system in plan.systems] == [("ce", 3), ("lcl", 3)]
    assert {(h.name, h.values, h.when) for h in plan.hyperparameters} >= {
        ("batch_size", "4, 8", ""),
        ("alpha", "0.1 to 0.9", "loss is lcl"),
        ("tau", "0.05 to 1 (log)", "loss is lcl, normalize is true"),
    }
    assert (plan.trials, plan.epochs_at_most, plan.confirmation_trainings, plan.scorings) == (6, 24, 8, 4)
    assert [rung.epoch for rung in plan.rungs] == [1, 2]
    assert 0 < plan.stopped < 6
    assert plan.epochs.low <= plan.epochs.expected <= plan.epochs.high < 24
    assert plan.use is None


def test_a_condition_names_only_values_for_which_a_hyperparameter_is_used() -> None:
    def condition(losses: list[str], **when: Any) -> str:
        compare, alpha = {"encoder": ["m"], "loss": losses}, {"uniform": [0.1, 0.9], **when}
        plan = plan_of(small_spec(compare=compare, search={"alpha": alpha, "batch_size": [4, 8]}))
        return next(found.when for found in plan.hyperparameters if found.name == "alpha")

    assert condition(["ce", "scl"], when={"loss": ["ce", "scl"]}) == "loss is scl"
    assert condition(["ce", "scl"], when={"loss": "ce"}) == condition(["ce"]) == "never"


def test_without_early_stopping_every_epoch_is_trained() -> None:
    plan = plan_of(small_spec(asha="off", confirm={"seeds": 3}))
    assert (plan.epochs.low, plan.epochs.high, plan.rule, plan.stopped) == (24, 24, "", 0)
    assert plan.confirmation_epochs == 2 * 3 * 4


def test_the_same_plan_is_made_again() -> None:
    assert plan_of(small_spec()) == plan_of(small_spec())


@pytest.mark.parametrize(("slots", "hours"), [(1, 6), (2, 3), (4, 2), (100, 1)])
def test_trials_run_side_by_side_and_one_after_the_other(slots: int, hours: float) -> None:
    spec = small_spec(asha="off")
    use = used_by(spec, TrainingCost(epoch=900), TrialResources(1, 0.0, slots)).use
    assert use is not None
    assert use.hours.expected == pytest.approx(hours)
    assert use.cpu_hours.expected == pytest.approx(6)


def test_confirmation_test_start_and_end_take_time_too() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 2})
    cost = TrainingCost(start=1, epoch=10, validation=2, checkpoint=0.5, score=7, processor=0.5)
    use = used_by(spec, cost, start=100, stage=20, trial=3, test_data=30, end=40).use
    assert use is not None
    training, scoring = 1 + 4 * 12.5, 7
    search, confirmation = 100 + 3 * (training + 3), 20 + 2 * (training + 3)
    assert use.search_hours.expected * 3600 == pytest.approx(search)
    assert use.hours.expected * 3600 == pytest.approx(search + confirmation + 30 + 20 + 2 * (scoring + 3) + 40)
    assert use.cpu_hours.expected * 3600 == pytest.approx(0.5 * (10 * (training - 4 * 0.5) + 4 * scoring))


def test_gpu_hours_count_training_and_validation_times_the_gpus() -> None:
    spec = small_spec(asha="off", confirm={"seeds": 1}, resources={"gpu": 0.5})
    cost = TrainingCost(start=99, epoch=1000, validation=80, checkpoint=9)
    use = used_by(spec, cost, TrialResources(1, 0.5, 2)).use
    assert use is not None
    assert use.search_gpu_hours.expected * 3600 == pytest.approx(0.5 * 6 * 4 * 1080)
    assert use.gpu_hours.expected * 3600 == pytest.approx(0.5 * 8 * 4 * 1080)


def test_a_budget_of_epochs_ends_the_simulated_search() -> None:
    plan = plan_of(small_spec(asha="off", budget={"trials": 6, "epochs": 9}))
    assert (plan.epochs_at_most, plan.epochs.expected) == (9, 10)


@pytest.mark.parametrize(
    ("limit", "slots", "epochs", "confirmation"), [(15, 1, 15, 20), (3, 1, 3, 0), (15, 4, 18, 0), (3, 4, 6, 0)]
)
def test_trials_under_way_at_the_limit_end_at_their_next_validation(
    limit: int, slots: int, epochs: int, confirmation: int
) -> None:
    changes: dict[str, Any] = {"compare": {"loss": ["ce"]}, "training": {"encoder": "m", "epochs": 10}}
    spec = small_spec(**changes, asha="off", budget={"trials": 6, "epochs": limit}, confirm={"seeds": 2})
    plan = plan_of(spec, TrialResources(1, 0.0, slots))
    assert (plan.epochs.expected, plan.confirmation_epochs) == (epochs, confirmation)


@pytest.mark.parametrize(
    ("budget", "gpu", "place"),
    [
        ({"hours": 1}, 0.0, "budget.hours"),
        ({"gpu_hours": 2}, 1.0, "budget.gpu_hours"),
        ({"cost": {"usd": 3, "per_gpu_hour": 2}}, 1.0, "budget.cost"),
    ],
)
def test_a_limit_that_is_too_small_is_named_with_a_remedy(budget: dict[str, Any], gpu: float, place: str) -> None:
    resources = TrialResources(1, gpu, 2)
    spec = small_spec(asha="off", budget={"trials": 6, **budget}, resources={"gpu": gpu})
    (line,) = find_exceeded(spec, used_by(spec, TrainingCost(epoch=900), resources))
    assert f"{place}: the search takes about " in line
    assert "budget.trials" in line
    assert "\n" not in line
    assert find_exceeded(spec, used_by(spec, TrainingCost(epoch=9), resources)) == []
    assert find_exceeded(spec, plan_of(spec, resources)) == []


def test_disk_is_that_of_checkpoints_and_confirmed_models() -> None:
    spec = small_spec(confirm={"seeds": 0})
    assert disk_need(spec, [10, 20], slots=3) == 2 * 3 * 12 * 20
    assert disk_need(spec, [10, 20], slots=99) == 2 * 6 * 12 * 20
    confirmed = small_spec(confirm={"seeds": 5, "top": 2})
    assert disk_need(confirmed, [10, 20], slots=3) == 2 * 3 * 16 * 20 + 10 * 4 * 30
    assert certain_disk_need(confirmed, [10, 20], slots=3) == 4 * 12 * 10
    assert [certain_disk_need(confirmed, [10, 20], 3, left) for left in (0, 1, 5)] == [0, 2 * 12 * 10, 4 * 12 * 10]
    assert certain_disk_need(confirmed, [10, 20], 3) < disk_need(confirmed, [10, 20], 3)
    assert disk_need(spec, [10, 20], 3, besides=[30, 0]) == 2 * 3 * (12 * 20 + 4 * 30)
    assert disk_need(confirmed, [10, 20], 3, besides=[30, 0]) == 2 * 3 * (16 * 20 + 4 * 30) + 10 * 4 * 30


def test_each_encoder_loss_and_batch_size_is_timed_once() -> None:
    points = calibration_points(small_spec(), threads=3)
    keys = [tuple(describe_point(point, points).values()) for point in points]
    assert keys == [("m", "ce", 4), ("m", "ce", 8), ("m", "lcl", 4), ("m", "lcl", 8)]
    assert {point.threads for point in points} == {3}


def test_a_range_is_timed_at_its_ends_and_many_are_thinned() -> None:
    ranged = small_spec(search={"batch_size": {"int": [4, 64]}})
    assert {point.batch_size for point in calibration_points(ranged, 1)} == {4, 64}
    many = small_spec(
        compare={"encoder": [f"m{k}" for k in range(20)], "loss": ["ce", "scl"]},
        search={"batch_size": [4, 8, 16]},
        budget={"trials": 40},
    )
    points = calibration_points(many, 1)
    assert len({(point.encoder, point.loss) for point in points}) == 40
    assert len(points) < 70


def test_what_else_changes_a_step_is_timed_too() -> None:
    spec = small_spec(
        compare={"encoder": ["gru"], "loss": ["ce"]},
        search={"batch_size": [4, 8], "hidden_size": {"int": [8, 64]}, "dropout": {"uniform": [0, 0.5]}},
    )
    points = calibration_points(spec, 1)
    timed = [tuple(describe_point(point, points).values())[2:] for point in points]
    assert timed == [(4, 8), (4, 64), (8, 8), (8, 64)]


@pytest.mark.parametrize(("loss", "size", "expected"), [("ce", 5, 0), ("ce", 60, 1), ("lcl", 8, 2), ("lcl", 33, 3)])
def test_the_nearest_point_stands_for_a_setting(loss: str, size: int, expected: int) -> None:
    spec = small_spec(search={"batch_size": {"int": [4, 64]}})
    points = calibration_points(spec, 1)
    config = spec.train_config({"encoder": "m", "loss": loss, "batch_size": size}, seed=0, threads=1)
    assert nearest_point(config, points) == expected


def test_a_plan_counts_the_trials_of_all_brackets_at_a_rung() -> None:
    rule = {"hyperband": {"grace_epochs": 1, "reduction_factor": 2}}
    spec = small_spec(early_stopping=rule, budget={"trials": 40})
    plan, brackets = plan_of(spec), [spec.bracket_of(proposal) for proposal in range(20)]  # of each of two systems
    first, second = plan.rungs
    assert (plan.rule, plan.brackets, first.epoch, second.epoch) == ("Hyperband", 3, 1, 2)
    assert first.trials == 2 * brackets.count(1)
    assert first.passing is not None
    assert second.trials == pytest.approx(first.trials * first.passing + 2 * brackets.count(2))
    assert plan_of(small_spec(budget={"trials": 40})).epochs.expected < plan.epochs.expected < 160
