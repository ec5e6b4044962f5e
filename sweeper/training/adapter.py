"""LoRA by peft: an encoder's own weights stay as they are, and a small adapter beside each matrix is trained.

A linear layer with the weights W computes with W + (alpha/r) B A, for A (r, in), which is random at first, and B
(out, r), which is 0 at first. Here alpha is 2r, so that the best learning rate hardly depends on the rank r. Source: Hu
et al. 2022, "LoRA: Low-Rank Adaptation of Large Language Models", section 4.1. Every linear layer of an encoder has an
adapter (Dettmers et al. 2023, "QLoRA", section 4), but not its pooler, whose output nobody reads.
"""

from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file
from torch import nn
from transformers.pytorch_utils import Conv1D

from sweeper.errors import UsageError

SCALE = 2  # alpha / r
_POOLER = "pooler"
_NAME = "default"  # peft's own name of an adapter
_PREFIX = "base_model.model."  # of every weight in peft's files


def add_adapter(encoder: nn.Module, rank: int) -> None:
    """Give each linear layer of an encoder an adapter of this rank, and let nothing else in it be trained.

    Raises UsageError if it has no linear layers.
    """
    targets = [
        name
        for name, module in encoder.named_modules()
        if isinstance(module, nn.Linear | Conv1D) and _POOLER not in name.split(".")
    ]
    if not targets:
        raise UsageError("lora: the encoder has no linear layers; leave lora out")
    config = LoraConfig(
        r=rank, lora_alpha=SCALE * rank, target_modules=targets, fan_in_fan_out=_is_transposed(encoder, targets)
    )
    inject_adapter_in_model(config, encoder, _NAME)


def save_adapter(encoder: nn.Module, folder: Path, base: str) -> None:
    """Write the adapter of an encoder to a folder, for `PeftModel.from_pretrained`. `base` names the encoder."""
    folder.mkdir(parents=True, exist_ok=True)
    weights: dict[str, torch.Tensor] = get_peft_model_state_dict(encoder, adapter_name=_NAME)
    save_file(
        {_PREFIX + name: weight.contiguous() for name, weight in weights.items()}, folder / "adapter_model.safetensors"
    )
    config: LoraConfig = encoder.peft_config[_NAME]  # type: ignore[index]
    config.base_model_name_or_path = base
    config.inference_mode = True
    config.save_pretrained(str(folder))


def merge_adapter(encoder: nn.Module) -> None:
    """Add each adapter to the matrix beside it, and remove it: an ordinary encoder is left."""
    layers = [(name, module) for name, module in encoder.named_modules() if isinstance(module, BaseTunerLayer)]
    for name, layer in layers:
        layer.merge()
        parent, _, attribute = name.rpartition(".")
        setattr(encoder.get_submodule(parent), attribute, layer.get_base_layer())
    del encoder.peft_config


def _is_transposed(encoder: nn.Module, targets: list[str]) -> bool:
    """Return True if the encoder keeps its matrices as (in, out), as GPT-2 does."""
    return any(isinstance(encoder.get_submodule(name), Conv1D) for name in targets)
