"""The weights that are validated and kept: the last ones, an exponential average or a greedy soup, against formulas."""

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sweeper.errors import DivergedError
from sweeper.training import checkpoint
from sweeper.training.averaging import Validation
from sweeper.training.best_model import best_model_path
from sweeper.training.config import TrainConfig
from sweeper.training.evaluation import evaluate
from sweeper.training.exponential_average import ExponentialAverage
from sweeper.training.final_scoring import score_best_model
from sweeper.training.greedy_soup import GreedySoup, mean_weights
from sweeper.training.objective import ObjectiveMetric
from sweeper.training.trainer import train_events
from sweeper.training.training_setup import prepare_training
from sweeper.training.types import Heartbeat, TrainingData, ValidationReport
from tests.support import tiny_training

OBJECTIVE = ObjectiveMetric(maximize="validation/accuracy")
LOSS = ObjectiveMetric(minimize="validation/loss")
State = dict[str, Tensor]


def config(average: str, **hyperparameters: Any) -> TrainConfig:
    values = {"epochs": 5, "batch_size": 8, "learning_rate": 8e-3, "ema_decay": 0.7, **hyperparameters}
    return tiny_training.config(average=average, **values)


def reports(events: Any) -> list[ValidationReport]:
    return [event for event in events if isinstance(event, ValidationReport)]


def exponential_average(history: Sequence[Tensor], decay: float) -> Tensor:
    """The average that a training with these weights after its updates keeps."""
    parameter = nn.Parameter(torch.full(history[0].shape, 1e3))  # the weights before the first update
    average = ExponentialAverage(config("ema", ema_decay=decay), OBJECTIVE)
    average.enter_phase({"w": parameter})
    for weights in history:
        parameter.data = weights.clone()
        average.update()
    return average.weights["w"]


@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
@pytest.mark.parametrize("updates", [1, 2, 60])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99, 1 - 1e-12])
def test_the_exponential_average_equals_the_formula(decay: float, updates: int, scale: float) -> None:
    generator = torch.Generator().manual_seed(updates)
    history = [scale * torch.randn(3, 5, generator=generator) for _ in range(updates)]
    shares = [decay ** (updates - i) for i in range(1, updates + 1)]  # without the factor, which their sum cancels
    terms = [share * weights.double().numpy() for share, weights in zip(shares, history, strict=True)]
    expected = sum(terms) / sum(shares)
    np.testing.assert_allclose(exponential_average(history, decay).numpy(), expected, rtol=0, atol=3e-6 * scale)


def test_the_average_of_the_same_weights_is_these_weights() -> None:
    weights = torch.randn(7)
    assert torch.equal(exponential_average([weights] * 9, 0.9), weights)
    assert torch.equal(exponential_average([torch.randn(7), weights], 0.0), weights)
    assert torch.equal(exponential_average([weights], 0.99), weights)


def test_means_are_rounded_once() -> None:
    weights = [torch.randn(1000, generator=torch.Generator().manual_seed(k)) * 10.0**k for k in range(3)]
    expected = np.mean([tensor.double().numpy() for tensor in weights], axis=0).astype(np.float32)
    assert np.array_equal(mean_weights(weights).numpy(), expected)
    assert torch.equal(mean_weights([weights[0]] * 3), weights[0])


def states_of_validations(settings: TrainConfig, data: TrainingData, path: Path) -> list[State]:
    """The weights of a training at each of its validations, before they are averaged."""
    events = train_events(settings, data, path, OBJECTIVE)
    return [checkpoint.load_checkpoint(path)["model"] for event in events if isinstance(event, ValidationReport)]


def mean_state(states: Sequence[State]) -> State:
    means = {name: np.mean([state[name].double().numpy() for state in states], axis=0) for name in states[0]}
    return {name: torch.from_numpy(mean).to(states[0][name].dtype) for name, mean in means.items()}


@pytest.mark.parametrize("objective", [OBJECTIVE, LOSS], ids=lambda objective: objective.direction)
def test_the_soup_is_that_of_the_recipe(objective: ObjectiveMetric, data: TrainingData, tmp_path: Path) -> None:
    settings, path = config("soup", learning_rate=2e-2, schedule="constant"), tmp_path / "checkpoint-1.pt"
    model, states = prepare_training(settings, data).model, list[State]()

    def value(chosen: Sequence[int]) -> float:
        model.load_state_dict(mean_state([states[k] for k in sorted(chosen)]))
        return objective.sign * evaluate(model, data, "validation", settings).metrics[objective.name]

    sizes = []
    for report in train_events(settings, data, path, objective):
        if not isinstance(report, ValidationReport):
            continue
        states.append(checkpoint.load_checkpoint(path)["model"])  # training goes on with the weights themselves
        first, *others = sorted(range(len(states)), key=lambda k: -value([k]))
        soup = [first]
        for other in others:
            soup += [other] if value([*soup, other]) >= value(soup) else []
        assert objective.sign * report.metrics[objective.metric] == value(soup)
        assert report.metrics["soup/validations"] == len(soup)
        sizes.append(len(soup))
        if report.step == checkpoint.load_checkpoint(path)["best"]["step"]:
            expected = mean_state([states[k] for k in sorted(soup)])
    kept = checkpoint.load_checkpoint(best_model_path(path))["model"]
    assert [name for name, weights in expected.items() if not torch.equal(weights, kept[name])] == []
    assert max(sizes) > 1  # otherwise this shows nothing


