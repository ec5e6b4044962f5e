"""The tokenizers of transformers: texts to arrays that any worker can take."""

from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError
from sweeper.training.types import TokenizedSplit


class Tokenizer:
    """Texts to token arrays, as the encoder in a folder was trained on them."""

    def __init__(self, folder: Path, name: str) -> None:
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
        self.max_tokens = int(self._tokenizer.model_max_length)  # tokens that the encoder has positions for

    def tokenize_split(self, rows: LabelledTexts, max_length: int) -> TokenizedSplit:
        """One split as tokens, cut at max_length with the last token, [SEP], kept; of a pair the longer text is cut."""
        whole = self._tokenizer(rows.texts, rows.pairs, truncation=False, verbose=False)
        lengths = np.array([len(ids) for ids in whole["input_ids"]], dtype=np.int32)
        cut = whole
        if lengths.max() > max_length:
            cut = self._tokenizer(rows.texts, rows.pairs, truncation="longest_first", max_length=max_length)
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in cut["input_ids"]])]).astype(np.int64)
        tokens = np.array([token for ids in cut["input_ids"] for token in ids], dtype=np.int32)
        types = None
        if rows.pairs is not None and "token_type_ids" in cut:
            types = np.array([kind for kinds in cut["token_type_ids"] for kind in kinds], dtype=np.int8)
        return TokenizedSplit(tokens, starts, lengths, rows.labels, types)

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder, for a model that is kept."""
        self._tokenizer.save_pretrained(folder)
