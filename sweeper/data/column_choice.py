"""The choice of text and label columns, by the names and the values of the columns."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sweeper.data.column_checks import are_too_many_classes
from sweeper.data.column_profiles import ColumnProfile
from sweeper.data.table_columns import clean_name
from sweeper.errors import UsageError
from sweeper.wording import allowed_hint

_LABELS = """
label labels class category target sentiment emotion feeling intent topic polarity rating stars score relation y tag
gold stance subject klasse kategorie classe categoria categoría etiqueta étiquette sentimiento stimmung
برچسب دسته احساس метка класс 标签 类别 ラベル
"""
_TEXTS = """
text texts sentence review comment content body message tweet post document utterance title headline question query
premise abstract description statement phrase texte texto testo satz kommentar avis reseña
متن نظر جمله текст отзыв 文本 内容 テキスト
"""
_OTHERS = "id index idx split fold row number date time year user author url lang language source"
LABEL_NAMES, TEXT_NAMES, OTHER_NAMES = (frozenset(words.split()) for words in (_LABELS, _TEXTS, _OTHERS))
_PAIRS = (
    ("premise", "hypothesis"),
    ("question", "answer"),
    ("question", "sentence"),
    ("question", "passage"),
    ("query", "document"),
    ("query", "passage"),
    ("context", "response"),
    ("claim", "evidence"),
)
_PAIR_ENDING = re.compile(r"(.+?)[_ -]?(1|2|a|b)")
_MAX_NAME_WORDS = 6
_ADD_LABELS = "add a column of labels"

TextColumns = tuple[str, ...]
"""One column, or two for pairs of texts."""


@dataclass(frozen=True)
class ColumnChoice:
    """The text and the label columns, with all that could be meant; the chosen ones are first.

    Where there is more than one, somebody who knows the data has to say which is right. `examples` has some values of
    each column.
    """

    texts: Sequence[TextColumns]
    labels: Sequence[str]
    examples: Mapping[str, str]


def choose_columns(
    profiles: Sequence[ColumnProfile], text: Sequence[str], label: str | None, name: str
) -> ColumnChoice:
    """Return the columns of the texts and the labels. `text` and `label` are those that the user names.

    Raises UsageError if there is no such column, or none can be found. `name` is that of the file, for the messages.
    """
    names = [profile.name for profile in profiles]
    if len(text) > 2:
        raise UsageError(f"--text: names one column, or two for pairs, got {len(text)} ({', '.join(text)})")
    text = [_require_column(name, names, column, "--text") for column in text]
    labels = [_require_column(name, names, label, "--label")] if label is not None else _find_labels(profiles, text)
    if label and labels[0] not in text:
        _require_classes(profiles, labels[0], text, name)
    if not labels:
        _require_header(profiles, names, name)
        raise UsageError(f"{name}: {_describe_missing_label(profiles, text)}")
    others = [profile for profile in profiles if profile.name != labels[0]]
    texts = [tuple(text)] if text else _find_texts(others)
    if not texts:
        _require_header(profiles, names, name)
        raise UsageError(f"{name}: no column looks like text; name it with --text, {allowed_hint(names)}")
    if not text and not label:
        _require_header(profiles, [*texts[0], labels[0]], name)
    return ColumnChoice(texts, labels, {profile.name: profile.describe_examples() for profile in profiles})


def _describe_missing_label(profiles: Sequence[ColumnProfile], text: Sequence[str]) -> str:
    """Return why the column that is called label is none, or that there is no such column, with the remedy.

    `text` are the columns that the user names as texts.
    """
    profiles = [profile for profile in profiles if profile.name not in text]
    if not profiles:
        return f"has no column for the labels beside {' and '.join(text)}, which --text names; add one"
    named = next((profile for profile in profiles if profile.name.casefold() in LABEL_NAMES), None)
    others = _possible_labels(profiles, named)
    if named is not None:
        return _refuse_label(named, others)
    dated = [profile for profile in profiles if profile.has_dates]
    reason = "no column looks like a label (few different short values)"
    if dated:
        return f"{reason}; {_refuse_label(dated[0], others)}"
    return f"{reason}; {f'name it with --label, {allowed_hint(others)}' if others else _ADD_LABELS}"


def _possible_labels(profiles: Sequence[ColumnProfile], refused: ColumnProfile | None = None) -> list[str]:
    """Return the columns that the user could name as the label, without one that is refused."""
    return [profile.name for profile in profiles if profile is not refused and profile.can_be_named_label]


def _require_classes(profiles: Sequence[ColumnProfile], label: str, text: Sequence[str], name: str) -> None:
    """Raise UsageError if the column that the user names as the label holds dates, or identifies rows."""
    profile = next(profile for profile in profiles if profile.name == label)
    if profile.has_dates or are_too_many_classes(profile.distinct, profile.filled):
        others = [other for other in profiles if other.name not in text]
        raise UsageError(f"{name}: {_refuse_label(profile, _possible_labels(others, profile))}")


def _refuse_label(profile: ColumnProfile, others: Sequence[str]) -> str:
    """Return the reason why a column is no label, with the remedy. `others` are the columns that may be it."""
    remedies = ["write them as strings if they are classes"] if profile.has_dates else []
    remedies += ["write one label of each row there as a word"] if not (profile.is_plain or profile.has_dates) else []
    remedies += [f"name another with --label, {allowed_hint(others)}"] if others else []
    reason = f"the column {profile.name} {profile.describe_values()}, so it is no label"
    return f"{reason}; {', or '.join(remedies) or _ADD_LABELS}"


def _require_column(place: str, names: Sequence[str], column: str, option: str) -> str:
    if not column.strip():
        raise UsageError(f"{option}: must not be empty, {allowed_hint(names)}")
    wanted = clean_name(column)
    if wanted not in names:
        raise UsageError(f"{option} {column}: {place} has no such column, {allowed_hint(names, column)}")
    return wanted


def _find_labels(profiles: Sequence[ColumnProfile], text: Sequence[str]) -> list[str]:
    """Return the columns that may be the label, the likeliest first; one alone if its name leaves no doubt."""
    candidates = [profile for profile in profiles if profile.can_be_label and profile.name not in text]
    likely = [profile for profile in candidates if not _words(profile.name) & OTHER_NAMES] or candidates
    named = [profile for profile in likely if _words(profile.name) & LABEL_NAMES]
    exact = [profile for profile in named if profile.name.casefold() in LABEL_NAMES]
    best = exact or named or list(reversed(likely))  # a label often is the last column
    if best and best[0].is_number:
        best = [other for other in likely if not other.is_number and _is_same(other, best[0])][:1] or best
    return [profile.name for profile in best]


def _is_same(names: ColumnProfile, numbers: ColumnProfile) -> bool:
    """Return True if two columns divide the rows alike: class numbers, and their names."""
    if names.distinct != numbers.distinct:
        return False
    return len(np.unique(np.stack([names.codes, numbers.codes]), axis=1).T) == names.distinct


def _find_texts(profiles: Sequence[ColumnProfile]) -> list[TextColumns]:
    """Return the columns that may be the text, or pairs of them, the likeliest first."""
    candidates = [profile for profile in profiles if profile.is_text]
    if not candidates:
        possible = [profile for profile in profiles if profile.can_be_text]
        candidates = [profile for profile in possible if _words(profile.name) & TEXT_NAMES]
        candidates = candidates or [profile for profile in possible if profile.is_short_text]
        if len(candidates) > 1:
            candidates = [max(candidates, key=lambda profile: profile.distinct)]
    names = [profile.name for profile in candidates]
    pairs = [(first, second) for first in names for second in names if _is_pair(first, second)]
    if pairs:
        return [*pairs[:1]]
    singles: list[TextColumns] = [(profile.name,) for profile in sorted(candidates, key=_text_rank)]
    named = [name for name in names if name.casefold() in TEXT_NAMES]
    if len(candidates) == 2 and len(named) != 1:
        return [(names[0], names[1]), *singles]
    return singles


def _text_rank(profile: ColumnProfile) -> tuple[bool, bool, float]:
    name = profile.name.casefold()
    return name not in TEXT_NAMES, not _words(name) & TEXT_NAMES, -profile.words


def _is_pair(first: str, second: str) -> bool:
    first, second = first.casefold(), second.casefold()
    if (first, second) in _PAIRS:
        return True
    endings = [_PAIR_ENDING.fullmatch(name) for name in (first, second)]
    stems = [(ending[1], ending[2]) for ending in endings if ending]
    return len(stems) == 2 and stems[0][0] == stems[1][0] and (stems[0][1], stems[1][1]) in (("1", "2"), ("a", "b"))


def _words(name: str) -> set[str]:
    """Return the words of a column's name: userLabel_2 has user and label."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(re.split(r"[\W_\d]+", spaced.casefold())) - {""}


def _require_header(profiles: Sequence[ColumnProfile], chosen: Sequence[str], name: str) -> None:
    """Raise UsageError if the names of the chosen columns look like the values of a first row."""
    for profile in profiles:
        if profile.name not in chosen or profile.name.casefold() in LABEL_NAMES | TEXT_NAMES:
            continue
        is_value = not profile.is_text and profile.name in profile.examples
        if is_value or len(profile.name.split()) > _MAX_NAME_WORDS:
            raise UsageError(
                f"{name}: its first line looks like a row, not like the names of columns; put a line such as "
                "text,label above it, or name the columns with --text and --label"
            )
