"""PyYAML: a file of settings as a Document, every value with its line.

Scalars follow YAML 1.2: `1e-5` is a number, `off` and `no` are words, `1:30` is no sexagesimal. (PyYAML's own
rules, those of YAML 1.1, read these as a string, as false and as 90.) The file is composed into nodes and walked here
rather than constructed by PyYAML, because duplicate keys, tags and aliases have to be refused with their line.
"""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any

import yaml
from pydantic import BaseModel

from sweeper.errors import SearchSpaceError, UsageError
from sweeper.search_space.document import KeyPath, SourceDocument, format_key
from sweeper.wording import quote_value

_MOST_VALUES = 10_000
_DEEPEST = 40
_MOST_BYTES = 1_000_000
_MOST_DIGITS = 18
_PREFIX = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """SafeLoader with the scalars of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own name


for _kind, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    (
        "float",
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        list("-+0123456789."),
    ),
):
    _Loader.add_implicit_resolver(_PREFIX + _kind, re.compile(_pattern), _first)


def load_yaml(path: FilePath, overrides: Sequence[str] = ()) -> SourceDocument:
    """The settings in the YAML file at `path`, with `key.path=value` overrides laid over them.

    Raises UsageError or SearchSpaceError, each line of which opens with the place, where the file cannot be read or
    is not one mapping of plain YAML.
    """
    document = _parse(_text(path), str(path))
    for override in overrides:
        document = _override(document, override)
    return document


def dump_yaml(model: BaseModel) -> str:
    """Return a model as a YAML file that `load_yaml` reads back: all keys, defaults too, except those without a value.

    The first two levels have a line for each key. Deeper values are JSON, which is YAML too.
    """
    lines: list[str] = []
    for key, value in model.model_dump(mode="json", exclude_none=True).items():
        if isinstance(value, dict) and value:
            lines += [f"{key}:", *(f"  {name}: {_json(inner)}" for name, inner in value.items())]
        else:
            lines.append(f"{key}: {_json(value)}")
    return "".join(f"{line}\n" for line in lines)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _text(path: FilePath) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; name a search space, such as search_spaces/sst5.yaml") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; name the YAML file in it") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{path}: a search space has at most {_MOST_BYTES:,} bytes, got {len(data):,}")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path}:{line}: must be UTF-8, got byte 0x{data[error.start]:02x}; save it as UTF-8"
        ) from None


def _parse(text: str, name: str) -> SourceDocument:
    try:
        _refuse_tags(text, name)
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise SearchSpaceError([f"{name}:{line}: not valid YAML: {error.problem or error.context}"]) from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise SearchSpaceError([f"{name}:1: not valid YAML: {reason}"]) from None
    except RecursionError:
        raise SearchSpaceError([f"{name}:1: nested deeper than {_DEEPEST} levels"]) from None
    if not isinstance(node, yaml.MappingNode):
        raise SearchSpaceError([f"{name}:1: must be a mapping of keys to values, such as `dataset: sst5`"])
    walk = _Walk(name)
    values = walk.value(node, ())
    if walk.mistakes:
        raise SearchSpaceError(walk.mistakes)
    return SourceDocument(name, values, walk.places)


def _refuse_tags(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, _Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > _DEEPEST:
            raise SearchSpaceError([f"{name}:{line}: nested deeper than {_DEEPEST} levels"])
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise SearchSpaceError([f"{name}:{line}: YAML tags are not allowed, got {tag}; write the plain value"])


class _Walk:
    """From nodes to plain values, noting places and mistakes on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.places: dict[KeyPath, str] = {}
        self.mistakes: list[str] = []
        self.count = 0

    def value(self, node: yaml.Node, path: KeyPath) -> Any:
        place = f"{self.name}:{node.start_mark.line + 1}"
        self.places.setdefault(path, place)
        self.count += 1
        if self.count > _MOST_VALUES:
            raise SearchSpaceError([f"{place}: its aliases expand to more than {_MOST_VALUES:,} values"])
        if len(path) > _DEEPEST:
            raise SearchSpaceError([f"{place}: nested deeper than {_DEEPEST} levels"])
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(child, (*path, index)) for index, child in enumerate(node.value)]
        if node.tag == f"{_PREFIX}int" and len(node.value) > _MOST_DIGITS:
            rule = f"a whole number has at most {_MOST_DIGITS} digits, got {quote_value(node.value)}"
            self.mistakes.append(f"{place}: {format_key(path)}: {rule}")
            return 0
        return _scalar(node)

    def _items(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, child in node.value:
            place = f"{self.name}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append(
                    f"{place}: {format_key(path) or 'the file'}: a key must be a word, got a collection"
                )
                continue
            key = str(key_node.value)
            if key in seen:
                self.mistakes.append(f"{place}: {format_key((*path, key))}: duplicate key; keep one of them")
            seen.add(key)
            self.places[(*path, key)] = place
            yield key, self.value(child, (*path, key))


def _scalar(node: yaml.Node) -> Any:
    text = str(node.value)
    kind = node.tag.removeprefix(_PREFIX)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind == "int":
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if kind == "float":
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _override(document: SourceDocument, override: str) -> SourceDocument:
    key, equals, text = override.partition("=")
    path: KeyPath = tuple(key.strip().split("."))
    place = f"--set {override}"
    if not equals or not all(path):
        raise UsageError(f"{place}: must be key.path=value, such as --set budget.trials=8")
    replacement = _parse(f"value: {text}", place) if text.strip() else SourceDocument(place, {"value": None})
    if len(replacement.values) != 1:
        raise UsageError(f"{place}: must be one value; give --set once for each key")
    values = _replaced(document.values, path, replacement.values["value"], place)
    kept = {at: where for at, where in document.places.items() if at[: len(path)] != path}
    below = {path[:end]: place for end in range(1, len(path) + 1) if path[:end] not in kept}
    return SourceDocument(document.name, values, {**kept, **below})


def _replaced(values: Any, path: KeyPath, value: Any, place: str) -> Any:
    if not path:
        return value
    if values is not None and not isinstance(values, dict):
        raise UsageError(f"{place}: {path[0]} would stand inside {values!r}, which is not a mapping")
    inner = dict(values or {})
    inner[str(path[0])] = _replaced(inner.get(str(path[0])), path[1:], value, place)
    return inner
