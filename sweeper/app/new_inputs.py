"""The data of `sweeper new`: which file is which split, and the rows of a data set of the hub."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from sweeper.data.dataset_spec import SPLITS, DatasetSpec
from sweeper.data.local_files import FORMATS
from sweeper.data.packed_files import strip_packing
from sweeper.data.rows import RawTable
from sweeper.errors import UsageError
from sweeper.wording import quote_value

_WORDS = {
    "train": {"train", "training"},
    "validation": {"validation", "valid", "val", "dev", "eval", "development"},
    "test": {"test", "testing"},
}
_MAIN = "main"
_REPOSITORY = re.compile(r"(?:[\w.-]+/)?[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class NewInput:
    """The data set of a new search space, before its columns are known: files by split, or a data set of the hub."""

    files: Mapping[str, Path]
    hub: str | None = None
    config: str | None = None
    revision: str = _MAIN

    @property
    def place(self) -> str:
        """The training split, for messages."""
        return self.hub or str(self.files["train"])

    @property
    def origin(self) -> str:
        """All files by their names, or the data set of the hub."""
        return self.hub or ", ".join(path.name for path in self.files.values())

    @property
    def neighbours(self) -> list[Path]:
        """The files of other splits that lie beside a single training file."""
        path = self.files.get("train")
        if path is None or len(self.files) > 1 or _split_of(path) != "train":
            return []
        try:
            return [file for file in _files_in(path.parent) if _split_of(file) in ("validation", "test")]
        except OSError:  # a folder whose files can be read, but not listed
            return []

    @property
    def stem(self) -> str:
        """The name of the search space and of the data set."""
        stem = self.hub.rpartition("/")[2] if self.hub else _stem(self.files["train"])
        return re.sub(r"[^\w.-]+|^[^A-Za-z0-9]+", "_", stem, flags=re.ASCII).strip("_.-") or "own"

    def dataset_spec(self, text: Sequence[str], label: str) -> DatasetSpec:
        """Return the description of the data set with these columns."""
        files = {split: str(path) for split, path in self.files.items()}
        spec = DatasetSpec(self.stem, self.hub or "", text=tuple(text), label=label, files=files)
        return replace(spec, config=self.config, revision=self.revision)

    def read_training_table(self) -> RawTable:
        """Return the training split with all its columns. Raises UnavailableError."""
        if self.hub is None:
            from sweeper.data.whole_tables import read_whole_table

            return read_whole_table(self.files["train"])
        from sweeper.data.hub_datasets import load_tables

        columns = load_tables(self.dataset_spec((), "")).value["train"].columns
        table: RawTable = load_tables(self.dataset_spec(columns, "")).value["train"]
        return table

    def read_tables(self, text: Sequence[str], label: str) -> dict[str, RawTable]:
        """Return the chosen columns of all splits. Raises UnavailableError."""
        spec = self.dataset_spec(text, label)
        if self.hub is None:
            from sweeper.data.local_files import read_tables

            return read_tables(spec.files, spec.columns)
        from sweeper.data.hub_datasets import load_tables

        return dict(load_tables(spec).value)


def find_input(files: Sequence[Path], hub: str | None, config: str | None = None, revision: str = _MAIN) -> NewInput:
    """Return the data set in some files, in a folder of them, or on the hub. Raises UsageError."""
    if hub is not None and files:
        raise UsageError(f"--hub {hub}: takes no files, got {files[0]}; name either")
    if hub is not None:
        return NewInput({}, _require_repository(hub), config, revision)
    for option, value in (("--config", config), ("--revision", revision if revision != _MAIN else None)):
        if value is not None:
            raise UsageError(f"{option} {quote_value(value)}: is for a data set of the hub, --hub; leave it out")
    if not files:
        raise UsageError("sweeper new: needs a file, such as reviews.csv, or --hub ORG/NAME")
    try:
        paths = list(chain.from_iterable(_files_in(path) if path.is_dir() else [path] for path in files))
        missing_paths = [path for path in paths if not path.exists()]
    except OSError as error:
        raise UsageError(f"{error.filename}: cannot be read: {error.strerror}; correct that, or name another") from None
    if missing_paths:
        raise UsageError(f"{missing_paths[0]}: no such file; name a data file ({', '.join(FORMATS)})")
    return NewInput(_by_split(paths) if len(paths) > 1 else {"train": paths[0]})


def _require_repository(name: str) -> str:
    """Return the name of a data set of the hub. Raises UsageError if it cannot be one, as an address of its page."""
    if _REPOSITORY.fullmatch(name):
        return name
    page = re.search(r"/datasets/([\w.-]+/[\w.-]+)", name, flags=re.ASCII)
    rule = "must be the name of a data set of the hub, such as ORG/NAME"
    raise UsageError(f"--hub: {rule}, got {quote_value(name)}{f'; did you mean {page[1]}?' if page else ''}")


def _files_in(folder: Path) -> list[Path]:
    """Return the data files in a folder whose names say which split they are, or all if fewer than two do.

    Raises UsageError if there is none, OSError if the folder cannot be read.
    """
    files = [path for path in sorted(folder.iterdir()) if strip_packing(path).suffix.lower() in FORMATS]
    if not files:
        raise UsageError(f"{folder}: a folder without data files; name one of {', '.join(FORMATS)}")
    files_of_splits = [path for path in files if _split_of(path)]
    return files_of_splits if len(files_of_splits) > 1 else files


def _by_split(paths: Sequence[Path]) -> dict[str, Path]:
    splits: dict[str, Path] = {}
    repeated_paths = [path for position, path in enumerate(paths) if path in paths[:position]]
    if repeated_paths:
        raise UsageError(f"{repeated_paths[0]}: is named twice; name it once")
    for path in paths:
        split = _split_of(path)
        if not split:
            raise UsageError(
                f"{path}: of several files, each must have train, validation or test in its name; rename it, or name "
                "one file"
            )
        if split in splits:
            raise UsageError(f"{path}: is a second file of {split}, after {splits[split]}; name one of them")
        splits[split] = path
    if "train" not in splits:
        raise UsageError(f"{paths[0]}: none of the files has train in its name; name the training file too")
    return {split: splits[split] for split in SPLITS if split in splits}


def _split_of(path: Path) -> str:
    words = set(re.split(r"[\W_\d]+", strip_packing(path).stem.lower()))
    return next((split for split, names in _WORDS.items() if words & names), "")


def _stem(path: Path) -> str:
    """Return the name of a file without endings; of one called train, that of its folder."""
    stem = strip_packing(path).stem
    return path.resolve().parent.name if stem.lower() in _WORDS["train"] else stem
