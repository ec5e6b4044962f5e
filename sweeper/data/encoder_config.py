"""The configuration of a pretrained encoder, in config.json: its kind, and the number of tokens that it takes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sweeper.data.encoder_catalog import ENCODERS
from sweeper.errors import UnavailableError

CONFIG_NAME = "config.json"
_TOKENIZER_CONFIG_NAME = "tokenizer_config.json"
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9_][\w.-]*)?")

# Models that number a text's positions from pad_token_id + 1, so that some of their positions are never used.
_POSITIONS_AFTER_PADDING = frozenset(
    (
        *("camembert", "data2vec-text", "esm", "ibert", "layoutlmv3", "lilt", "longformer", "luke", "markuplm"),
        *("mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta", "xlm-roberta-xl", "xmod"),
    )
)


def read_encoder_config(folder: Path, name: str) -> Mapping[str, Any]:
    """Return the configuration in the folder of the encoder `name`.

    Raises UnavailableError if there is none, or it is of a kind that sweeper cannot use.
    """
    path = folder / CONFIG_NAME
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise UnavailableError(
            f"encoder {name}: {CONFIG_NAME} is missing in {folder}; name the folder of a model"
        ) from None
    except ValueError:
        raise UnavailableError(f"encoder {name}: {path} is not JSON; fetch the model again") from None
    if isinstance(config, dict) and config.get("is_encoder_decoder"):
        raise UnavailableError(
            f"encoder {name}: an encoder-decoder cannot be used; name an encoder, such as {ENCODERS[0]}"
        )
    if not isinstance(config, dict):
        raise UnavailableError(f"encoder {name}: {path} is not a JSON object; name the folder of a model")
    return config


def max_positions(config: Mapping[str, Any]) -> int | None:
    """Return the number of tokens that an encoder has positions for, or None if it says no limit."""
    limit = config.get("max_position_embeddings", config.get("n_positions"))
    if type(limit) is not int or limit < 1 or config.get("position_biased_input") is False:  # DeBERTa's are relative
        return None
    if str(config.get("model_type")) in _POSITIONS_AFTER_PADDING:
        padding = config.get("pad_token_id", 1)
        limit -= (padding if type(padding) is int else 1) + 1
    return limit


def max_tokens_of_folder(folder: Path, config: Mapping[str, Any]) -> int | None:
    """Return the number of tokens that an encoder takes by its own and its tokenizer's configuration, or None."""
    try:
        tokenizer = json.loads((folder / _TOKENIZER_CONFIG_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        tokenizer = {}
    named = tokenizer.get("model_max_length") if isinstance(tokenizer, dict) else None
    limits = [limit for limit in (named, max_positions(config)) if isinstance(limit, (int, float)) and limit > 0]
    return int(min(limits)) if limits else None


def is_hub_name(name: str) -> bool:
    """Return True if a model of the Hugging Face hub can have this name: NAME or OWNER/NAME."""
    return _HUB_NAME.fullmatch(name) is not None and len(name) <= 200
