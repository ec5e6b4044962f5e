"""The way from a document to a SweepSpec that can run.

Every mistake that a user can make in a file is found here, before any large library is loaded.
"""

import errno
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.errors import SearchSpaceError
from sweeper.home_folder import expand_home
from sweeper.search_space.document import SourceDocument
from sweeper.search_space.pydantic_errors import translate_errors
from sweeper.search_space.spec_checks import check_spec
from sweeper.search_space.sweep_spec import SweepSpec


def parse_spec(document: SourceDocument) -> SweepSpec:
    """Return the spec that `document` describes. Raises SearchSpaceError with a line for each mistake."""
    try:
        spec = SweepSpec.model_validate(_with_absolute_paths(document))
    except ValidationError as error:
        issues = translate_errors(error, SweepSpec)
    else:
        issues = list(check_spec(spec))
    if issues:
        lines = [document.message(issue.path, issue.rule) for issue in issues]
        raise SearchSpaceError(list(dict.fromkeys(lines)))
    vars(spec)["source"] = document  # the cached value of a property: it is no key of the file
    return spec


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
