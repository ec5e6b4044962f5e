"""The reader of YAML text: plain values, each with its line. PyYAML is imported here and nowhere else.

Scalars follow YAML 1.2: `1e-5` is a number, `off` and `no` are words, and so is `1:30`. (PyYAML's own rules are
those of YAML 1.1. By them, these are a word, false and 90.) PyYAML only composes the text into nodes. The values are
made here, because duplicate keys, tags and aliases have to be refused with their line.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import yaml

from sweeper.errors import SearchSpaceError
from sweeper.search_space.document import KeyPath, SourceDocument, format_key
from sweeper.search_space.yaml_mistakes import ParserError, explain_mistake
from sweeper.wording import quote_value

_MAX_VALUES = 10_000
_MAX_DEPTH = 40
_MAX_DIGITS = 18
_TOO_DEEP = f"nested deeper than {_MAX_DEPTH} levels; no key of a search space is, so remove brackets"
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


def parse_yaml(text: str, name: str) -> SourceDocument:
    """Return the values in a YAML text, with the place of each: `name` and a line.

    Raises SearchSpaceError, each line of which opens with a place, if the text is not one mapping of plain YAML.
    """
    try:
        has_aliases = _refuse_tags(text, name)
        node = yaml.compose(text, _Loader)
    except yaml.MarkedYAMLError as error:
        line, mistake = explain_mistake(_translate(error, text), text.splitlines())
        raise SearchSpaceError([f"{name}:{line + 1}: not valid YAML: {mistake}"]) from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split()).partition(' in "<unicode string>"')[0]
        raise SearchSpaceError([f"{name}:1: not valid YAML: {reason}; save the file as plain text"]) from None
    if not isinstance(node, yaml.MappingNode):
        raise SearchSpaceError([f"{name}:1: must be a mapping of keys to values, such as `dataset: sst5`"])
    reader = _NodeReader(name, has_aliases=has_aliases)
    values = reader.read(node, ())
    if reader.mistakes:
        raise SearchSpaceError(reader.mistakes)
    return SourceDocument(name, values, reader.places)


def _translate(error: yaml.MarkedYAMLError, text: str) -> ParserError:
    """Return an error of PyYAML, with the bracket and the quotes that are open where it was noticed."""
    problem = str(error.problem or error.context)
    if problem.startswith("but ") and error.context:
        problem = f"{error.context}, {problem}"
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    begin = error.context_mark.line if error.context_mark else line
    brackets: list[tuple[str, int]] = []
    quote = begin if problem == "found unexpected end of stream" else None
    for token in _read_tokens(text, line, column):
        start, end = token.start_mark, token.end_mark
        if isinstance(token, yaml.FlowSequenceStartToken | yaml.FlowMappingStartToken):
            brackets.append((token.id, start.line))
        elif isinstance(token, yaml.FlowSequenceEndToken | yaml.FlowMappingEndToken):
            brackets = brackets[:-1]
        elif isinstance(token, yaml.ScalarToken) and token.style in ("'", '"') and start.line < end.line:
            quote = start.line if end.line in (line, begin) else quote
    return ParserError(problem, line, column, begin, brackets[-1] if brackets else None, quote)


def _read_tokens(text: str, line: int, column: int) -> Iterator[yaml.Token]:
    """Yield the tokens of a text that end before this place, as far as they can be read."""
    with suppress(yaml.YAMLError):
        for token in yaml.scan(text, _Loader):
            if (token.end_mark.line, token.end_mark.column) > (line, column):
                return
            yield token


def _refuse_tags(text: str, name: str) -> bool:
    """Raise SearchSpaceError at a tag, or at brackets that nest too deep to compose. Return True if it has aliases."""
    depth, has_aliases = 0, False
    for event in yaml.parse(text, _Loader):
        has_aliases = has_aliases or isinstance(event, yaml.AliasEvent)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > _MAX_DEPTH:
            raise SearchSpaceError([f"{name}:{line}: {_TOO_DEEP}"])
        tag = getattr(event, "tag", None)
        if tag is not None:
            raise SearchSpaceError([f"{name}:{line}: YAML tags are not allowed, got {tag}; write the plain value"])
    return has_aliases


class _NodeReader:
    """Turns nodes into plain values, and collects their places and mistakes."""

    def __init__(self, name: str, *, has_aliases: bool) -> None:
        self.name, self.has_aliases = name, has_aliases
        self.places: dict[KeyPath, str] = {}
        self.mistakes: list[str] = []
        self.count = 0

    def read(self, node: yaml.Node, path: KeyPath) -> Any:
        place = f"{self.name}:{node.start_mark.line + 1}"
        self.places.setdefault(path, place)
        self.count += 1
        if self.count > _MAX_VALUES:
            limit = f"a file has at most {_MAX_VALUES:,} values"
            reason = "its aliases expand to more" if self.has_aliases else "use a range for a long list"
            raise SearchSpaceError([f"{place}: {format_key(path)}: {limit}; {reason}"])
        if len(path) > _MAX_DEPTH:
            raise SearchSpaceError([f"{place}: {_TOO_DEEP}"])
        if isinstance(node, yaml.MappingNode):
            return dict(self._items(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self.read(child, (*path, index)) for index, child in enumerate(node.value)]
        if node.tag == f"{_PREFIX}int" and len(node.value) > _MAX_DIGITS:
            rule = f"a whole number has at most {_MAX_DIGITS} digits, got {quote_value(node.value)}"
            self.mistakes.append(f"{place}: {format_key(path)}: {rule}")
            return 0
        return _scalar(node)

    def _items(self, node: yaml.MappingNode, path: KeyPath) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, child in node.value:
            place = f"{self.name}:{key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                key_of = f"{format_key(path)}: " if path else ""
                self.mistakes.append(f"{place}: {key_of}a key must be a word, got a list or a mapping; quote it")
                continue
            key = str(key_node.value)
            if key in seen:
                self.mistakes.append(f"{place}: {format_key((*path, key))}: duplicate key; keep one of them")
            seen.add(key)
            self.places[(*path, key)] = place
            yield key, self.read(child, (*path, key))


def _scalar(node: yaml.Node) -> Any:
    """Return the value of a scalar by the rules of YAML 1.2."""
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
