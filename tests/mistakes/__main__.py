"""Run every mistake of the catalogue, and rewrite what it says: python -m tests.mistakes"""

import tempfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from tests.mistakes.case import CATALOGUE, Mistake, load_catalogue

_KEYS = ("mistake", "given", "server", "lacks", "files", "adds", "space", "env", "run", "input", "exit", "says")
_DEFAULTS = {field.name: field.default for field in fields(Mistake)}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are, and others on one line."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _represent_text)


def main() -> None:
    """Rewrite the catalogue. Its first lines, which explain it, stay."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for mistake in load_catalogue():
        with tempfile.TemporaryDirectory() as folder:
            code, says = mistake.provoke(Path(folder))
        values = {key: getattr(mistake, key) for key in _KEYS} | {"exit": code, "says": says}
        kept = {key: value for key, value in values.items() if value != _DEFAULTS.get(key) and value not in (None, {})}
        groups.setdefault(mistake.group, []).append(kept)
    lines = CATALOGUE.read_text(encoding="utf-8").splitlines(keepends=True)
    head = "".join(line for line in lines if line.startswith("#"))
    body = yaml.dump(groups, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    CATALOGUE.write_text(head + "\n" + body.replace("\n- mistake", "\n\n- mistake"), encoding="utf-8")


if __name__ == "__main__":
    main()
