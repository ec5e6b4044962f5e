"""A new search space from a user's own data: `sweeper new`, and `sweeper.new` of the Python API."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sweeper.app.new_encoder import ProposedEncoder, propose_encoder, sample_texts
from sweeper.app.new_inputs import NewInput, find_input
from sweeper.app.new_settings import find_machine, propose_settings
from sweeper.app.new_splits import split_rows, write_splits
from sweeper.app.new_text import NewSpaceText
from sweeper.app.output_paths import require_writable_file
from sweeper.app.specs import load_spec
from sweeper.atomic_write import atomic_write
from sweeper.data.bad_rows import SAVE_AS_UTF8, BadRows, are_undecoded
from sweeper.data.column_checks import require_label_column
from sweeper.data.column_choice import ColumnChoice, choose_columns
from sweeper.data.column_profiles import profile_columns
from sweeper.data.data_summary import DataSummary, summarize_data
from sweeper.data.dataset_spec import SPLITS, DatasetSpec
from sweeper.data.label_checks import describe_unlabelled_test, require_no_measurements
from sweeper.data.languages import find_script
from sweeper.data.row_parsing import parse_rows
from sweeper.data.rows import LabelledTexts, RawTable
from sweeper.data.sampling import hold_out_validation
from sweeper.errors import SearchSpaceError, UsageError
from sweeper.search_space.sweep_spec import SweepSpec
from sweeper.terminal.output import Output, PlainOutput
from sweeper.wording import count_noun

Ask = Callable[[str, Mapping[str, str]], str]
"""A function of a question and the possible answers with an example of each, the likeliest first. It returns one."""


@dataclass(frozen=True)
class NewSpace:
    """A search space that was written: its file, the files of its splits, what it runs, and what its data is like."""

    path: Path
    splits: Mapping[str, Path]
    spec: SweepSpec
    summary: DataSummary
    encoder: ProposedEncoder


@dataclass(frozen=True)
class NewChoices:
    """The user's choices for a new search space: text columns, label column, encoder, and the seed that draws splits.

    Columns and an encoder that are not chosen are found by the data.
    """

    text: Sequence[str] = ()
    label: str | None = None
    encoder: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class LabelledData:
    """The rows of a data set by split, its classes, its columns, and the rows that cannot be used."""

    splits: Mapping[str, LabelledTexts]
    class_names: tuple[str, ...]
    text: tuple[str, ...]
    label: str
    bad_rows: BadRows


def new(
    *files: str | Path,
    hub: str | None = None,
    config: str | None = None,
    revision: str = "main",
    text: str | Sequence[str] | None = None,
    label: str | None = None,
    encoder: str | None = None,
    out: str | Path | None = None,
    seed: int = 0,
) -> NewSpace:
    """Look at data, and write a search space for it that runs as it stands; nothing is trained.

    Args:
        files: one file, which is split here, or the files of the splits, in a format of data.local_files.FORMATS.
        hub: a data set of the Hugging Face hub instead; `config` and `revision` are those of the hub.
        text: the text column, or two for pairs; found by names and values if it is not given.
        label: the label column; found in the same way.
        encoder: the encoder to begin with; proposed for the texts and this machine if it is not given.
        out: the file to write; by default the name of the data with .yaml, in the current folder.
        seed: draws the splits of a single file.

    Raises:
        UsageError: the data cannot be used, or a file that would be written is there already.
    """
    source = find_input([Path(file) for file in files], hub, config, revision)
    columns = [text] if isinstance(text, str) else list(text or ())
    path = Path(out) if out is not None else Path(f"{source.stem}.yaml")
    return make_space(PlainOutput(progress=False), source, path, NewChoices(columns, label, encoder, seed))


def make_space(
    output: Output,
    source: NewInput,
    path: Path,
    choices: NewChoices = NewChoices(),
    ask: Ask = lambda _, answers: next(iter(answers)),
) -> NewSpace:
    """Write the search space `path` for a data set, and the splits beside it if the data set has only one."""
    splits_folder = path.parent / f"{path.stem}_splits"
    _require_new(path, splits_folder)
    data = _read_data(output, source, choices, ask)
    is_split_here = list(data.splits) == ["train"]
    if is_split_here:
        splits = split_rows(data.splits["train"], source.place, choices.seed)
    else:
        splits = _with_validation(data.splits)
    machine = find_machine()
    encoder = propose_encoder(output, splits["train"], has_gpu=machine.gpus > 0, name=choices.encoder)
    with output.step("counting classes and texts"):
        script = find_script(sample_texts(splits["train"]))
        columns = (data.text, data.label)
        summary = summarize_data(columns, splits, data.class_names, data.bad_rows, script, encoder.lengths)
    if is_split_here:
        files = write_splits(splits_folder, splits, data.text, data.label, data.class_names)
    else:
        files = {split: file for split, file in source.files.items() if split in splits}
    dataset = _dataset_keys(source, data, path, files)
    settings = propose_settings(summary.rows, len(data.class_names), encoder, machine)
    text = NewSpaceText(path, source.origin, dataset, summary, encoder, settings, machine, not is_split_here)
    return NewSpace(path, files, _write_checked(path, str(text)), summary, encoder)


def _read_data(output: Output, source: NewInput, choices: NewChoices, ask: Ask) -> LabelledData:
    """Return the rows of the chosen columns. Raises UsageError and UnavailableError."""
    with output.step(f"reading {source.place}"):
        table = source.read_training_table()
        choice = choose_columns(profile_columns(table), choices.text, choices.label, source.place)
    columns = _answer(choice, ask)
    with output.step("looking at its rows"):
        tables = {"train": table} if _is_single_file(source) else source.read_tables(*columns)
        return _parse(source.dataset_spec(*columns), tables)


def _write_checked(path: Path, text: str) -> SweepSpec:
    """Write a search space, and return it as `sweeper run` reads it. Raises UsageError, with no file left."""
    with atomic_write(path) as file:
        file.write(text.encode())
    try:
        return load_spec(path.absolute())
    except SearchSpaceError as error:
        path.unlink()
        raise UsageError(error.lines[0].removeprefix(str(path.absolute())).partition(": ")[2]) from None


def _require_new(path: Path, folder: Path) -> None:
    """Raise UsageError if a file that would be written is there, or cannot be written."""
    if path.suffix not in (".yaml", ".yml"):
        example = path.with_suffix(".yaml") if path.name else "reviews.yaml"
        raise UsageError(f"--out {path}: needs the ending .yaml, as in {example}")
    for place, is_taken in ((path, path.is_file()), (folder, folder.exists())):
        if is_taken:
            rule = "is there already and is not overwritten; name another file with --out, or delete it"
            raise UsageError(f"{place}: {rule}")
    require_writable_file("--out", path)


def _is_single_file(source: NewInput) -> bool:
    return source.hub is None and len(source.files) == 1


def _answer(choice: ColumnChoice, ask: Ask) -> tuple[tuple[str, ...], str]:
    """Return the text columns and the label column; ask where there is more than one choice."""
    labels = {name: choice.examples[name] for name in choice.labels}
    label = next(iter(labels)) if len(labels) == 1 else ask("Which column is the label?", labels)
    names = {" and ".join(columns): columns for columns in choice.texts if label not in columns}
    if not names:
        raise UsageError(f"--label {label}: the column is both text and label; name the text with --text")
    texts = {name: choice.examples.get(name, "both, as a pair") for name in names}
    text = next(iter(texts)) if len(texts) == 1 else ask("Which column is the text?", texts)
    return names[text], label


def _parse(dataset: DatasetSpec, tables: Mapping[str, RawTable]) -> LabelledData:
    """Return the rows that can be used. Raises UsageError if they are no classes."""
    if dataset.column_problem is not None:
        raise UsageError(f"--text {dataset.text[0]}: {dataset.column_problem}")
    if describe_unlabelled_test(dataset, tables) is not None:
        tables = {split: table for split, table in tables.items() if split != "test"}
    bad_rows = BadRows()
    parsed = {split: parse_rows(dataset, split, table, bad_rows) for split, table in tables.items()}
    class_names = parsed["train"].label_names
    require_no_measurements(dataset, class_names)
    require_label_column(dataset, parsed["train"])
    if len(class_names) < 2:
        first = f"; the first row that cannot be used is {bad_rows.lines[0]}" if bad_rows.count else ""
        raise UsageError(
            f"{tables['train'].name}: {dataset.label} needs at least two classes, got {len(class_names)}{first}; "
            "name another column with --label"
        )
    splits = {split: rows.with_classes(class_names, bad_rows) for split, rows in parsed.items()}
    _require_utf8(bad_rows, tables["train"])
    return LabelledData(splits, class_names, dataset.text, dataset.label, bad_rows)


def _require_utf8(bad_rows: BadRows, table: RawTable) -> None:
    """Raise UsageError if so many rows are not UTF-8 that the file must have another encoding."""
    if are_undecoded(bad_rows.lines) and 100 * bad_rows.count > len(table):
        ending = ": not UTF-8"
        first = next(line for line in bad_rows.lines if line.endswith(ending)).removesuffix(ending)
        raise UsageError(
            f"{table.name}: {count_noun(bad_rows.count, 'row')} cannot be used, first {first}, which is not UTF-8; "
            f"{SAVE_AS_UTF8}"
        )


def _with_validation(splits: Mapping[str, LabelledTexts]) -> dict[str, LabelledTexts]:
    """Return the splits as a sweep uses them: without validation rows, some of the training rows are those."""
    if "validation" in splits:
        return dict(splits)
    train, validation = hold_out_validation(splits["train"])
    with_validation = {**splits, "train": train, "validation": validation}
    return {split: with_validation[split] for split in SPLITS if split in with_validation}


def _dataset_keys(
    source: NewInput, data: LabelledData, path: Path, paths: Mapping[str, Path]
) -> dict[str, str | Sequence[str]]:
    """Return the keys under `dataset`. Paths are relative to the search space."""
    text = data.text[0] if len(data.text) == 1 else data.text
    columns: dict[str, str | Sequence[str]] = {"text": text, "label": data.label}
    if source.hub is not None and not paths:
        config = {"config": source.config} if source.config else {}
        revision = {"revision": source.revision} if source.revision != "main" else {}
        return {"hub": source.hub, **config, **revision, **columns}
    folder = path.absolute().parent
    files = {split: os.path.relpath(file.absolute(), folder) for split, file in paths.items()}
    return {"name": source.stem, **files, **columns}
