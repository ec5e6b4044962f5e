"""The optimizer of one phase: AdamW with a learning rate schedule, gradient clipping, and gradient scaling in fp16."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn

from sweeper.errors import CheckpointError
from sweeper.training.config import Precision, TrainConfig
from sweeper.training.device import gradient_scaler
from sweeper.training.gradient_norm import GradientNorm
from sweeper.training.schedule import learning_rate_of_update

_NO_DECAY = ("bias", "norm")  # AdamW decays neither biases nor normalization weights
_CLIPPED_BY_ADAMW = ("cpu", "cuda")  # devices on which torch's fused AdamW scales gradients
_SMALLEST_NORM = 1e-6  # as in torch's clip_grad_norm_


class Optimizer:
    """Makes `num_updates` updates of a module's weights, with the learning rate of the schedule.

    The learning rate of a parameter named in `factors` is multiplied by its factor.
    """

    def __init__(
        self,
        config: TrainConfig,
        module: nn.Module,
        peak_learning_rate: float,
        num_updates: int,
        precision: Precision,
        device: torch.device,
        factors: Mapping[str, float] = MappingProxyType({}),
    ) -> None:
        self.parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.peak_learning_rate, self.num_updates, self.clip_norm = peak_learning_rate, num_updates, config.clip_norm
        self.config, self.gradient_norm = config, GradientNorm(module)
        self.adamw = _build_adamw(config, module, peak_learning_rate, factors)
        self.scaler = gradient_scaler(precision, device)
        self.clips_in_update = device.type in _CLIPPED_BY_ADAMW
        self.completed_updates = 0
        self.known_skipped: list[int] = []
        self.step_counts: list[Tensor] = []  # AdamW's own count after each update that is not yet known

    @property
    def learning_rate(self) -> float | None:
        """The learning rate of the last update, without factors; None before the first."""
        return float(self.adamw.param_groups[0]["lr"]) if self.completed_updates else None

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of `loss` to those of the next update."""
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]

    def update(self) -> None:
        """Change the weights by the gradients since the last update."""
        for group in self.adamw.param_groups:
            group["lr"] = self._next_learning_rate() * group["factor"]
        self.scaler.unscale_(self.adamw)
        self._clip()
        self.scaler.step(self.adamw)
        self.scaler.update()
        if self.scaler.is_enabled():
            self.step_counts.append(self._step_count())
        self._clear_gradients()
        self.completed_updates += 1

    def skipped_updates(self) -> list[int]:
        """Return the numbers (from 0) of the updates that changed nothing: in fp16, those whose gradients overflowed.

        This waits for the device, if it is called the first time since an update in fp16.
        """
        first = self.completed_updates - len(self.step_counts)
        applied = first - len(self.known_skipped)
        for update, count in enumerate(torch.stack(self.step_counts).tolist() if self.step_counts else [], first):
            if count == applied:
                self.known_skipped.append(update)
            applied = count
        self.step_counts = []
        return list(self.known_skipped)

    def _step_count(self) -> Tensor:
        """Return the number of updates that AdamW has applied; it stays on the device."""
        state: dict[str, Tensor] = next(iter(self.adamw.state.values()), {})
        return state["step"].clone() if state else torch.zeros(())

    def _clip(self) -> None:
        """Scale the gradients down to `clip_norm`: in the update, where AdamW reads them anyway, if it can do that.

        It divides them by `grad_scale`. Nothing here waits for the device.
        """
        if not self.clips_in_update:
            nn.utils.clip_grads_with_norm_(self.parameters, self.clip_norm, self.gradient_norm())
            return
        divisor = ((self.gradient_norm() + _SMALLEST_NORM) / self.clip_norm).clamp(min=1)
        self.adamw.grad_scale = divisor  # type: ignore[attr-defined]

    def _clear_gradients(self) -> None:
        for embedding in self.gradient_norm.embeddings:
            embedding.clear_gradient()
        self.adamw.zero_grad()

    def _next_learning_rate(self) -> float:
        return learning_rate_of_update(self.config, self.peak_learning_rate, self.completed_updates, self.num_updates)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint. It includes gradients, because it may be taken between two updates."""
        return {
            "adamw": self.adamw.state_dict(),
            "scaler": self.scaler.state_dict(),
            "completed_updates": self.completed_updates,
            "skipped_updates": self.skipped_updates(),
            "gradients": [parameter.grad for parameter in self.parameters],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a state that `state` returned. Raises CheckpointError if it is that of another optimizer."""
        expected_groups = [dict(group) for group in self.adamw.param_groups]
        self.adamw.load_state_dict(state["adamw"])  # the restored groups have what the state has, no more
        for group, expected in zip(self.adamw.param_groups, expected_groups, strict=True):
            if missing_options := sorted(expected.keys() - group.keys()):
                raise CheckpointError(f"its optimizer has no {missing_options[0]}")
            if any(group[name] != expected[name] for name in ("factor", "weight_decay")):
                raise CheckpointError("its optimizer has the weights in other groups")
        for parameter, moments in self.adamw.state.items():
            if any(moments[name].shape != parameter.shape for name in ("exp_avg", "exp_avg_sq")):
                raise CheckpointError("its optimizer has the weights in another order")
        self.scaler.load_state_dict(state["scaler"])
        self.completed_updates = state["completed_updates"]
        self.known_skipped = list(state.get("skipped_updates", ()))
        for parameter, gradient in zip(self.parameters, state["gradients"], strict=True):
            parameter.grad = None if gradient is None else gradient.to(parameter.device)


def is_decayed(name: str) -> bool:
    """Return True if AdamW decays the weights with this name."""
    return not any(word in name.lower() for word in _NO_DECAY)


def _build_adamw(
    config: TrainConfig, module: nn.Module, learning_rate: float, factors: Mapping[str, float]
) -> torch.optim.AdamW:
    """Return AdamW over a module's trainable parameters: for each factor a group with weight decay and one without."""
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((factors.get(name, 1.0), is_decayed(name)), []).append(parameter)
    options = [
        {"params": groups[factor, decays], "factor": factor, "weight_decay": config.weight_decay if decays else 0.0}
        for factor, decays in sorted(groups, reverse=True)  # the first group has factor 1
    ]
    return torch.optim.AdamW(options, lr=learning_rate, fused=True)
