"""The description of a data set: its place, its columns, and the preprocessing of its rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

SPLITS = ("train", "validation", "test")
Task = Literal["single_label", "multi_label"]
"""One label for each text, or any number of them. training/tasks.py has what a training does with each."""


@dataclass(frozen=True)
class DatasetSpec:
    """A data set on the hub, in sweeper itself, or in a user's files.

    - `repository` is its id on the hub, or `package:NAME` for one that ships in sweeper/data/NAME. A user's own data
      set has `files` by split instead. `config` and `revision` are those of the hub.
    - `splits` maps our names of splits to the hub's. Without a validation split, a tenth of the training split is used.
    - `classes` maps values of the label column to class names, in the order of the classes. If it is empty, the classes
      are the labels of the training split, in the order of their first rows.
    - `label_order` has all class names in the order of a scale, where they have one. Without `classes`, it is the order
      of the classes too.
    - `sizes` has the number of prepared rows of train, validation and test. `majority` is the share of the most
      frequent class in the test split. Both are known facts, not settings.
    """

    name: str
    repository: str = ""
    classes: Mapping[str, str] = field(default_factory=dict)
    label_order: tuple[str, ...] = ()
    description: str = ""
    licence: str = ""
    sizes: tuple[int, int, int] | None = None
    majority: float | None = None
    config: str | None = None
    revision: str = "main"
    splits: Mapping[str, str] = field(default_factory=lambda: {name: name for name in SPLITS})
    files: Mapping[str, str] = field(default_factory=dict)
    text: tuple[str, ...] = ("text",)  # the text columns; two columns make a pair of texts
    label: str = "label"  # the label column
    task: Task = "single_label"
    label_separator: str | None = None  # what stands between the labels of a text, if they are one string
    multi_label: Literal["refuse", "first", "single"] = (
        "refuse"  # several labels in a row of a single-label data set: refuse, use the first, skip the row
    )
    excluded_classes: tuple[str, ...] = ()  # skip the rows of these classes
    row_filter: Mapping[str, str] = field(default_factory=dict)  # keep the rows with these values, by column
    deduplicate_by: str | None = None  # keep the first row for each value of this column
    replacements: Mapping[str, str] = field(default_factory=dict)  # replace these strings in the texts

    @property
    def is_multi_label(self) -> bool:
        """True if a text has any number of labels."""
        return self.task == "multi_label"

    @property
    def column_problem(self) -> str | None:
        """The rule that the choice of text and label columns breaks, or None."""
        if self.label in self.text:
            return f"the column {self.label} is both text and label; name another column for one of them"
        if len(set(self.text)) < len(self.text):
            return f"the column {self.text[0]} is both texts of the pair; name another column for one of them"
        return None

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that the preprocessing reads."""
        return (*self.text, self.label, *self.row_filter, *([self.deduplicate_by] if self.deduplicate_by else []))

    @property
    def class_names(self) -> tuple[str, ...]:
        """The class names in order. Empty if the training split determines them."""
        return tuple(name for name in self.classes.values() if name not in self.excluded_classes)
