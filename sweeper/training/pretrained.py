"""Pretrained encoders: loaded from a folder in the format of transformers, and built again from arrays.

Importing what transformers needs for them takes a second and a half, so nothing else imports this module.
"""

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, initialization
from transformers.utils import logging as transformers_logging

from sweeper.errors import UnavailableError
from sweeper.training.config import TrainConfig
from sweeper.training.embedding_rows import keep_rows
from sweeper.training.types import EncoderWeights

_LONGEST_REASON = 200  # characters


def build_pretrained(encoder: EncoderWeights, config: TrainConfig) -> nn.Module:
    """Return a transformer with a copy of the pretrained weights: of the word embeddings, those that it needs."""
    fields = dict(encoder.configuration)
    configuration = AutoConfig.for_model(fields.pop("model_type"), **fields)
    with initialization.no_init_weights():
        module: nn.Module = AutoModel.from_config(configuration, dtype=torch.float32)
    weights = encoder.weights if encoder.tokens is None else keep_rows(module, encoder.weights, encoder.tokens)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # it is only read
        module.load_state_dict({name: torch.as_tensor(array) for name, array in weights.items()})
    return module


def load_pretrained(folder: Path, name: str, padding: int) -> EncoderWeights:
    """Load the encoder in a local folder, in the format of transformers, without executing code from the folder.

    Raises UnavailableError if its weights are missing or damaged, or if it is of a kind that transformers lacks.
    """
    transformers_logging.disable_progress_bar()
    try:
        module = AutoModel.from_pretrained(folder, dtype=torch.float32, trust_remote_code=False)
    except Exception as error:
        reason = " ".join(str(error).split())[:_LONGEST_REASON]
        raise UnavailableError(
            f"encoder {name}: its weights cannot be loaded ({reason}); fetch the model again"
        ) from error
    weights = {key: np.ascontiguousarray(tensor.numpy()) for key, tensor in module.state_dict().items()}
    return EncoderWeights(name, module.config.to_dict(), weights, padding, int(module.config.hidden_size))
