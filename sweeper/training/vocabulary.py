"""Turn texts into arrays of word numbers, for encoders that are trained from scratch.

Texts are prepared as in Modarres & Raeisi, section 3.1: in lower case, without stop words, and without anything but
letters and digits. That holds for every script: a word is made of the characters of Unicode's categories L, M and N,
because the vowels and accents of many scripts are marks (M), and its form is NFC. As in Unicode's rules for word
boundaries (UAX 29), invisible format characters (Cf) such as joiners do not end a word. Scripts that write no spaces,
such as Thai or Chinese, are not segmented: what stands between two spaces is one word.

The vocabulary is learned only from the training split. Words are numbered by frequency, the most
frequent first. So a smaller vocabulary is the beginning of a larger one, and a sweep can search its size on one set of
arrays.
"""

import json
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sweeper.atomic_write import atomic_write
from sweeper.data.rows import LabelledTexts
from sweeper.training.types import TokenizedSplit

PADDING, UNKNOWN, FIRST_WORD = 0, 1, 2  # numbers; FIRST_WORD is that of the most frequent word

_ZERO_WIDTH_SPACE = 0x200B  # a format character, but it separates words
STOP_WORDS = """
a about above after again all also am an and any are as at be because been before being below between both but by can
could did do does doing down during each either few for from further had has have having he her here hers herself him
himself his how i if in into is it its itself just me more most my myself of off on once one only or other our ours
ourselves out over own s same she should so some such t than that the their theirs them themselves then there these they
this those through to too under until up us very was we were what when where which while who whom why will with would
you your yours yourself yourselves d ll m re ve
"""
_STOP_WORD_SET = frozenset(STOP_WORDS.split())


class _WordCharacters(dict[int, int | None]):
    """A table for str.translate. It keeps what belongs to words, drops format characters, and makes the rest spaces."""

    def __missing__(self, code: int) -> int | None:
        category = unicodedata.category(chr(code))
        if category[0] in "LMN":
            self[code] = code
        else:
            self[code] = None if category == "Cf" and code != _ZERO_WIDTH_SPACE else ord(" ")
        return self[code]


_WORD_CHARACTERS = _WordCharacters()


def tokenize_words(text: str) -> list[str]:
    """Return the words of a text, in lower case and NFC, without stop words. Keep in step with pyfunc_model.py."""
    lower = unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower())
    words = map(_strip_leading_marks, lower.translate(_WORD_CHARACTERS).split())
    return [word for word in words if word and word not in _STOP_WORD_SET]


def _strip_leading_marks(word: str) -> str:
    """Return a word from its first letter or number on. A mark before that belongs to a symbol, such as an emoji."""
    if word[0].isalnum():
        return word
    return word[next((k for k, character in enumerate(word) if character.isalnum()), len(word)) :]


class Vocabulary:
    """The words of a training split, the most frequent first, with the interface of `Tokenizer`."""

    padding = PADDING
    max_tokens = sys.maxsize  # a recurrent encoder reads texts of any length

    def __init__(self, rows: LabelledTexts, size: int) -> None:
        """Learn at most `size` words from a training split; of equally frequent words, the earlier ones."""
        counts = Counter(word for text in _join_pairs(rows) for word in tokenize_words(text))
        self.numbers = {word: FIRST_WORD + k for k, (word, _) in enumerate(counts.most_common(size))}

    def tokenize_split(self, rows: LabelledTexts, max_length: int) -> TokenizedSplit:
        """Return one split as word numbers, cut at max_length. A text without words becomes one unknown word."""
        uncut = [
            [self.numbers.get(word, UNKNOWN) for word in tokenize_words(text)] or [UNKNOWN]
            for text in _join_pairs(rows)
        ]
        lengths = np.array([len(ids) for ids in uncut], dtype=np.int32)
        cut = [ids[:max_length] for ids in uncut]
        starts = np.concatenate([[0], np.cumsum([len(ids) for ids in cut])]).astype(np.int64)
        tokens = np.array([number for ids in cut for number in ids], dtype=np.int32)
        return TokenizedSplit(tokens, starts, lengths, rows.labels, ends_with_separator=False)

    def save(self, folder: Path) -> None:
        """Write the words into vocabulary.json, in the order of their numbers, for an exported model."""
        with atomic_write(folder / "vocabulary.json") as file:
            file.write((json.dumps(list(self.numbers), ensure_ascii=False) + "\n").encode())


def _join_pairs(rows: LabelledTexts) -> Sequence[str]:
    """Return the texts, or the two texts of each pair as one."""
    if rows.pairs is None:
        return rows.texts
    return [f"{first} {second}" for first, second in zip(rows.texts, rows.pairs, strict=True)]
