"""The encoder that a new search space begins with: one that reads the texts, suits the machine, and can be had."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sweeper.data.data_summary import TextLengths, describe_lengths
from sweeper.data.encoder_catalog import PROPOSED_ENCODERS, SCRATCH_ENCODERS
from sweeper.data.languages import find_language_group
from sweeper.data.rows import LabelledTexts
from sweeper.errors import UnavailableError, UsageError
from sweeper.terminal.output import Output
from sweeper.training.registry import encoder_kind

if TYPE_CHECKING:
    from sweeper.training.tokenizer import Tokenizer
    from sweeper.training.vocabulary import Vocabulary

_SAMPLED_TEXTS = 5_000
_LOOKED_AT = 500  # texts that tell the language
_MAX_WORDS = 512


@dataclass(frozen=True)
class ProposedEncoder:
    """An encoder that can be had here, and the lengths of the texts in its tokens.

    `missing` are better ones that cannot be had, for a `reason`. `max_tokens` is the number of tokens that it takes.
    """

    name: str
    lengths: TextLengths
    max_tokens: int
    missing: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_pretrained(self) -> bool:
        """True if its weights are fetched, False if it is trained from scratch."""
        return encoder_kind(self.name).is_pretrained


def propose_encoder(output: Output, rows: LabelledTexts, *, has_gpu: bool, name: str | None = None) -> ProposedEncoder:
    """Return the encoder for some training rows. `name` is the one that the user chose.

    Raises UsageError if its name is empty, UnavailableError if it cannot be had.
    """
    if name is not None and not name.strip():
        raise UsageError(
            f"--encoder: must not be empty; name one of the hub, a folder, {' or '.join(SCRATCH_ENCODERS)}"
        )
    sample = _sample(rows)
    if name:
        return _load_encoder(output, name, sample)
    language = find_language_group(sample.texts[:_LOOKED_AT])
    candidates = PROPOSED_ENCODERS[language, "GPU" if has_gpu else "CPU"]
    missing: list[str] = []
    reason = ""
    for candidate in candidates:
        try:
            encoder = _load_encoder(output, candidate, sample)
        except UnavailableError as error:
            missing.append(candidate)
            reason = _shorten(str(error))
        else:
            return replace(encoder, missing=tuple(missing), reason=reason)
    raise UnavailableError(f"encoder {candidates[0]}: {reason}; name another with --encoder")


def _load_encoder(output: Output, name: str, sample: LabelledTexts) -> ProposedEncoder:
    """Return an encoder with the lengths of some texts. Raises UnavailableError if it cannot be had."""
    tokenizer, max_tokens = _load_tokenizer(output, name, sample)
    lengths = np.asarray(tokenizer.tokenize_split(sample, max_tokens).lengths)
    unit = "tokens" if encoder_kind(name).is_pretrained else "words"
    return ProposedEncoder(name, describe_lengths(lengths, unit, name), max_tokens)


def _load_tokenizer(output: Output, name: str, rows: LabelledTexts) -> tuple["Tokenizer | Vocabulary", int]:
    """Return the tokenizer of an encoder, and the number of tokens that it takes."""
    if not encoder_kind(name).is_pretrained:
        from sweeper.training.vocabulary import Vocabulary

        return Vocabulary(rows, 20_000), _MAX_WORDS
    from sweeper.data.hub_encoders import fetch_encoder_config
    from sweeper.training.tokenizer import Tokenizer

    with output.step(f"looking for {name}"):
        folder: Path = fetch_encoder_config(name)
        tokenizer = Tokenizer(folder, name)
    return tokenizer, min(tokenizer.max_tokens, _MAX_WORDS)


def _shorten(message: str) -> str:
    """Return the reason in the message of an UnavailableError, without its remedy."""
    return message.removeprefix("encoder: ").partition("; ")[0]


def _sample(rows: LabelledTexts) -> LabelledTexts:
    """Return rows evenly spaced, some thousand at most."""
    if len(rows) <= _SAMPLED_TEXTS:
        return rows
    return rows.take(np.linspace(0, len(rows) - 1, _SAMPLED_TEXTS).astype(np.int64))


def sample_texts(rows: LabelledTexts) -> Sequence[str]:
    """Return some texts of all parts of a split, to tell their script."""
    return _sample(rows).texts[:_LOOKED_AT]
