"""A text classifier that sweeper trained, for transformers: an encoder, a pooling of its tokens, and a small head.

    AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)

`sweeper export` copies this file beside the weights of a model that no class of transformers computes.
`trust_remote_code=True` lets transformers run it. It needs only torch and transformers, and must not import sweeper.

Shapes: B texts of L tokens with vectors of size D; F features of a text, C classes.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import SequenceClassifierOutput


def pool_first_token(hidden: Tensor, mask: Tensor, max_tokens: int) -> Tensor:
    """Return the vector of the first token (F = D)."""
    return hidden[:, 0]


def pool_mean(hidden: Tensor, mask: Tensor, max_tokens: int) -> Tensor:
    """Return the mean vector of all tokens but the first and the last (F = D). A text without others keeps them."""
    inner = mask.clone()
    inner[:, 0] = 0
    inner.scatter_(1, mask.sum(dim=1, keepdim=True) - 1, 0)
    words = torch.where(inner.any(dim=1, keepdim=True), inner, mask)
    return (hidden * words[:, :, None]).sum(dim=1) / words.sum(dim=1, keepdim=True)


def pool_all_tokens(hidden: Tensor, mask: Tensor, max_tokens: int) -> Tensor:
    """Return all vectors in a row, padded with zeros to `max_tokens` tokens (F = max_tokens * D)."""
    flat = (hidden * mask[:, :, None]).flatten(1)
    return functional.pad(flat, (0, max_tokens * hidden.shape[-1] - flat.shape[1]))


POOLINGS: Mapping[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "cls": pool_first_token,
    "mean": pool_mean,
    "flatten": pool_all_tokens,
}
"""Functions of hidden states (B, L, D), a mask (B, L) of the tokens that are not padding, and the longest text.

Each returns features (B, F). Padding is on the right.
"""


class PooledClassifierConfig(PretrainedConfig):  # type: ignore[misc]
    """The encoder's configuration, and what is computed from its hidden states.

    `pooling` is a key of POOLINGS, `head` is linear or mlp, and `max_tokens` is the length of a text in tokens.
    """

    model_type = "sweeper_pooled_classifier"
    sub_configs = {"encoder": AutoConfig}  # noqa: RUF012 - as in the classes of transformers

    def __init__(
        self,
        encoder: Mapping[str, Any] | PretrainedConfig | None = None,
        pooling: str = "mean",
        head: str = "linear",
        head_dropout: float = 0.0,
        max_tokens: int = 128,
        **others: Any,
    ) -> None:
        if encoder is None:
            encoder = AutoConfig.for_model("bert")
        self.encoder = AutoConfig.for_model(**encoder) if isinstance(encoder, Mapping) else encoder
        self.pooling, self.head, self.head_dropout, self.max_tokens = pooling, head, head_dropout, max_tokens
        super().__init__(**others)


class PooledForSequenceClassification(PreTrainedModel):  # type: ignore[misc]
    """An encoder with a linear classifier, or one with a hidden layer, on its pooled hidden states."""

    config_class = PooledClassifierConfig
    base_model_prefix = "encoder"
    accepts_loss_kwargs = False  # the Trainer of transformers averages the loss over accumulated batches itself
    _supports_sdpa = True
    _supports_flash_attn = True

    def __init__(self, config: PooledClassifierConfig) -> None:
        super().__init__(config)
        self.encoder = AutoModel.from_config(config.encoder)
        width = config.encoder.hidden_size * (config.max_tokens if config.pooling == "flatten" else 1)
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if config.head == "mlp":
            layers["hidden"] = nn.Linear(width, width)
        layers["dropout"] = nn.Dropout(config.head_dropout)
        if config.head == "mlp":
            layers["relu"] = nn.ReLU()
        layers["output"] = nn.Linear(width, config.num_labels)
        self.classifier = nn.Sequential(layers)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        labels: Tensor | None = None,
        return_dict: bool | None = None,
        **options: Any,
    ) -> SequenceClassifierOutput | tuple[Any, ...]:
        """Return logits (B, C), the loss if there are labels, and the hidden states and attentions if asked for.

        `options` go to the encoder. Labels are class numbers (B,), or a 0/1 matrix (B, C) in floating point if the
        problem type is multi_label_classification.
        """
        if token_type_ids is not None:
            options["token_type_ids"] = token_type_ids
        outputs = self.encoder(input_ids=input_ids, attention_mask=attention_mask, return_dict=True, **options)
        hidden = outputs.last_hidden_state
        mask = torch.ones_like(hidden[:, :, 0]) if attention_mask is None else attention_mask
        features = POOLINGS[self.config.pooling](hidden, mask.long(), self.config.max_tokens)
        logits = self.classifier(features)
        loss = None if labels is None else self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        output = SequenceClassifierOutput(
            loss=loss,
            logits=logits,
            hidden_states=outputs.get("hidden_states"),
            attentions=outputs.get("attentions"),
        )
        return_dict = self.config.return_dict if return_dict is None else return_dict
        return output if return_dict else output.to_tuple()


# save_pretrained then copies this file, and config.json names its classes
PooledClassifierConfig.register_for_auto_class("AutoConfig")
PooledForSequenceClassification.register_for_auto_class("AutoModelForSequenceClassification")
