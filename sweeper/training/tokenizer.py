"""Turn texts into token arrays with the tokenizer of a pretrained encoder."""

from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from sweeper.data.encoder_config import max_positions, read_encoder_config
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError
from sweeper.training.types import TokenizedSplit


class Tokenizer:
    """The tokenizer in an encoder's folder. `padding` is the number of the padding token."""

    def __init__(self, folder: Path, name: str) -> None:
        """Load the tokenizer of the encoder `name`.

        Raises UnavailableError if it cannot be loaded, or has no [CLS] or no padding token.
        """
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:
            raise UnavailableError(
                f"encoder {name}: its tokenizer cannot be loaded: {' '.join(str(error).split())[:200]}"
            ) from error
        if self._tokenizer.cls_token_id is None or self._tokenizer.pad_token_id is None:
            raise UnavailableError(
                f"encoder {name}: has no [CLS] or no padding token, and sweeper pools the first token"
            )
        self.padding = int(self._tokenizer.pad_token_id)
        positions = max_positions(read_encoder_config(folder, name))
        limit = self._tokenizer.model_max_length  # a huge number if the tokenizer names none
        self.max_tokens = int(limit if positions is None else min(limit, positions))  # tokens that the encoder takes

    def tokenize_split(self, rows: LabelledTexts, max_length: int) -> TokenizedSplit:
        """Return one split as tokens. Texts are cut to max_length tokens and keep their last token, [SEP].

        If a pair is too long, the longer text is cut.
        """
        uncut = self._tokenizer(rows.texts, rows.pairs, truncation=False, verbose=False)
        lengths = np.array([len(ids) for ids in uncut["input_ids"]], dtype=np.int32)
        cut = uncut
        if lengths.max() > max_length:
            cut = self._tokenizer(rows.texts, rows.pairs, truncation="longest_first", max_length=max_length)
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in cut["input_ids"]])]).astype(np.int64)
        tokens = np.array([token for ids in cut["input_ids"] for token in ids], dtype=np.int32)
        token_types = None
        if rows.pairs is not None and "token_type_ids" in cut:
            token_types = np.array(
                [token_type for types in cut["token_type_ids"] for token_type in types], dtype=np.int8
            )
        return TokenizedSplit(tokens, starts, lengths, rows.labels, token_types)

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder, for an exported model."""
        self._tokenizer.save_pretrained(folder)
