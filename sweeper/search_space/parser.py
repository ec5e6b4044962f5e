"""The way from a document to a SweepSpec that can run.

Every mistake that a user can make in a file is found here, before any large library is loaded.
"""

import errno
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from sweeper.errors import SearchSpaceError
from sweeper.home_folder import expand_home
from sweeper.search_space.document import KeyPath, SourceDocument
from sweeper.search_space.issue import SpecIssue
from sweeper.search_space.pydantic_errors import translate_errors
from sweeper.search_space.spec_checks import check_spec
from sweeper.search_space.sweep_spec import SweepSpec


def parse_spec(document: SourceDocument) -> SweepSpec:
    """Return the spec that `document` describes. Raises SearchSpaceError with a line for each mistake.

    An entry of the file's `start_with` that fits the file, but not its overrides, is left out.
    """
    try:
        spec = SweepSpec.model_validate(_with_absolute_paths(document))
    except ValidationError as error:
        issues = translate_errors(error, SweepSpec, values=document.values)
    else:
        issues = list(check_spec(spec))
    if fitting := _leave_out_misfits(document, issues):
        return parse_spec(fitting)
    _raise_issues(document.message, issues)
    vars(spec)["source"] = document  # the cached value of a property: it is no key of the file
    return spec


def require_runnable(spec: SweepSpec) -> None:
    """Raise SearchSpaceError if a spec that a program made from values, or changed, has mistakes: a line for each."""
    try:
        spec.model_dump(warnings="error")
    except PydanticSerializationError:  # `model_copy` checks nothing
        try:
            SweepSpec.model_validate(spec.model_dump(warnings=False))
        except ValidationError as error:
            _raise_issues(spec.message, translate_errors(error, SweepSpec))
        rule = "a key was set to a value of another type, such as a mapping for budget"
        raise SearchSpaceError([f"{rule}; give the change to sweeper.load, in overrides"]) from None
    _raise_issues(spec.message, list(check_spec(spec)))


def _raise_issues(message: Callable[[KeyPath, str], str], issues: Sequence[SpecIssue]) -> None:
    """Raise SearchSpaceError with a line for each issue, if there are any."""
    if issues:
        raise SearchSpaceError(list(dict.fromkeys(message(issue.path, issue.rule) for issue in issues)))


def _leave_out_misfits(document: SourceDocument, issues: Sequence[SpecIssue]) -> SourceDocument | None:
    """Return the document without the entries of `start_with` that have issues because of its overrides.

    None if an issue has another cause: another key, an entry of an override, or a mistake in the file as it stands.
    """
    misfits = {issue.path[1] for issue in issues if issue.path[:1] == ("start_with",) and len(issue.path) > 1}
    if document.written is None or not misfits or any(issue.path[:1] != ("start_with",) for issue in issues):
        return None
    entries = document.values["start_with"]
    if any(entry not in document.written.values.get("start_with", ()) for entry in entries):
        return None
    try:
        parse_spec(document.written)
    except SearchSpaceError:
        return None
    kept = [entry for index, entry in enumerate(entries) if index not in misfits]
    values = {**document.values, "start_with": kept}
    return replace(document, values=values, left_out=document.left_out + len(misfits))


def _with_absolute_paths(document: SourceDocument) -> dict[str, Any]:
    """Return the values, with the paths of a custom data set and of earlier sweeps made absolute.

    A file or folder is looked for beside the document first, then in the working directory.
    """
    values, folder = dict(document.values), Path(document.name).parent
    dataset, learn_from = values.get("dataset"), values.get("learn_from")
    if isinstance(dataset, dict):
        files = {split: dataset[split] for split in ("train", "validation", "test") if split in dataset}
        values["dataset"] = {**dataset, **{split: _find(folder, path) for split, path in files.items()}}
    if isinstance(learn_from, list):
        values["learn_from"] = [_find(folder, path) for path in learn_from]
    return values


def _find(folder: Path, written: Any) -> Any:
    """Return a written path as an absolute one. What is no path is left to the checks."""
    if not isinstance(written, str) or not written:
        return written
    path = expand_home(written)
    try:
        is_beside = (folder / path).exists()
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        is_beside = False
    return str((folder / path if is_beside else path).absolute())
