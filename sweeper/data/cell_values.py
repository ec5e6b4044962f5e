"""The value of a table's cell as text: a text or a label as it is written, in Unicode's composed form (NFC)."""

import datetime
import unicodedata
from collections.abc import Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np

from sweeper.wording import quote_value


class BadValueError(ValueError):
    """A value that is neither a text nor a label. The message is the reason, for the list of bad rows."""


def to_text(value: Any, column: str, noun: str) -> str:
    """Return a value as text without spaces around it, "" if it is missing.

    Strings stay as they are written, bytes are decoded as UTF-8, 3.0 is "3" and True is "true". Two spellings of a
    sign in Unicode become one. `column` and `noun` ("text" or "label") are for the reason. Raises BadValueError if the
    value is something else, such as a list, or is not UTF-8.
    """
    text = value if isinstance(value, str) else _to_string(value, column, noun)
    if not text.isascii():
        text = unicodedata.normalize("NFC", text)
        _require_encodable(text)
    if "\0" in text:
        raise BadValueError(f"{column} has a NUL character")
    return text.strip()


def _to_string(value: Any, column: str, noun: str) -> str:
    if value is None:
        return ""
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise BadValueError("not UTF-8") from None
    if isinstance(value, (bool, np.bool_)):
        return "true" if value else "false"
    if isinstance(value, Number):
        return _format_number(value)
    raise BadValueError(f"{column} is {_name_kind(value)}, not a {noun}, got {quote_value(value)}")


def _format_number(value: Any) -> str:
    """Return a number as text: 3.0 as "3", NaN as "". Class numbers are often published as floats."""
    if value != value:
        return ""
    return str(int(value)) if abs(value) < 2**53 and value == int(value) else str(value)


def _name_kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
        return "a date or a time"
    return "a list" if isinstance(value, (Sequence, np.ndarray)) else f"of type {type(value).__name__}"


def _require_encodable(text: str) -> None:
    """Raise BadValueError if UTF-8 cannot encode a text: it has bytes that were not UTF-8, or half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValueError("not UTF-8") from None
