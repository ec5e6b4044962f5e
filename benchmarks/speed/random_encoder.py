"""An encoder of ELECTRA's architecture with random weights: its speed is that of a trained one."""

from collections.abc import Mapping

from benchmarks.speed.peers.trainer import load_tokenizer
from benchmarks.speed.settings import Settings


def save(settings: Settings, folder: str, shape: Mapping[str, int]) -> None:
    """Save an encoder of this shape, with the tokenizer of the settings' encoder."""
    import torch
    from transformers import ElectraConfig, ElectraModel

    tokenizer = load_tokenizer(settings)
    torch.manual_seed(0)
    configuration = ElectraConfig(vocab_size=len(tokenizer), embedding_size=shape["hidden_size"], **shape)
    ElectraModel(configuration).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
