"""The tokenizers of transformers: texts to arrays that any worker can take."""

from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from sweeper.errors import UnavailableError
from sweeper.ports import Rows, Split


class Tokenizer:
    """Texts to token arrays, as the encoder in a folder was trained on them."""

    def __init__(self, folder: Path, name: str) -> None:
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder)
        except Exception as error:
            raise UnavailableError(
                f"encoder {name}: its tokenizer cannot be loaded: {' '.join(str(error).split())[:200]}"
            ) from error
        if self._tokenizer.cls_token_id is None or self._tokenizer.pad_token_id is None:
            raise UnavailableError(
                f"encoder {name}: has no [CLS] or no padding token, and sweeper pools the first token"
            )
        self.padding = int(self._tokenizer.pad_token_id)

    def split(self, rows: Rows, max_length: int) -> Split:
        """One split as tokens, cut at max_length; the last token, [SEP], is kept."""
        whole = self._tokenizer(rows.texts, truncation=False, verbose=False)["input_ids"] if rows.texts else []
        lengths = np.array([len(ids) for ids in whole], dtype=np.int32)
        cut = [ids if len(ids) <= max_length else [*ids[: max_length - 1], ids[-1]] for ids in whole]
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in cut])]).astype(np.int64)
        return Split(np.array([token for ids in cut for token in ids], dtype=np.int32), starts, lengths, rows.labels)

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder, for a model that is kept."""
        self._tokenizer.save_pretrained(folder)
