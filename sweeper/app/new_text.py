"""The text of a new search space, with comments for somebody who reads one for the first time."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.app.new_encoder import ProposedEncoder
from sweeper.app.new_settings import Machine, NewSettings
from sweeper.app.specs import SHIPPED, shipped_spaces
from sweeper.data.data_summary import DataSummary
from sweeper.search_space.json_schema import SCHEMA_FILE
from sweeper.training.registry import LOSSES

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS_OF_YAML = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))
_LONGEST_TEXT = 120  # characters, in a comment


@dataclass(frozen=True)
class NewSpaceText:
    """All that the text of a new search space says. `dataset` are the lines under that key.

    `keeps_bad_rows` is True if the files still have the rows that cannot be used.
    """

    path: Path
    origin: str
    dataset: Mapping[str, str | Sequence[str]]
    summary: DataSummary
    encoder: ProposedEncoder
    settings: NewSettings
    machine: Machine
    keeps_bad_rows: bool

    def __str__(self) -> str:
        parts = (self._head, self._data, self._systems, self._search, self._start, self._training, self._end)
        lines = [line for part in parts for line in part()]
        return "".join(f"{line}\n" for line in lines)

    def _head(self) -> list[str]:
        rows, classes = sum(self.summary.rows.values()), self.summary.classes["train"]
        majority = _one_line(self.summary.majority_class)
        return [
            f"# yaml-language-server: $schema={_schema_address(self.path)}",
            f"# sweeper run {_one_line(self.path.name)}",
            f"# Made by sweeper new from {_one_line(self.origin)}: {rows:,} rows in {len(classes)} classes.",
            f"# The most frequent class, {majority}, has {self.summary.majority_share:.1%} of them: beat that.",
        ]

    def _data(self) -> list[str]:
        keys = [f"  {key}: {_value(value)}" for key, value in self.dataset.items()]
        if "validation" not in self.dataset and "hub" not in self.dataset:
            keys.append("  # without a validation file, a tenth of the training texts is used, always the same")
        if self.summary.bad_rows and self.keeps_bad_rows:
            return ["dataset:", *keys, f"on_bad_rows: drop  # {'; '.join(self.summary.bad_row_kinds)}"]
        return ["dataset:", *keys]

    def _systems(self) -> list[str]:
        losses = [f"  # {loss}: {LOSSES[loss].description}" for loss in self.settings.losses]
        missing = [f"  # better, but not to be had here: {name}" for name in self.encoder.missing[:1]]
        return [
            "compare:  # each combination is a system: a row of the table, with an equal share of the trials",
            *missing,
            f"  encoder: [{_value(self.encoder.name)}]",
            *losses,
            f"  loss: [{', '.join(self.settings.losses)}]",
        ]

    def _search(self) -> list[str]:
        low, high = self.settings.learning_rates
        return [
            "search:  # tuned for each system; a loss without contrastive term ignores alpha and tau",
            f"  batch_size: [{', '.join(map(str, self.settings.batch_sizes))}]",
            f"  learning_rate: {{log: [{low}, {high}]}}",
            "  alpha: {uniform: [0.2, 0.9]}  # weight of cross entropy beside the contrastive term",
            "  tau: {log: [0.05, 1]}  # temperature of the contrastive term",
        ]

    def _start(self) -> list[str]:
        if not self.settings.start_with:
            return []
        lines = ["start_with:  # tried first, because they were good on other data"]
        for setting in self.settings.start_with:
            values = ", ".join(f"{name}: {value}" for name, value in setting.items())
            lines.append(f"  - {{{values}}}")
        return lines

    def _training(self) -> list[str]:
        settings, lengths = self.settings, self.summary.lengths
        share = lengths.fits[settings.max_length]
        pooling = ["  pooling: mean"] if self.encoder.name.startswith("sentence-transformers/") else []
        return [
            "training:  # the same in all trials",
            f"  epochs: {settings.epochs}",
            f"  max_length: {settings.max_length}  # {lengths.unit}; {share:.1%} of the texts are not cut",
            "  warmup: 0.1",
            *pooling,
        ]

    def _end(self) -> list[str]:
        settings = self.settings
        limits = {"train": settings.train_limit, "validation": settings.validation_limit}
        limit = ", ".join(f"{split}: {rows}" for split, rows in limits.items() if rows is not None)
        gpus = min(1, self.machine.gpus)
        resources = "gpu: 1, cpu: 1" if gpus else "cpu: 1"
        return [
            "tpe: {start: quasi_random}  # spreads the first settings evenly",
            f"asha: {{grace_epochs: {settings.grace_epochs}, reduction_factor: 2}}  # stops poor trials early",
            f"budget: {{trials: {settings.trials}}}  # more trials later: raise this and run the same command again",
            f"confirm: {{seeds: {settings.seeds}}}  # trains the best setting of each system again, for the test split",
            *([f"limit: {{{limit}}}  # {self._limit_reason()}"] if limit else []),
            f"resources: {{{resources}}}  # of one trial",
            "seed: 0",
        ]

    def _limit_reason(self) -> str:
        train = self.summary.rows["train"]
        return f"a first look in minutes; without this line, all {train:,} training texts are used"


def _schema_address(path: Path) -> str:
    """Return the address of the schema: beside the search space if it lies there, else where sweeper is installed."""
    if (path.parent / SCHEMA_FILE).is_file():
        return SCHEMA_FILE
    folder = SHIPPED if SHIPPED.is_dir() else next(iter(shipped_spaces().values())).parent
    return (folder.resolve() / SCHEMA_FILE).as_uri()


def _value(value: str | Sequence[str]) -> str:
    if not isinstance(value, str):
        return f"[{', '.join(map(_value, value))}]"
    is_plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS_OF_YAML
    is_path = re.fullmatch(r"[A-Za-z][\w-]*([./][A-Za-z_][\w-]*)+", value, re.ASCII)
    return value if is_plain or is_path else f'"{_escape(value)}"'


def _one_line(text: str) -> str:
    """Return a text for a comment."""
    short = text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"
    return _escape(short).replace('\\"', '"')


def _escape(text: str) -> str:
    """Return a text as it stands between double quotes in YAML."""
    return "".join(_escape_sign(sign) for sign in text)


def _escape_sign(sign: str) -> str:
    if sign in ('"', "\\"):
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return f"\\u{ord(sign):04x}" if ord(sign) < 0x10000 else f"\\U{ord(sign):08x}"
