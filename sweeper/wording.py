"""Values and names as messages show them to the user."""

import difflib
import re
from collections.abc import Iterable, Mapping, Sequence

_LONGEST_QUOTE = 60  # characters
_MOST_NAMED = 8  # classes
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")
_MARKDOWN = re.compile(
    r"[\\|*`<\[$~]"  # anywhere
    r"|(?<![^\W_])_|_(?![^\W_])"  # emphasis does not begin or end between two letters or digits
    r"|&(?=#?\w+;)"  # an entity
    r"|^(?:[#>+=-]|\d+[.)](?=\s|$))"  # a heading, a quote, a list or a rule
)
_NUMBER = re.compile(r"[-+.\deE]*\d[-+.\deE]*")


def format_value(value: object) -> str:
    """Return a value as it is written in YAML: true, not True; 1e-05, not 0.00001; [4, 8]. None becomes "nothing"."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}" if value % 1 or abs(value) >= 1e6 else f"{value:.1f}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(format_value(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {format_value(item)}' for key, item in value.items())}}}"
    return " ".join(str(value).split())


def format_epoch(epoch: float) -> str:
    """Return a number of epochs with three digits after the point at most: 2, 0.5, 0.333."""
    return f"{round(epoch, 3):g}"


_PLAIN_RULES = (  # of pydantic's rules
    ("Input should", "must"),
    ("String should", "must"),
    (", unable to parse string as an integer", ""),
    (", got a number with a fractional part", ""),
    ("greater than or equal to", "at least"),
    ("less than or equal to", "at most"),
    ("must have at least 1 character", "must not be empty"),
    ("a valid boolean", "true or false"),
    ("a valid integer", "a whole number"),
    ("a valid number", "a number"),
    ("a valid list", "a list"),
    ("a valid string", "a word or a text in quotes"),
)


def plain_rule(rule: str) -> str:
    """Return a rule that pydantic states, in plain words: must be a whole number."""
    for theirs, ours in _PLAIN_RULES:
        rule = rule.replace(theirs, ours)
    return rule


def show_controls(text: str, keep: str = "") -> str:
    r"""Return a text in which each control character is seen as its escape: \x1b, \u202e. Those in `keep` stay.

    These are Unicode's control characters, which a terminal obeys, line separators, characters that reorder a line, and
    surrogates, which no encoding has.
    """
    return _UNSEEN.sub(lambda match: match[0] if match[0] in keep else _escape_control(match[0]), text)


def _escape_control(char: str) -> str:
    return f"\\x{ord(char):02x}" if char <= "\xff" else f"\\u{ord(char):04x}"


def escape_markdown(text: str) -> str:
    """Return a text of one line as Markdown shows it literally: also at the beginning, and in GitHub's dialect."""
    return _MARKDOWN.sub(lambda match: f"{match[0][:-1]}\\{match[0][-1]}", text)


def shorten_middle(text: str, length: int) -> str:
    """Return a text of at most `length` characters: its beginning and its end, with "…" between them."""
    if len(text) <= length:
        return text
    end = (length - 1) // 2
    return f"{text[: length - 1 - end]}…{text[len(text) - end :]}"


def quote_value(value: object) -> str:
    """Return a value for a message: formatted, cut to 60 characters, and in quotes if it is empty or a number."""
    text = format_value(value)
    if isinstance(value, str) and (not value or _NUMBER.fullmatch(value)):
        text = f"'{value}'"
    return text if len(text) <= _LONGEST_QUOTE else text[: _LONGEST_QUOTE - 1] + "…"


def count_noun(number: float, noun: str, plural: str = "", *, form: str = "") -> str:
    """Return a number with a noun in the singular or plural: 1 seed, 3 seeds. `form` is the number's format."""
    return f"{number:{form}} {noun if number == 1 else plural or f'{noun}s'}"


def allowed_hint(names: Iterable[str], word: str = "") -> str:
    """Return the allowed names for a message, with the name that is nearest to the `word` that was written."""
    names = list(names)
    nearest = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    hint = f"; did you mean {nearest[0]}?" if nearest else ""
    return f"allowed: {', '.join(names)}{hint}"


def nearest_listed(rule: str, value: object) -> str:
    """Return a hint at the word that a value means among those in quotes in a rule: `; did you mean scl?`; or ""."""
    names = {name.lower(): name for name in re.findall(r"'([^']*)'", rule)}
    nearest = difflib.get_close_matches(value.lower(), names, n=1) if isinstance(value, str) else []
    return f"; did you mean {names[nearest[0]]}?" if nearest else ""


def allowed_classes(names: Sequence[str], word: str) -> str:
    """Return the names of classes that are allowed, the first few of many, with the one nearest to the `word`."""
    if len(names) <= _MOST_NAMED:
        return allowed_hint(map(quote_value, names), word)
    nearest = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    listed = ", ".join(map(quote_value, names[:_MOST_NAMED]))
    hint = f"; did you mean {quote_value(nearest[0])}?" if nearest else ""
    return f"allowed: {listed} and {len(names) - _MOST_NAMED:,} more{hint}"


def name_absent_classes(split: str, labels: Sequence[str], counts: Sequence[int]) -> str:
    """Return a sentence that names the classes of which a split has no text, or "" if it has all of them.

    `counts` (C,) are the split's texts of each class.
    """
    absent = [label for label, count in zip(labels, counts, strict=True) if not count]
    return f"No text of the {split} split is of the class {_name_few(absent)}." if absent else ""


def name_untuned_labels(counts: Mapping[str, int]) -> str:
    """Return a sentence that names the labels whose threshold could not be tuned, or "" if each could.

    `counts` are the validation texts of each label. If it is empty, they are not known, and the sentence is general.
    """
    if not counts:
        return "A label that no validation text has keeps .5."
    absent = [label for label, count in counts.items() if not count]
    thresholds = "its threshold stays" if len(absent) == 1 else "their thresholds stay"
    return f"No validation text has {_name_few(absent, 'or')}, so {thresholds} at .5." if absent else ""


def _name_few(names: Sequence[str], last: str = "") -> str:
    """Return the names, the first few of many. `last` is a word that stands before the last name instead of a comma."""
    shown = [show_controls(name) for name in names[:_MOST_NAMED]]
    if len(names) > _MOST_NAMED:
        return f"{', '.join(shown)} and {len(names) - _MOST_NAMED} more"
    return f"{', '.join(shown[:-1])} {last} {shown[-1]}" if last and len(shown) > 1 else ", ".join(shown)


def format_hours(hours: float) -> str:
    """Return hours with two digits after the point, and with four below a tenth."""
    return f"{hours:.4f}" if 0 < hours < 0.1 else f"{hours:.2f}"
