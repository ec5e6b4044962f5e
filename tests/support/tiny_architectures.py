"""Architectures of transformers with a few thousand random weights."""

import torch
from transformers import (
    AlbertConfig,
    AutoModel,
    BertConfig,
    DebertaConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    ModernBertConfig,
    MPNetConfig,
    PretrainedConfig,
    PreTrainedModel,
    RobertaConfig,
    XLMRobertaConfig,
)

KINDS: dict[str, PretrainedConfig] = {
    kind.model_type: kind
    for kind in (
        BertConfig(), ElectraConfig(embedding_size=16), RobertaConfig(), DebertaConfig(), DebertaV2Config(),
        DistilBertConfig(dim=32, hidden_dim=64, n_heads=2, n_layers=2), AlbertConfig(embedding_size=16), MPNetConfig(),
        ModernBertConfig(
            num_hidden_layers=2, pad_token_id=0, bos_token_id=2, eos_token_id=3, cls_token_id=2, sep_token_id=3
        ),
        XLMRobertaConfig(),
    )
}  # fmt: skip


def shrink(settings: PretrainedConfig, vocabulary: int = 100) -> PretrainedConfig:
    """Return the same architecture with a few thousand weights."""
    small = {"vocab_size": vocabulary, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    small |= {"intermediate_size": 64, "max_position_embeddings": 40}
    if settings.model_type == "distilbert":
        small = {"vocab_size": vocabulary, "max_position_embeddings": 40}
    shrunk = type(settings).from_dict(settings.to_dict())
    shrunk.update(small)
    return shrunk


def build(kind: str, vocabulary: int = 100) -> PreTrainedModel:
    """Return an architecture with random weights, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model: PreTrainedModel = AutoModel.from_config(shrink(KINDS[kind], vocabulary))
    return model
