"""ASCII forms of what sweeper draws, for terminals that are not set to UTF-8."""

import codecs
import os
from collections.abc import Mapping

ASCII_FORMS = "sweeper_ascii_forms"  # the name of the error handler, for `open` and TextIOWrapper

_UTF_8 = ("utf-8", "utf8")
_COERCED = "C.UTF-8"  # what Python puts into LC_CTYPE where the locale is C
_PLAIN = ("C", "POSIX")
_FORMS = str.maketrans(
    {
        "━": "=", "─": "-", "│": "|", "┊": "|", "┤": "|", "└": "+", "·": ".", "×": "x", "●": "o", "▲": "^",
        "▁": "0", "▂": "1", "▃": "2", "▄": "3", "▅": "4", "▆": "5", "▇": "6", "█": "7",
        "…": "~", "–": "-", "—": "-", "±": "+-", "ᵃ": "a", "ᵇ": "b", "ᶜ": "c", "ᵈ": "d", "ᵉ": "e", "ᶠ": "f",
    }
)  # fmt: skip


def terminal_encoding(environment: Mapping[str, str] = os.environ) -> str:
    """Return the encoding of a terminal: ascii where the locale names another than UTF-8, otherwise utf-8.

    Without any locale, it is utf-8: containers often have none.
    """
    ctype, lang = environment.get("LC_CTYPE", ""), environment.get("LANG", "")
    if ctype == _COERCED and lang in _PLAIN:
        ctype = ""
    locale = environment.get("LC_ALL") or ctype or lang
    _, _, encoding = locale.partition(".")
    is_utf_8 = not locale or encoding.partition("@")[0].lower() in _UTF_8 or (not encoding and locale not in _PLAIN)
    return "utf-8" if is_utf_8 else "ascii"


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return the ASCII form of the characters that cannot be written, and where to go on: an error handler."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text, before = error.object[error.start : error.end], error.object[: error.start]
    if text[0] == "…" and before[-1:] in ("", " "):  # something is going on; elsewhere a text is cut, to a width
        text = "..." + text[1:]
    return text.translate(_FORMS).encode("ascii", errors="replace").decode("ascii"), error.end


codecs.register_error(ASCII_FORMS, _replace)
