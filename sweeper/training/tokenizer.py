"""Turn texts into token arrays with the tokenizer of a pretrained encoder."""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from sweeper.data.encoder_config import max_positions, read_encoder_config
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError
from sweeper.training.pair_truncation import kept_of_first
from sweeper.training.types import PairedTexts, TokenizedSplit

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
        lengths, counts, tokens, types, firsts = (np.concatenate(arrays) for arrays in zip(*pieces, strict=True))
        offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
        pairs = self._describe_pairs(lengths, firsts, max_length) if rows.pairs else None
        return TokenizedSplit(tokens, offsets, lengths, rows.labels, types if len(types) else None, pairs=pairs)

    def _tokenize(self, rows: LabelledTexts, start: int, end: int, max_length: int) -> tuple[Numbers, ...]:
        """Return full lengths, lengths after the cut, tokens, token types and full lengths of the first texts.

        They are those of some rows. A single text has no types and no first text.
        """
        texts, pairs = rows.texts[start:end], rows.pairs and rows.pairs[start:end]
        encoded = self._tokenizer(texts, pairs, truncation=False, verbose=False)
        ids, types = encoded["input_ids"], encoded.get("token_type_ids", []) if pairs else []
        firsts = self._count_first_tokens(encoded, texts) if pairs else []
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
            np.array(firsts, np.int32),
        )

    def _count_first_tokens(self, encoded: Any, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of the first text of each pair, without special tokens."""
        if encoded.is_fast:
            return [encoded.sequence_ids(row).count(0) for row in range(len(texts))]
        return [len(row) for row in self._tokenizer(texts, add_special_tokens=False, verbose=False)["input_ids"]]

    def _describe_pairs(self, lengths: NDArray[np.int32], firsts: NDArray[np.int32], max_length: int) -> PairedTexts:
        """Return where the texts of pairs lie after the cut. `lengths` and `firsts` (N,) are those before it."""
        is_special = self._tokenizer("a", "a", return_special_tokens_mask=True)["special_tokens_mask"]
        before, after, num_special = is_special.index(0), is_special[::-1].index(0), sum(is_special)
        first = firsts.astype(np.int64)
        second = lengths - num_special - first
        # Tokenizers in Rust give the odd token to the longer text, and those in Python to the first one.
        first_has_odd = first > second if self._tokenizer.is_fast else np.ones(len(first), dtype=bool)
        kept = kept_of_first(first, second, max_length - num_special, first_has_odd)
        return PairedTexts(kept.astype(np.int32), first_has_odd, (before, num_special - before - after, after))

    def save(self, folder: Path) -> None:
        """Write the tokenizer's files into a folder, for an exported model."""
        self._tokenizer.save_pretrained(folder)
