"""Search space files on disk: reading them, with overrides from the command line, and writing them."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sweeper.errors import SearchSpaceError, UsageError
from sweeper.search_space.document import KeyPath, SourceDocument
from sweeper.search_space.yaml_text import parse_yaml
from sweeper.wording import quote_value

_MAX_BYTES = 1_000_000
_EXAMPLE = "search_spaces/sst5.yaml"


def load_yaml(path: Path, overrides: Sequence[str] = ()) -> SourceDocument:
    """Return the values in the YAML file at `path`, with the `key.path=value` overrides applied.

    Raises UsageError or SearchSpaceError if the file cannot be read or is not one mapping of plain YAML. Each line of
    the message opens with a place.
    """
    document = parse_yaml(_read_text(path), str(path))
    for override, (keys, value) in parse_overrides(overrides).items():
        document = _apply_override(document, keys, value, _place(override))
    return document


def dump_yaml(spec: BaseModel | Mapping[str, Any]) -> str:
    """Return a spec, or its JSON values, as a YAML file that `load_yaml` reads back.

    A spec is written with all keys, defaults too, except those without a value. The first two levels have a line for
    each key. Deeper values are JSON, which is YAML too.
    """
    values = spec.model_dump(mode="json", exclude_none=True) if isinstance(spec, BaseModel) else spec
    lines: list[str] = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines += [f"{key}:", *(f"  {name}: {_json(inner)}" for name, inner in value.items())]
        else:
            lines.append(f"{key}: {_json(value)}")
    return "".join(f"{line}\n" for line in lines)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read_text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(f"{path}: no such file; name a search space, such as {_EXAMPLE}") from None
    except IsADirectoryError:
        raise UsageError(f"{path}: is a directory; name the YAML file in it") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; name a search space, such as {_EXAMPLE}") from None
    if len(data) > _MAX_BYTES:
        raise UsageError(
            f"{path}: a search space has at most {_MAX_BYTES:,} bytes, got {len(data):,}; name one, such as {_EXAMPLE}"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path}:{line}: must be UTF-8, got byte 0x{data[error.start]:02x}; save it as UTF-8"
        ) from None


def _apply_override(document: SourceDocument, path: KeyPath, value: Any, place: str) -> SourceDocument:
    """Return the document with one value replaced. The place of the new value is the option on the command line."""
    values = _replace(document.values, path, value, place)
    places = {at: where for at, where in document.places.items() if at[: len(path)] != path}
    new_places = {path[:end]: place for end in range(1, len(path) + 1) if path[:end] not in places}
    return SourceDocument(document.name, values, {**places, **new_places}, document.written or document)


def parse_overrides(overrides: Sequence[str], example: str = "budget.trials=8") -> dict[str, tuple[KeyPath, Any]]:
    """Return the key and the value of each `key.path=value` of `--set`, in their order.

    Raises UsageError or SearchSpaceError; also for one that replaces what another has set.
    """
    parsed: dict[str, tuple[KeyPath, Any]] = {}
    for override in overrides:
        path, value = _parse_override(override, example)
        for earlier, (earlier_path, _) in parsed.items():
            if earlier_path[: len(path)] == path:
                rule = f"{'.'.join(map(str, earlier_path))} is set already, by {_place(earlier)}"
                raise UsageError(f"{_place(override)}: {rule}; leave one of them out")
        parsed[override] = path, value
    return parsed


def _parse_override(override: str, example: str) -> tuple[KeyPath, Any]:
    key, equals, text = override.partition("=")
    path: KeyPath = tuple(key.strip().split("."))
    place = _place(override)
    if not equals or not all(path):
        raise UsageError(f"{place}: must be key.path=value, such as --set {example}")
    parsed = _parse_value(text, place) if text.strip() else SourceDocument(place, {"value": None})
    if len(parsed.values) != 1:
        raise UsageError(f"{place}: must be one value; give --set once for each key")
    return path, parsed.values["value"]


def _place(override: str) -> str:
    """Return the place of an override's value, on one line."""
    return f"--set {override}".replace("\n", "\\n")


def _parse_value(text: str, place: str) -> SourceDocument:
    """Return the value of an option. It has one line, so its place in messages has no number."""
    try:
        return parse_yaml(f"value: {text}", place)
    except SearchSpaceError as error:
        raise SearchSpaceError([line.replace(f"{place}:1: ", f"{place}: ", 1) for line in error.lines]) from None


def _replace(values: Any, path: KeyPath, value: Any, place: str, parent: str = "") -> Any:
    """Return `values`, which the key `parent` has, with the value at `path` replaced.

    Missing mappings on the way are created.
    """
    if not path:
        return value
    if values is not None and not isinstance(values, dict):
        rule = f"{parent} is {quote_value(values)}, which has no keys"
        raise UsageError(f"{place}: {rule}; set it as a whole, such as --set '{parent}={{{path[0]}: ...}}'")
    key = str(path[0])
    inner = dict(values or {})
    inner[key] = _replace(inner.get(key), path[1:], value, place, f"{parent}.{key}".removeprefix("."))
    return inner
