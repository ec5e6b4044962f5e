"""Warnings about the classes of a data set: names that may be mistakes, rare classes, and classes that splits lack."""

import json
import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sweeper.data.class_counts import ClassCounts

_MIN_TRAINING_TEXTS = 5  # a class with fewer is called rare
_MAX_LISTED = 5  # classes that a warning names
_MISSING_NAMES = {"", "nan", "none", "null", "nil", "na", "n/a", "#n/a", "<na>", "nat", "missing", "undefined"}
_SEPARATORS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


def class_warnings(counts: Mapping[str, ClassCounts]) -> Iterator[str]:
    """Yield a line for each thing that is wrong or unusual. `counts` has the class counts of each split."""
    train = counts["train"]
    for names in _near_equal_names(list(train)):
        listed = ", ".join(f"{_visible(name)} ({train[name]:,} in train)" for name in names)
        yield f"class names that differ only in their form, and are classes of their own: {listed}"
    for name, count in train.items():
        if name.strip().casefold() in _MISSING_NAMES:
            yield (
                f"the class {_visible(name)} ({count:,} in train) looks like a missing label; "
                "correct these rows, or rename the class if it is none"
            )
    rare = [f"{_visible(name)} {count}" for name, count in train.items() if 0 < count < _MIN_TRAINING_TEXTS]
    if rare:
        yield f"classes with fewer than {_MIN_TRAINING_TEXTS} texts in train: {_list(rare)}"
    for split, classes in counts.items():
        yield from missing_classes(split, classes)


def missing_classes(split: str, counts: ClassCounts) -> Iterator[str]:
    """Yield a line that names the classes that a split lacks, if there are any."""
    missing = [_visible(name) for name, count in counts.items() if not count]
    if missing:
        yield f"{split} lacks {len(missing):,} of {len(counts):,} classes: {_list(missing)}"


def _near_equal_names(names: Sequence[str]) -> list[list[str]]:
    """Return the names that are equal but for case, spaces, width and other forms, or as numbers, in groups."""
    groups: dict[object, list[str]] = defaultdict(list)
    for name in names:
        groups[_folded(name)].append(name)
    return [group for group in groups.values() if len(group) > 1]


def _folded(name: str) -> object:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    text = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")  # signs without width
    text = _SEPARATORS.sub(" ", text).strip().strip("'\"").rstrip(".") or name
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _visible(name: str) -> str:
    """Return a class name in quotes, with signs that cannot be seen as escapes."""
    escaped = "".join(sign if sign == " " or _is_visible(sign) else f"\\u{ord(sign):04x}" for sign in name)
    return json.dumps(escaped, ensure_ascii=False).replace("\\\\u", "\\u")


def _is_visible(sign: str) -> bool:
    return unicodedata.category(sign)[0] not in "CZ"


def _list(names: Sequence[str]) -> str:
    more = [f"and {len(names) - _MAX_LISTED:,} more"] if len(names) > _MAX_LISTED else []
    return ", ".join([*names[:_MAX_LISTED], *more])
