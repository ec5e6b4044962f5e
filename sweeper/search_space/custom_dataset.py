"""A user's own data set, as the key `dataset` describes it."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from sweeper.data.dataset_spec import DatasetSpec, Task
from sweeper.data.file_digest import file_digest
from sweeper.data.local_files import list_formats
from sweeper.data.packed_files import strip_packing
from sweeper.search_space.yaml_key import yaml_key
from sweeper.training.strict_model import StrictModel


class CustomDataset(StrictModel):
    """A user's own data set: files by split, or one of the Hugging Face hub. Two text columns make a pair."""

    name: Annotated[
        str | None, yaml_key("Name of the data set in results and MLflow.", pattern=r"^[A-Za-z0-9][\w.-]*$")
    ] = None
    train: Annotated[str | None, yaml_key(f"File of the training split. Formats: {list_formats()}.")] = None
    validation: Annotated[str | None, yaml_key("File of the validation split.")] = None
    test: Annotated[str | None, yaml_key("File of the test split.")] = None
    hub: Annotated[str | None, yaml_key("Id of a data set on the Hugging Face hub.", min_length=1)] = None
    config: Annotated[str | None, yaml_key("Configuration of the data set on the hub.")] = None
    revision: Annotated[str, yaml_key("Branch, tag or commit on the hub.")] = "main"
    text: Annotated[
        str | Annotated[list[str], Field(min_length=1, max_length=2)],
        yaml_key("Column of the text, or a list of two columns for pairs of texts."),
    ] = "text"
    label: Annotated[str, yaml_key("Column of the label.")] = "label"
    task: Annotated[
        Task, yaml_key("single_label: one label for each text; multi_label: the label column holds a list of labels.")
    ] = "single_label"
    label_separator: Annotated[
        str | None,
        yaml_key("What separates the labels of a text where they are one string, for task: multi_label.", min_length=1),
    ] = None
    label_order: Annotated[
        list[str | int | float] | None,
        yaml_key("All labels in the order of a scale, for metrics that need one: qwk and mae.", min_length=2),
    ] = None

    @property
    def files(self) -> dict[str, str]:
        """The paths of the given files, by split."""
        paths = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: path for split, path in paths.items() if path is not None}

    @property
    def source(self) -> str:
        """The place that the rows come from: the id on the hub, or the training file with the name of its folder."""
        return f"{self.hub} on the hub" if self.hub else "/".join(Path(str(self.train)).parts[-2:])

    @property
    def dataset_spec(self) -> DatasetSpec:
        """The same data set as a DatasetSpec of the catalog."""
        text = (self.text,) if isinstance(self.text, str) else tuple(self.text)
        return DatasetSpec(
            name=self.name or _default_name(self.hub or str(self.train)),
            repository=self.hub or "",
            config=self.config,
            revision=self.revision,
            files=self.files,
            text=text,
            label=self.label,
            task=self.task,
            label_separator=self.label_separator,
            label_order=self._order_as_text(),
        )

    def _order_as_text(self) -> tuple[str, ...]:
        """Return `label_order` as the labels of rows are written."""
        if not self.label_order:
            return ()
        from sweeper.data.cell_values import to_text  # imports numpy

        return tuple(to_text(label, self.label, "label") for label in self.label_order)

    @property
    def content_digest(self) -> dict[str, Any]:
        """The facts that identify the data set. Files count by their contents (SHA-256), not by their paths."""
        digests = {split: file_digest(Path(path)) for split, path in self.files.items()}
        newer = {name: CustomDataset.model_fields[name].default for name in ("label_order", "task", "label_separator")}
        unset = {name for name, default in newer.items() if getattr(self, name) == default}  # as before these keys
        facts = self.model_dump(exclude={"train", "validation", "test"} | unset)
        return {**facts, "files": digests} if digests else facts


def _default_name(source: str) -> str:
    """Return a name for a data set: the last part of its id or of its file; for a file called train, its folder's."""
    path = strip_packing(Path(source))
    stem = path.resolve().parent.name if path.stem.lower().startswith("train") else path.stem
    return "".join(sign if sign.isalnum() or sign in "._" else "_" for sign in stem).strip("._") or "own"
