"""Turn texts into token arrays with the tokenizer of a pretrained encoder."""

from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from sweeper.data.encoder_config import max_positions, read_encoder_config
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError
from sweeper.training.types import TokenizedSplit

Numbers = NDArray[np.int32] | NDArray[np.int8]

_TEXTS_AT_ONCE = 10_000  # what the tokenizer returns for a text takes some kilobytes


class Tokenizer:
    """The tokenizer in an encoder's folder. `padding` is the number of the padding token."""

    def __init__(self, folder: Path, name: str) -> None:
        """Load the tokenizer of the encoder `name`.

        Raises UnavailableError if it cannot be loaded, or has no [CLS] or no padding token.
        """
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
        except Exception as error:
            reason = " ".join(str(error).split())[:200]
            message = f"encoder {name}: its tokenizer cannot be loaded ({reason}); fetch the model again"
            raise UnavailableError(message) from error
        if self._tokenizer.cls_token_id is None or self._tokenizer.pad_token_id is None:
            raise UnavailableError(
                f"encoder {name}: has no [CLS] or no padding token, and sweeper pools the first token; name another"
            )
        self.padding = int(self._tokenizer.pad_token_id)
        positions = max_positions(read_encoder_config(folder, name))
        limit = self._tokenizer.model_max_length  # a huge number if the tokenizer names none
        self.max_tokens = int(limit if positions is None else min(limit, positions))  # tokens that the encoder takes

    def tokenize_split(self, rows: LabelledTexts, max_length: int) -> TokenizedSplit:
        """Return one split as tokens. Texts are cut to max_length tokens and keep their last token, [SEP].

        If a pair is too long, the longer text is cut.
        """
        starts = range(0, len(rows), _TEXTS_AT_ONCE)
        pieces = [self._tokenize(rows, start, start + _TEXTS_AT_ONCE, max_length) for start in starts]
        lengths, counts, tokens, types = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
        offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        return TokenizedSplit(tokens, offsets, lengths, rows.labels, types if len(types) else None)

    def _tokenize(self, rows: LabelledTexts, start: int, end: int, max_length: int) -> tuple[Numbers, ...]:
        """Return full lengths, lengths after the cut, tokens and token types of some rows. A text has no types."""
        texts, pairs = rows.texts[start:end], rows.pairs and rows.pairs[start:end]
        encoded = self._tokenizer(texts, pairs, truncation=False, verbose=False)
        ids, types = encoded["input_ids"], encoded.get("token_type_ids", []) if pairs else []
        lengths = np.array([len(row) for row in ids], dtype=np.int32)
        too_long = np.flatnonzero(lengths > max_length).tolist()
        if too_long:
            long_pairs = [pairs[row] for row in too_long] if pairs else None
            cut = self._tokenizer(
                [texts[row] for row in too_long], long_pairs, truncation="longest_first", max_length=max_length
            )
            for k, row in enumerate(too_long):
                ids[row] = cut["input_ids"][k]
                if types:
                    types[row] = cut["token_type_ids"][k]
        counts = np.array([len(row) for row in ids], dtype=np.int32)
        return (
            lengths,
            counts,
            np.array(list(chain.from_iterable(ids)), np.int32),
            np.array(list(chain.from_iterable(types)), np.int8),
        )

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder, for an exported model."""
        self._tokenizer.save_pretrained(folder)
