"""One optimiser over one phase of a training: AdamW, the rate's schedule, clipping, and gradient scaling in fp16."""

from typing import Any

import torch
from torch import Tensor, nn

from sweeper.training import device
from sweeper.training.config import Precision, TrainConfig

_NO_DECAY = ("bias", "norm")  # AdamW decays neither biases nor normalisation weights


class Optimizer:
    """Makes `updates` updates of a module's weights: the rate rises over the warm-up, then falls to 0."""

    def __init__(
        self,
        config: TrainConfig,
        module: nn.Module,
        rate: float,
        updates: int,
        precision: Precision,
        place: torch.device,
    ) -> None:
        self.parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.peak, self.updates, self.clip_norm = rate, updates, config.clip_norm
        self.warmup = round(config.warmup * updates)
        self.adamw = _adamw(config, module, rate)
        self.scaler = device.gradient_scaler(precision, place)
        self.done = 0  # of the updates

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last update."""
        return float(self.adamw.param_groups[0]["lr"])

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of `loss` to those that wait for the update."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Change the weights by the gradients since the last update."""
        for group in self.adamw.param_groups:
            group["lr"] = self._scheduled()
        self.scaler.unscale_(self.adamw)
        nn.utils.clip_grad_norm_(self.parameters, self.clip_norm)
        self.scaler.step(self.adamw)
        self.scaler.update()
        self.adamw.zero_grad()
        self.done += 1

    def _scheduled(self) -> float:
        rising = self.done < self.warmup
        share = self.done / self.warmup if rising else (self.updates - self.done) / (self.updates - self.warmup)
        return self.peak * share

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: gradients too, for it may fall between two updates."""
        return {
            "adamw": self.adamw.state_dict(),
            "scaler": self.scaler.state_dict(),
            "done": self.done,
            "gradients": [parameter.grad for parameter in self.parameters],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.adamw.load_state_dict(state["adamw"])
        self.scaler.load_state_dict(state["scaler"])
        self.done = state["done"]
        for parameter, gradient in zip(self.parameters, state["gradients"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)


def _adamw(config: TrainConfig, module: nn.Module, rate: float) -> torch.optim.AdamW:
    groups: tuple[list[nn.Parameter], list[nn.Parameter]] = ([], [])
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            groups[any(word in name.lower() for word in _NO_DECAY)].append(parameter)
    decays = ({"params": groups[0], "weight_decay": config.weight_decay}, {"params": groups[1], "weight_decay": 0.0})
    return torch.optim.AdamW(list(decays), lr=rate, fused=True)