def test_a_mean_whose_loss_is_not_finite_is_left_out_of_the_soup_and_not_tried_again() -> None:
    """The weights are one number, which is also the loss; that of the mean 1.5 is not finite."""
    weights, tried = nn.Parameter(torch.zeros(())), list[float]()
    soup = GreedySoup(config("soup"), LOSS)
    soup.enter_phase({"w": weights})

    def validate() -> Validation:
        tried.append(weights.item())
        yield Heartbeat()
        if weights.item() == 1.5:
            raise DivergedError("the loss is not finite")
        return {"validation/loss": weights.item()}

    for step, value in enumerate((1.0, 2.0, 4.0), start=1):
        weights.data = torch.tensor(value)
        events = soup.validate(step, validate)
        while True:
            try:
                next(events)
            except StopIteration as end:
                metrics = end.value
                break
        assert metrics == {"validation/loss": 1.0, "soup/validations": 1.0}
        assert weights.item() == value  # those that are trained on
    assert tried == [1.0, 2.0, 1.5, 4.0, 2.5]
    assert soup.origin == {"soup": [1]}


def test_an_average_does_not_change_what_is_trained(data: TrainingData, tmp_path: Path) -> None:
    of_best, of_ema, of_soup = (
        states_of_validations(config(average), data, tmp_path / f"{average}-checkpoint-1.pt")
        for average in ("best", "ema", "soup")
    )
    for first, second, third in zip(of_best, of_ema, of_soup, strict=True):
        assert all(torch.equal(weights, second[name]) for name, weights in first.items())
        assert all(torch.equal(weights, third[name]) for name, weights in first.items())


@pytest.mark.parametrize(
    ("average", "hyperparameters"), [("ema", {"ema_decay": 0.0}), ("soup", {"epochs": 1}), ("last", {"epochs": 1})]
)
def test_averages_of_one_are_the_weights_themselves(
    average: str, hyperparameters: dict[str, Any], data: TrainingData
) -> None:
    expected, found = (
        reports(train_events(config(name, **hyperparameters), data, None, OBJECTIVE)) for name in ("best", average)
    )
    for first, second in zip(expected, found, strict=True):
        timed = {"seconds", "examples_per_second", "soup/validations"}
        assert {**first.metrics, **dict.fromkeys(timed, 0)} == {**second.metrics, **dict.fromkeys(timed, 0)}


CASES: list[tuple[str, dict[str, Any]]] = [
    ("last", {"epochs": 3}),
    (("ema", {"accumulate": 3, "validations_per_epoch": 2, "epochs": 2})),
    ("soup", {"epochs": 4}),
]
CASES += [(name, {"loss": "scl_two_phase", "contrastive_epochs": 2, "epochs": 2}) for name in ("last", "ema", "soup")]
CASES += [("ema", {"loss": "lcl", "epochs": 2}), ("soup", {"loss": "lcl", "freeze_embeddings": True, "epochs": 3})]


@pytest.mark.parametrize(("average", "hyperparameters"), CASES, ids=str)
def test_interrupted_at_every_validation_a_training_keeps_the_same_weights(
    average: str, hyperparameters: dict[str, Any], tmp_path: Path
) -> None:
    data, settings = tiny_training.data(rows=40), config(average, **hyperparameters)
    whole, cut = tmp_path / "checkpoint-1.pt", tmp_path / "checkpoint-2.pt"
    expected = reports(train_events(settings, data, whole, OBJECTIVE))
    for stop in range(1, settings.num_validations + 1):
        events = train_events(settings, data, cut, OBJECTIVE)
        assert len(list(islice((event for event in events if isinstance(event, ValidationReport)), stop))) == stop
        events.close()
    found = reports(train_events(settings, data, cut, OBJECTIVE))
    assert tiny_training.without_timing(found) == tiny_training.without_timing(expected)
    states = [checkpoint.load_checkpoint(best_model_path(path)) for path in (whole, cut)]
    weights = [state.pop("model") for state in states]
    assert states[0] == states[1]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())

    kept = expected[states[0]["step"] - 1]
    (scored,) = reports(score_best_model(settings, data, whole, OBJECTIVE))
    assert scored.model_scores is not None
    predictions = scored.model_scores.splits["validation"]
    accuracy = float((predictions.predicted_classes == predictions.labels).mean())
    assert accuracy == kept.metrics["validation/accuracy"]  # the scores are those of the weights that are kept
    if average == "last":
        assert kept.step == settings.num_validations


@pytest.mark.parametrize(("average", "copies"), [("best", 0), ("last", 0), ("ema", 1), ("soup", 5)])
def test_a_checkpoint_holds_as_many_copies_as_the_disk_formula_counts(
    average: str, copies: int, data: TrainingData, tmp_path: Path
) -> None:
    settings, sizes = config(average), list[int]()
    for name in ("best", average):
        path = tmp_path / f"{name}-checkpoint-1.pt"
        list(train_events(config(name), data, path, OBJECTIVE, keep_best=False))
        sizes.append(path.stat().st_size)
    parameters = sum(part.numel() for part in prepare_training(settings, data).model.parameters())
    assert (sizes[1] - sizes[0]) / (4 * parameters) == pytest.approx(
        copies, rel=0.3, abs=0.05
    )  # headers of small tensors
