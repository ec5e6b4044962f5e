"""The way from a document to a SweepSpec that can run.

Every mistake that a user can make in a file is found here, before any large library is loaded.
"""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sweeper.errors import SearchSpaceError
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
    """Return the values, with the paths of a custom data set made absolute.

    A file is looked for beside the document first, then in the working directory.
    """
    dataset = document.values.get("dataset")
    if not isinstance(dataset, dict):
        return document.values
    folder = Path(document.name).parent
    paths = {}
    for split in ("train", "validation", "test"):
        written = dataset.get(split)
        if isinstance(written, str) and written:
            path = Path(written).expanduser()
            paths[split] = str((folder / path if (folder / path).exists() else path).absolute())
    return {**document.values, "dataset": {**dataset, **paths}}
