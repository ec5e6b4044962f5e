"""Dropout on a CPU: its share, its scale, its gradient, and its seed."""

import pytest
import torch
from torch import nn

from sweeper.training.dropout import CpuDropout, dropout, replace_dropout

NUM_VALUES = 400_003  # no multiple of the masks in one draw


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("probability", [0.01, 0.1, 0.5, 0.9])
def test_a_share_is_dropped_and_the_mean_stays(probability: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    output = dropout(torch.ones(NUM_VALUES, dtype=dtype), probability)
    assert output.dtype == dtype
    assert (output == 0).float().mean().item() == pytest.approx(probability, abs=0.004)
    kept = output[output != 0]
    assert (kept == kept[0]).all()
    assert kept[0].item() == pytest.approx(1 / (1 - probability), rel=1e-2 if dtype == torch.bfloat16 else 1e-3)


def test_neighbours_are_dropped_independently() -> None:
    torch.manual_seed(0)
    dropped = (dropout(torch.ones(NUM_VALUES), 0.25) == 0).float()
    for distance in range(1, 9):
        both = (dropped[distance:] * dropped[:-distance]).mean().item()
        assert both == pytest.approx(0.25**2, abs=0.003), distance


def test_the_gradient_passes_where_values_stayed() -> None:
    torch.manual_seed(0)
    values = torch.rand(5, 7).add(1).requires_grad_()
    output = dropout(values, 0.4)
    output.sum().backward()  # type: ignore[no-untyped-call]
    assert values.grad is not None
    torch.testing.assert_close(values.grad, (output / values).detach())


def test_a_seed_gives_the_same_mask_on_any_number_of_threads() -> None:
    before, outputs = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        torch.manual_seed(3)
        outputs.append(dropout(torch.ones(NUM_VALUES), 0.1))
    torch.set_num_threads(before)
    assert torch.equal(*outputs)
    assert not torch.equal(outputs[0], dropout(torch.ones(NUM_VALUES), 0.1))


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 1.0), (1.0, 0.0)])
def test_nothing_or_everything_can_be_dropped(probability: float, expected: float) -> None:
    assert torch.equal(dropout(torch.ones(9), probability), torch.full((9,), expected))


def test_every_dropout_of_a_module_is_replaced() -> None:
    module = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.Dropout(0.2)), nn.Dropout(0.3)).eval()
    names = list(module.state_dict())
    replace_dropout(module)
    assert [child.p for child in module.modules() if isinstance(child, CpuDropout)] == [0.2, 0.3]
    assert list(module.state_dict()) == names
    values = torch.ones(2, 3)
    torch.testing.assert_close(module(values), module[0](values))  # scoring drops nothing
    assert not torch.equal(module[1].train()(torch.ones(99)), torch.ones(99))
