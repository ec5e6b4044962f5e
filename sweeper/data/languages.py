"""A guess at the script and the language of texts, good enough to tell which encoders can read them."""

import re
import unicodedata
from collections.abc import Sequence

_COMMON_ENGLISH = frozenset("the and that it you with this are my not have but they from your".split())  # noqa: SIM905
_MIN_ENGLISH = 0.015  # share of these among the words of English texts; in other languages they hardly occur
_FEWEST_WORDS = 50  # fewer say nothing
_WITHOUT_SPACES = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")
_LOOKED_AT = 400  # characters of a text


def find_script(texts: Sequence[str]) -> str:
    """Return the script of most letters, as Unicode names it: LATIN, ARABIC, CJK and so on; "" without letters."""
    counts: dict[str, int] = {}
    for letter in "".join(text[:_LOOKED_AT] for text in texts):
        if letter.isalpha():
            script = "LATIN" if letter.isascii() else unicodedata.name(letter, "").partition(" ")[0]
            counts[script] = counts.get(script, 0) + 1
    return max(counts, key=counts.__getitem__, default="")


def find_language_group(texts: Sequence[str]) -> str:
    """Return "English", "Latin script" for another language in it, "another script", or "script without spaces"."""
    script = find_script(texts)
    if script not in ("LATIN", ""):
        return "script without spaces" if script in _WITHOUT_SPACES else "another script"
    words = [word for text in texts for word in re.findall(r"[^\W\d_]+", text[:_LOOKED_AT].lower())]
    common = sum(word in _COMMON_ENGLISH for word in words)
    return "English" if len(words) < _FEWEST_WORDS or common >= _MIN_ENGLISH * len(words) else "Latin script"
